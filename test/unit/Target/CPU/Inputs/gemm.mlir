// relu(x w + bias), the contraction in steps of $TK.
tile.program @gemm(
    %x: memref<?x?x$T, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", "K"]},
    %w: memref<?x?x$T, strided<[?, ?], offset: ?>>
      {tile.name = "w", tile.access = "read", tile.shape = ["K", "N"]},
    %bias: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "bias", tile.access = "read", tile.shape = ["N"]},
    %y: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["M", "N"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "N"},
    %K: index {tile.extent = "K"}) space(%m0 = "M" by $TM, %n0 = "N" by $TN) {
  %c0 = arith.constant 0 : index
  %cm = arith.constant $TM : index
  %cn = arith.constant $TN : index
  %lm = arith.subi %M, %m0 : index
  %nm = arith.minsi %lm, %cm : index
  %ln = arith.subi %N, %n0 : index
  %nn = arith.minsi %ln, %cn : index
  %zero = arith.constant dense<0.0> : tensor<$TMx$TNxf32>
  %r = tile.sweep(%c0 to %K full) by $TK carry(%zero : tensor<$TMx$TNxf32>) step {
  ^bb0(%k0: index, %n: index, %acc: tensor<$TMx$TNxf32>):
    %xt = tile.load %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%m0, %k0) valid(%nm, %n)
      : memref<?x?x$T, strided<[?, ?], offset: ?>> -> tensor<$TMx$TKx$T>
    %wt = tile.load %w[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%k0, %n0) valid(%n, %nn)
      : memref<?x?x$T, strided<[?, ?], offset: ?>> -> tensor<$TKx$TNx$T>
    %next = tile.dot %xt, %wt, %acc maps [affine_map<(m, n, k) -> (m, k)>,
      affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
      : tensor<$TMx$TKx$T>, tensor<$TKx$TNx$T>, tensor<$TMx$TNxf32>
    tile.yield %next : tensor<$TMx$TNxf32>
  }
  %bt = tile.load %bias[affine_map<(d0)[s0] -> (d0 + s0)>](%n0) valid(%nn)
    : memref<?xf32, strided<[?], offset: ?>> -> tensor<$TNxf32>
  %bb = tile.broadcast %bt dims [0] : tensor<$TNxf32> to tensor<$TMx$TNxf32>
  %sum = arith.addf %r, %bb : tensor<$TMx$TNxf32>
  %out = arith.maximumf %sum, %zero : tensor<$TMx$TNxf32>
  tile.store %out, %y[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%m0, %n0) valid(%nm, %nn)
    : tensor<$TMx$TNxf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}
