// RUN: attn-opt %s --cascade-reduce-passes --convert-cascade-to-tile=few-rows=0 --split-input-file | FileCheck %s

!Q = !cascade.tensor<[B, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, M, E], f32, empty = 0.0>
!O = !cascade.tensor<[B, P], f32, empty = 0.0>

// What lies in pages has a table and lengths beside it. The keys end where the
// item's sequence does, and at the most where the table does.
// CHECK-LABEL: tile.program @sums(
// CHECK-SAME: %[[K:arg[0-9]+]]: memref<?x16x64xf32, {{.*}}> {tile.access = "read", tile.name = "k", tile.shape = ["k_pages", 16, 64]}
// CHECK-SAME: %[[LENGTHS:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.name = "lengths", tile.shape = ["B"]}
// CHECK-SAME: %[[TABLE:arg[0-9]+]]: memref<?x?xi32, {{.*}}> {tile.access = "read", tile.name = "pages", tile.shape = ["B", "pages_width"]}
// CHECK-SAME: %[[WIDTH:arg[0-9]+]]: index {tile.extent = "pages_width"}
// CHECK-SAME: space(%[[B:arg[0-9]+]] = "B"
// CHECK:      %[[OWN:.*]] = tile.element %[[LENGTHS]][%[[B]]] empty 0 : i32
// CHECK:      %[[LENGTH:.*]] = arith.index_cast %[[OWN]]
// CHECK:      %[[FROM0:.*]] = arith.maxsi %[[LENGTH]], %c0
// CHECK:      %[[MOST:.*]] = arith.muli %[[WIDTH]], %c16
// CHECK:      %[[M:.*]] = arith.minsi %[[FROM0]], %[[MOST]]
// CHECK:      tile.sweep(%c0 to %[[M]] full)
// CHECK:      ^bb0(%[[BASE:.*]]: index, %[[COUNT:.*]]: index,
// CHECK:        tile.load %[[K]][#[[MAP:.*]]]() through %[[TABLE]](%[[B]]) from %[[BASE]] by <16 along 0> : memref<?x?xi32, {{.*}}> valid(%[[COUNT]], %{{.*}})
cascade.func @sums(%q: !Q,
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">})
    -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  %s = cascade.einsum [b, p, m] = %q[b, p, e], %k[b, m, e] reduce add
      : !Q, !K -> !cascade.tensor<[B, P, M], f32, empty = 0.0>
  %o = cascade.einsum [b, p] = %s[b, p, m] reduce add
      : !cascade.tensor<[B, P, M], f32, empty = 0.0> -> !O
  cascade.return %o : !O
}

// -----

// One list of all pages: positions of a sequence follow those of others.
// CHECK-LABEL: tile.program @compressed(
// CHECK-SAME: %[[STARTS:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.name = "starts", tile.shape = ["B"]}
// CHECK-SAME: %[[TABLE:arg[0-9]+]]: memref<?xi32, strided<[?], offset: ?>> {tile.access = "read", tile.name = "pages", tile.shape = ["pages_width"]}
// CHECK:      %[[ENTRY:.*]] = tile.element %[[STARTS]]
// CHECK:      %[[CAST:.*]] = arith.index_cast %[[ENTRY]]
// CHECK:      %[[KNOWN:.*]] = arith.maxsi %[[CAST]], %c0
// CHECK:      %[[START:.*]] = arith.minsi %[[KNOWN]], %{{.*}}
// CHECK:      tile.sweep
// CHECK:      ^bb0(%[[BASE:.*]]: index, %{{.*}}: index,
// CHECK:        %[[BEFORE:.*]] = arith.muli %[[START]], %{{.*}}
// CHECK:        %[[FROM:.*]] = arith.addi %[[BASE]], %[[BEFORE]]
// CHECK:        tile.load %{{.*}}[#{{.*}}]() through %[[TABLE]]() from %[[FROM]] by <16 along 0>
!Q = !cascade.tensor<[B, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, M, E], f32, empty = 0.0>
!O = !cascade.tensor<[B, P], f32, empty = 0.0>
cascade.func @compressed(%q: !Q,
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths" at "starts">})
    -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  %s = cascade.einsum [b, p, m] = %q[b, p, e], %k[b, m, e] reduce add
      : !Q, !K -> !cascade.tensor<[B, P, M], f32, empty = 0.0>
  %o = cascade.einsum [b, p] = %s[b, p, m] reduce add
      : !cascade.tensor<[B, P, M], f32, empty = 0.0> -> !O
  cascade.return %o : !O
}

// -----

// A program without keys has no lengths and no table.
// CHECK-LABEL: tile.program @reassociated_0(
// CHECK-SAME: tile.name = "lengths"
// CHECK-SAME: tile.extent = "pages_width"
// CHECK:      tile.sweep
// CHECK-LABEL: tile.program @reassociated_1(
// CHECK-NOT:  tile.name = "lengths"
// CHECK-NOT:  pages_width
!Q = !cascade.tensor<[B, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, M, F], f32, empty = 0.0>
!State = !cascade.tensor<[B, E, F], f32, empty = 0.0>
!O = !cascade.tensor<[B, P, F], f32, empty = 0.0>
cascade.func @reassociated(%q: !Q,
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">},
    %v: !V {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">})
    -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %state = cascade.einsum [b, e, f] = %k[b, m, e], %v[b, m, f] reduce add : !K, !V -> !State
  %o = cascade.einsum [b, p, f] = %q[b, p, e], %state[b, e, f] reduce add : !Q, !State -> !O
  cascade.return %o : !O
}
