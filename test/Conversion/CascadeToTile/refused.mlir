// RUN: attn-opt %s --convert-cascade-to-tile --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false
// RUN: not attn-opt %s --convert-cascade-to-tile=tile-rows=-1 --split-input-file 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not attn-opt %s --convert-cascade-to-tile=tile-rows=16777217 --split-input-file 2>&1 | FileCheck %s --check-prefix=LARGE
// NONE: error: expects a tile of 1 to 16777216 rows, but got -1
// LARGE: error: expects a tile of 1 to 16777216 rows, but got 16777217

!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!Y = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @whole_rank(%x: !X) -> (y: !Y) {
  // expected-error @below {{expects rank 'M' to have a static extent of at most 256, to be swept by a scan, or to be a rank of the result; bind it (cascade-bind) or reduce passes over it (cascade-reduce-passes)}}
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !Y
  cascade.return %y : !Y
}

// -----

!X = !cascade.tensor<[Pg, S], f32, empty = 0.0>
!T = !cascade.tensor<[P], i32, empty = -1>
!Y = !cascade.tensor<[P, S], f32, empty = 0.0>
cascade.func @index_tensor(%x: !X, %t: !T) -> (y: !Y) {
  cascade.rank S = 16
  // expected-error @below {{has no lowering to tile: it reads a rank through an index tensor}}
  %y = cascade.einsum [p, s] = %x[%t[p], s] : !X, !T -> !Y
  cascade.return %y : !Y
}

// -----

!X = !cascade.tensor<[P, E], f32, empty = 0.0>
cascade.func @argument(%x: !X) -> (y: !X) {
  // expected-error @below {{has no lowering to tile: a result is an argument}}
  cascade.return %x : !X
}

// -----

!X = !cascade.tensor<[P, E], f32, empty = 0.0>
!Y = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @outside(%x: !X) -> (y: !Y) {
  cascade.rank E = 16
  // expected-error @below {{expects an index expression of operand #1 that is a variable, or an expression of one variable that stays inside a static rank, at rank 'E'}}
  %y = cascade.einsum [p] = %x[p, e], %x[p, e + 1] reduce add : !X, !X -> !Y
  cascade.return %y : !Y
}
