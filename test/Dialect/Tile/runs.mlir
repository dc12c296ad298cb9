// Sums over runs and what is asked of them, in the custom, the generic and the
// bytecode form.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

!Table = memref<?xi32, strided<[?], offset: ?>>

// A sum has as many results as its region yields, and no type of them is written.
// CHECK-LABEL: func.func @runs
func.func @runs(%lengths: !Table, %runs: index, %number: index, %tile: index) -> index {
  // CHECK: %[[STEPS:.*]] = tile.sum below %[[RUNS:.*]] {
  // CHECK-NEXT: ^bb0(%[[I:.*]]: index):
  // CHECK-NEXT:   tile.element %{{.*}}[%[[I]]]
  // CHECK:        tile.yield %{{.*}} : index
  // CHECK-NEXT: }
  %steps = tile.sum below %runs {
  ^bb0(%run: index):
    %length = tile.element %lengths[%run] empty 0 : i32 : !Table
    %own = arith.index_cast %length : i32 to index
    tile.yield %own : index
  }
  // CHECK: %[[KINDS:.*]]:2 = tile.sum below %[[RUNS]] {
  // CHECK:        tile.yield %{{.*}}, %{{.*}} : index, index
  // CHECK-NEXT: } {note = 1 : i64}
  %partial, %full = tile.sum below %runs {
  ^bb0(%run: index):
    %whole = arith.divui %run, %tile : index
    tile.yield %run, %whole : index, index
  } {note = 1}
  // CHECK: arith.addi %[[STEPS]], %[[KINDS]]#1
  %all = arith.addi %steps, %full : index
  // CHECK: %[[AT:.*]], %[[REST:.*]] = tile.locate %{{.*}} below %[[RUNS]] {
  // CHECK-NEXT: ^bb0(%[[I:.*]]: index):
  // CHECK-NEXT:   tile.yield %[[I]] : index
  // CHECK-NEXT: }
  %at, %rest = tile.locate %number below %runs {
  ^bb0(%run: index):
    tile.yield %run : index
  }
  // CHECK: arith.subi %[[AT]], %[[REST]]
  %place = arith.subi %at, %rest : index
  %sum = arith.addi %all, %place : index
  return %sum : index
}

// Where a run ends a locator may say, for each segment by itself.
// CHECK-LABEL: func.func @ends
func.func @ends(%steps: index, %end: index, %count: index) {
  %c0 = arith.constant 0 : index
  // CHECK: tile.sweep(%{{.*}} to %{{.*}} partial at {
  // CHECK:   tile.yield %{{.*}}, %{{.*}}, %{{.*}} : index, index, index
  // CHECK: }, %{{.*}} to %{{.*}} full at {
  // CHECK:   tile.yield %{{.*}}, %{{.*}} : index, index
  // CHECK: }) by 4 step {
  tile.sweep(%c0 to %steps partial at {
  ^bb0(%i: index):
    %base = arith.muli %i, %count : index
    tile.yield %base, %count, %end : index, index, index
  }, %c0 to %steps full at {
  ^bb0(%i: index):
    tile.yield %i, %count : index, index
  }) by 4 step {
  ^bb0(%base: index, %valid: index):
    tile.yield
  }
  return
}
