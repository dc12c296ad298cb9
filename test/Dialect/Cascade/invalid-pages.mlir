// RUN: attn-opt %s --split-input-file --verify-diagnostics

!T = !cascade.tensor<[B, M], f32, empty = 0.0>
// expected-error @below {{expects 'cascade.pages' of argument 'x' to be pages of a tensor, but got 16 : i64}}
cascade.func @kind(%x: !T {cascade.pages = 16}) -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

!T = !cascade.tensor<[B, M], f32, empty = 0.0>
// expected-error @below {{to name ranks of '!cascade.tensor<[B, M], f32, empty = 0.0>', but got "H"}}
cascade.func @ranks(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["H"] in "pages" to "lengths">})
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

!T = !cascade.tensor<[B, M], f32, empty = 0.0>
// expected-error @below {{to name ranks once}}
cascade.func @twice(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["M"] in "pages" to "lengths">})
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

!T = !cascade.tensor<[B, M], f32, empty = 0.0>
// expected-error @below {{to have a table and lengths of names that no argument and no result has}}
cascade.func @taken(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "o">})
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

!T = !cascade.tensor<[B, M], f32, empty = 0.0>
// expected-error @below {{'cascade.pages' of argument 'y' to be those of 'x', with which it shares 'pages'}}
cascade.func @shared(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">},
    %y: !T {cascade.pages = #cascade.pages<32 of "M" by ["B"] in "pages" to "lengths">})
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m], %y[b, m] : !T, !T -> !T
  cascade.return %o : !T
}

// -----

// expected-error @below {{expects pages of at least one coordinate, names of ranks and different names for a table, lengths and starts, but got 0}}
#none = #cascade.pages<0 of "M" by ["B"] in "pages" to "lengths">

// -----

// expected-error @below {{different names for a table, lengths and starts}}
#one = #cascade.pages<4 of "M" by ["B"] in "pages" to "pages">
