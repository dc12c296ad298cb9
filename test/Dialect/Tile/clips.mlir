// RUN: attn-opt %s | attn-opt | FileCheck %s

// CHECK-LABEL: func.func @packed(
// CHECK: tile.load %{{.*}}[#{{.*}}](%{{.*}}) valid(%{{.*}}) pad -1.000000e+00 : f32 clips : memref<?x?xf32> -> tensor<64xf32>
// CHECK: tile.store %{{.*}}, %{{.*}}[#{{.*}}](%{{.*}}) valid(%{{.*}}) clips : tensor<64xf32>, memref<?x?xf32>
func.func @packed(%x: memref<?x?xf32>, %y: memref<?x?xf32>, %row: index, %count: index) {
  %t = tile.load %x[affine_map<(d0)[s0] -> ((d0 + s0) mod 8, (d0 + s0) floordiv 8)>](%row)
      valid(%count) pad -1.0 : f32 clips : memref<?x?xf32> -> tensor<64xf32>
  tile.store %t, %y[affine_map<(d0)[s0] -> ((d0 + s0) mod 8, (d0 + s0) floordiv 8)>](%row)
      valid(%count) clips : tensor<64xf32>, memref<?x?xf32>
  return
}
