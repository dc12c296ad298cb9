// Append without positions: new keys and values go to their slots of a cache as they are (see append).

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!V = !cascade.tensor<[T, H, F], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!KCache = !cascade.tensor<[N, H, E], f32, empty = 0.0>
!VCache = !cascade.tensor<[N, H, F], f32, empty = 0.0>

cascade.func @append_plain(%k: !K, %v: !V,
    %slots: !Slots {cascade.distinct, cascade.doc = "slot of each token, -1 for none"},
    %k_cache: !KCache, %v_cache: !VCache)
    -> (k_cache: !KCache, v_cache: !VCache) attributes {cascade.extents = {T = 33, N = 160}} {
  %kc = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through into %k_cache : !K, !Slots, !KCache -> !KCache
  %vc = cascade.einsum [%slots[t], h, f] = %v[t, h, f] through into %v_cache : !V, !Slots, !VCache -> !VCache
  cascade.return %kc, %vc : !KCache, !VCache
}
