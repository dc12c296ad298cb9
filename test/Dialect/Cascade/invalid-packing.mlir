// One case a constraint: #cascade.packing and (C14) of cascade.func.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

!T = !cascade.tensor<[R, E], f32, empty = 0.0>
cascade.func @packing_c1(
    // expected-error @below {{expects a width that is a power of 2, but got 6}}
    %x: !T {cascade.packing = #cascade.packing<6 of "G" in "P" as "R" from ["G", "P", "E"]>})
    -> (o: !T) {
  cascade.return %x : !T
}

// -----

!T = !cascade.tensor<[R, E], f32, empty = 0.0>
cascade.func @packing_c2(
    // expected-error @below {{expects different names of ranks, "G" and "P" among them and "R" not, but got ["G", "E"]}}
    %x: !T {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["G", "E"]>})
    -> (o: !T) {
  cascade.return %x : !T
}

// -----

!T = !cascade.tensor<[R, E], f32, empty = 0.0>
cascade.func @packing_c2_rank(
    // expected-error @below {{expects different names of ranks, "G" and "P" among them and "R" not}}
    %x: !T {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["G", "P", "R"]>})
    -> (o: !T) {
  cascade.return %x : !T
}

// -----

!T = !cascade.tensor<[R, E], f32, empty = 0.0>
// expected-error @below {{expects 'cascade.packing' of 'x' to be a packing of a tensor, but got 8 : i64 of '!cascade.tensor<[R, E], f32, empty = 0.0>'}}
cascade.func @func_c14_kind(%x: !T {cascade.packing = 8}) -> (o: !T) {
  cascade.return %x : !T
}

// -----

!T = !cascade.tensor<[B, R, M], f32, empty = 0.0>
// expected-error @below {{'cascade.packing' of 'x' to have the ranks of its pages, the one in another, but got #cascade.packing<8 of "G" in "P" as "R" from ["B", "G", "P", "M"]> and #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">}}
cascade.func @func_c14_pages(
    %x: !T {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["B", "G", "P", "M"]>,
            cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">})
    -> (o: !T) {
  cascade.return %x : !T
}

// -----

// The outer part alone says of which pages they are.
!T = !cascade.tensor<[H, R], f32, empty = 0.0>
// expected-error @below {{to have the ranks of its pages, the one in another}}
cascade.func @func_c14_pages_by(
    %x: !T {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["P", "H", "G"]>,
            cascade.pages = #cascade.pages<16 of "G" by ["P", "H"] in "pages" to "lengths">})
    -> (o: !T) {
  cascade.return %x : !T
}

// -----

// Pages are of the caller's ranks, of which the packed one is none.
!T = !cascade.tensor<[R, E], f32, empty = 0.0>
// expected-error @below {{'cascade.pages' of argument 'x' to name ranks of '!cascade.tensor<[R, E], f32, empty = 0.0>', but got "R"}}
cascade.func @func_c13_packed(
    %x: !T {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["G", "P", "E"]>,
            cascade.pages = #cascade.pages<16 of "R" by ["P"] in "pages" to "lengths">})
    -> (o: !T) {
  cascade.return %x : !T
}

// -----

!T = !cascade.tensor<[R, E], f32, empty = 0.0>
// expected-error @below {{"G" and "P" for "R", but got ["G", "P", "F"]}}
cascade.func @func_c14_ranks(
    %x: !T {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["G", "P", "F"]>})
    -> (o: !T) {
  cascade.return %x : !T
}

// -----

!T = !cascade.tensor<[R, E], f32, empty = 0.0>
// expected-error @below {{'cascade.packing' of 'o' to agree with another one of "R", but got}}
cascade.func @func_c14_agree(
    %x: !T {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["G", "P", "E"]>})
    -> (o: !T {cascade.packing = #cascade.packing<4 of "G" in "P" as "R" from ["G", "P", "E"]>}) {
  cascade.return %x : !T
}

// -----

// Two arguments of one rank, of which one lies in pages.
!T = !cascade.tensor<[R, E], f32, empty = 0.0>
// expected-error @below {{'cascade.packing' of 'y' to agree with another one of "R", but got}}
cascade.func @func_c14_agree_paged(
    %x: !T {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["P", "G", "E"]>,
            cascade.pages = #cascade.pages<16 of "G" by ["P"] in "pages" to "lengths">},
    %y: !T {cascade.packing = #cascade.packing<16 of "G" in "P" as "R" from ["P", "G", "E"]>})
    -> (o: !T) {
  %o = cascade.einsum [r, e] = %x[r, e], %y[r, e] : !T, !T -> !T
  cascade.return %o : !T
}
