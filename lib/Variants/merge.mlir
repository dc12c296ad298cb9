// Merge: attention over a set of keys from attention over its disjoint parts, such as the shards of a context or a
// shared prefix and a suffix (FlashInfer, arXiv:2501.01005, section 2.2). `o` and `lse` are what the variants return for
// each part; a part that saw no key has an lse of -inf, or of +inf as some kernels say it, and its `o` counts for
// nothing, whatever it is. A sink or anything else that joins a denominator belongs to one part only.

!P = !cascade.tensor<[S, B, H, P, F], f32, empty = 0.0>
!L = !cascade.tensor<[S, B, H, P], f32, empty = -inf>
!W = !cascade.tensor<[S, B, H, P], f32, empty = 0.0>
!R = !cascade.tensor<[B, H, P], f32, empty = -inf>
!D = !cascade.tensor<[B, H, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>

cascade.func @merge(
    %parts: !P {cascade.doc = "outputs of the parts"},
    %lses: !L {cascade.fixed, cascade.doc = "natural logarithms of the parts' denominators"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc, cascade.extents = {S = 2}} {
  %inf = arith.constant 0x7F800000 : f32
  %none = arith.constant 0xFF800000 : f32
  %l = cascade.einsum [s, b, h, p] = %lses[s, b, h, p] absorb : !L -> !L
    map (%x) {
      %above = arith.cmpf oeq, %x, %inf : f32
      %y = arith.select %above, %none, %x : f32
      cascade.yield %y : f32
    }
  %seen = cascade.einsum [s, b, h, p, f] = %parts[s, b, h, p, f], %l[s, b, h, p] absorb : !P, !L -> !P
    map (%x, %y) {
      cascade.yield %x : f32
    }
  %gm = cascade.einsum [b, h, p] = %l[s, b, h, p] reduce max : !L -> !R
  %n = cascade.einsum [s, b, h, p] = %l[s, b, h, p], %gm[b, h, p] absorb : !L, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [b, h, p] = %n[s, b, h, p] reduce add : !W -> !D
  %a = cascade.einsum [s, b, h, p] = %n[s, b, h, p], %d[b, h, p] : !W, !D -> !W
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [b, h, p, f] = %a[s, b, h, p], %seen[s, b, h, p, f] reduce add : !W, !P -> !O
  %lse = cascade.einsum [b, h, p] = %gm[b, h, p] absorb, %d[b, h, p] absorb : !R, !D -> !R
    map (%max, %y) {
      %l2 = math.log %y : f32
      %r = arith.addf %max, %l2 : f32
      cascade.yield %r : f32
    }
  cascade.return %o, %lse : !O, !R
}
