// x / rms(x) times w, then times u: rows of width 40, chained contractions.
tile.program @norm_gemm(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", 40]},
    %w: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "w", tile.access = "read", tile.shape = [40, 24]},
    %u: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "u", tile.access = "read", tile.shape = [24, 56]},
    %y: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["M", 56]},
    %M: index {tile.extent = "M"}) space(%m0 = "M" by $TM) {
  %c24 = arith.constant 24 : index
  %c40 = arith.constant 40 : index
  %c56 = arith.constant 56 : index
  %cm = arith.constant $TM : index
  %lm = arith.subi %M, %m0 : index
  %nm = arith.minsi %lm, %cm : index
  %xt = tile.load %x[affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>](%m0) valid(%nm, %c40)
    : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<$TMx40xf32>
  %sq = arith.mulf %xt, %xt : tensor<$TMx40xf32>
  %ss = tile.reduce add %sq dims [1] : tensor<$TMx40xf32>
  %n = arith.constant dense<40.0> : tensor<$TMxf32>
  %eps = arith.constant dense<1.0e-5> : tensor<$TMxf32>
  %mean = arith.divf %ss, %n : tensor<$TMxf32>
  %me = arith.addf %mean, %eps : tensor<$TMxf32>
  %inv = math.rsqrt %me : tensor<$TMxf32>
  %ib = tile.broadcast %inv dims [1] : tensor<$TMxf32> to tensor<$TMx40xf32>
  %xn = arith.mulf %xt, %ib : tensor<$TMx40xf32>
  %wt = tile.load %w[affine_map<(d0, d1) -> (d0, d1)>]()
    : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<40x24xf32>
  %ut = tile.load %u[affine_map<(d0, d1) -> (d0, d1)>]()
    : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<24x56xf32>
  %z24 = arith.constant dense<0.0> : tensor<$TMx24xf32>
  %z56 = arith.constant dense<0.0> : tensor<$TMx56xf32>
  %h = tile.dot %xn, %wt, %z24 maps [affine_map<(m, n, k) -> (m, k)>,
    affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    : tensor<$TMx40xf32>, tensor<40x24xf32>, tensor<$TMx24xf32>
  %out = tile.dot %h, %ut, %z56 maps [affine_map<(m, n, k) -> (m, k)>,
    affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    : tensor<$TMx24xf32>, tensor<24x56xf32>, tensor<$TMx56xf32>
  tile.store %out, %y[affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>](%m0) valid(%nm, %c56)
    : tensor<$TMx56xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}
