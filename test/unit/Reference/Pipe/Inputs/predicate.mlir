// z = the row sums of q k^T at the points of row %i and key %j where %c holds.
#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
!matrix = memref<?x64xbf16, strided<[?, ?], offset: ?>>
!lines = memref<?xf32, strided<[?], offset: ?>>
tile.program @predicate(
    %q: !matrix {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !matrix {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %z: !lines {tile.name = "z", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %n: index {tile.name = "n"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c7 = arith.constant 7 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %rest = arith.subi %P, %p : index
  %rows = arith.minsi %rest, %c128 : index
  %none = arith.constant dense<0.0> : tensor<128xf32>
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %qt = tile.load %q[#box](%p, %c0) valid(%rows, %c64) : !matrix -> tensor<128x64xbf16>
  %r = tile.sweep(%c0 to %M partial) by 64 carry(%none : tensor<128xf32>) step {
  ^bb0(%m: index, %count: index, %sum: tensor<128xf32>):
    %kt = tile.load %k[#box](%m, %c0) valid(%count, %c64) : !matrix -> tensor<64x64xbf16>
    %s = tile.dot %qt, %kt, %zero maps [affine_map<(p, m, e) -> (p, e)>,
        affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %seen = tile.mask %s empty 0.0 : f32 at(%p, %m) valid(%rows, %count) {
    ^bb0(%i: index, %j: index):
      $PREDICATE
      tile.yield %c : i1
    } : tensor<128x64xf32>
    %part = tile.reduce add %seen dims [1] : tensor<128x64xf32>
    %next = arith.addf %sum, %part : tensor<128xf32>
    tile.yield %next : tensor<128xf32>
  }
  tile.store %r, %z[affine_map<(d0)[s0] -> (d0 + s0)>](%p) valid(%rows)
      : tensor<128xf32>, !lines
}
