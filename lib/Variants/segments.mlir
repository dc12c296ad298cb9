// Queries of many sequences over segments of keys: batches of prompts and decoding steps, and prefixes that sequences share.
//
// Segment s has `lengths[s]` keys, which queries `first[s] <= p < last[s]` see: all of
// them, or with `causal[s]` those up to their own, the last query seeing the last key. A query
// attends to all segments that it sees together: to prefixes that it shares with others, and to
// what is its own sequence's alone.

!Q = !cascade.tensor<[H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[S, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[S, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[H, G, P, S, M], f32, empty = -inf>
!R = !cascade.tensor<[H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[H, G, P, S, M], f32, empty = 0.0>
!D = !cascade.tensor<[H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, G, P, F], f32, empty = 0.0>
!Segments = !cascade.tensor<[S], i32, empty = 0>

cascade.func @segments(%q: !Q, %k: !K, %v: !V,
    %lengths: !Segments {cascade.fixed, cascade.fill = affine_map<(d0) -> ((d0 mod 5) * 37)>,
        cascade.doc = "keys of each segment"},
    %first: !Segments {cascade.fixed,
        cascade.fill = affine_map<(d0) -> ((d0 floordiv 4) * 64 + (d0 mod 4) * 16 - ((d0 mod 4) floordiv 3) * 48)>,
        cascade.doc = "the first query that sees a segment"},
    %last: !Segments {cascade.fixed,
        cascade.fill = affine_map<(d0) -> ((d0 floordiv 4) * 64 + (d0 mod 4) * 16 + 24)>,
        cascade.doc = "behind the last query that sees it"},
    %causal: !Segments {cascade.fixed, cascade.fill = affine_map<(d0) -> (1 - (d0 mod 4) floordiv 3)>,
        cascade.doc = "whether later keys are hidden (1) or seen (0)"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc, cascade.extents = {S = 12 : i64}} {
  %s = cascade.einsum [h, g, p, s, m] = %q[h, g, p, e], %k[s, h, m, e] reduce add : !Q, !K -> !S
    where {
      %zero = arith.constant 0 : i32
      %s = cascade.index s
      %p = cascade.index p
      %m = cascade.index m
      %length_value = cascade.read %lengths[%s] : !Segments -> i32
      %first_value = cascade.read %first[%s] : !Segments -> i32
      %last_value = cascade.read %last[%s] : !Segments -> i32
      %causal_value = cascade.read %causal[%s] : !Segments -> i32
      %length = arith.index_cast %length_value : i32 to index
      %from = arith.index_cast %first_value : i32 to index
      %to = arith.index_cast %last_value : i32 to index
      %is_key = arith.cmpi slt, %m, %length : index
      %begins = arith.cmpi sle, %from, %p : index
      %ends = arith.cmpi slt, %p, %to : index
      %end_offset = arith.subi %length, %to : index
      %is_ordered = arith.cmpi ne, %causal_value, %zero : i32
      %offset = arith.select %is_ordered, %end_offset, %length : index
      %at = arith.addi %p, %offset : index
      %before = arith.cmpi sle, %m, %at : index
      %is_query = arith.andi %begins, %ends : i1
      %exist = arith.andi %is_query, %is_key : i1
      %visible = arith.andi %exist, %before : i1
      cascade.yield %visible : i1
    }
  %t = cascade.einsum [h, g, p, s, m] = %s[h, g, p, s, m] absorb : !S -> !S
    map (%x) {
      %y = arith.mulf %x, %scale : f32
      cascade.yield %y : f32
    }
  %gm = cascade.einsum [h, g, p] = %t[h, g, p, s, m] reduce max : !S -> !R
  %n = cascade.einsum [h, g, p, s, m] = %t[h, g, p, s, m], %gm[h, g, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [h, g, p] = %n[h, g, p, s, m] reduce add : !W -> !D
  %a = cascade.einsum [h, g, p, s, m] = %n[h, g, p, s, m], %d[h, g, p] : !W, !D -> !W
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [h, g, p, f] = %a[h, g, p, s, m], %v[s, h, m, f] reduce add : !W, !V -> !O
  %lse = cascade.einsum [h, g, p] = %gm[h, g, p] absorb, %d[h, g, p] absorb : !R, !D -> !R
    map (%max, %y) {
      %l = math.log %y : f32
      %r = arith.addf %max, %l : f32
      cascade.yield %r : f32
    }
  cascade.return %o, %lse : !O, !R
}
