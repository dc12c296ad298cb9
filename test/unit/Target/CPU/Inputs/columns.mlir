// Phase 1: sums of each column into workspace. Phase 2: x minus its column's
// mean, written transposed, plus the row's number.
tile.program @sums(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", "N"]},
    %s: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "s", tile.access = "workspace", tile.shape = ["N"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "N"}) space(%n0 = "N" by 32) {
  %c0 = arith.constant 0 : index
  %cn = arith.constant 32 : index
  %ln = arith.subi %N, %n0 : index
  %nn = arith.minsi %ln, %cn : index
  %zero = arith.constant dense<0.0> : tensor<32xf32>
  %r = tile.sweep(%c0 to %M full) by 24 carry(%zero : tensor<32xf32>) step {
  ^bb0(%m0: index, %n: index, %acc: tensor<32xf32>):
    %xt = tile.load %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%m0, %n0) valid(%n, %nn)
      : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<24x32xf32>
    %part = tile.reduce add %xt dims [0] : tensor<24x32xf32>
    %next = arith.addf %acc, %part : tensor<32xf32>
    tile.yield %next : tensor<32xf32>
  }
  tile.store %r, %s[affine_map<(d0)[s0] -> (d0 + s0)>](%n0) valid(%nn)
    : tensor<32xf32>, memref<?xf32, strided<[?], offset: ?>>
}
tile.program @centre(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", "N"]},
    %s: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "s", tile.access = "workspace", tile.shape = ["N"]},
    %y: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["N", "M"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "N"})
    space(%m0 = "M" by 8, %n0 = "N" by 32) {
  %cm = arith.constant 8 : index
  %cn = arith.constant 32 : index
  %lm = arith.subi %M, %m0 : index
  %nm = arith.minsi %lm, %cm : index
  %ln = arith.subi %N, %n0 : index
  %nn = arith.minsi %ln, %cn : index
  %xt = tile.load %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%m0, %n0) valid(%nm, %nn)
    : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<8x32xf32>
  %st = tile.load %s[affine_map<(d0)[s0] -> (d0 + s0)>](%n0) valid(%nn)
    : memref<?xf32, strided<[?], offset: ?>> -> tensor<32xf32>
  %Mi = arith.index_cast %M : index to i32
  %Mf = arith.sitofp %Mi : i32 to f32
  %count = tile.broadcast %Mf dims [0] : f32 to tensor<32xf32>
  %mean = arith.divf %st, %count : tensor<32xf32>
  %mb = tile.broadcast %mean dims [0] : tensor<32xf32> to tensor<8x32xf32>
  %d = arith.subf %xt, %mb : tensor<8x32xf32>
  %at = tile.coord %m0 : tensor<8xindex>
  %int = arith.index_cast %at : tensor<8xindex> to tensor<8xi32>
  %float = arith.sitofp %int : tensor<8xi32> to tensor<8xf32>
  %rows = tile.broadcast %float dims [1] : tensor<8xf32> to tensor<8x32xf32>
  %sum = arith.addf %d, %rows : tensor<8x32xf32>
  %t = tile.transpose %sum [1, 0] : tensor<8x32xf32>
  tile.store %t, %y[affine_map<(d0, d1)[s0, s1] -> (d0 + s1, d1 + s0)>](%m0, %n0) valid(%nn, %nm)
    : tensor<32x8xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}
