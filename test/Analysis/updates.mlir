// What analyses say of Einsums that go into a tensor. A rank that is reached
// through an index tensor is swept by none.
// RUN: attn-opt %s --split-input-file --cascade-count-passes --remarks-filter=cascade-count-passes 2>&1 >/dev/null | FileCheck %s
// RUN: attn-opt %s --split-input-file --cascade-reduce-passes --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REDUCE
// RUN: not attn-opt %s --split-input-file --cascade-io-report 2>&1 >/dev/null | FileCheck %s --check-prefix=IO

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, H, E], f32, empty = 0.0>

// CHECK:     Function=append | Remark="rank T: 1 pass"
// CHECK-NOT: Function=append | Remark="rank N
// CHECK:     Function=append | Remark="rank E: 1 pass"
// IO:        error: 'cascade.einsum' op expects tensors that are moved whole, but updates one in part; count the bytes of functions without 'into'
cascade.func @append(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache) {
  %c = cascade.einsum [%slots[t], h, e] = %k[t, h, e] into %cache : !K, !Slots, !Cache -> !Cache
  cascade.return %c : !Cache
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Sums = !cascade.tensor<[E], f32, empty = 0.0>

// A sum that goes on from a tensor is no carry that starts at the identity.
// CHECK:     Function=sums | Remark="rank T: 1 pass"
// REDUCE:    ScanNotFormed{{.*}}"rank T stays whole: it goes on from the tensor that it updates"
cascade.func @sums(%k: !K, %sums: !Sums) -> (sums: !Sums) attributes {reassoc} {
  %c = cascade.einsum [e] = %k[t, e] reduce add into %sums : !K, !Sums -> !Sums
  cascade.return %c : !Sums
}
