// Sweeps over a rank that stands for segments and the keys of each.
// RUN: attn-opt %s --cascade-join-ranks=width=1024 --cascade-reduce-passes --convert-cascade-to-tile=few-rows=0 --canonicalize --cse --split-input-file | FileCheck %s

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[S, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, S, M], f32, empty = 0.0>
!O = !cascade.tensor<[P], f32, empty = 0.0>
!L = !cascade.tensor<[S], i32, empty = 0>

// CHECK-DAG: #[[$K:.*]] = affine_map<(d0, d1)[s0, s1] -> (s1, d0 + s0, d1)>
// CHECK-LABEL: tile.program @segments(
// CHECK-SAME:    %[[K:arg[0-9]+]]: memref<?x?x64xf32, {{.*}}> {tile.access = "read", tile.most = {M = 1024 : i64, S = 2097151 : i64}, tile.name = "k", tile.shape = ["S", "M", 64]}
// CHECK-SAME:    %[[LENGTHS:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.name = "lengths"
// CHECK-SAME:    %[[FIRST:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.name = "first"
// CHECK-SAME:    %[[RUNS:arg[0-9]+]]: index {tile.extent = "S"}) space(%[[P:arg[0-9]+]] = "P" by 64)

// The steps of both classes are added up over all segments, each of which has
// those that its numbers say. It has none where it begins behind the rows.
// CHECK:         %[[SUMS:.*]]:2 = tile.sum below %[[RUNS]] {
// CHECK-NEXT:    ^bb0(%[[R:.*]]: index):
// CHECK-DAG:       %[[OWN:.*]] = tile.element %[[LENGTHS]][%[[R]]] empty 0
// CHECK-DAG:       %[[FROM:.*]] = tile.element %[[FIRST]][%[[R]]] empty 0
// CHECK-DAG:       %[[BEGIN:.*]] = arith.index_cast %[[FROM]]
// CHECK-DAG:       %[[LO:.*]] = arith.maxsi %[[P]], %[[BEGIN]]
// CHECK:           %[[SEES:.*]] = arith.cmpi sle, %[[LO]], %{{.*}} : index
// CHECK-NEXT:      %[[KEYS:.*]] = arith.select %[[SEES]], %{{.*}}, %c0
// CHECK:           %[[PARTIAL:.*]] = arith.divui %{{.*}}, %c256
// CHECK:           %[[FULL:.*]] = arith.divui %{{.*}}, %c256
// CHECK-NEXT:      tile.yield %[[PARTIAL]], %[[FULL]] : index, index
// CHECK:         tile.sweep(%c0 to %[[SUMS]]#0 partial at {

// A step of the sum is one of a segment's, whose coordinates are its own.
// CHECK-NEXT:    ^bb0(%[[STEP:.*]]: index):
// CHECK-NEXT:      %[[I:.*]], %[[REST:.*]] = tile.locate %[[STEP]] below %[[RUNS]] {
// CHECK:             tile.yield %{{.*}} : index
// CHECK-NEXT:      }
// CHECK:           tile.element %[[LENGTHS]][%[[I]]]
// CHECK:           %[[WITHIN:.*]] = arith.muli %[[REST]], %c256
// CHECK-NEXT:      %[[BASE:.*]] = arith.addi %{{.*}}, %[[WITHIN]]
// CHECK-NEXT:      %[[LEFT:.*]] = arith.subi %[[UPPER:.*]], %[[BASE]]
// CHECK-NEXT:      %[[CUT:.*]] = arith.minsi %[[LEFT]], %c256
// CHECK-NEXT:      %[[COUNT:.*]] = arith.maxsi %[[CUT]], %c0
// CHECK-NEXT:      %[[START:.*]] = arith.muli %[[I]], %c1024
// CHECK-NEXT:      %[[AT:.*]] = arith.addi %[[START]], %[[BASE]]
// CHECK-NEXT:      %[[END:.*]] = arith.addi %[[START]], %[[UPPER]]
// CHECK-NEXT:      tile.yield %[[AT]], %[[COUNT]], %[[END]] : index, index, index
// CHECK-NEXT:    }, %c0 to %[[SUMS]]#1 full at {
// CHECK:           tile.locate
// CHECK:           tile.yield %{{.*}}, %{{.*}}, %{{.*}} : index, index, index
// CHECK-NEXT:    }) by 256

// All of a step lies in one segment.
// CHECK-NEXT:    ^bb0(%[[BASE:.*]]: index, %[[COUNT:.*]]: index,
// CHECK-NEXT:      %[[I:.*]] = arith.divui %[[BASE]], %c1024
// CHECK-NEXT:      %[[PLACE:.*]] = arith.remui %[[BASE]], %c1024
// CHECK-NEXT:      tile.load %[[K]][#[[$K]]](%[[PLACE]], %[[I]]) valid(%[[COUNT]], %c64)
// CHECK-NOT:       clips
// CHECK:           tile.mask %{{.*}} at(%[[P]], %c0) valid(%c64, %[[COUNT]]) {
// CHECK-NEXT:      ^bb0(%[[ROW:.*]]: index, %[[COLUMN:.*]]: index):
// CHECK-NEXT:        %[[KEY:.*]] = arith.addi %[[PLACE]], %[[COLUMN]]
// CHECK:             tile.element %[[LENGTHS]][%[[I]]]
// CHECK:             arith.cmpi slt, %[[KEY]]
cascade.func @segments(%q: !Q, %k: !K, %lengths: !L, %first: !L, %last: !L) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  %s = cascade.einsum [p, s, m] = %q[p, e], %k[s, m, e] reduce add : !Q, !K -> !S
    where {
      %s = cascade.index s
      %p = cascade.index p
      %m = cascade.index m
      %length = cascade.read %lengths[%s] : !L -> i32
      %from = cascade.read %first[%s] : !L -> i32
      %to = cascade.read %last[%s] : !L -> i32
      %keys = arith.index_cast %length : i32 to index
      %begin = arith.index_cast %from : i32 to index
      %end = arith.index_cast %to : i32 to index
      %is_key = arith.cmpi slt, %m, %keys : index
      %begins = arith.cmpi sle, %begin, %p : index
      %ends = arith.cmpi slt, %p, %end : index
      %is_query = arith.andi %begins, %ends : i1
      %visible = arith.andi %is_query, %is_key : i1
      cascade.yield %visible : i1
    }
  %o = cascade.einsum [p] = %s[p, s, m] reduce add : !S -> !O
  cascade.return %o : !O
}

// -----

// In pages a segment has as many keys as its length says, which a mask may read,
// too: the argument is the one that pages have. A coordinate of the table is the
// run, and the place in it is where the step begins.
!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[S, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, S, M], f32, empty = 0.0>
!O = !cascade.tensor<[P], f32, empty = 0.0>
!L = !cascade.tensor<[S], i32, empty = 0>
// CHECK-LABEL: tile.program @paged(
// CHECK-SAME:    %[[LENGTHS:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.name = "lengths", tile.shape = ["S"]}
// CHECK-NOT:     tile.name = "lengths"
// CHECK-SAME:    %[[TABLE:arg[0-9]+]]: memref<?x?xi32, {{.*}}> {tile.access = "read", tile.most = {S = 2097151 : i64, pages_width = 64 : i64}, tile.name = "pages", tile.shape = ["S", "pages_width"]}
// CHECK-SAME:    %[[RUNS:arg[0-9]+]]: index {tile.extent = "S"}
// CHECK:         tile.sum below %[[RUNS]] {
// CHECK-NEXT:    ^bb0(%[[R:.*]]: index):
// CHECK-NEXT:      tile.element %[[LENGTHS]][%[[R]]] empty 0
// CHECK:         tile.sweep(
// CHECK:         }) by 256
// CHECK:           %[[I:.*]] = arith.divui %{{.*}}, %c1024
// CHECK:           %[[PLACE:.*]] = arith.remui %{{.*}}, %c1024
// CHECK:           tile.load %{{.*}}[#{{.*}}]() through %[[TABLE]](%[[I]]) from %[[PLACE]] by <16 along 0>
cascade.func @paged(%q: !Q,
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["S"] in "pages" to "lengths">},
    %lengths: !L) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  %s = cascade.einsum [p, s, m] = %q[p, e], %k[s, m, e] reduce add : !Q, !K -> !S
    where {
      %s = cascade.index s
      %m = cascade.index m
      %length = cascade.read %lengths[%s] : !L -> i32
      %keys = arith.index_cast %length : i32 to index
      %is_key = arith.cmpi slt, %m, %keys : index
      cascade.yield %is_key : i1
    }
  %o = cascade.einsum [p] = %s[p, s, m] reduce add : !S -> !O
  cascade.return %o : !O
}
