// RUN: attn-opt %s --tile-hoist-masks | FileCheck %s

// What depends on the row is computed once a sweep, what depends on the key once
// a step, and what depends on neither outside of both; comparisons of a row with
// a key are left, and a sum is cheaper than reading it.
// CHECK-LABEL: tile.program @both
//       CHECK:   %[[TWICE:.*]] = arith.muli %{{.*}}, %{{.*}} : index
//       CHECK:   %[[ROWS:.*]] = tile.generate at(%[[P:.*]]) {
//  CHECK-NEXT:   ^bb0(%[[I:.*]]: index):
//       CHECK:     %[[Y:.*]] = arith.floordivsi %[[I]], %[[TWICE]] : index
//  CHECK-NEXT:     tile.yield %[[Y]] : index
//       CHECK:   tile.sweep
//       CHECK:     %[[KEYS:.*]] = tile.generate at(%[[BASE:.*]]) {
//       CHECK:       arith.remui
//       CHECK:     tile.mask %{{.*}} at(%[[P]], %[[BASE]]) with(%[[ROWS]], %[[KEYS]] along [0, 1] : tensor<4xindex>, tensor<8xindex>) {
//  CHECK-NEXT:     ^bb0(%[[R:.*]]: index, %[[K:.*]]: index, %[[ROW:.*]]: index, %[[KEY:.*]]: index):
//  CHECK-NEXT:       %[[C:.*]] = arith.cmpi sle, %[[KEY]], %[[ROW]] : index
//  CHECK-NEXT:       %[[SUM:.*]] = arith.addi %[[R]], %{{.*}} : index
//  CHECK-NEXT:       %[[D:.*]] = arith.cmpi sle, %[[K]], %[[SUM]] : index
//  CHECK-NEXT:       arith.andi %[[C]], %[[D]] : i1
tile.program @both(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "write", tile.shape = ["P", "M"]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %w: index {tile.name = "w"}) space(%p = "P" by 4) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  tile.sweep(%c0 to %M partial) by 8 step {
  ^bb0(%base: index, %n: index):
    %t = tile.mask %zero empty 1.0 : f32 at(%p, %base) {
    ^bb0(%i: index, %j: index):
      %twice = arith.muli %w, %c2 : index
      %y = arith.floordivsi %i, %twice : index
      %k = arith.remui %j, %w : index
      %c = arith.cmpi sle, %k, %y : index
      %at = arith.addi %i, %w : index
      %d = arith.cmpi sle, %j, %at : index
      %r = arith.andi %c, %d : i1
      tile.yield %r : i1
    } : tensor<4x8xf32>
    tile.store %t, %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%p, %base)
        : tensor<4x8xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
    tile.yield
  }
}

// Two values of a row that share a division are both taken out.
// CHECK-LABEL: tile.program @shared
// CHECK-COUNT-2: tile.generate
//       CHECK:   tile.mask {{.*}} with(%{{.*}}, %{{.*}} along [0, 0] : tensor<4xindex>, tensor<4xindex>)
//   CHECK-NOT:     floordivsi
//       CHECK:   tile.store
tile.program @shared(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "write", tile.shape = ["P", "M"]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %w: index {tile.name = "w"}) space(%p = "P" by 4, %m = "M" by 8) {
  %c2 = arith.constant 2 : index
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %t = tile.mask %zero empty 1.0 : f32 at(%p, %m) {
  ^bb0(%i: index, %j: index):
    %y = arith.floordivsi %i, %w : index
    %lo = arith.muli %y, %c2 : index
    %hi = arith.muli %y, %w : index
    %c = arith.cmpi sle, %lo, %j : index
    %d = arith.cmpi sle, %j, %hi : index
    %r = arith.andi %c, %d : i1
    tile.yield %r : i1
  } : tensor<4x8xf32>
  tile.store %t, %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%p, %m)
      : tensor<4x8xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}

// A cheap predicate stays as it is.
// CHECK-LABEL: tile.program @cheap
//   CHECK-NOT:   tile.generate
//       CHECK:   tile.mask %{{.*}} empty 1.000000e+00 : f32 at(%{{.*}}, %{{.*}}) {
tile.program @cheap(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "write", tile.shape = ["P", "M"]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %w: index {tile.name = "w"}) space(%p = "P" by 4, %m = "M" by 8) {
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %t = tile.mask %zero empty 1.0 : f32 at(%p, %m) {
  ^bb0(%i: index, %j: index):
    %at = arith.addi %i, %w : index
    %c = arith.cmpi sle, %j, %at : index
    tile.yield %c : i1
  } : tensor<4x8xf32>
  tile.store %t, %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%p, %m)
      : tensor<4x8xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}

// Where all segments are full the predicate holds; counts stay.
// CHECK-LABEL: tile.program @full
//       CHECK:   tile.sweep
//   CHECK-NOT:     tile.generate
//       CHECK:     tile.mask %{{.*}} valid(%{{.*}}, %[[N:.*]]) {
//  CHECK-NEXT:     ^bb0(%{{.*}}: index, %{{.*}}: index):
//  CHECK-NEXT:       %[[TRUE:.*]] = arith.constant true
//  CHECK-NEXT:       tile.yield %[[TRUE]] : i1
tile.program @full(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "write", tile.shape = ["P", "M"]},
    %list: memref<?xi32, strided<[?], offset: ?>>
      {tile.name = "list", tile.access = "read", tile.shape = ["N"]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %N: index {tile.extent = "N"}) space(%p = "P" by 4) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %r = tile.sweep(%c0 to %N full at {
  ^bb0(%i: index):
    %block = tile.entry %list[] from %c0 at %i : memref<?xi32, strided<[?], offset: ?>>
    %base = arith.muli %block, %c8 : index
    tile.yield %base, %c8 : index, index
  }) by 8 carry(%zero : tensor<4x8xf32>) step {
  ^bb0(%base: index, %n: index, %acc: tensor<4x8xf32>):
    %m = tile.mask %acc empty 1.0 : f32 at(%p, %base) valid(%c4, %n) {
    ^bb0(%i: index, %k: index):
      %column = arith.floordivsi %k, %c8 : index
      %listed = tile.member %column in %list[] from %c0 to %N : memref<?xi32, strided<[?], offset: ?>>
      tile.yield %listed : i1
    } : tensor<4x8xf32>
    tile.yield %m : tensor<4x8xf32>
  } merge {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>):
    %s = arith.addf %a, %b : tensor<4x8xf32>
    tile.yield %s : tensor<4x8xf32>
  }
  tile.store %r, %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%p, %c0) : tensor<4x8xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}
