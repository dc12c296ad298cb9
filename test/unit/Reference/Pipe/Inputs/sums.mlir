// o = the sums of the columns of v, as a product with ones: a left side that is a
// constant, and no early product.
#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
!matrix = memref<?x64xbf16, strided<[?, ?], offset: ?>>
tile.program @sums(
    %v: !matrix {tile.name = "v", tile.access = "read", tile.shape = ["M", 64]},
    %o: !matrix {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %rest = arith.subi %P, %p : index
  %rows = arith.minsi %rest, %c128 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %ones = arith.constant dense<1.0> : tensor<128x64xbf16>
  %r = tile.sweep(%c0 to %M partial) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %vt = tile.load %v[#box](%m, %c0) valid(%count, %c64) : !matrix -> tensor<64x64xbf16>
    %next = tile.dot %ones, %vt, %acc maps [affine_map<(m, n, k) -> (m, k)>,
        affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
  %out = arith.truncf %r : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %o[#box](%p, %c0) valid(%rows, %c64) : tensor<128x64xbf16>, !matrix
}
