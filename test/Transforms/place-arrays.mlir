// RUN: attn-opt %s --pass-pipeline='builtin.module(pipe.kernel(pipe-place-arrays{shared-bytes=65000}))' --split-input-file | FileCheck %s
// RUN: attn-opt %s --pass-pipeline='builtin.module(pipe.kernel(pipe-place-arrays{shared-bytes=70000}))' --split-input-file | FileCheck %s --check-prefix=FITS
// RUN: attn-opt %s --pass-pipeline='builtin.module(pipe.kernel(pipe-place-arrays{shared-bytes=65000}),nvidia-pipeline{target=sm_80})' --split-input-file | FileCheck %s --check-prefix=LLVM

// The largest array leaves shared memory, and there is one for each of the
// blocks that fit the machine, which then do several items.

// CHECK-LABEL: pipe.kernel @largest(
//       CHECK:   %[[WORK:.*]] = pipe.work items(%{{.*}}) : <persistent>
//       CHECK:   pipe.array : <16x16xf32>
//       CHECK:   %[[STATE:.*]] = pipe.array : <128x128xf32, global>
//       CHECK:   pipe.role "threads"
//       CHECK:     %[[FIRST:.*]] = pipe.first_item %[[WORK]] : <persistent>
//       CHECK:     pipe.work_loop %[[ITEM:.*]] = %[[FIRST]] {
//       CHECK:       pipe.each
//       CHECK:         pipe.put %{{.*}} -> %[[STATE]][
//       CHECK:         pipe.put %{{.*}} -> %{{.*}}[%[[ITEM]]
//       CHECK:       %[[NEXT:.*]] = pipe.next_item %[[WORK]] after %[[ITEM]] : <persistent>
//       CHECK:       pipe.yield %[[NEXT]] : i32

// FITS-LABEL: pipe.kernel @largest(
//       FITS:   <single>
//   FITS-NOT:   global>
//   FITS-NOT:   pipe.work_loop

// Its place in the memory that comes last among the arguments.
// LLVM-LABEL: llvm.func @largest(
//  LLVM-SAME:   %[[ARRAYS:[^ ]*]]: !llvm.ptr<1>)
//       LLVM:   %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
//       LLVM:   %[[WIDE:.*]] = llvm.zext %[[BLOCK]] : i32 to i64
//       LLVM:   %[[BYTES:.*]] = llvm.mlir.constant(65536 : i64)
//       LLVM:   %[[OFFSET:.*]] = llvm.mul %[[WIDE]], %[[BYTES]]
//       LLVM:   llvm.getelementptr %[[ARRAYS]][%[[OFFSET]]]
pipe.kernel @largest(%o: !pipe.global<?x128xf32, strided>
      {pipe.name = "o", pipe.access = "write", pipe.shape = ["M", 128]}) {
  %c0 = arith.constant 0 : i32
  %c128 = arith.constant 128 : i32
  %n = pipe.dim %o, 0 : !pipe.global<?x128xf32, strided>
  %work = pipe.work items(%n) : !pipe.work<single>
  %small = pipe.array : !pipe.array<16x16xf32>
  %state = pipe.array : !pipe.array<128x128xf32>
  pipe.role "threads" groups(1) warps(4) registers(248) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %one = arith.constant 1.0 : f32
    pipe.each %i in %c128 {
      pipe.put %one -> %state[%i, %c0] : !pipe.array<128x128xf32>
      pipe.put %one -> %o[%item, %i] : !pipe.global<?x128xf32, strided>
    }
  }
}
