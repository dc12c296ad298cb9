// Einsums whose output goes into a tensor, at the entries of index tensors.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s
// A copy into a tensor is no copy.
// RUN: attn-opt %s --canonicalize --cse | FileCheck %s

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, H, S, E], f32, empty = 0.0>
!Flat = !cascade.tensor<[N, H, E], f32, empty = 0.0>

// CHECK-LABEL: cascade.func @pages(
// CHECK-SAME:    %slots: !T_i64 {cascade.distinct}, %cache: !NHSE_f32) -> (cache: !NHSE_f32)
// CHECK:         cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, e] = %k[t, h, e] into %cache : !THE_f32, !T_i64, !NHSE_f32 -> !NHSE_f32
cascade.func @pages(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  cascade.rank S = 16
  %c = cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, e] = %k[t, h, e]
      into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// A reduction goes on from what is there, so that points may meet. A result with
// a name of its own is a tensor of its own.
// CHECK-LABEL: cascade.func @sums(
// CHECK:         cascade.einsum [%slots[t], h, e] = %k[t, h, e] reduce add into %cache : !THE_f32, !T_i64, !NHE_f32 -> !NHE_f32
cascade.func @sums(%k: !K, %slots: !Slots, %cache: !Flat) -> (y: !Flat) {
  %c = cascade.einsum [%slots[t], h, e] = %k[t, h, e] reduce add into %cache : !K, !Slots, !Flat -> !Flat
  cascade.return %c : !Flat
}

// CHECK-LABEL: cascade.func @copy(
// CHECK:         cascade.einsum [t, h, e] = %k[t, h, e] into %y : !THE_f32, !THE_f32 -> !THE_f32
cascade.func @copy(%k: !K, %y: !K) -> (y: !K) {
  %c = cascade.einsum [t, h, e] = %k[t, h, e] into %y : !K, !K -> !K
  cascade.return %c : !K
}
