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
// expected-error @below {{to have a table and lengths of names that no argument and no result has, or an argument of lengths (i32) of ["B"], but got}}
cascade.func @taken(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "o">})
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

// Lengths are numbers of 32 bits.
!T = !cascade.tensor<[B, M], f32, empty = 0.0>
!L = !cascade.tensor<[B], i64, empty = 0>
// expected-error @below {{to have a table and lengths of names that no argument and no result has, or an argument of lengths (i32) of ["B"], but got #cascade.pages<16 of "M" by ["B"] in "pages" to "l">}}
cascade.func @lengths_element(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "l">},
    %l: !L)
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

// There is one for each coordinate by which the pages are.
!T = !cascade.tensor<[B, M], f32, empty = 0.0>
!L = !cascade.tensor<[M], i32, empty = 0>
// expected-error @below {{or an argument of lengths (i32) of ["B"]}}
cascade.func @lengths_ranks(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "l">},
    %l: !L)
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

// A table is no argument of another kind.
!T = !cascade.tensor<[B, M], f32, empty = 0.0>
!L = !cascade.tensor<[B], i32, empty = 0>
// expected-error @below {{or an argument of lengths (i32) of ["B"]}}
cascade.func @table(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "l" to "lengths">},
    %l: !L)
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

// Nor is one number the lengths of all.
!T = !cascade.tensor<[B, M], f32, empty = 0.0>
!L = i32
// expected-error @below {{or an argument of lengths (i32) of ["B"]}}
cascade.func @lengths_scalar(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "l">},
    %l: !L)
    -> (o: !T) {
  %o = cascade.einsum [b, m] = %x[b, m] : !T -> !T
  cascade.return %o : !T
}

// -----

// Starts are not lengths.
!T = !cascade.tensor<[B, M], f32, empty = 0.0>
!L = !cascade.tensor<[B], i32, empty = 0>
// expected-error @below {{or an argument of lengths (i32) of ["B"]}}
cascade.func @starts(
    %x: !T {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths" at "l">},
    %l: !L)
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
