// Folds: copies and splits that undo merges.
// RUN: attn-opt %s --canonicalize | FileCheck %s

!PM = !cascade.tensor<[P, M], f32, empty = 0.0>
!MP = !cascade.tensor<[M, P], f32, empty = 0.0>
!I = !cascade.tensor<[P, M], f32, empty = -inf>

// CHECK-LABEL: cascade.func @copy(
//  CHECK-NEXT:   cascade.return %x :
cascade.func @copy(%x: !PM) -> (y: !PM) {
  %y = cascade.einsum [p, m] = %x[p, m] : !PM -> !PM
  cascade.return %y : !PM
}

// A transposition is none, nor is a copy that has another empty value.
// CHECK-LABEL: cascade.func @no_copy(
//       CHECK:   cascade.einsum [m, p] = %x[p, m]
//       CHECK:   cascade.einsum [p, m] = %x[p, m]
cascade.func @no_copy(%x: !PM) -> (y: !MP, z: !I) {
  %y = cascade.einsum [m, p] = %x[p, m] : !PM -> !MP
  %z = cascade.einsum [p, m] = %x[p, m] : !PM -> !I
  cascade.return %y, %z : !MP, !I
}

// Variables are numbered as they appear in the output: a shifted read is none
// either.
// CHECK-LABEL: cascade.func @shifted(
//       CHECK:   cascade.einsum [p, m] = %x[p, m + 1]
cascade.func @shifted(%x: !PM) -> (y: !PM) {
  %y = cascade.einsum [p, m] = %x[p, m + 1] : !PM -> !PM
  cascade.return %y : !PM
}

!GP = !cascade.tensor<[G, P], f32, empty = 0.0>
!R = !cascade.tensor<[R], f32, empty = 0.0>
!XY = !cascade.tensor<[X, Y], f32, empty = 0.0>

// CHECK-LABEL: cascade.func @split_of_merge(
//       CHECK:   cascade.return %x :
cascade.func @split_of_merge(%x: !GP) -> (y: !GP) {
  cascade.rank P = 4
  %r = cascade.merge %x G, P into R : !GP -> !R
  %y = cascade.split %r R into G, P : !R -> !GP
  cascade.return %y : !GP
}

// Parts under other names may have other extents.
// CHECK-LABEL: cascade.func @split_apart(
//       CHECK:   cascade.split %{{.*}} R into X, Y
cascade.func @split_apart(%x: !GP) -> (y: !XY) {
  cascade.rank Y = 4
  %r = cascade.merge %x G, P into R : !GP -> !R
  %y = cascade.split %r R into X, Y : !R -> !XY
  cascade.return %y : !XY
}
