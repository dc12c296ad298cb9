// RUN: attn-opt %s --split-input-file --cascade-bind="extents=E=64 dtype=bf16" --verify-diagnostics
// RUN: not attn-opt %S/bind.mlir --cascade-bind="extents=E" 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not attn-opt %S/bind.mlir --cascade-bind="extents=E=0" 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not attn-opt %S/bind.mlir --cascade-bind="dtype=f64" 2>&1 | FileCheck %s --check-prefix=TYPE

// FORM: expects extents of the form RANK=INTEGER, but got 'E'
// SIZE: expects an extent of 1 at least for rank 'E', but got 0
// TYPE: expects element type f32, bf16 or f16, but got 'f64'

!X = !cascade.tensor<[E], f32, empty = 0.0>
cascade.func @other_extent(%x: !X) -> (y: !X) {
  // expected-error @below {{expects extent 32 of rank 'E', but got 64}}
  cascade.rank E = 32
  %y = cascade.einsum [e] = %x[e] : !X -> !X
  cascade.return %y : !X
}

// -----

!X = !cascade.tensor<[M], f32, empty = 0.0>
// expected-error @below {{expects a rank of the function, but got 'E'}}
cascade.func @unknown_rank(%x: !X) -> (y: !X) {
  cascade.return %x : !X
}

// -----

!X = !cascade.tensor<[E], f64, empty = 0.0>
// expected-error @below {{expects an argument computed in f32 to bind 'bf16' to, but 'x' has type}}
cascade.func @double(%x: !X) -> (y: !X) {
  cascade.return %x : !X
}
