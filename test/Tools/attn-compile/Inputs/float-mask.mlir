// A row is seen where its gate is open, which no analysis of integers can tell.
!Q = !cascade.tensor<[B, H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>
!Gates = !cascade.tensor<[P], f32, empty = 0.0>

cascade.func @gated(%q: !Q, %k: !K, %v: !V, %gate: !Gates {cascade.fixed}) -> (o: !O)
    attributes {reassoc, cascade.residual} {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %before = arith.cmpi sle, %m, %p : index
      %value = cascade.read %gate[%p] : !Gates -> f32
      %zero = arith.constant 0.0 : f32
      %open = arith.cmpf ogt, %value, %zero : f32
      %visible = arith.andi %before, %open : i1
      cascade.yield %visible : i1
    }
  %o = cascade.einsum [b, h, p, f] = %s[b, h, p, m], %v[b, h, m, f] reduce add : !S, !V -> !O
  cascade.return %o : !O
}
