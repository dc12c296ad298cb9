// RUN: attn-opt %s --schedule-tiles | FileCheck %s

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
// A program's own schedule goes before the pass's options.
// CHECK-LABEL: pipe.kernel @own(
//  CHECK-SAME: cluster(2)
//       CHECK:   pipe.ring readers(2) : <3 x !pipe.shared<64x64xbf16, swizzle = 128>, cluster>
//       CHECK:   pipe.role "load" groups(1) warps(1) registers(88)
tile.program @own(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: !t {tile.name = "b", tile.access = "read", tile.shape = ["M", 64]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"}) space(%p = "P" by 128)
    attributes {schedule = #tile.schedule<slots = 3, split = 2, cluster = 2>} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %r = tile.sweep(%c0 to %M full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %b[#box](%m, %c0) valid(%count, %c64) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}
