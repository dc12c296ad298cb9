// Neighborhood attention along a line: each query sees a window of keys around it.
//
// An axis is cut into `dilation` groups of equal residue. In a group, queries go
// `stride` at a time: all of them see the window of one, their middle, moved to fit
// into the group but never cut. On a causal axis the window ends at the last of
// them, is cut at the start, and no query sees what follows it.
//
// The first `extra` keys are seen by all; key m >= `extra` stands at m - `extra`
// of the canvas, so |M| = |P| + `extra`.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>

cascade.func @neighborhood_1d(%q: !Q, %k: !K, %v: !V,
    %window: index {cascade.default = 33 : index, cascade.min = 1 : index, cascade.doc = "keys of a window"},
    %stride: index {cascade.static, cascade.default = 1 : index, cascade.min = 1 : index,
        cascade.doc = "neighbouring queries that share a window"},
    %dilation: index {cascade.static, cascade.default = 1 : index, cascade.min = 1 : index,
        cascade.doc = "distance of neighbouring keys of a window"},
    %causal: index {cascade.static, cascade.default = 0 : index, cascade.min = 0 : index, cascade.max = 1 : index,
        cascade.doc = "whether later keys are hidden (1) or seen (0)"},
    %extra: index {cascade.default = 0 : index, cascade.min = 0 : index,
        cascade.doc = "keys before the canvas, which every query sees"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc} {
  %np = cascade.extent P
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %two = arith.constant 2 : index
      %p = cascade.index p
      %m = cascade.index m
      %global = arith.cmpi slt, %m, %extra : index
      // Before the canvas it is negative: divisions round down, remainders do not
      // stand alone.
      %j = arith.subi %m, %extra : index
      %residue = arith.remui %p, %dilation : index
      %at = arith.floordivsi %p, %dilation : index
      // The number of coordinates of this residue: a quotient, rounded up.
      %past = arith.subi %dilation, %residue : index
      %rounding = arith.addi %np, %past : index
      %before_rounding = arith.subi %rounding, %one : index
      %length = arith.floordivsi %before_rounding, %dilation : index
      %end = arith.subi %length, %one : index
      // The query whose window its neighbours share.
      %is_causal = arith.cmpi ne, %causal, %zero : index
      %middle = arith.floordivsi %stride, %two : index
      %last = arith.subi %stride, %one : index
      %leader = arith.select %is_causal, %last, %middle : index
      %group = arith.floordivsi %at, %stride : index
      %start = arith.muli %group, %stride : index
      %lead = arith.addi %start, %leader : index
      %center = arith.minsi %lead, %end : index
      %reach = arith.subi %window, %one : index
      %half = arith.floordivsi %window, %two : index
      %left = arith.subi %center, %half : index
      %inside = arith.maxsi %left, %zero : index
      %latest = arith.subi %length, %window : index
      %shifted = arith.minsi %inside, %latest : index
      %shifted_end = arith.addi %shifted, %window : index
      %back = arith.subi %center, %reach : index
      %cut = arith.maxsi %back, %zero : index
      %next = arith.addi %at, %one : index
      %lo = arith.select %is_causal, %cut, %shifted : index
      %hi = arith.select %is_causal, %next, %shifted_end : index
      %key_at = arith.floordivsi %j, %dilation : index
      %key_turns = arith.muli %key_at, %dilation : index
      %key_residue = arith.subi %j, %key_turns : index
      %same = arith.cmpi eq, %key_residue, %residue : index
      %from = arith.cmpi sge, %key_at, %lo : index
      %until = arith.cmpi slt, %key_at, %hi : index
      %within = arith.andi %from, %until : i1
      %sees = arith.andi %same, %within : i1
      %visible = arith.ori %global, %sees : i1
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
