// RUN: attn-opt %s --tile-fold-widening | FileCheck %s

#tile = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
!e4m3 = memref<?x8xf8E4M3FN, strided<[?, ?], offset: ?>>
!i8 = memref<?x8xi8, strided<[?, ?], offset: ?>>
!f32 = memref<?x8xf32, strided<[?, ?], offset: ?>>
// CHECK-LABEL: tile.program @widened(
//       CHECK:   %[[X:.*]] = tile.load %{{.*}} -> tensor<4x8xbf16>
//       CHECK:   %[[Y:.*]] = tile.load %{{.*}} -> tensor<4x8xbf16>
//   CHECK-NOT:   arith.sitofp
//       CHECK:   arith.extf %[[X]]
//       CHECK:   arith.extf %[[Y]]
tile.program @widened(
    %x: !e4m3 {tile.name = "x", tile.access = "read", tile.shape = ["P", 8]},
    %y: !i8 {tile.name = "y", tile.access = "read", tile.shape = ["P", 8]},
    %z: !f32 {tile.name = "z", tile.access = "write", tile.shape = ["P", 8]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 4) {
  %a = tile.load %x[#tile](%p) : !e4m3 -> tensor<4x8xf8E4M3FN>
  %b = arith.extf %a : tensor<4x8xf8E4M3FN> to tensor<4x8xbf16>
  %c = tile.load %y[#tile](%p) : !i8 -> tensor<4x8xi8>
  %d = arith.sitofp %c : tensor<4x8xi8> to tensor<4x8xf32>
  %e = arith.truncf %d : tensor<4x8xf32> to tensor<4x8xbf16>
  %f = arith.extf %b : tensor<4x8xbf16> to tensor<4x8xf32>
  %g = arith.extf %e : tensor<4x8xbf16> to tensor<4x8xf32>
  %h = arith.addf %f, %g : tensor<4x8xf32>
  tile.store %h, %z[#tile](%p) : tensor<4x8xf32>, !f32
}

// What is also read as it is stays.
// CHECK-LABEL: tile.program @kept(
//       CHECK:   tile.load %{{.*}} -> tensor<4x8xi8>
//       CHECK:   arith.sitofp
tile.program @kept(
    %y: !i8 {tile.name = "y", tile.access = "read", tile.shape = ["P", 8]},
    %w: !i8 {tile.name = "w", tile.access = "write", tile.shape = ["P", 8]},
    %z: !f32 {tile.name = "z", tile.access = "write", tile.shape = ["P", 8]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 4) {
  %c = tile.load %y[#tile](%p) : !i8 -> tensor<4x8xi8>
  %d = arith.sitofp %c : tensor<4x8xi8> to tensor<4x8xf32>
  tile.store %d, %z[#tile](%p) : tensor<4x8xf32>, !f32
  tile.store %c, %w[#tile](%p) : tensor<4x8xi8>, !i8
}
