// Causal linear attention: a state of k v products is carried from key to key.
//
// o[m] = scale * q[m] (sum over j <= m of k[j] v[j]): queries and keys are of one
// sequence.

!Q = !cascade.tensor<[B, H, G, M, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!State = !cascade.tensor<[B, H, E, F], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, M, F], f32, empty = 0.0>
!Slices = !cascade.tensor<[M, B, H, G, F], f32, empty = 0.0>

cascade.func @linear(%q: !Q, %k: !K, %v: !V,
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O) attributes {reassoc} {
  %start = cascade.empty : !State
  %last, %slices = cascade.scan M (%q, %k, %v : !Q, !K, !V) init (%start : !State) -> !State, !Slices
    step (%at, %qm, %km, %vm, %state) {
      %next = cascade.einsum [b, h, e, f] = %state[b, h, e, f], %km[b, h, e], %vm[b, h, f]
          : !State, !cascade.tensor<[B, H, E], f32, empty = 0.0>, !cascade.tensor<[B, H, F], f32, empty = 0.0> -> !State
        map (%x, %y, %z) {
          %yz = arith.mulf %y, %z : f32
          %r = arith.addf %x, %yz : f32
          cascade.yield %r : f32
        }
      %u = cascade.einsum [b, h, g, f] = %qm[b, h, g, e], %next[b, h, e, f] reduce add
          : !cascade.tensor<[B, H, G, E], f32, empty = 0.0>, !State -> !cascade.tensor<[B, H, G, F], f32, empty = 0.0>
      cascade.yield %next, %u : !State, !cascade.tensor<[B, H, G, F], f32, empty = 0.0>
    }
  %o = cascade.einsum [b, h, g, m, f] = %slices[m, b, h, g, f] : !Slices -> !O
    map (%x) {
      %y = arith.mulf %x, %scale : f32
      cascade.yield %y : f32
    }
  cascade.return %o : !O
}
