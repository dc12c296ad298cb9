// Block-sparse attention: each row of blocks has a list of visible blocks (BSR).
//
// Row r of head h sees the blocks of keys indices[indptr[h, r]] up to the one before
// indptr[h, r + 1]: one flat list holds the rows of all heads. The blocks of a row
// are a set; negative entries are absent.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>
!Offsets = !cascade.tensor<[H, I], i32, empty = 0>
!Blocks = !cascade.tensor<[N], i32, empty = -1>

cascade.func @block_sparse(%q: !Q, %k: !K, %v: !V,
    %indptr: !Offsets {cascade.fixed, cascade.fill = affine_map<(d0, d1) -> (d0 + d1 * 3)>,
        cascade.doc = "where in the list the blocks of a row start; one more than rows"},
    %indices: !Blocks {cascade.fixed, cascade.fill = affine_map<(d0) -> (d0 floordiv 3 - (d0 mod 3) * 2)>,
        cascade.doc = "blocks of keys"},
    %block_rows: index {cascade.static, cascade.default = 16 : index, cascade.min = 1 : index, cascade.doc = "queries of a block"},
    %block_cols: index {cascade.static, cascade.default = 16 : index, cascade.min = 1 : index, cascade.doc = "keys of a block"},
    %causal: index {cascade.static, cascade.default = 0 : index, cascade.min = 0 : index, cascade.max = 1 : index,
        cascade.doc = "whether later keys are hidden (1) or seen (0)"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc, cascade.extents = {I = 33, N = 128}} {
  // Query p stands at position p + |M| - |P| of the keys: the last query sees the
  // last key.
  %np = cascade.extent P
  %nm = cascade.extent M
  %offset = arith.subi %nm, %np : index
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %offset : index
      %before = arith.cmpi sle, %m, %at : index
      %is_causal = arith.cmpi ne, %causal, %zero : index
      %true = arith.constant true
      %any_order = arith.xori %is_causal, %true : i1
      %ordered = arith.ori %before, %any_order : i1

      %row = arith.floordivsi %p, %block_rows : index
      %next_row = arith.addi %row, %one : index
      %first_value = cascade.read %indptr[%h, %row] : !Offsets -> i32
      %last_value = cascade.read %indptr[%h, %next_row] : !Offsets -> i32
      %first = arith.index_cast %first_value : i32 to index
      %last = arith.index_cast %last_value : i32 to index
      %column = arith.floordivsi %m, %block_cols : index
      %listed = cascade.member %column in %indices[] from %first to %last : !Blocks
      %visible = arith.andi %listed, %ordered : i1
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
