// RUN: attn-opt %s --convert-tile-to-vector=target=x86-64-v4 | FileCheck %s
// RUN: attn-opt %s --convert-tile-to-vector=target=x86-64-v4 \
// RUN:   | attn-opt --convert-tile-to-vector=target=x86-64-v4 | FileCheck %s
// RUN: attn-opt %s --convert-tile-to-vector=target=x86-64-v3 | FileCheck %s --check-prefix=V3

// A program becomes a function over a range of items; scratch is stated. The sums
// of a block of 8 rows by 2 vectors stay in registers through the contraction.
// CHECK-LABEL: func.func @gemm(
//  CHECK-SAME:   %[[PARAMS:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64, %{{.*}}: !llvm.ptr)
//  CHECK-SAME:   attn.scratch_bytes = {{[1-9][0-9]*}} : i64
//       CHECK:   scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
//       CHECK:     scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-16:    vector.fma
//   CHECK-NOT:       vector.fma
//       CHECK:       scf.yield
// 6 rows by 2 vectors of 8 with 16 registers.
// V3-LABEL: func.func @gemm(
// V3-COUNT-12: vector.fma {{.*}} : vector<8xf32>
//      V3-NOT: vector.fma
//          V3: scf.yield
tile.program @gemm(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", 32]},
    %w: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "w", tile.access = "read", tile.shape = [32, 64]},
    %y: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["M", 64]},
    %M: index {tile.extent = "M"}) space(%m0 = "M" by 48) {
  %cm = arith.constant 48 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %lm = arith.subi %M, %m0 : index
  %nm = arith.minsi %lm, %cm : index
  %zero = arith.constant dense<0.0> : tensor<48x64xf32>
  %xt = tile.load %x[affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>](%m0) valid(%nm, %c32)
    : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<48x32xf32>
  %wt = tile.load %w[affine_map<(d0, d1) -> (d0, d1)>]()
    : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<32x64xf32>
  %r = tile.dot %xt, %wt, %zero maps [affine_map<(m, n, k) -> (m, k)>,
    affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    : tensor<48x32xf32>, tensor<32x64xf32>, tensor<48x64xf32>
  tile.store %r, %y[affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>](%m0) valid(%nm, %c64)
    : tensor<48x64xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}
