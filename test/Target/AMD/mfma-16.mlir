// RUN: attn-opt %s --amd-pipeline=target=gfx942 | mlir-translate --mlir-to-llvmir | llc -O3 -mtriple=amdgcn-amd-amdhsa -mcpu=gfx942 | FileCheck %s
// RUN: attn-opt %s --amd-pipeline=target=gfx90a | mlir-translate --mlir-to-llvmir | llc -O3 -mtriple=amdgcn-amd-amdhsa -mcpu=gfx90a | FileCheck %s

// S^T = B A^T and then D^T = C^T S^T: what a lane has of S it passes on as it
// stands, narrowed to bf16. Sides along the depth are read 16 bytes at a time,
// C across it 8 bytes at a time, two of which are an instruction's.
// A wave has 16 of 64 rows.

// CHECK-LABEL: {{^}}product:
//   CHECK-NOT: permute
//   CHECK-NOT: swizzle
// CHECK-COUNT-1: ds_read_b128
// CHECK-COUNT-16: v_mfma_f32_16x16x16{{_?}}bf16
//   CHECK-NOT: permute
//   CHECK-NOT: swizzle
//   CHECK-NOT: ds_read_u16
// CHECK-COUNT-16: v_mfma_f32_16x16x16{{_?}}bf16
//   CHECK-NOT: v_mfma
//       CHECK: .amdhsa_private_segment_fixed_size 0
//       CHECK: .vgpr_spill_count: 0
#s = #pipe.fragment<registers = [16 x d1 by 1, 1 x d1 by 64], lanes = [16 x d0 by 1, 4 x d1 by 16], warps = [4 x d0 by 16]>
#o = #pipe.fragment<registers = [16 x d1 by 1, 1 x d1 by 64], lanes = [16 x d0 by 1, 4 x d1 by 16], warps = [4 x d0 by 16]>
!s = tensor<64x64xf32, #s>
!p = tensor<64x64xbf16, #s>
!o = tensor<64x64xf32, #o>
!a = !pipe.shared<64x64xbf16, swizzle = 128>
!b = !pipe.shared<64x64xbf16, swizzle = 128>
!c = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @product(
    %d: !pipe.global<?x64xf32> {pipe.name = "d", pipe.access = "write", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %as = pipe.ring readers(1) : !pipe.ring<1 x !a>
  %bs = pipe.ring readers(1) : !pipe.ring<1 x !b>
  %cs = pipe.ring readers(1) : !pipe.ring<1 x !c>
  pipe.role "multiply" groups(1) warps(4) registers(248) (%group) {
    %at = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %as[%at] : !pipe.ring<1 x !a>
    %b = pipe.wait %bs[%at] : !pipe.ring<1 x !b>
    %c = pipe.wait %cs[%at] : !pipe.ring<1 x !c>
    %t1 = pipe.mma_async %a, %b contract(1, 1) : !a, !b -> !pipe.token<!s>
    %s = pipe.mma_wait %t1 pending(0) : !pipe.token<!s>
    %p = arith.truncf %s : !s to !p
    %t2 = pipe.mma_async %p, %c contract(1, 0) : !p, !c -> !pipe.token<!o>
    %o = pipe.mma_wait %t2 pending(0) : !pipe.token<!o>
    pipe.store %o -> %d[%zero, %zero] : !o -> !pipe.global<?x64xf32>
  }
}
