// Puts ops that make %yt of the elements %xt where the name below stands.
tile.program @functions(
    %x: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["N"]},
    %y: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["N"]},
    %N: index {tile.extent = "N"}) space(%n0 = "N" by 64) {
  %cn = arith.constant 64 : index
  %ln = arith.subi %N, %n0 : index
  %nn = arith.minsi %ln, %cn : index
  %xt = tile.load %x[affine_map<(d0)[s0] -> (d0 + s0)>](%n0) valid(%nn)
    : memref<?xf32, strided<[?], offset: ?>> -> tensor<64xf32>
  $BODY
  tile.store %yt, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%n0) valid(%nn)
    : tensor<64xf32>, memref<?xf32, strided<[?], offset: ?>>
}
