// Local blocks and, both ways from them, every `vertical`-th block (S2-Attention, not causal).
//
// A query sees `before` blocks up to its own and `after` from its own on. Beyond
// these, blocks are counted from the nearest, which is number 1: those whose number
// is a multiple of `vertical` are seen. The pattern moves with the query, unlike that
// of `s2`.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>

cascade.func @s2_bidirectional(%q: !Q, %k: !K, %v: !V,
    %block: index {cascade.static, cascade.default = 16 : index, cascade.min = 1 : index,
        cascade.doc = "keys of a block, and queries of one"},
    %before: index {cascade.default = 4 : index, cascade.min = 0 : index,
        cascade.doc = "last blocks that a query sees, its own among them"},
    %after: index {cascade.default = 4 : index, cascade.min = 1 : index,
        cascade.doc = "next blocks that a query sees, its own among them"},
    %vertical: index {cascade.static, cascade.default = 8 : index, cascade.min = 1 : index,
        cascade.doc = "every how many blocks beyond these one is seen"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc} {
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %p = cascade.index p
      %m = cascade.index m
      %row = arith.floordivsi %p, %block : index
      %column = arith.floordivsi %m, %block : index
      %first = arith.subi %row, %before : index
      %last = arith.addi %row, %after : index
      %from = arith.cmpi sgt, %column, %first : index
      %until = arith.cmpi slt, %column, %last : index
      %near = arith.andi %from, %until : i1

      // On the other side these are negative: divisions round down.
      %behind = arith.subi %first, %column : index
      %back = arith.addi %behind, %one : index
      %back_turn = arith.floordivsi %back, %vertical : index
      %back_turns = arith.muli %back_turn, %vertical : index
      %back_phase = arith.subi %back, %back_turns : index
      %is_back = arith.cmpi eq, %back_phase, %zero : index
      %is_far_back = arith.cmpi sle, %column, %first : index
      %earlier = arith.andi %is_far_back, %is_back : i1

      %beyond = arith.subi %column, %last : index
      %ahead = arith.addi %beyond, %one : index
      %ahead_turn = arith.floordivsi %ahead, %vertical : index
      %ahead_turns = arith.muli %ahead_turn, %vertical : index
      %ahead_phase = arith.subi %ahead, %ahead_turns : index
      %is_ahead = arith.cmpi eq, %ahead_phase, %zero : index
      %is_far_ahead = arith.cmpi sge, %column, %last : index
      %later = arith.andi %is_far_ahead, %is_ahead : i1

      %far = arith.ori %earlier, %later : i1
      %visible = arith.ori %near, %far : i1
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
