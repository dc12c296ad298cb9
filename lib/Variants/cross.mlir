// Cross-attention: queries of one sequence read keys and values of another.
//
// The lengths |P| and |M| and the widths |E| of the keys and |F| of the values
// are independent of each other.

!Q = !cascade.tensor<[B, H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>

cascade.func @cross(%q: !Q, %k: !K, %v: !V,
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc} {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
  %t = cascade.einsum [b, h, p, m] = %s[b, h, p, m] absorb : !S -> !S
    map (%x) {
      %y = arith.mulf %x, %scale : f32
      cascade.yield %y : f32
    }
  %gm = cascade.einsum [b, h, p] = %t[b, h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, p, m] = %t[b, h, p, m], %gm[b, h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [b, h, p] = %n[b, h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [b, h, p, m] = %n[b, h, p, m], %d[b, h, p] : !W, !D -> !W
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [b, h, p, f] = %a[b, h, p, m], %v[b, h, m, f] reduce add : !W, !V -> !O
  %lse = cascade.einsum [b, h, p] = %gm[b, h, p] absorb, %d[b, h, p] absorb : !R, !D -> !R
    map (%max, %y) {
      %l = math.log %y : f32
      %r = arith.addf %max, %l : f32
      cascade.yield %r : f32
    }
  cascade.return %o, %lse : !O, !R
}
