// Rescale: what a rank adds to attention over a context whose keys are cut among ranks. Each rank attends to its keys,
// the ranks gather their `lse`, and the sum of what `rescale` makes of their outputs is attention over all keys; so the
// outputs are reduced (and scattered) as they are. What `merge` says of `lse` holds here too.

!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>
!R = !cascade.tensor<[B, H, P], f32, empty = -inf>
!L = !cascade.tensor<[S, B, H, P], f32, empty = -inf>
!W = !cascade.tensor<[S, B, H, P], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, P], f32, empty = 0.0>

cascade.func @rescale(
    %part: !O {cascade.doc = "this rank's output"},
    %own: !R {cascade.fixed, cascade.doc = "natural logarithm of this rank's denominator"},
    %lses: !L {cascade.fixed, cascade.doc = "natural logarithms of all ranks' denominators"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc, cascade.extents = {S = 2}} {
  %inf = arith.constant 0x7F800000 : f32
  %none = arith.constant 0xFF800000 : f32
  %l = cascade.einsum [s, b, h, p] = %lses[s, b, h, p] absorb : !L -> !L
    map (%x) {
      %above = arith.cmpf oeq, %x, %inf : f32
      %y = arith.select %above, %none, %x : f32
      cascade.yield %y : f32
    }
  %mine = cascade.einsum [b, h, p] = %own[b, h, p] absorb : !R -> !R
    map (%x) {
      %above = arith.cmpf oeq, %x, %inf : f32
      %y = arith.select %above, %none, %x : f32
      cascade.yield %y : f32
    }
  %gm = cascade.einsum [b, h, p] = %l[s, b, h, p] reduce max : !L -> !R
  %n = cascade.einsum [s, b, h, p] = %l[s, b, h, p], %gm[b, h, p] absorb : !L, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [b, h, p] = %n[s, b, h, p] reduce add : !W -> !D
  %lse = cascade.einsum [b, h, p] = %gm[b, h, p] absorb, %d[b, h, p] absorb : !R, !D -> !R
    map (%max, %y) {
      %g = math.log %y : f32
      %r = arith.addf %max, %g : f32
      cascade.yield %r : f32
    }
  %seen = cascade.einsum [b, h, p, f] = %part[b, h, p, f], %mine[b, h, p] absorb : !O, !R -> !O
    map (%x, %y) {
      cascade.yield %x : f32
    }
  %o = cascade.einsum [b, h, p, f] = %seen[b, h, p, f], %mine[b, h, p] absorb, %lse[b, h, p] absorb : !O, !R, !R -> !O
    map (%x, %y, %all) {
      %e = arith.subf %y, %all : f32
      %w = math.exp %e : f32
      %r = arith.mulf %x, %w : f32
      cascade.yield %r : f32
    }
  cascade.return %o, %lse : !O, !R
}
