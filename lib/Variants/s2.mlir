// Local blocks and every `vertical`-th block (S2-Attention, Phi-3-small): causal.
//
// Which blocks a head sees slides with its number n: those whose number, moved by
// n `head_step` + `offset`, is a multiple of `vertical`. The heads are the query
// heads if `head_step` is at least 0, else the key heads, which slide by -`head_step`.
// Implementations differ in `offset`: 1 in Phi-3-small and vLLM, 0 in DKernel.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>

cascade.func @s2(%q: !Q, %k: !K, %v: !V,
    %block: index {cascade.static, cascade.default = 16 : index, cascade.min = 1 : index,
        cascade.doc = "keys of a block, and queries of one"},
    %local: index {cascade.default = 4 : index, cascade.min = 0 : index,
        cascade.doc = "last blocks that a query sees, its own among them"},
    %vertical: index {cascade.static, cascade.default = 8 : index, cascade.min = 1 : index,
        cascade.doc = "every how many blocks one is seen from everywhere"},
    %head_step: index {cascade.static, cascade.default = 1 : index,
        cascade.doc = "blocks that the pattern slides a head; negative: a key head"},
    %offset: index {cascade.default = 0 : index, cascade.min = 0 : index,
        cascade.doc = "blocks that the pattern slides for all heads"},
    %dense: index {cascade.default = 0 : index, cascade.min = 0 : index,
        cascade.doc = "last query heads, which see all earlier keys"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc} {
  // Query p stands at position p + |M| - |P| of the keys: the last query sees the
  // last key.
  %np = cascade.extent P
  %nm = cascade.extent M
  %shift = arith.subi %nm, %np : index
  %nh = cascade.extent H
  %ng = cascade.extent G
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %zero = arith.constant 0 : index
      %h = cascade.index h
      %g = cascade.index g
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %shift : index
      %before = arith.cmpi sle, %m, %at : index
      %row = arith.floordivsi %at, %block : index
      %column = arith.floordivsi %m, %block : index
      %behind = arith.subi %row, %column : index
      %near = arith.cmpi slt, %behind, %local : index

      %first_head = arith.muli %h, %ng : index
      %head = arith.addi %first_head, %g : index
      %by_query_head = arith.muli %head, %head_step : index
      %back = arith.subi %zero, %head_step : index
      %by_key_head = arith.muli %h, %back : index
      %is_by_query_head = arith.cmpi sge, %head_step, %zero : index
      %slide = arith.select %is_by_query_head, %by_query_head, %by_key_head : index
      %slid = arith.addi %column, %slide : index
      %moved = arith.addi %slid, %offset : index
      // A head's slide may be negative: divisions round down.
      %turn = arith.floordivsi %moved, %vertical : index
      %turns = arith.muli %turn, %vertical : index
      %phase = arith.subi %moved, %turns : index
      %is_vertical = arith.cmpi eq, %phase, %zero : index

      %heads = arith.muli %nh, %ng : index
      %first_dense = arith.subi %heads, %dense : index
      %is_dense = arith.cmpi sge, %head, %first_dense : index
      %sparse = arith.ori %near, %is_vertical : i1
      %kept = arith.ori %sparse, %is_dense : i1
      %visible = arith.andi %before, %kept : i1
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
