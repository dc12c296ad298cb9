// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s
// RUN: attn-compile gqa --target=sm_90a --dtype=bf16 --pack=4 --q-len=1 --emit=ptx --no-cache | FileCheck %s --check-prefix=PTX

// Tiles of 32 rows: a warp has eight rows of its sixteen of a product. Q's rows
// have half the stride of a full tile's (bits 32 to 45 of the descriptor), and
// memory behind them is read; of registers that are nobody's every product has
// the same, which no memory keeps in the end.
// CHECK-LABEL: llvm.func @low(
//  CHECK-SAME:   attn.shared_bytes = 11776
//   CHECK-DAG:   %[[ROWS:.*]] = arith.constant 4611686155866341376 : i64
//   CHECK-DAG:   %[[KEYS:.*]] = arith.constant 4611686293305294848 : i64
//   CHECK-DAG:   %[[NONE:.*]] = llvm.mlir.undef : i32
//       CHECK:   %[[UNUSED:.*]] = llvm.alloca %{{.*}} x !llvm.array<64 x f32> {attn.unused_rows}
//       CHECK:   %[[Q:.*]] = arith.ori %{{.*}}, %[[ROWS]]
//       CHECK:   llvm.inline_asm {{.*}}wgmma.mma_async.sync.aligned.m64n16k16{{.*}} %[[Q]], %{{.*}} : (i64, i64) -> !llvm.struct<(f32, f32, f32, f32, f32, f32, f32, f32)>
//       CHECK:   %[[S:.*]] = llvm.inline_asm {{.*}}wgmma.mma_async.sync.aligned.m64n16k16
//       CHECK:   llvm.inline_asm {{.*}}wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3"
//       CHECK:   llvm.inline_asm {{.*}}m64n64k16{{.*}} %[[W:.*]], %[[NONE]], %[[X:.*]], %[[NONE]], %{{.*}} : (i32, i32, i32, i32, i64)
//       CHECK:   llvm.load %[[UNUSED]] : !llvm.ptr -> f32
//       CHECK:   %[[O:.*]] = llvm.inline_asm {{.*}}m64n64k16{{.*}} %[[W]], %[[NONE]], %[[X]], %[[NONE]]
//       CHECK:   %[[OTHER:.*]] = llvm.extractvalue %[[O]][2]
//       CHECK:   llvm.store %[[OTHER]], %[[UNUSED]] : f32, !llvm.ptr
//
// Four matrices of eight columns beside each other, as a warp has eight rows.
//       CHECK:   arith.andi %{{.*}}, %c7_i32
//       CHECK:   arith.shrui %{{.*}}, %c3_i32
// CHECK-COUNT-2: nvvm.stmatrix

//   PTX-NOT: .local
//       PTX: wgmma.mma_async.sync.aligned.m64n128k16
//   PTX-NOT: .local

#acc = #pipe.fragment<registers = [2 x d1 by 1, 2 x d1 by 8],
                      lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 8]>
#out = #pipe.fragment<registers = [2 x d1 by 1, 8 x d1 by 8],
                      lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 8]>
!s = tensor<32x16xf32, #acc>
!w = tensor<32x16xbf16, #acc>
!o = tensor<32x64xf32, #out>
!q = !pipe.shared<32x64xbf16, swizzle = 128>
!k = !pipe.shared<16x64xbf16, swizzle = 128>
!rows = !pipe.ring<1 x !q>
!keys = !pipe.ring<1 x !k>
pipe.kernel @low(%n: i32 {pipe.name = "n"}) {
  %qs = pipe.ring readers(1) : !rows
  %ks = pipe.ring readers(1) : !keys
  %stage = pipe.shared_tile : !pipe.shared<32x64xbf16, swizzle = 128, parts = 4>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %q = pipe.wait %qs[%c] : !rows
    %k = pipe.wait %ks[%c] : !keys
    %t = pipe.mma_async %q, %k contract(1, 1) : !q, !k -> !pipe.token<!s>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!s>
    %w = arith.truncf %s : !s to !w
    %u = pipe.mma_async %w, %k contract(1, 0) : !w, !k -> !pipe.token<!o>
    %o = pipe.mma_wait %u pending(0) : !pipe.token<!o>
    %twice = arith.addf %o, %o : !o
    %v = pipe.mma_async %w, %k, %twice contract(1, 0) : !w, !k, !o -> !pipe.token<!o>
    %p = pipe.mma_wait %v pending(0) : !pipe.token<!o>
    %h = arith.truncf %p : !o to tensor<32x64xbf16, #out>
    pipe.stage %h -> %stage : tensor<32x64xbf16, #out> -> !pipe.shared<32x64xbf16, swizzle = 128, parts = 4>
  }
}
