// Steps of invariant programs are whole, and begin at multiples of their size; a
// program that is not invariant keeps its segments.
// RUN: attn-opt %s --tile-order-steps --cse | FileCheck %s

// CHECK-LABEL: tile.program @causal
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
//   CHECK-DAG:   %[[LAST:.*]] = arith.divui
//       CHECK:   %[[END:.*]] = arith.maxsi %[[LAST]], %{{.*}} : index
//  CHECK-NEXT:   tile.sweep(%[[C0]] to %[[END]] partial) by 64 carry
//       CHECK:   merge
// CHECK-LABEL: tile.program @other
//       CHECK:   tile.sweep(%{{.*}} to %{{.*}} partial, %{{.*}} to %{{.*}} full) by 64 carry
!y = memref<?xf32>
tile.program @causal(
    %y: !y {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"})
    space(%p = "P" by 64) attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %last = arith.divui %p, %c2 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %r = tile.sweep(%last to %M partial, %c0 to %last full) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  } merge {
  ^bb0(%u: tensor<64xf32>, %v: tensor<64xf32>):
    %s = arith.addf %u, %v : tensor<64xf32>
    tile.yield %s : tensor<64xf32>
  }
  tile.store %r, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%p) valid(%c64) : tensor<64xf32>, !y
}

tile.program @other(
    %y: !y {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"})
    space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %last = arith.divui %p, %c2 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %r = tile.sweep(%last to %M partial, %c0 to %last full) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
  tile.store %r, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%p) valid(%c64) : tensor<64xf32>, !y
}

// A window begins somewhere in a step, which has all its keys.
// CHECK-LABEL: tile.program @window
//   CHECK-DAG:   %[[C64:.*]] = arith.constant 64 : index
//       CHECK:   %[[BEGIN:.*]] = arith.maxsi
//       CHECK:   %[[END:.*]] = arith.maxsi
//   CHECK-DAG:   %[[FIRST:.*]] = arith.floordivsi %[[BEGIN]], %[[C64]]
//   CHECK-DAG:   %[[LOWER:.*]] = arith.muli %[[FIRST]], %[[C64]]
//   CHECK-DAG:   %[[STEPS:.*]] = arith.ceildivsi %[[END]], %[[C64]]
//   CHECK-DAG:   %[[WHOLE:.*]] = arith.muli %[[STEPS]], %[[C64]]
//       CHECK:   %[[CUT:.*]] = arith.minsi %[[WHOLE]], %[[END]]
//       CHECK:   %[[UPPER:.*]] = arith.maxsi %[[LOWER]], %[[CUT]]
//       CHECK:   tile.sweep(%[[LOWER]] to %[[UPPER]] partial) by 64
tile.program @window(
    %y: !y {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}, %w: index {tile.name = "w"})
    space(%p = "P" by 64) attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %before = arith.subi %p, %w : index
  %begin = arith.maxsi %before, %c0 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %r = tile.sweep(%begin to %p partial, %p to %P full) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
  tile.store %r, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%p) valid(%c64) : tensor<64xf32>, !y
}

// Of two ranges the lower comes first, and a step that both have is its.
// CHECK-LABEL: tile.program @sink
//   CHECK-DAG:   %[[C64:.*]] = arith.constant 64 : index
//       CHECK:   %[[SWAPS:.*]] = arith.cmpi sgt
//       CHECK:   %[[A:.*]] = arith.select %[[SWAPS]]
//       CHECK:   %[[TO:.*]] = arith.select %[[SWAPS]]
//       CHECK:   %[[B:.*]] = arith.select %[[SWAPS]]
//       CHECK:   %[[TAKEN:.*]] = arith.ceildivsi %[[TO]], %[[C64]]
//       CHECK:   %[[SECOND:.*]] = arith.floordivsi %[[B]], %[[C64]]
//       CHECK:   %[[OWN:.*]] = arith.maxsi %[[SECOND]], %[[TAKEN]]
//       CHECK:   %[[LOWER:.*]] = arith.muli %[[OWN]], %[[C64]]
//       CHECK:   tile.sweep(%{{.*}} to %{{.*}} partial, %[[LOWER]] to %{{.*}} partial) by 64
tile.program @sink(
    %y: !y {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}, %sinks: index {tile.name = "sinks"})
    space(%p = "P" by 64) attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %r = tile.sweep(%p to %P partial, %c0 to %sinks full) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
  tile.store %r, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%p) valid(%c64) : tensor<64xf32>, !y
}

// Steps from multiples of their size on, from run to run, are in order.
// CHECK-LABEL: tile.program @runs
//       CHECK:   %[[SUM:.*]] = tile.sum below
//       CHECK:   tile.sweep(%c0{{.*}} to %[[SUM]] partial at {
//       CHECK:     tile.locate
tile.program @runs(
    %y: !y {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %S: index {tile.extent = "S"}, %P: index {tile.extent = "P"})
    space(%p = "P" by 64) attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c1024 = arith.constant 1024 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %sum = tile.sum below %S {
  ^bb0(%run: index):
    tile.yield %run : index
  }
  %r = tile.sweep(%c0 to %sum partial at {
  ^bb0(%i: index):
    %run, %rest = tile.locate %i below %S {
    ^bb0(%own: index):
      tile.yield %own : index
    }
    %first = arith.muli %run, %c1024 : index
    %within = arith.muli %rest, %c64 : index
    %base = arith.addi %first, %within : index
    tile.yield %base, %c64 : index, index
  }) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
  tile.store %r, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%p) valid(%c64) : tensor<64xf32>, !y
}
