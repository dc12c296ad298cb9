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

// CHECK-LABEL: cascade.func @keys
//   CHECK-NOT:   schedule
//       CHECK:   cascade.rank M0 = 8
cascade.func @keys(%x: !X) -> (y: !Y) attributes {reassoc, schedule = #cascade.schedule<keys = 8>} {
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !Y
  cascade.return %y : !Y
}
