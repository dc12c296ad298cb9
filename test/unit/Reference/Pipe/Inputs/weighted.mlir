// o = sum over the steps of 0.5 z (relu(q k^T) v + 1), where z are a step's own
// row sums: ops behind the second product take what stands before it, and
// constants of the step.
#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!matrix = memref<?x64xbf16, strided<[?, ?], offset: ?>>
tile.program @weighted(
    %q: !matrix {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !matrix {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
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
  %qt = tile.load %q[#box](%p, %c0) valid(%rows, %c64) : !matrix -> tensor<128x64xbf16>
  %r = tile.sweep(%c0 to %M partial) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %kt = tile.load %k[#box](%m, %c0) valid(%count, %c64) : !matrix -> tensor<64x64xbf16>
    %s = tile.dot %qt, %kt, %zero maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %relu = arith.maximumf %s, %zero : tensor<128x64xf32>
    %sum = tile.reduce add %relu dims [1] : tensor<128x64xf32>
    %sums = tile.broadcast %sum dims [1] : tensor<128xf32> to tensor<128x64xf32>
    %w = arith.truncf %relu : tensor<128x64xf32> to tensor<128x64xbf16>
    %vt = tile.load %v[#box](%m, %c0) valid(%count, %c64) : !matrix -> tensor<64x64xbf16>
    %one = arith.constant dense<1.0> : tensor<128x64xf32>
    %half = arith.constant dense<0.5> : tensor<128x64xf32>
    %own = tile.dot %w, %vt, %one maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %scaled = arith.mulf %own, %half : tensor<128x64xf32>
    %weighted = arith.mulf %scaled, %sums : tensor<128x64xf32>
    %next = arith.addf %acc, %weighted : tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
  %out = arith.truncf %r : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %o[#box](%p, %c0) valid(%rows, %c64) : tensor<128x64xbf16>, !matrix
}
