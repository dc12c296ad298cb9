// Documents that a query need not be in, nor any other: as the shipped variant
// `documents`, without its promises. Rows may see nothing, and keys may be seen by
// no row, between others that are.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>
!Docs = !cascade.tensor<[P], i32, empty = -1>
!Starts = !cascade.tensor<[N], i32, empty = 0>

cascade.func @foreign_documents(%q: !Q, %k: !K, %v: !V,
    %doc: !Docs {cascade.fixed, cascade.fill = affine_map<(d0) -> (d0 floordiv 128)>,
        cascade.doc = "document of each token"},
    %first: !Starts {cascade.fixed, cascade.fill = affine_map<(d0) -> (d0 * 128)>,
        cascade.doc = "first token of each document, and the number of tokens"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc, cascade.extents = {N = 65}} {
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %one = arith.constant 1 : index
      %p = cascade.index p
      %m = cascade.index m
      %number = cascade.read %doc[%p] : !Docs -> i32
      %document = arith.index_cast %number : i32 to index
      %next_document = arith.addi %document, %one : index
      %start_value = cascade.read %first[%document] : !Starts -> i32
      %end_value = cascade.read %first[%next_document] : !Starts -> i32
      %start = arith.index_cast %start_value : i32 to index
      %end = arith.index_cast %end_value : i32 to index
      %after = arith.cmpi sge, %m, %start : index
      %inside = arith.cmpi slt, %m, %end : index
      %before = arith.cmpi sle, %m, %p : index
      %same = arith.andi %after, %inside : i1
      %visible = arith.andi %same, %before : i1
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
