// RUN: attn-opt %s --cascade-join-ranks=width=1024 --cascade-reduce-passes --convert-cascade-to-tile=few-rows=0 --canonicalize --cse | FileCheck %s

// One list of all pages: that of a step's segment begins where its run says.
!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[S, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, S, M], f32, empty = 0.0>
!O = !cascade.tensor<[P], f32, empty = 0.0>
// CHECK-LABEL: tile.program @compressed(
// CHECK-SAME:    %[[LENGTHS:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.most = {S = 2097151 : i64}, tile.name = "lengths"
// CHECK-SAME:    %[[STARTS:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.most = {S = 2097151 : i64}, tile.name = "starts"
// CHECK-SAME:    %[[TABLE:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.name = "pages", tile.shape = ["pages_width"]}
// CHECK:         tile.sum
// CHECK:         }) by 256
// CHECK:           %[[I:.*]] = arith.divui %{{.*}}, %c1024
// CHECK:           %[[PLACE:.*]] = arith.remui %{{.*}}, %c1024
// CHECK:           %[[ENTRY:.*]] = tile.element %[[STARTS]][%[[I]]]
// CHECK:           %[[CAST:.*]] = arith.index_cast %[[ENTRY]]
// CHECK:           %[[KNOWN:.*]] = arith.maxsi %[[CAST]], %c0
// CHECK:           %[[START:.*]] = arith.minsi %[[KNOWN]], %{{.*}}
// CHECK:           %[[BEFORE:.*]] = arith.muli %[[START]], %c16
// CHECK:           %[[FROM:.*]] = arith.addi %[[PLACE]], %[[BEFORE]]
// CHECK:           tile.load %{{.*}}[#{{.*}}]() through %[[TABLE]]() from %[[FROM]] by <16 along 0>
cascade.func @compressed(%q: !Q,
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["S"] in "pages" to "lengths" at "starts">})
    -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  %s = cascade.einsum [p, s, m] = %q[p, e], %k[s, m, e] reduce add : !Q, !K -> !S
  %o = cascade.einsum [p] = %s[p, s, m] reduce add : !S -> !O
  cascade.return %o : !O
}
