// RUN: attn-opt %s --cascade-page-updates=size=16 --split-input-file --verify-diagnostics | FileCheck %s
// Pages of one slot have one place.
// RUN: attn-opt %s --cascade-page-updates=size=1 --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=ONE
// ONE: cascade.einsum [%slots[t], h, 0, e] = %k[t, h, e] into %k_cache

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!V = !cascade.tensor<[T, H, F], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!KCache = !cascade.tensor<[N, H, E], f32, empty = 0.0>
!VCache = !cascade.tensor<[N, H, F], f32, empty = 0.0>

// Keys and values have one rank of places; as many pages as hold the slots.
// CHECK-LABEL: cascade.func @append(
// CHECK-SAME:    %k_cache: !NHN_placeE_f32, %v_cache: !NHN_placeF_f32) -> (k_cache: !NHN_placeE_f32, v_cache: !NHN_placeF_f32)
// CHECK-SAME:    cascade.extents = {N = 7 : i64, T = 5 : i64}
// CHECK-NEXT:    cascade.rank N_place = 16
// CHECK-NEXT:    cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, e] = %k[t, h, e] into %k_cache
// CHECK-NEXT:    cascade.einsum [%slots[t] floordiv 16, h, %slots[t] mod 16, f] = %v[t, h, f] into %v_cache
cascade.func @append(%k: !K, %v: !V, %slots: !Slots {cascade.distinct}, %k_cache: !KCache, %v_cache: !VCache)
    -> (k_cache: !KCache, v_cache: !VCache) attributes {cascade.extents = {T = 5, N = 100}} {
  %kc = cascade.einsum [%slots[t], h, e] = %k[t, h, e] into %k_cache : !K, !Slots, !KCache -> !KCache
  %vc = cascade.einsum [%slots[t], h, f] = %v[t, h, f] into %v_cache : !V, !Slots, !VCache -> !VCache
  cascade.return %kc, %vc : !KCache, !VCache
}

// Again, there are no whole entries.
// CHECK-LABEL: cascade.func @paged(
// CHECK-SAME:    %cache: !NS_f32) -> (cache: !NS_f32)
cascade.func @paged(%k: !cascade.tensor<[T], f32, empty = 0.0>, %slots: !Slots {cascade.distinct}, %cache: !cascade.tensor<[N, S], f32, empty = 0.0>)
    -> (cache: !cascade.tensor<[N, S], f32, empty = 0.0>) {
  cascade.rank S = 8
  %c = cascade.einsum [%slots[t] floordiv 8, %slots[t] mod 8] = %k[t] into %cache
      : !cascade.tensor<[T], f32, empty = 0.0>, !Slots, !cascade.tensor<[N, S], f32, empty = 0.0> -> !cascade.tensor<[N, S], f32, empty = 0.0>
  cascade.return %c : !cascade.tensor<[N, S], f32, empty = 0.0>
}

// -----

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!Cache = !cascade.tensor<[N, E], f32, empty = 0.0>
!Sum = !cascade.tensor<[E], f32, empty = 0.0>

cascade.func @read_too(%k: !K, %slots: !Slots {cascade.distinct}, %cache: !Cache) -> (cache: !Cache, s: !Sum) {
  // expected-error @below {{expects to be the only use of what it updates, which is to lie in pages}}
  %c = cascade.einsum [%slots[t], e] = %k[t, e] into %cache : !K, !Slots, !Cache -> !Cache
  %s = cascade.einsum [e] = %cache[n, e] reduce add : !Cache -> !Sum
  cascade.return %c, %s : !Cache, !Sum
}
