// Combines partial results of attention over parts of the keys: with
// m = max_s lse_s, o = sum_s exp(lse_s - m) o_s / sum_s exp(lse_s - m) and
// lse = m + log sum_s exp(lse_s - m). A part that saw no key has lse -inf.
//
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s
// CHECK: .entry merge(

#part = affine_map<(d)[s, r] -> (s, r, d)>
#one = affine_map<()[s, r] -> (s, r)>
#row = affine_map<(d)[r] -> (r, d)>
#line = affine_map<()[r] -> (r)>

tile.program @merge(
    %parts: memref<?x?x128xf32, strided<[?, ?, ?], offset: ?>>
        {tile.name = "parts", tile.access = "read", tile.shape = ["S", "R", 128]},
    %lses: memref<?x?xf32, strided<[?, ?], offset: ?>>
        {tile.name = "lses", tile.access = "read", tile.shape = ["S", "R"]},
    %o: memref<?x128xf32, strided<[?, ?], offset: ?>>
        {tile.name = "o", tile.access = "write", tile.shape = ["R", 128]},
    %lse: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "lse", tile.access = "write", tile.shape = ["R"]},
    %splits: index {tile.extent = "S"}, %rows: index {tile.extent = "R"}) space(%r = "R" by 1) {
  %c0 = arith.constant 0 : index
  %low = arith.constant dense<0xFF800000> : tensor<f32>
  %none = arith.constant dense<0.0> : tensor<f32>
  %zeros = arith.constant dense<0.0> : tensor<128xf32>
  %m, %sum, %total = tile.sweep(%c0 to %splits full) by 1
      carry(%low, %none, %zeros : tensor<f32>, tensor<f32>, tensor<128xf32>) step {
  ^bb0(%s: index, %count: index, %m0: tensor<f32>, %sum0: tensor<f32>,
       %total0: tensor<128xf32>):
    %l = tile.load %lses[#one](%s, %r)
        : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<f32>
    %p = tile.load %parts[#part](%s, %r)
        : memref<?x?x128xf32, strided<[?, ?, ?], offset: ?>> -> tensor<128xf32>
    %m1 = arith.maximumf %m0, %l : tensor<f32>
    %blank = arith.cmpf oeq, %m1, %low : tensor<f32>
    %base = arith.select %blank, %none, %m1 : tensor<i1>, tensor<f32>
    %d0 = arith.subf %m0, %base : tensor<f32>
    %w0 = math.exp %d0 : tensor<f32>
    %d1 = arith.subf %l, %base : tensor<f32>
    %w1 = math.exp %d1 : tensor<f32>
    %a = arith.mulf %sum0, %w0 : tensor<f32>
    %sum1 = arith.addf %a, %w1 : tensor<f32>
    %ws0 = tile.broadcast %w0 dims [0] : tensor<f32> to tensor<128xf32>
    %ws1 = tile.broadcast %w1 dims [0] : tensor<f32> to tensor<128xf32>
    %t0 = arith.mulf %total0, %ws0 : tensor<128xf32>
    %t1 = arith.mulf %p, %ws1 : tensor<128xf32>
    // What saw no key may hold anything.
    %unseen = arith.cmpf oeq, %l, %low : tensor<f32>
    %unseens = tile.broadcast %unseen dims [0] : tensor<i1> to tensor<128xi1>
    %t2 = arith.select %unseens, %zeros, %t1 : tensor<128xi1>, tensor<128xf32>
    %total1 = arith.addf %t0, %t2 : tensor<128xf32>
    tile.yield %m1, %sum1, %total1 : tensor<f32>, tensor<f32>, tensor<128xf32>
  }
  %blank = arith.cmpf oeq, %sum, %none : tensor<f32>
  %blanks = tile.broadcast %blank dims [0] : tensor<i1> to tensor<128xi1>
  %sums = tile.broadcast %sum dims [0] : tensor<f32> to tensor<128xf32>
  %mean = arith.divf %total, %sums : tensor<128xf32>
  %result = arith.select %blanks, %zeros, %mean : tensor<128xi1>, tensor<128xf32>
  tile.store %result, %o[#row](%r)
      : tensor<128xf32>, memref<?x128xf32, strided<[?, ?], offset: ?>>
  %log = math.log %sum : tensor<f32>
  %sumLse = arith.addf %m, %log : tensor<f32>
  %merged = arith.select %blank, %low, %sumLse : tensor<i1>, tensor<f32>
  tile.store %merged, %lse[#line](%r)
      : tensor<f32>, memref<?xf32, strided<[?], offset: ?>>
}
