// Neighborhood attention on an image: each query sees a window of rows and columns.
//
// Queries and keys are a canvas, row after row: p stands at row p / `width` and
// column p mod `width`, and there are |P| / `width` rows.
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

cascade.func @neighborhood_2d(%q: !Q, %k: !K, %v: !V,
    %width: index {cascade.default = 16 : index, cascade.min = 1 : index, cascade.doc = "columns of the canvas"},
    %window_y: index {cascade.default = 7 : index, cascade.min = 1 : index,
        cascade.doc = "keys of a window along y"},
    %window_x: index {cascade.default = 7 : index, cascade.min = 1 : index,
        cascade.doc = "keys of a window along x"},
    %stride_y: index {cascade.static, cascade.default = 1 : index, cascade.min = 1 : index,
        cascade.doc = "neighbouring queries that share a window along y"},
    %stride_x: index {cascade.static, cascade.default = 1 : index, cascade.min = 1 : index,
        cascade.doc = "neighbouring queries that share a window along x"},
    %dilation_y: index {cascade.static, cascade.default = 1 : index, cascade.min = 1 : index,
        cascade.doc = "distance of neighbouring keys of a window along y"},
    %dilation_x: index {cascade.static, cascade.default = 1 : index, cascade.min = 1 : index,
        cascade.doc = "distance of neighbouring keys of a window along x"},
    %causal_y: index {cascade.static, cascade.default = 0 : index, cascade.min = 0 : index, cascade.max = 1 : index,
        cascade.doc = "whether later keys along y are hidden (1) or seen (0)"},
    %causal_x: index {cascade.static, cascade.default = 0 : index, cascade.min = 0 : index, cascade.max = 1 : index,
        cascade.doc = "whether later keys along x are hidden (1) or seen (0)"},
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
      %height = arith.floordivsi %np, %width : index
      %y = arith.floordivsi %p, %width : index
      %x = arith.remui %p, %width : index
      %key_y = arith.floordivsi %j, %width : index
      %key_start = arith.muli %key_y, %width : index
      %key_x = arith.subi %j, %key_start : index

      %residue_y = arith.remui %y, %dilation_y : index
      %at_y = arith.floordivsi %y, %dilation_y : index
      // The number of coordinates of this residue: a quotient, rounded up.
      %past_y = arith.subi %dilation_y, %residue_y : index
      %rounding_y = arith.addi %height, %past_y : index
      %before_rounding_y = arith.subi %rounding_y, %one : index
      %length_y = arith.floordivsi %before_rounding_y, %dilation_y : index
      %end_y = arith.subi %length_y, %one : index
      // The query whose window its neighbours share.
      %is_causal_y = arith.cmpi ne, %causal_y, %zero : index
      %middle_y = arith.floordivsi %stride_y, %two : index
      %last_y = arith.subi %stride_y, %one : index
      %leader_y = arith.select %is_causal_y, %last_y, %middle_y : index
      %group_y = arith.floordivsi %at_y, %stride_y : index
      %start_y = arith.muli %group_y, %stride_y : index
      %lead_y = arith.addi %start_y, %leader_y : index
      %center_y = arith.minsi %lead_y, %end_y : index
      %reach_y = arith.subi %window_y, %one : index
      %half_y = arith.floordivsi %window_y, %two : index
      %left_y = arith.subi %center_y, %half_y : index
      %inside_y = arith.maxsi %left_y, %zero : index
      %latest_y = arith.subi %length_y, %window_y : index
      %shifted_y = arith.minsi %inside_y, %latest_y : index
      %shifted_end_y = arith.addi %shifted_y, %window_y : index
      %back_y = arith.subi %center_y, %reach_y : index
      %cut_y = arith.maxsi %back_y, %zero : index
      %next_y = arith.addi %at_y, %one : index
      %lo_y = arith.select %is_causal_y, %cut_y, %shifted_y : index
      %hi_y = arith.select %is_causal_y, %next_y, %shifted_end_y : index
      %key_at_y = arith.floordivsi %key_y, %dilation_y : index
      %key_turns_y = arith.muli %key_at_y, %dilation_y : index
      %key_residue_y = arith.subi %key_y, %key_turns_y : index
      %same_y = arith.cmpi eq, %key_residue_y, %residue_y : index
      %from_y = arith.cmpi sge, %key_at_y, %lo_y : index
      %until_y = arith.cmpi slt, %key_at_y, %hi_y : index
      %within_y = arith.andi %from_y, %until_y : i1
      %sees_y = arith.andi %same_y, %within_y : i1

      %residue_x = arith.remui %x, %dilation_x : index
      %at_x = arith.floordivsi %x, %dilation_x : index
      // The number of coordinates of this residue: a quotient, rounded up.
      %past_x = arith.subi %dilation_x, %residue_x : index
      %rounding_x = arith.addi %width, %past_x : index
      %before_rounding_x = arith.subi %rounding_x, %one : index
      %length_x = arith.floordivsi %before_rounding_x, %dilation_x : index
      %end_x = arith.subi %length_x, %one : index
      // The query whose window its neighbours share.
      %is_causal_x = arith.cmpi ne, %causal_x, %zero : index
      %middle_x = arith.floordivsi %stride_x, %two : index
      %last_x = arith.subi %stride_x, %one : index
      %leader_x = arith.select %is_causal_x, %last_x, %middle_x : index
      %group_x = arith.floordivsi %at_x, %stride_x : index
      %start_x = arith.muli %group_x, %stride_x : index
      %lead_x = arith.addi %start_x, %leader_x : index
      %center_x = arith.minsi %lead_x, %end_x : index
      %reach_x = arith.subi %window_x, %one : index
      %half_x = arith.floordivsi %window_x, %two : index
      %left_x = arith.subi %center_x, %half_x : index
      %inside_x = arith.maxsi %left_x, %zero : index
      %latest_x = arith.subi %length_x, %window_x : index
      %shifted_x = arith.minsi %inside_x, %latest_x : index
      %shifted_end_x = arith.addi %shifted_x, %window_x : index
      %back_x = arith.subi %center_x, %reach_x : index
      %cut_x = arith.maxsi %back_x, %zero : index
      %next_x = arith.addi %at_x, %one : index
      %lo_x = arith.select %is_causal_x, %cut_x, %shifted_x : index
      %hi_x = arith.select %is_causal_x, %next_x, %shifted_end_x : index
      %key_at_x = arith.floordivsi %key_x, %dilation_x : index
      %key_turns_x = arith.muli %key_at_x, %dilation_x : index
      %key_residue_x = arith.subi %key_x, %key_turns_x : index
      %same_x = arith.cmpi eq, %key_residue_x, %residue_x : index
      %from_x = arith.cmpi sge, %key_at_x, %lo_x : index
      %until_x = arith.cmpi slt, %key_at_x, %hi_x : index
      %within_x = arith.andi %from_x, %until_x : i1
      %sees_x = arith.andi %same_x, %within_x : i1

      %both = arith.andi %sees_y, %sees_x : i1
      %visible = arith.ori %global, %both : i1
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
