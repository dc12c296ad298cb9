// Causal attention with a learned bias for each distance, one row a head (T5).
//
// A key at distance d behind its query adds `table[h, g, min(d, N - 1)]` to the
// scaled score: all further keys have the last entry. T5's logarithmic buckets
// are a table in which the distances of a bucket have one number: its N is the
// distance from which on all are in the last bucket. T5's scale is 1.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>
!Table = !cascade.tensor<[H, G, N], f32, empty = 0.0>

cascade.func @relative_bias(%q: !Q, %k: !K, %v: !V,
    %table: !Table {cascade.fixed, cascade.doc = "bias of each head at distances 0, 1, ..., N - 1 and beyond"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc, cascade.extents = {N = 128}} {
  // Query p stands at position p + |M| - |P| of the keys: the last query sees the
  // last key.
  %np = cascade.extent P
  %nm = cascade.extent M
  %offset = arith.subi %nm, %np : index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %size = cascade.extent N
  %last = arith.subi %size, %c1 : index
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %offset : index
      %visible = arith.cmpi sle, %m, %at : index
      cascade.yield %visible : i1
    }
  %t = cascade.einsum [b, h, g, p, m] = %s[b, h, g, p, m] absorb : !S -> !S
    map (%x) {
      %h = cascade.index h
      %g = cascade.index g
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %offset : index
      %distance = arith.subi %at, %m : index
      %behind = arith.maxsi %distance, %c0 : index
      %entry = arith.minsi %behind, %last : index
      %bias = cascade.read %table[%h, %g, %entry] : !Table -> f32
      %scaled = arith.mulf %x, %scale : f32
      %y = arith.addf %scaled, %bias : f32
      cascade.yield %y : f32
    }
  %gm = cascade.einsum [b, h, g, p] = %t[b, h, g, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, g, p, m] = %t[b, h, g, p, m], %gm[b, h, g, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [b, h, g, p] = %n[b, h, g, p, m] reduce add : !W -> !D
  %a = cascade.einsum [b, h, g, p, m] = %n[b, h, g, p, m], %d[b, h, g, p] : !W, !D -> !W
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [b, h, g, p, f] = %a[b, h, g, p, m], %v[b, h, m, f] reduce add : !W, !V -> !O
  %lse = cascade.einsum [b, h, g, p] = %gm[b, h, g, p] absorb, %d[b, h, g, p] absorb : !R, !D -> !R
    map (%max, %y) {
      %l = math.log %y : f32
      %r = arith.addf %max, %l : f32
      cascade.yield %r : f32
    }
  cascade.return %o, %lse : !O, !R
}
