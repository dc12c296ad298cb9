// A mask of tables that are read at coordinates that may be outside of them, where
// their empty values leave keys to see.

!Q = !cascade.tensor<[B, H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>
!Ends = !cascade.tensor<[H, N], i32, empty = 11>
!Kept = !cascade.tensor<[T], i32, empty = 1>
!Rows = !cascade.tensor<[L], i32, empty = 17>
!Gates = !cascade.tensor<[N], f32, empty = 1.0>

cascade.func @computed_reads(%q: !Q, %k: !K, %v: !V,
    %ends: !Ends {cascade.fixed, cascade.fill = affine_map<(d0, d1) -> (d0 * 4 + d1 * 3 + 2)>,
        cascade.doc = "keys that a block of rows sees"},
    %kept: !Kept {cascade.fixed, cascade.fill = affine_map<(d0) -> (d0 mod 3)>,
        cascade.doc = "whether pairs of keys are seen"},
    %rows: !Rows {cascade.fixed, cascade.fill = affine_map<(d0) -> (d0 * 5 + 1)>,
        cascade.doc = "keys that a row sees"},
    %gates: !Gates {cascade.fixed, cascade.doc = "blocks of rows that see nothing are negative"})
    -> (o: !O, lse: !R {cascade.fixed})
    attributes {reassoc, cascade.residual, cascade.extents = {N = 2, T = 4, L = 3}} {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %none = arith.constant 0 : i32
      %zero = arith.constant 0.0 : f32
      %row = arith.floordivsi %p, %c4 : index
      %end_value = cascade.read %ends[%h, %row] : !Ends -> i32
      %end = arith.index_cast %end_value : i32 to index
      %before = arith.cmpi slt, %m, %end : index
      %pair = arith.floordivsi %m, %c2 : index
      %keep = cascade.read %kept[%pair] : !Kept -> i32
      %seen = arith.cmpi ne, %keep, %none : i32
      %gate = cascade.read %gates[%row] : !Gates -> f32
      %open = arith.cmpf oge, %gate, %zero : f32
      %row_value = cascade.read %rows[%p] : !Rows -> i32
      %row_end = arith.index_cast %row_value : i32 to index
      %within = arith.cmpi slt, %m, %row_end : index
      %seen_within = arith.andi %seen, %within : i1
      %head_value = cascade.read %rows[%h] : !Rows -> i32
      %head_end = arith.index_cast %head_value : i32 to index
      %double = arith.muli %head_end, %c2 : index
      %first = arith.cmpi slt, %m, %double : index
      %near = arith.andi %before, %first : i1
      %both = arith.andi %near, %seen_within : i1
      %visible = arith.andi %both, %open : i1
      cascade.yield %visible : i1
    }
  %gm = cascade.einsum [b, h, p] = %s[b, h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, p, m] = %s[b, h, p, m], %gm[b, h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [b, h, p] = %n[b, h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [b, h, p, m] = %n[b, h, p, m], %d[b, h, p] : !W, !D -> !W
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [b, h, p, f] = %a[b, h, p, m], %v[b, h, m, f] reduce add : !W, !V -> !O
  %lse = cascade.einsum [b, h, p] = %gm[b, h, p] absorb, %d[b, h, p] absorb : !R, !D -> !R
    map (%max, %y) {
      %l = math.log %y : f32
      %r = arith.addf %max, %l : f32
      cascade.yield %r : f32
    }
  cascade.return %o, %lse : !O, !R
}
