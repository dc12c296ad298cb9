// Steps of invariant programs begin at 0, in one segment; a program that is not
// invariant keeps its segments.
// RUN: attn-opt %s --tile-order-steps | FileCheck %s

// CHECK-LABEL: tile.program @causal
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
//   CHECK-DAG:   %[[LAST:.*]] = arith.divui
//       CHECK:   %[[END:.*]] = arith.maxsi %{{.*}}, %[[LAST]] : index
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
