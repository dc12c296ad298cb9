// RUN: attn-opt %s --tile-sweep-products | FileCheck %s

#row = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#all = affine_map<(d0, d1) -> (d0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!x = memref<?x16xbf16>
!w = memref<16x8xbf16>
// CHECK-LABEL: tile.program @product(
//       CHECK:   %[[ZERO:.*]] = arith.constant dense<0.0
//       CHECK:   %[[X:.*]] = tile.load
//       CHECK:   %[[W:.*]] = tile.load
//       CHECK:   %[[R:.*]] = tile.sweep(%{{.*}} to %{{.*}} full) by 1 carry(%[[ZERO]] : tensor<64x8xf32>) step {
//  CHECK-NEXT:   ^bb0(%{{.*}}: index, %{{.*}}: index, %[[ACC:.*]]: tensor<64x8xf32>):
//  CHECK-NEXT:     %[[NEXT:.*]] = tile.dot %[[X]], %[[W]], %[[ACC]]
//  CHECK-NEXT:     tile.yield %[[NEXT]]
//       CHECK:   arith.negf %[[R]]
tile.program @product(
    %x: !x {tile.name = "x", tile.access = "read", tile.shape = ["P", 16]},
    %w: !w {tile.name = "w", tile.access = "read", tile.shape = [16, 8]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) {
  %zero = arith.constant dense<0.0> : tensor<64x8xf32>
  %a = tile.load %x[#row](%p) : !x -> tensor<64x16xbf16>
  %b = tile.load %w[#all]() : !w -> tensor<16x8xbf16>
  %r = tile.dot %a, %b, %zero maps [#mk, #kn, #mn] : tensor<64x16xbf16>, tensor<16x8xbf16>, tensor<64x8xf32>
  %n = arith.negf %r : tensor<64x8xf32>
}

// Two products, of which one may need the other, are left alone.
// CHECK-LABEL: tile.program @chain(
//   CHECK-NOT:   tile.sweep
tile.program @chain(
    %x: !x {tile.name = "x", tile.access = "read", tile.shape = ["P", 16]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 16) {
  %zero = arith.constant dense<0.0> : tensor<16x16xf32>
  %a = tile.load %x[#row](%p) : !x -> tensor<16x16xbf16>
  %r = tile.dot %a, %a, %zero maps [#mk, #kn, #mn] : tensor<16x16xbf16>, tensor<16x16xbf16>, tensor<16x16xf32>
  %h = arith.truncf %r : tensor<16x16xf32> to tensor<16x16xbf16>
  %s = tile.dot %h, %a, %zero maps [#mk, #kn, #mn] : tensor<16x16xbf16>, tensor<16x16xbf16>, tensor<16x16xf32>
}
