// Scores to which tables are added that are read at computed coordinates, which
// may be outside: at differences of positions, at numbers that another table
// holds, at rows, at columns, and by head.

!Q = !cascade.tensor<[B, H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>
!Near = !cascade.tensor<[H, N], f32, empty = 0.5>
!Far = !cascade.tensor<[L], f32, empty = 0.0>
!Buckets = !cascade.tensor<[T], i32, empty = 1>
!Heads = !cascade.tensor<[H], f32, empty = 0.0>

cascade.func @computed_map_reads(%q: !Q, %k: !K, %v: !V,
    %near: !Near {cascade.doc = "by head and distance"},
    %far: !Far {cascade.fixed, cascade.doc = "by bucket, by row and by column"},
    %buckets: !Buckets {cascade.fixed, cascade.fill = affine_map<(d0) -> (d0 * 5 mod 7 - 1)>,
        cascade.doc = "buckets of distances"},
    %heads: !Heads {cascade.doc = "by head"},
    %width: index {cascade.default = 2 : index, cascade.doc = "columns with one entry"})
    -> (o: !O, lse: !R {cascade.fixed})
    attributes {reassoc, cascade.extents = {N = 2, T = 4, L = 3}} {
  %np = cascade.extent P
  %nm = cascade.extent M
  %offset = arith.subi %nm, %np : index
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %offset : index
      %c = arith.cmpi sle, %m, %at : index
      cascade.yield %c : i1
    }
  %t = cascade.einsum [b, h, p, m] = %s[b, h, p, m] absorb : !S -> !S
    map (%x) {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %c3 = arith.constant 3 : index
      %at = arith.addi %p, %offset : index
      %distance = arith.subi %at, %m : index
      %ahead = arith.subi %distance, %c3 : index
      %a = cascade.read %near[%h, %ahead] : !Near -> f32
      %bucket = cascade.read %buckets[%distance] : !Buckets -> i32
      %number = arith.index_cast %bucket : i32 to index
      %b = cascade.read %far[%number] : !Far -> f32
      %c = cascade.read %far[%p] : !Far -> f32
      %column = arith.floordivsi %m, %width : index
      %d = cascade.read %far[%column] : !Far -> f32
      %e = cascade.read %heads[%h] : !Heads -> f32
      %ab = arith.addf %a, %b : f32
      %cd = arith.addf %c, %d : f32
      %abcd = arith.addf %ab, %cd : f32
      %all = arith.addf %abcd, %e : f32
      %y = arith.addf %x, %all : f32
      cascade.yield %y : f32
    }
  %gm = cascade.einsum [b, h, p] = %t[b, h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, p, m] = %t[b, h, p, m], %gm[b, h, p] absorb : !S, !R -> !W
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
