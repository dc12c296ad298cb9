// RUN: attn-opt %s --tile-split-sweep --split-input-file | FileCheck %s
// RUN: attn-opt %s --tile-split-sweep --split-input-file --remarks-filter='.*' 2>&1 | FileCheck %s --check-prefix=REMARK

// The chunks' program folds 1024 points of the range and, if there is one chunk,
// does what followed; the merge folds the stored carries.
// CHECK-LABEL: tile.program @sum(
//  CHECK-SAME:   tile.access = "workspace", tile.name = "attn.sum.carry0", tile.shape = ["attn.sum.chunk_items", "attn.sum.chunks", 32]
//  CHECK-SAME:   tile.extent = "attn.sum.chunks", tile.value = ["select", ["lt", ["mul", 1, ["ceildiv", "N", 32]], 64], ["max", ["ceildiv", "M", 1024], 1], 1]
//  CHECK-SAME:   space(%{{.*}} = "N" by 32, %{{.*}} = "attn.sum.chunks" by 1)
//       CHECK:   tile.sweep
//       CHECK:   scf.if
//       CHECK:     tile.store %{{.*}} : tensor<32xf32>, memref<?xf32
//       CHECK:   } else {
//       CHECK:     tile.store %{{.*}} : tensor<32xf32>, memref<?x?x?xf32
// CHECK-LABEL: tile.program @sum_merge(
//  CHECK-SAME:   space(%{{.*}} = "N" by 32, %{{.*}} = "attn.sum.merges" by 1)
//       CHECK:   tile.sweep(%{{.*}} to %{{.*}} full) by 1
//       CHECK:     tile.load %{{.*}} : memref<?x?x?xf32
//       CHECK:     arith.addf
//       CHECK:   tile.store %{{.*}} : tensor<32xf32>, memref<?xf32
tile.program @sum(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", "N"]},
    %y: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["N"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "N"}) space(%n0 = "N" by 32) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<32xf32>
  %r = tile.sweep(%c0 to %M full) by 128 carry(%zero : tensor<32xf32>) step {
  ^bb0(%m0: index, %n: index, %l: tensor<32xf32>):
    %xt = tile.load %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%m0, %n0)
      : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<128x32xf32>
    %rl = tile.reduce add %xt dims [0] : tensor<128x32xf32>
    %l1 = arith.addf %l, %rl : tensor<32xf32>
    tile.yield %l1 : tensor<32xf32>
  } merge {
  ^bb0(%la: tensor<32xf32>, %lb: tensor<32xf32>):
    %l1 = arith.addf %la, %lb : tensor<32xf32>
    tile.yield %l1 : tensor<32xf32>
  }
  tile.store %r, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%n0)
    : tensor<32xf32>, memref<?xf32, strided<[?], offset: ?>>
}

// -----

// Without a merge the range cannot be cut.
// REMARK: NotSplit{{.*}}expects a sweep with a merge, whose step stores nothing
// CHECK-LABEL: tile.program @no_merge(
//   CHECK-NOT:   workspace
//   CHECK-NOT: tile.program
tile.program @no_merge(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", "N"]},
    %y: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["N"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "N"}) space(%n0 = "N" by 32) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<32xf32>
  %r = tile.sweep(%c0 to %M full) by 128 carry(%zero : tensor<32xf32>) step {
  ^bb0(%m0: index, %n: index, %l: tensor<32xf32>):
    tile.yield %l : tensor<32xf32>
  }
  tile.store %r, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%n0)
    : tensor<32xf32>, memref<?xf32, strided<[?], offset: ?>>
}
