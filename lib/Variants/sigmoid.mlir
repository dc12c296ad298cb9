// Sigmoid attention: causal, each score weighs its value by its own sigmoid.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>

cascade.func @sigmoid(%q: !Q, %k: !K, %v: !V,
    %shift: f32 {cascade.default = 0.0 : f32, cascade.doc = "added to the scaled scores"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O) attributes {reassoc} {
  // Query p stands at position p + |M| - |P| of the keys: the last query sees the
  // last key.
  %np = cascade.extent P
  %nm = cascade.extent M
  %offset = arith.subi %nm, %np : index
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %offset : index
      %visible = arith.cmpi sle, %m, %at : index
      cascade.yield %visible : i1
    }
  %a = cascade.einsum [b, h, g, p, m] = %s[b, h, g, p, m] absorb : !S -> !W
    map (%x) {
      %one = arith.constant 1.0 : f32
      %scaled = arith.mulf %x, %scale : f32
      %y = arith.addf %scaled, %shift : f32
      %negative = arith.negf %y : f32
      %e = math.exp %negative : f32
      %d = arith.addf %e, %one : f32
      %r = arith.divf %one, %d : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [b, h, g, p, f] = %a[b, h, g, p, m], %v[b, h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}
