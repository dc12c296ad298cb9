// RUN: attn-opt %s | attn-opt | FileCheck %s

!Q = !cascade.tensor<[B, H, R, E], f32, empty = 0.0>
!L = !cascade.tensor<[R, B, H], f32, empty = 0.0>

// The caller's ranks stand in any order.
// CHECK-LABEL: cascade.func @sum(
// CHECK-SAME: cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["B", "H", "G", "P", "E"]>
// CHECK-SAME: cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["P", "B", "G", "H"]>
cascade.func @sum(
    %q: !Q {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["B", "H", "G", "P", "E"]>})
    -> (l: !L {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["P", "B", "G", "H"]>}) {
  %l = cascade.einsum [r, b, h] = %q[b, h, r, e] reduce add : !Q -> !L
  cascade.return %l : !L
}

!K = !cascade.tensor<[S_M, H, E], f32, empty = 0.0>
!O = !cascade.tensor<[H, E], f32, empty = 0.0>

// Pages are of what the caller has: keys of each segment, not of the rank that
// stands for both.
// CHECK-LABEL: cascade.func @paged(
// CHECK-SAME: cascade.packing = #cascade.packing<64 of "M" in "S" as "S_M" from ["S", "H", "M", "E"]>
// CHECK-SAME: cascade.pages = #cascade.pages<16 of "M" by ["S"] in "pages" to "lengths" at "starts">
cascade.func @paged(
    %k: !K {cascade.packing = #cascade.packing<64 of "M" in "S" as "S_M" from ["S", "H", "M", "E"]>,
            cascade.pages = #cascade.pages<16 of "M" by ["S"] in "pages" to "lengths" at "starts">})
    -> (o: !O) {
  %o = cascade.einsum [h, e] = %k[s_m, h, e] reduce add : !K -> !O
  cascade.return %o : !O
}
