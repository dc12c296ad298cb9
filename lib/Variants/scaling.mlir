// Scaling attention: (q k) v times a factor, with no function between the products.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>

cascade.func @scaling(%q: !Q, %k: !K, %v: !V,
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O) attributes {reassoc} {
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !W
  %u = cascade.einsum [b, h, g, p, f] = %s[b, h, g, p, m], %v[b, h, m, f] reduce add : !W, !V -> !O
  %o = cascade.einsum [b, h, g, p, f] = %u[b, h, g, p, f] : !O -> !O
    map (%x) {
      %y = arith.mulf %x, %scale : f32
      cascade.yield %y : f32
    }
  cascade.return %o : !O
}
