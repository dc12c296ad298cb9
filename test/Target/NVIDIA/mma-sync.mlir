// RUN: attn-opt %s --convert-pipe-to-nvvm=target=sm_80 --cse --split-input-file | FileCheck %s

// A product of 64 x 32 with K of 64 that four warps share: of each 16 of K the
// left side once, the right side for 16 columns at a time, and a product for
// each 8. It is done where it is started, so that waits are nothing.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 4 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!acc = tensor<64x32xf32, #s>
!left = !pipe.shared<64x64xbf16, swizzle = 128>
!right = !pipe.shared<32x64xbf16, swizzle = 128>

// CHECK-LABEL: llvm.func @rows_along_k(
// CHECK-COUNT-1:   "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{.*}}, [$4+0];"
// CHECK-COUNT-1:   "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{.*}}, [$4+0];"
// CHECK-COUNT-2:   "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {$0, $1, $2, $3}, {$8, $9, $10, $11}, {$12, $13}, {$0, $1, $2, $3};"
// CHECK-COUNT-1:   "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{.*}}, [$4+2048];"
// CHECK-COUNT-14:   "mma.sync
//   CHECK-NOT:   ldmatrix
//   CHECK-NOT:   mma.sync
//   CHECK-NOT:   wgmma
//       CHECK:   st.global.f32
pipe.kernel @rows_along_k(
    %c: !pipe.global<?x?xf32> {pipe.name = "c", pipe.access = "write", pipe.shape = ["M", "N"]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !pipe.ring<1 x !left>
  %ys = pipe.ring readers(1) : !pipe.ring<1 x !right>
  pipe.role "multiply" groups(1) warps(4) registers(248) (%group) {
    %at = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%at] : !pipe.ring<1 x !left>
    %y = pipe.wait %ys[%at] : !pipe.ring<1 x !right>
    %t = pipe.mma_async %x, %y contract(1, 1) : !left, !right -> !pipe.token<!acc>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!acc>
    pipe.store %s -> %c[%zero, %zero] : !acc -> !pipe.global<?x?xf32>
  }
}

// -----

// Rows across K are transposed on their way. Groups of 128 rows have two
// products a warp, which share the right side.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 2 x d0 by 16, 3 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 32]>
!acc = tensor<128x24xf32, #s>
!left = !pipe.shared<128x64xf16, swizzle = 128>
!right = !pipe.shared<64x64xf16, swizzle = 128>

// CHECK-LABEL: llvm.func @rows_across_k(
// CHECK-COUNT-2:   "ldmatrix.sync.aligned.m8n8.x4.shared.b16
//       CHECK:   "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-COUNT-4:   "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// An odd number of blocks leaves one.
//       CHECK:   "ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16
// CHECK-COUNT-20:   "mma.sync
//   CHECK-NOT:   "mma.sync
pipe.kernel @rows_across_k(
    %c: !pipe.global<?x?xf32> {pipe.name = "c", pipe.access = "write", pipe.shape = ["M", "N"]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !pipe.ring<1 x !left>
  %ys = pipe.ring readers(1) : !pipe.ring<1 x !right>
  pipe.role "multiply" groups(1) warps(4) registers(248) (%group) {
    %at = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%at] : !pipe.ring<1 x !left>
    %y = pipe.wait %ys[%at] : !pipe.ring<1 x !right>
    %t = pipe.mma_async %x, %y contract(1, 0) : !left, !right -> !pipe.token<!acc>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!acc>
    pipe.store %s -> %c[%zero, %zero] : !acc -> !pipe.global<?x?xf32>
  }
}

// -----

// A product whose wait is not the next one is spread over what stands between:
// exponentials follow some of its instructions, and all of them come before the
// slot that it reads is released.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 2 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!acc = tensor<64x16xf32, #s>
!left = !pipe.shared<64x64xbf16, swizzle = 128>
!right = !pipe.shared<16x64xbf16, swizzle = 128>

// CHECK-LABEL: llvm.func @beside(
// CHECK-COUNT-8:   "mma.sync
//       CHECK:   llvm.nvvm.ex2.approx.ftz.f
//       CHECK:   "mma.sync
//       CHECK:   llvm.nvvm.ex2.approx.ftz.f
//       CHECK:   "mma.sync
//       CHECK:   llvm.nvvm.ex2.approx.ftz.f
//       CHECK:   nvvm.bar.warp.sync
//   CHECK-NOT:   ldmatrix
//   CHECK-NOT:   mma.sync
//   CHECK-NOT:   unrealized_conversion_cast {{.*}} : f32
pipe.kernel @beside(
    %c: !pipe.global<?x?xf32> {pipe.name = "c", pipe.access = "write", pipe.shape = ["M", "N"]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !pipe.ring<1 x !left>
  %ys = pipe.ring readers(1) : !pipe.ring<1 x !right>
  pipe.role "multiply" groups(1) warps(4) registers(248) (%group) {
    %at = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%at] : !pipe.ring<1 x !left>
    %y = pipe.wait %ys[%at] : !pipe.ring<1 x !right>
    %t = pipe.mma_async %x, %y contract(1, 1) : !left, !right -> !pipe.token<!acc>
    %u = pipe.mma_async %x, %y contract(1, 1) : !left, !right -> !pipe.token<!acc>
    %s = pipe.mma_wait %t pending(1) : !pipe.token<!acc>
    %e = math.exp2 %s fastmath<afn> : !acc
    %v = pipe.mma_wait %u pending(0) : !pipe.token<!acc>
    pipe.release %ys[%at] : !pipe.ring<1 x !right>
    %sum = arith.addf %e, %v : !acc
    pipe.store %sum -> %c[%zero, %zero] : !acc -> !pipe.global<?x?xf32>
  }
}
