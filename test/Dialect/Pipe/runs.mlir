// Sums over runs in a kernel, in the custom, the generic and the bytecode form.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

!lengths = !pipe.global<?xi32>

// Reads of global memory are nothing that others see: steps may be a sum of them.
// CHECK-LABEL: pipe.kernel @runs
pipe.kernel @runs(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["S"]},
    %n: i32 {pipe.name = "n"}) {
  %c64 = arith.constant 64 : i32
  // CHECK: %[[SEGMENTS:.*]] = pipe.dim
  %segments = pipe.dim %lengths, 0 : !lengths
  // CHECK: pipe.work
  // CHECK-NEXT: ^bb0(%{{.*}}: i32):
  // CHECK-NEXT:   %[[STEPS:.*]]:2 = pipe.sum below %[[SEGMENTS]] {
  // CHECK-NEXT:   ^bb0(%[[I:.*]]: i32):
  // CHECK-NEXT:     pipe.get %{{.*}}[%[[I]]]
  // CHECK:          pipe.yield %{{.*}}, %{{.*}} : i32, i32
  // CHECK-NEXT:   } : i32, i32
  // CHECK-NEXT:   arith.addi %[[STEPS]]#0, %[[STEPS]]#1
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    %partial, %full = pipe.sum below %segments {
    ^bb0(%run: i32):
      %length = pipe.get %lengths[%run] : !lengths
      %whole = arith.divui %length, %c64 : i32
      %rest = arith.subi %length, %whole : i32
      pipe.yield %rest, %whole : i32, i32
    } : i32, i32
    %steps = arith.addi %partial, %full : i32
    pipe.yield %steps : i32
  }
  pipe.role "sum" groups(1) warps(4) registers(128) (%group) {
    // CHECK: %[[ALL:.*]] = pipe.sum below %[[SEGMENTS]] {
    // CHECK:   pipe.yield %{{.*}} : i32
    // CHECK-NEXT: } {note = 1 : i64} : i32
    %all = pipe.sum below %segments {
    ^bb0(%run: i32):
      pipe.yield %run : i32
    } {note = 1} : i32
    // CHECK: %[[RUNS:.*]], %[[REST:.*]] = pipe.locate %[[ALL]] below %[[SEGMENTS]] {
    // CHECK-NEXT: ^bb0(%[[I:.*]]: i32):
    // CHECK-NEXT:   pipe.yield %[[I]] : i32
    // CHECK-NEXT: }
    %at, %rest = pipe.locate %all below %segments {
    ^bb0(%run: i32):
      pipe.yield %run : i32
    }
    // CHECK-NEXT: arith.addi %[[RUNS]], %[[REST]]
    %place = arith.addi %at, %rest : i32
  }
}
