// Items that several blocks do print and parse as they are written.
// RUN: attn-opt %s | attn-opt | FileCheck %s

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>

// CHECK-LABEL: pipe.kernel @sums
pipe.kernel @sums(%lengths: !pipe.global<?xi32> {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["B"]},
                  %o: !pipe.global<?x64xf32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["B", 64]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %n = pipe.dim %lengths, 0 : !pipe.global<?xi32>
  // CHECK: %[[WORK:.*]] = pipe.work items(%{{.*}}) alike(%{{.*}}) : <stream> steps {
  // CHECK-NEXT: ^bb0(%[[ITEM:.*]]: i32):
  // CHECK: pipe.get %{{.*}}[%{{.*}}]
  // CHECK: pipe.yield %{{.*}} : i32
  %work = pipe.work items(%n) alike(%c2) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    %request = arith.divui %item, %c2 : i32
    %length = pipe.get %lengths[%request] : !pipe.global<?xi32>
    %some = arith.maxsi %length, %c1 : i32
    pipe.yield %some : i32
  }
  pipe.role "sum" groups(1) warps(4) registers(128) (%group) {
    // CHECK: %[[FIRST:.*]], %[[BEFORE:.*]] = pipe.first_part %[[WORK]] : <stream>
    %item, %before = pipe.first_part %work : !pipe.work<stream>
    %part = arith.constant dense<1.0> : !tile
    %line = arith.constant dense<2.0> : !row
    // CHECK: pipe.part %[[WORK]][%[[BEFORE]], %{{.*}}] : <stream>
    %first, %last = pipe.part %work[%before, %c1] : !pipe.work<stream>
    // CHECK: %[[WHOLE:.*]], %[[SUMS:.*]]:2 = pipe.meet %[[WORK]][%[[BEFORE]], %{{.*}}] rows(%{{.*}}) (%{{.*}}, %{{.*}} : tensor<64x64xf32, {{.*}}>, tensor<64xf32, {{.*}}>) : <stream> merge {
    // CHECK: arith.addf
    // CHECK: pipe.yield %{{.*}}, %{{.*}} :
    %whole, %sums:2 = pipe.meet %work[%before, %c1] rows(%last) (%part, %line : !tile, !row) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %x: !row, %b: !tile, %y: !row):
      %c = arith.addf %a, %b : !tile
      %z = arith.addf %x, %y : !row
      pipe.yield %c, %z : !tile, !row
    }
    // CHECK: pipe.meet %[[WORK]][%[[BEFORE]], %{{.*}}] (%{{.*}} : tensor<64x64xf32, {{.*}}>) : <stream> merge {
    %again, %sum = pipe.meet %work[%before, %c1] (%part : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      %c = arith.addf %a, %b : !tile
      pipe.yield %c : !tile
    }
    // CHECK: pipe.next_part %[[WORK]] after %[[FIRST]][%[[BEFORE]], %{{.*}}] : <stream>
    %next, %next_before = pipe.next_part %work after %item[%before, %c1] : !pipe.work<stream>
  }
}

// What an item counts in the line beside its steps.
// CHECK-LABEL: pipe.kernel @lead
pipe.kernel @lead(%n: i32 {pipe.name = "n"}) {
  // CHECK: pipe.work items(%[[N:.*]]) alike(%[[N]]) lead(4) : <stream> steps {
  %work = pipe.work items(%n) alike(%n) lead(4) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%group) {
  }
}

// As many blocks as fit, of which a multiprocessor has several.
// CHECK-LABEL: pipe.kernel @blocks
// CHECK-SAME: blocks(2) {
pipe.kernel @blocks(%n: i32 {pipe.name = "n"}) blocks(2) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "r" groups(1) warps(1) registers(24) (%g) {
  }
}
