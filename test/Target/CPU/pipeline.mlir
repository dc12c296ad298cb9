// The pipeline and its stages run one by one, each from what the one before
// printed, give the same code.
// RUN: attn-opt %s --cpu-pipeline=target=x86-64-v4-bf16 -o %t.whole
// RUN: attn-opt %s --cpu-to-split \
// RUN:   | attn-opt --cpu-to-vector=target=x86-64-v4-bf16 \
// RUN:   | attn-opt --cpu-to-arith=target=x86-64-v4-bf16 \
// RUN:   | attn-opt --cpu-to-llvm=target=x86-64-v4-bf16 -o %t.stages
// RUN: diff %t.whole %t.stages
// RUN: FileCheck %s --input-file=%t.whole

// Sums of bf16 pairs, the conversion of two vectors at once, and no call
// of a library.
// CHECK-LABEL: llvm.func @chain(
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
//   CHECK-NOT:   llvm.call @{{(exp|log|tanh|fma|sqrt|mem)}}
//   CHECK-NOT:   unrealized_conversion_cast
tile.program @chain(
    %x: memref<?x?xbf16, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["M", 32]},
    %w: memref<?x?xbf16, strided<[?, ?], offset: ?>>
      {tile.name = "w", tile.access = "read", tile.shape = [32, 64]},
    %u: memref<?x?xbf16, strided<[?, ?], offset: ?>>
      {tile.name = "u", tile.access = "read", tile.shape = [64, 48]},
    %y: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["M", 48]},
    %M: index {tile.extent = "M"}) space(%m0 = "M" by 32) {
  %cm = arith.constant 32 : index
  %c48 = arith.constant 48 : index
  %lm = arith.subi %M, %m0 : index
  %nm = arith.minsi %lm, %cm : index
  %zero = arith.constant dense<0.0> : tensor<32x64xf32>
  %zero48 = arith.constant dense<0.0> : tensor<32x48xf32>
  %xt = tile.load %x[affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>](%m0) valid(%nm, %cm)
    : memref<?x?xbf16, strided<[?, ?], offset: ?>> -> tensor<32x32xbf16>
  %wt = tile.load %w[affine_map<(d0, d1) -> (d0, d1)>]()
    : memref<?x?xbf16, strided<[?, ?], offset: ?>> -> tensor<32x64xbf16>
  %ut = tile.load %u[affine_map<(d0, d1) -> (d0, d1)>]()
    : memref<?x?xbf16, strided<[?, ?], offset: ?>> -> tensor<64x48xbf16>
  %h = tile.dot %xt, %wt, %zero maps [affine_map<(m, n, k) -> (m, k)>,
    affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    : tensor<32x32xbf16>, tensor<32x64xbf16>, tensor<32x64xf32>
  %a = math.exp %h : tensor<32x64xf32>
  %r = arith.truncf %a : tensor<32x64xf32> to tensor<32x64xbf16>
  %o = tile.dot %r, %ut, %zero48 maps [affine_map<(m, n, k) -> (m, k)>,
    affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    : tensor<32x64xbf16>, tensor<64x48xbf16>, tensor<32x48xf32>
  tile.store %o, %y[affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>](%m0) valid(%nm, %c48)
    : tensor<32x48xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}
