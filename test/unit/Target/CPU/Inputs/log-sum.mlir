// log2 of the sum of 2^x of every column, with a merge.
tile.program @log_sum(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", "N"]},
    %y: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["N"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "N"}) space(%n0 = "N" by 32) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %cn = arith.constant 32 : index
  %ln = arith.subi %N, %n0 : index
  %nn = arith.minsi %ln, %cn : index
  %zero = arith.constant dense<0.0> : tensor<32xf32>
  %ninf = arith.constant dense<0xFF800000> : tensor<32xf32>
  %r:2 = tile.sweep(%c0 to %M full) by 64 carry(%ninf, %zero : tensor<32xf32>, tensor<32xf32>) step {
  ^bb0(%m0: index, %n: index, %m: tensor<32xf32>, %l: tensor<32xf32>):
    %xt = tile.load %x[affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>](%m0, %n0) valid(%n, %nn)
      : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<64x32xf32>
    %xm = tile.mask %xt empty 0xFF800000 : f32 at(%m0, %n0) valid(%n, %cn) {
    ^bb0(%i: index, %j: index):
      %true = arith.constant true
      tile.yield %true : i1
    } : tensor<64x32xf32>
    %rm = tile.reduce max %xm dims [0] : tensor<64x32xf32>
    %m1 = arith.maximumf %m, %rm : tensor<32xf32>
    %none = arith.cmpf oeq, %m1, %ninf : tensor<32xf32>
    %safe = arith.select %none, %zero, %m1 : tensor<32xi1>, tensor<32xf32>
    %dm = arith.subf %m, %safe : tensor<32xf32>
    %corr = math.exp2 %dm : tensor<32xf32>
    %sb = tile.broadcast %safe dims [0] : tensor<32xf32> to tensor<64x32xf32>
    %d = arith.subf %xm, %sb : tensor<64x32xf32>
    %e = math.exp2 %d : tensor<64x32xf32>
    %rl = tile.reduce add %e dims [0] : tensor<64x32xf32>
    %lc = arith.mulf %l, %corr : tensor<32xf32>
    %l1 = arith.addf %lc, %rl : tensor<32xf32>
    tile.yield %m1, %l1 : tensor<32xf32>, tensor<32xf32>
  } merge {
  ^bb0(%ma: tensor<32xf32>, %la: tensor<32xf32>, %mb: tensor<32xf32>, %lb: tensor<32xf32>):
    %m1 = arith.maximumf %ma, %mb : tensor<32xf32>
    %none = arith.cmpf oeq, %m1, %ninf : tensor<32xf32>
    %safe = arith.select %none, %zero, %m1 : tensor<32xi1>, tensor<32xf32>
    %da = arith.subf %ma, %safe : tensor<32xf32>
    %ea = math.exp2 %da : tensor<32xf32>
    %db = arith.subf %mb, %safe : tensor<32xf32>
    %eb = math.exp2 %db : tensor<32xf32>
    %wa = arith.mulf %la, %ea : tensor<32xf32>
    %wb = arith.mulf %lb, %eb : tensor<32xf32>
    %l1 = arith.addf %wa, %wb : tensor<32xf32>
    tile.yield %m1, %l1 : tensor<32xf32>, tensor<32xf32>
  }
  %log = math.log2 %r#1 : tensor<32xf32>
  %out = arith.addf %r#0, %log : tensor<32xf32>
  %none = arith.cmpf oeq, %r#0, %ninf : tensor<32xf32>
  %result = arith.select %none, %ninf, %out : tensor<32xi1>, tensor<32xf32>
  tile.store %result, %y[affine_map<(d0)[s0] -> (d0 + s0)>](%n0) valid(%nn)
    : tensor<32xf32>, memref<?xf32, strided<[?], offset: ?>>
}
