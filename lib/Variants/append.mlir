// Append: new keys, turned by the angles of their positions, and new values go to their slots of a cache.
//
// Row x of the tables has the angles of position x (rotary position embedding, arXiv:2104.09864), scaled as a model has
// it (linear, NTK, YaRN); they have J columns: the first 2 J features of a key are turned, and the rest stays. Feature j
// is turned with feature j + J (GPT-NeoX) or, with `interleaved`, 2 j with 2 j + 1 (GPT-J).
//
// What no slot names stays as it is. A slot of -1, or any other that the caches do not have, is of no token. The caches
// are updated in place, by one launch, and have any strides; `--page` puts them into pages.

!K = !cascade.tensor<[T, H, E], f32, empty = 0.0>
!V = !cascade.tensor<[T, H, F], f32, empty = 0.0>
!Numbers = !cascade.tensor<[T], i64, empty = -1>
!Table = !cascade.tensor<[X, J], f32, empty = 0.0>
!KCache = !cascade.tensor<[N, H, E], f32, empty = 0.0>
!VCache = !cascade.tensor<[N, H, F], f32, empty = 0.0>

cascade.func @append(%k: !K, %v: !V,
    %positions: !Numbers {cascade.fill = affine_map<(d0)[s0] -> ((d0 * 7) mod s0)>, cascade.doc = "position of each token"},
    %cos: !Table {cascade.fixed, cascade.doc = "cosines of the angles of each position"},
    %sin: !Table {cascade.fixed, cascade.doc = "sines of the angles of each position"},
    %slots: !Numbers {cascade.distinct, cascade.doc = "slot of each token, -1 for none"},
    %k_cache: !KCache, %v_cache: !VCache,
    %interleaved: index {cascade.static, cascade.default = 0, cascade.min = 0, cascade.max = 1,
                         cascade.doc = "neighbouring features are turned together, not halves"})
    -> (k_cache: !KCache, v_cache: !VCache) attributes {cascade.extents = {T = 33, N = 160, X = 512, J = 16}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %plus = arith.constant 1.0 : f32
  %minus = arith.constant -1.0 : f32
  %half = cascade.extent J
  %rotary = arith.muli %half, %c2 : index
  %neighbours = arith.cmpi ne, %interleaved, %c0 : index
  %step = arith.select %neighbours, %c1, %half : index
  %kc = cascade.einsum [%slots[t], h, e] = %k[t, h, e] through into %k_cache : !K, !Numbers, !KCache -> !KCache
    map (%x) {
      %t = cascade.index t
      %h = cascade.index h
      %e = cascade.index e
      %number = cascade.read %positions[%t] : !Numbers -> i64
      %position = arith.index_cast %number : i64 to index
      %bit = arith.remui %e, %c2 : index
      %odd = arith.cmpi ne, %bit, %c0 : index
      %upper = arith.cmpi sge, %e, %half : index
      %second = arith.select %neighbours, %odd, %upper : i1
      %before = arith.subi %e, %step : index
      %behind = arith.addi %e, %step : index
      %other = arith.select %second, %before, %behind : index
      %in_half = arith.select %second, %before, %e : index
      %pair = arith.floordivsi %e, %c2 : index
      %j = arith.select %neighbours, %pair, %in_half : index
      %y = cascade.read %k[%t, %h, %other] : !K -> f32
      %c = cascade.read %cos[%position, %j] : !Table -> f32
      %s = cascade.read %sin[%position, %j] : !Table -> f32
      %sign = arith.select %second, %plus, %minus : f32
      %signed = arith.mulf %s, %sign : f32
      %along = arith.mulf %x, %c : f32
      %across = arith.mulf %y, %signed : f32
      %turned = arith.addf %along, %across : f32
      %is_turned = arith.cmpi slt, %e, %rotary : index
      %z = arith.select %is_turned, %turned, %x : f32
      cascade.yield %z : f32
    }
  %vc = cascade.einsum [%slots[t], h, f] = %v[t, h, f] through into %v_cache : !V, !Numbers, !VCache -> !VCache
  cascade.return %kc, %vc : !KCache, !VCache
}
