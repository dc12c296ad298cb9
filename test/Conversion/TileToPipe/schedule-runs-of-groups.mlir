// RUN: attn-opt %s --schedule-tiles=stream=true --canonicalize --cse | FileCheck %s

#plane = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#run = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!x = memref<?x64xbf16>
!w = memref<?x?x64xbf16>
!o = memref<?x64xf32>
!numbers = memref<?xi32>

// Two groups have 64 rows each of a tile; rows see segments from one of their own on.
// Slots tell where runs end. A group counts those of its rows that see a run: where
// there are none it gives the run's slots back, and what it has goes on as it is.
// CHECK-LABEL: pipe.kernel @begins(
//   CHECK-DAG:   %[[C64:.*]] = arith.constant 64 : i32
//       CHECK:   %[[RING:.*]] = pipe.ring readers(2) by_warps : <{{.*}}, messages = 3>
//       CHECK:   pipe.role "load"
//       CHECK:     pipe.fill %[[RING]]{{.*}} message(%[[STEP:.*]]#0, %[[STEP]]#1, %[[STEP]]#2)
//       CHECK:   pipe.role "multiply" groups(2) {{.*}} (%[[GROUP:.*]]) {
//       CHECK:     %[[OFFSET:.*]] = arith.muli %[[GROUP]], %[[C64]]
//       CHECK:     %{{.*}}, %[[LAST:.*]] = pipe.part
//       CHECK:     scf.while (%{{.*}} = %
//       CHECK:       arith.cmpi slt, %{{.*}}, %[[LAST]]
//       CHECK:     } do {
//       CHECK:       %[[BASE:.*]] = pipe.message %[[RING]]
//       CHECK:       %[[END:.*]] = pipe.message %[[RING]]{{.*}} number 2
//       CHECK:       %[[ROWS:.*]] = pipe.sum below %[[C64]] {
//  CHECK-NEXT:       ^bb0(%[[ROW:.*]]: i32):
//       CHECK:         arith.addi %{{.*}}, %[[ROW]]
//       CHECK:         %[[SEES:.*]] = arith.cmpi sle
//  CHECK-NEXT:         arith.extui %[[SEES]]
//       CHECK:       %[[ANY:.*]] = arith.cmpi sgt, %[[ROWS]]
//       CHECK:       %[[TAKES:.*]] = arith.ori %{{.*}}, %[[ANY]]
//  CHECK-NEXT:       arith.subi %[[END]], %[[BASE]]
//       CHECK:       scf.if %[[TAKES]] -> (
//       CHECK:         pipe.mma_async
//       CHECK:         scf.for
//       CHECK:           pipe.mma_async
//       CHECK:       } else {
//       CHECK:         scf.for
//  CHECK-NEXT:           pipe.wait %[[RING]]
//  CHECK-NEXT:           pipe.release %[[RING]]
//  CHECK-NEXT:           pipe.advance
//  CHECK-NEXT:           scf.yield
//       CHECK:     pipe.meet
tile.program @begins(
    %a: !x {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %w: !w {tile.name = "w", tile.access = "read", tile.shape = ["S", "M", 64]},
    %lengths: !numbers {tile.name = "lengths", tile.access = "read", tile.shape = ["S"]},
    %first: !numbers {tile.name = "first", tile.access = "read", tile.shape = ["S"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}, %S: index {tile.extent = "S"},
    %M: index {tile.extent = "M"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c63 = arith.constant 63 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c1024 = arith.constant 1024 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %left = arith.subi %P, %p : index
  %rows = arith.minsi %left, %c128 : index
  %steps = tile.sum below %S {
  ^bb0(%s: index):
    %length = tile.element %lengths[%s] empty 0 : i32 : !numbers
    %end = arith.index_cast %length : i32 to index
    %up = arith.addi %end, %c63 : index
    %own = arith.divui %up, %c64 : index
    tile.yield %own : index
  }
  %x = tile.load %a[#plane](%p, %c0) valid(%rows, %c64) : !x -> tensor<128x64xbf16>
  %r = tile.sweep(%c0 to %steps partial at {
  ^bb0(%step: index):
    %s, %rest = tile.locate %step below %S {
    ^bb0(%i: index):
      %length = tile.element %lengths[%i] empty 0 : i32 : !numbers
      %end = arith.index_cast %length : i32 to index
      %up = arith.addi %end, %c63 : index
      %own = arith.divui %up, %c64 : index
      tile.yield %own : index
    }
    %length = tile.element %lengths[%s] empty 0 : i32 : !numbers
    %end = arith.index_cast %length : i32 to index
    %begin = arith.muli %rest, %c64 : index
    %keys = arith.subi %end, %begin : index
    %count = arith.minsi %keys, %c64 : index
    %place = arith.muli %s, %c1024 : index
    %base = arith.addi %place, %begin : index
    %last = arith.addi %place, %end : index
    tile.yield %base, %count, %last : index, index, index
  }) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%base: index, %count: index, %acc: tensor<128x64xf32>):
    %s = arith.divui %base, %c1024 : index
    %m = arith.remui %base, %c1024 : index
    %from = tile.element %first[%s] empty 0 : i32 : !numbers
    %from_row = arith.index_cast %from : i32 to index
    %y = tile.load %w[#run](%s, %m, %c0) valid(%count, %c64) : !w -> tensor<64x64xbf16>
    %product = tile.dot %x, %y, %zero maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %sees = tile.generate at(%p) valid(%c128) {
    ^bb0(%row: index):
      %is_behind = arith.cmpi sle, %from_row, %row : index
      tile.yield %is_behind : i1
    } : tensor<128xi1>
    %seen = tile.mask %product empty 0.0 : f32 at(%p, %c0) valid(%c128, %c64)
        with(%sees along [0] : tensor<128xi1>) {
    ^bb0(%row: index, %column: index, %is_seen: i1):
      tile.yield %is_seen : i1
    } : tensor<128x64xf32>
    %next = arith.addf %acc, %seen : tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  } merge {
  ^bb0(%u: tensor<128x64xf32>, %v: tensor<128x64xf32>):
    %sum = arith.addf %u, %v : tensor<128x64xf32>
    tile.yield %sum : tensor<128x64xf32>
  }
  tile.store %r, %o[#plane](%p, %c0) valid(%rows, %c64) : tensor<128x64xf32>, !o
}

// What rows see is not the same in all steps of a segment: groups take them all. In
// steps of the second kind masks hold, and counts are whole tiles: nothing is cleared.
// CHECK-LABEL: pipe.kernel @begins_within(
//       CHECK:   pipe.ring readers(2) : <{{.*}}, messages = 2>
//       CHECK:   pipe.role "multiply"
//   CHECK-NOT:     scf.while
//       CHECK:     pipe.clear
//       CHECK:     scf.for
//       CHECK:       pipe.clear
//       CHECK:       arith.select
//       CHECK:     scf.for
//   CHECK-NOT:       pipe.clear
//   CHECK-NOT:       arith.select
//       CHECK:     pipe.meet
tile.program @begins_within(
    %a: !x {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %w: !w {tile.name = "w", tile.access = "read", tile.shape = ["S", "M", 64]},
    %lengths: !numbers {tile.name = "lengths", tile.access = "read", tile.shape = ["S"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}, %S: index {tile.extent = "S"},
    %M: index {tile.extent = "M"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c1024 = arith.constant 1024 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %left = arith.subi %P, %p : index
  %rows = arith.minsi %left, %c128 : index
  %x = tile.load %a[#plane](%p, %c0) valid(%rows, %c64) : !x -> tensor<128x64xbf16>
  %steps = tile.sum below %S {
  ^bb0(%s: index):
    %length = tile.element %lengths[%s] empty 0 : i32 : !numbers
    %end = arith.index_cast %length : i32 to index
    %own = arith.floordivsi %end, %c64 : index
    tile.yield %own : index
  }
  %r = tile.sweep(%c0 to %S partial at {
  ^bb0(%step: index):
    %s, %rest = tile.locate %step below %S {
    ^bb0(%i: index):
      tile.yield %c1 : index
    }
    %place = arith.muli %s, %c1024 : index
    %base = arith.addi %place, %c0 : index
    %last = arith.addi %place, %c64 : index
    tile.yield %base, %c64, %last : index, index, index
  }, %c0 to %steps full at {
  ^bb0(%step: index):
    %s, %rest = tile.locate %step below %S {
    ^bb0(%i: index):
      %length = tile.element %lengths[%i] empty 0 : i32 : !numbers
      %end = arith.index_cast %length : i32 to index
      %own = arith.floordivsi %end, %c64 : index
      tile.yield %own : index
    }
    %length = tile.element %lengths[%s] empty 0 : i32 : !numbers
    %end = arith.index_cast %length : i32 to index
    %tiles = arith.floordivsi %end, %c64 : index
    %whole = arith.muli %tiles, %c64 : index
    %begin = arith.muli %rest, %c64 : index
    %keys = arith.subi %whole, %begin : index
    %some = arith.minsi %keys, %c64 : index
    %count = arith.maxsi %some, %c0 : index
    %place = arith.muli %s, %c1024 : index
    %base = arith.addi %place, %begin : index
    %last = arith.addi %place, %whole : index
    tile.yield %base, %count, %last : index, index, index
  }) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%base: index, %count: index, %acc: tensor<128x64xf32>):
    %s = arith.divui %base, %c1024 : index
    %m = arith.remui %base, %c1024 : index
    %y = tile.load %w[#run](%s, %m, %c0) valid(%count, %c64) : !w -> tensor<64x64xbf16>
    %product = tile.dot %x, %y, %zero maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %sees = tile.generate at(%p) valid(%c128) {
    ^bb0(%row: index):
      %is_behind = arith.cmpi sle, %m, %row : index
      tile.yield %is_behind : i1
    } : tensor<128xi1>
    %seen = tile.mask %product empty 0.0 : f32 at(%p, %c0) valid(%c128, %c64)
        with(%sees along [0] : tensor<128xi1>) {
    ^bb0(%row: index, %column: index, %is_seen: i1):
      tile.yield %is_seen : i1
    } : tensor<128x64xf32>
    %next = arith.addf %acc, %seen : tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  } merge {
  ^bb0(%u: tensor<128x64xf32>, %v: tensor<128x64xf32>):
    %sum = arith.addf %u, %v : tensor<128x64xf32>
    tile.yield %sum : tensor<128x64xf32>
  }
  tile.store %r, %o[#plane](%p, %c0) valid(%rows, %c64) : tensor<128x64xf32>, !o
}

// Where rows of a slot are cleared that no row of the tile sees, groups tell each other
// which there are: none may let a run pass.
// CHECK-LABEL: pipe.kernel @gaps(
//       CHECK:   pipe.ring readers(2) : <{{.*}}, messages = 2>
//       CHECK:   pipe.role "multiply"
//   CHECK-NOT:     scf.while
//       CHECK:     pipe.clear_unset
//       CHECK:     pipe.meet
tile.program @gaps(
    %a: !x {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %w: !w {tile.name = "w", tile.access = "read", tile.shape = ["S", "M", 64]},
    %first: !numbers {tile.name = "first", tile.access = "read", tile.shape = ["S"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}, %S: index {tile.extent = "S"},
    %M: index {tile.extent = "M"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c1024 = arith.constant 1024 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %all = arith.constant dense<true> : tensor<128x64xi1>
  %left = arith.subi %P, %p : index
  %rows = arith.minsi %left, %c128 : index
  %x = tile.load %a[#plane](%p, %c0) valid(%rows, %c64) : !x -> tensor<128x64xbf16>
  %r = tile.sweep(%c0 to %S partial at {
  ^bb0(%step: index):
    %s, %rest = tile.locate %step below %S {
    ^bb0(%i: index):
      tile.yield %c1 : index
    }
    %place = arith.muli %s, %c1024 : index
    %base = arith.addi %place, %c0 : index
    %last = arith.addi %place, %c64 : index
    tile.yield %base, %c64, %last : index, index, index
  }) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%base: index, %count: index, %acc: tensor<128x64xf32>):
    %s = arith.divui %base, %c1024 : index
    %m = arith.remui %base, %c1024 : index
    %from = tile.element %first[%s] empty 0 : i32 : !numbers
    %from_row = arith.index_cast %from : i32 to index
    %y = tile.load %w[#run](%s, %m, %c0) valid(%count, %c64) : !w -> tensor<64x64xbf16>
    %product = tile.dot %x, %y, %zero maps [#mk, affine_map<(m, n, k) -> (n, k)>, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %sees = tile.generate at(%p) valid(%c128) {
    ^bb0(%row: index):
      %is_behind = arith.cmpi sle, %from_row, %row : index
      tile.yield %is_behind : i1
    } : tensor<128xi1>
    %points = tile.mask %all empty false at(%p, %m) valid(%c128, %count)
        with(%sees along [0] : tensor<128xi1>) {
    ^bb0(%row: index, %column: index, %is_seen: i1):
      tile.yield %is_seen : i1
    } : tensor<128x64xi1>
    %any = tile.reduce or %points dims [0] : tensor<128x64xi1>
    %seen = tile.mask %product empty 0.0 : f32 at(%p, %m) valid(%c128, %count)
        with(%sees along [0] : tensor<128xi1>) {
    ^bb0(%row: index, %column: index, %is_seen: i1):
      tile.yield %is_seen : i1
    } : tensor<128x64xf32>
    %weights = arith.truncf %seen : tensor<128x64xf32> to tensor<128x64xbf16>
    %z = tile.load %w[#run](%s, %m, %c0) valid(%count, %c64)
        where(%any along 0 : tensor<64xi1>) : !w -> tensor<64x64xbf16>
    %next = tile.dot %weights, %z, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  } merge {
  ^bb0(%u: tensor<128x64xf32>, %v: tensor<128x64xf32>):
    %sum = arith.addf %u, %v : tensor<128x64xf32>
    tile.yield %sum : tensor<128x64xf32>
  }
  tile.store %r, %o[#plane](%p, %c0) valid(%rows, %c64) : tensor<128x64xf32>, !o
}
