// RUN: attn-opt %s --cpu-expand-math=target=x86-64-v4 | FileCheck %s
// RUN: attn-opt %s --cpu-expand-math=target=x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: attn-opt %s --cpu-expand-math=target=portable | FileCheck %s --check-prefix=PORTABLE

// AVX-512 scales by 2^n in one instruction; others multiply. Without fused
// multiply-add there is none left to become a library call.
// CHECK-LABEL: func @exp2
//       CHECK:   math.roundeven
// CHECK-COUNT-5: vector.fma
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// V3-LABEL: func @exp2
//       V3:   math.roundeven
//   V3-NOT:   call_intrinsic
//       V3:   arith.shli
// PORTABLE-LABEL: func @exp2
// PORTABLE-NOT:   vector.fma
func.func @exp2(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp2 %x : vector<16xf32>
  return %y : vector<16xf32>
}

// One more instruction instead of a clamp: it makes right what comes of an
// infinity.
// CHECK-LABEL: func @exp(
//   CHECK-NOT:   arith.cmpf
//       CHECK:   %[[N:.*]] = math.roundeven
//       CHECK:   %[[Y:.*]] = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512.mask.fixupimm.ps.512"(%[[Y]], %[[N]],
// V3-LABEL: func @exp(
//       V3:   arith.cmpf
func.func @exp(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp %x : vector<16xf32>
  return %y : vector<16xf32>
}

// Scalars get upstream's approximation: no call is left.
// CHECK-LABEL: func @scalar
//   CHECK-NOT:   math.exp
//       CHECK:   return
func.func @scalar(%x: f32) -> f32 {
  %y = math.exp %x : f32
  return %y : f32
}

// Upstream's logarithm is written with fused multiply-adds.
// CHECK-LABEL: func @log
//       CHECK:   math.fma
// PORTABLE-LABEL: func @log
//   PORTABLE-NOT:   math.fma
//       PORTABLE:   return
func.func @log(%x: vector<4xf32>) -> vector<4xf32> {
  %y = math.log %x : vector<4xf32>
  return %y : vector<4xf32>
}

// A bf16 that lives across blocks of code would be narrowed by a call.
// V3-LABEL: func @repeated_bf16(
//  V3-SAME:   %[[X:[a-z0-9]+]]: bf16
//       V3:   %[[WIDE:.*]] = arith.extf %[[X]] : bf16 to f32
//       V3:   %[[ALL:.*]] = vector.broadcast %[[WIDE]] : f32 to vector<8xf32>
//       V3:   return %[[ALL]]
func.func @repeated_bf16(%x: bf16) -> vector<8xf32> {
  %all = vector.broadcast %x : bf16 to vector<8xbf16>
  %y = arith.extf %all : vector<8xbf16> to vector<8xf32>
  return %y : vector<8xf32>
}

// LLVM has no floats of 8 bits: their fields move and are scaled by the difference
// of the biases. A bf16 is the upper half of that.
// CHECK-LABEL: func @float8(
//       CHECK:   %[[BYTES:.*]] = arith.bitcast %{{.*}} : vector<16xf8E4M3FN> to vector<16xi8>
//       CHECK:   %[[WORDS:.*]] = arith.extui %[[BYTES]]
//       CHECK:   arith.shli %{{.*}}, %{{.*}} : vector<16xi32>
//       CHECK:   arith.mulf
//       CHECK:   %[[HALF:.*]] = arith.shrui
//       CHECK:   arith.trunci %[[HALF]] : vector<16xi32> to vector<16xi16>
//   CHECK-NOT:   arith.truncf
//   CHECK-NOT:   arith.extf
//       CHECK:   return
func.func @float8(%x: vector<16xf8E4M3FN>) -> vector<16xbf16> {
  %y = arith.extf %x : vector<16xf8E4M3FN> to vector<16xbf16>
  return %y : vector<16xbf16>
}

// CHECK-LABEL: func @byte(
//       CHECK:   arith.sitofp %{{.*}} : vector<16xi8> to vector<16xf32>
//   CHECK-NOT:   to vector<16xbf16>
//       CHECK:   arith.bitcast %{{.*}} : vector<16xi16> to vector<16xbf16>
func.func @byte(%x: vector<16xi8>) -> vector<16xbf16> {
  %y = arith.sitofp %x : vector<16xi8> to vector<16xbf16>
  return %y : vector<16xbf16>
}
