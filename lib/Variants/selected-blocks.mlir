// Selected blocks (NSA, MoBA, HiP): causal, to sinks, a window, and blocks listed for each row.
//
// Query p sees the blocks of row p / `rows` of its list, a set of at most |T| blocks
// of keys; entries of -1 are absent.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>
!Lists = !cascade.tensor<[B, H, R, T], i32, empty = -1>

cascade.func @selected_blocks(%q: !Q, %k: !K, %v: !V,
    %idx: !Lists {cascade.fixed, cascade.fill = affine_map<(d0, d1, d2, d3) -> (d2 - d3 * 3 - d1 mod 2)>,
        cascade.doc = "blocks of keys that each row sees, or -1"},
    %block: index {cascade.static, cascade.default = 16 : index, cascade.min = 1 : index, cascade.doc = "keys of a block"},
    %rows: index {cascade.static, cascade.default = 16 : index, cascade.min = 1 : index,
        cascade.doc = "queries of a row of the lists"},
    %sinks: index {cascade.default = 4 : index, cascade.min = 0 : index,
        cascade.doc = "first keys, which every later query sees"},
    %window: index {cascade.default = 32 : index, cascade.min = 0 : index,
        cascade.doc = "last keys that a query sees, itself among them"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc, cascade.extents = {R = 32, T = 4}} {
  // Query p stands at position p + |M| - |P| of the keys: the last query sees the
  // last key.
  %np = cascade.extent P
  %nm = cascade.extent M
  %offset = arith.subi %nm, %np : index
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %b = cascade.index b
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %offset : index
      %before = arith.cmpi sle, %m, %at : index
      %behind = arith.subi %at, %m : index
      %near = arith.cmpi slt, %behind, %window : index
      %sunk = arith.cmpi slt, %m, %sinks : index
      %fixed = arith.ori %near, %sunk : i1
      %row = arith.floordivsi %p, %rows : index
      %column = arith.floordivsi %m, %block : index
      %listed = cascade.member %column in %idx[%b, %h, %row] : !Lists
      %kept = arith.ori %fixed, %listed : i1
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
