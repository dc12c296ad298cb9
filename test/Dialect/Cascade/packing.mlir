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
