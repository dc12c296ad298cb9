// RUN: attn-opt %s --tile-hoist-sides | FileCheck %s

// What products take of the queries alone is computed once for all steps; what
// loads, or depends on the step, stays.
#box = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#line = affine_map<(d0) -> (d0)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xf32>
// CHECK-LABEL: tile.program @queries(
//       CHECK:   %[[WIDE:.*]] = tile.broadcast
//       CHECK:   %[[SIDE:.*]] = arith.mulf %{{.*}}, %[[WIDE]]
//       CHECK:   tile.sweep
//       CHECK:     %[[KEYS:.*]] = tile.load
//       CHECK:     tile.dot %[[SIDE]], %[[KEYS]]
//       CHECK:     %[[OTHER:.*]] = arith.mulf %[[SIDE]], %{{.*}}
//       CHECK:     tile.dot %[[OTHER]], %[[KEYS]]
//       CHECK:     %[[UNUSED:.*]] = arith.addf %[[SIDE]], %[[SIDE]]
//       CHECK:     arith.addf %{{.*}}, %[[UNUSED]]
tile.program @queries(
    %q: !t {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !t {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %c: memref<64xf32> {tile.name = "c", tile.access = "read", tile.shape = [64]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%first = "P" by 64) {
  %c0 = arith.constant 0 : index
  %none = arith.constant dense<0.0> : tensor<64x64xf32>
  %x = tile.load %q[#box](%first) : !t -> tensor<64x64xf32>
  %scales = tile.load %c[#line]() : memref<64xf32> -> tensor<64xf32>
  %a = tile.sweep(%c0 to %m full) by 64 carry(%none : tensor<64x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<64x64xf32>):
    %wide = tile.broadcast %scales dims [0] : tensor<64xf32> to tensor<64x64xf32>
    %side = arith.mulf %x, %wide : tensor<64x64xf32>
    %y = tile.load %k[#box](%key) : !t -> tensor<64x64xf32>
    %s = tile.dot %side, %y, %none maps [#mk, #nk, #mn]
        : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
    %other = arith.mulf %side, %acc : tensor<64x64xf32>
    %next = tile.dot %other, %y, %s maps [#mk, #nk, #mn]
        : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
    %twice = arith.addf %side, %side : tensor<64x64xf32>
    %sum = arith.addf %next, %twice : tensor<64x64xf32>
    tile.yield %sum : tensor<64x64xf32>
  }
}
