// Causal linear attention in chunks of 64 keys: products inside, a state between.
//
// The same function as `linear`, in another order.

!Q = !cascade.tensor<[B, H, G, M, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!State = !cascade.tensor<[B, H, E, F], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, M, F], f32, empty = 0.0>
!QC = !cascade.tensor<[B, H, G, M0, E], f32, empty = 0.0>
!KC = !cascade.tensor<[B, H, M0, E], f32, empty = 0.0>
!VC = !cascade.tensor<[B, H, M0, F], f32, empty = 0.0>
!A = !cascade.tensor<[B, H, G, I0, M0], f32, empty = 0.0>
!OC = !cascade.tensor<[B, H, G, M0, F], f32, empty = 0.0>
!OI = !cascade.tensor<[B, H, G, I0, F], f32, empty = 0.0>

cascade.func @linear_chunked(%q: !Q, %k: !K, %v: !V,
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O) attributes {reassoc} {
  cascade.rank M0 = 64
  // The chunk's queries, under a name of their own beside its keys.
  cascade.rank I0 = 64
  %start = cascade.empty : !State
  %last, %u = cascade.scan M by M0 (%q, %k, %v : !Q, !K, !V) init (%start : !State) -> !State, !O
    step (%base, %qc, %kc, %vc, %state) {
      %before = cascade.einsum [b, h, g, m, f] = %qc[b, h, g, m, e], %state[b, h, e, f] reduce add : !QC, !State -> !OC
      %a = cascade.einsum [b, h, g, i, m] = %qc[b, h, g, i mod 64, e], %kc[b, h, m, e] reduce add : !QC, !KC -> !A
        where {
          %i = cascade.index i
          %m = cascade.index m
          %visible = arith.cmpi sle, %m, %i : index
          cascade.yield %visible : i1
        }
      %inside = cascade.einsum [b, h, g, i, f] = %a[b, h, g, i, m], %vc[b, h, m, f] reduce add : !A, !VC -> !OI
      %oc = cascade.einsum [b, h, g, m, f] = %before[b, h, g, m, f], %inside[b, h, g, m mod 64, f] : !OC, !OI -> !OC
        map (%x, %y) {
          %r = arith.addf %x, %y : f32
          cascade.yield %r : f32
        }
      %chunk = cascade.einsum [b, h, e, f] = %kc[b, h, m, e], %vc[b, h, m, f] reduce add : !KC, !VC -> !State
      %next = cascade.einsum [b, h, e, f] = %state[b, h, e, f], %chunk[b, h, e, f] : !State, !State -> !State
        map (%x, %y) {
          %r = arith.addf %x, %y : f32
          cascade.yield %r : f32
        }
      cascade.yield %next, %oc : !State, !OC
    }
  %o = cascade.einsum [b, h, g, m, f] = %u[b, h, g, m, f] : !O -> !O
    map (%x) {
      %y = arith.mulf %x, %scale : f32
      cascade.yield %y : f32
    }
  cascade.return %o : !O
}
