// RoPE: causal attention with queries and keys rotated by position inside the scores.
//
// Neighbouring elements are pairs: (x, y) at e = 2i and 2i + 1 turns into
// (x cos - y sin, y cos + x sin). The tables hold an angle's cosine and sine at
// both elements of a pair, the sine with the sign of its use.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>
!QT = !cascade.tensor<[P, E], f32, empty = 0.0>
!KT = !cascade.tensor<[M, E], f32, empty = 0.0>

cascade.func @rope(%q: !Q, %k: !K, %v: !V,
    %qcos: !QT {cascade.fixed, cascade.doc = "cosines of the queries' angles"},
    %qsin: !QT {cascade.fixed, cascade.doc = "sines of the queries' angles, negated at even e"},
    %kcos: !KT {cascade.fixed, cascade.doc = "cosines of the keys' angles"},
    %ksin: !KT {cascade.fixed, cascade.doc = "sines of the keys' angles, negated at even e"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc} {
  // Query p stands at position p + |M| - |P| of the keys: the last query sees the
  // last key.
  %np = cascade.extent P
  %nm = cascade.extent M
  %offset = arith.subi %nm, %np : index
  %qr = cascade.einsum [b, h, g, p, e] = %q[b, h, g, p, e], %q[b, h, g, p, e + 1 - e mod 2 * 2], %qcos[p, e], %qsin[p, e]
      : !Q, !Q, !QT, !QT -> !Q
    map (%x, %pair, %c, %s) {
      %u = arith.mulf %x, %c : f32
      %w = arith.mulf %pair, %s : f32
      %y = arith.addf %u, %w : f32
      cascade.yield %y : f32
    }
  %kr = cascade.einsum [b, h, m, e] = %k[b, h, m, e], %k[b, h, m, e + 1 - e mod 2 * 2], %kcos[m, e], %ksin[m, e]
      : !K, !K, !KT, !KT -> !K
    map (%x, %pair, %c, %s) {
      %u = arith.mulf %x, %c : f32
      %w = arith.mulf %pair, %s : f32
      %y = arith.addf %u, %w : f32
      cascade.yield %y : f32
    }
  %s = cascade.einsum [b, h, g, p, m] = %qr[b, h, g, p, e], %kr[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %offset : index
      %visible = arith.cmpi sle, %m, %at : index
      cascade.yield %visible : i1
    }
  %t = cascade.einsum [b, h, g, p, m] = %s[b, h, g, p, m] absorb : !S -> !S
    map (%x) {
      %y = arith.mulf %x, %scale : f32
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
