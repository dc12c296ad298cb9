// RUN: attn-opt %s --cascade-reduce-passes | FileCheck %s

!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!Y = !cascade.tensor<[P], f32, empty = 0.0>

// The pass realises `keys` and deletes it; `rows` is left to the conversion.
// CHECK-LABEL: cascade.func @both
//  CHECK-SAME: attributes {reassoc, schedule = #cascade.schedule<rows = 32>}
//       CHECK:   cascade.rank M0 = 128
cascade.func @both(%x: !X) -> (y: !Y) attributes {reassoc, schedule = #cascade.schedule<rows = 32, keys = 128>} {
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !Y
  cascade.return %y : !Y
}

// CHECK-LABEL: cascade.func @few
//  CHECK-SAME: attributes {reassoc, schedule = #cascade.schedule<few = <below = 4, keys = 64>>}
//       CHECK:   cascade.rank M0 = 16
cascade.func @few(%x: !X) -> (y: !Y) attributes {reassoc, schedule = #cascade.schedule<keys = 16, few = <below = 4, keys = 64>>} {
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !Y
  cascade.return %y : !Y
}

// CHECK-LABEL: cascade.func @keys
//   CHECK-NOT:   schedule
//       CHECK:   cascade.rank M0 = 8
cascade.func @keys(%x: !X) -> (y: !Y) attributes {reassoc, schedule = #cascade.schedule<keys = 8>} {
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !Y
  cascade.return %y : !Y
}

// RUN: not attn-opt %s --cascade-reduce-passes=tile=0 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not attn-opt %s --cascade-reduce-passes=tile=16777217 2>&1 | FileCheck %s --check-prefix=LARGE
// NONE: error: expects a tile of 1 to 16777216 coordinates, but got 0
// LARGE: error: expects a tile of 1 to 16777216 coordinates, but got 16777217
