// RUN: attn-opt %s --convert-pipe-to-nvvm --cse | FileCheck %s

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#row = #pipe.slice<1, #s>
!tile = tensor<64x8xf32, #s>
!row = tensor<64xf32, #row>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!b_slot = !pipe.shared<8x64xbf16, swizzle = 128>

// One parameter word after the other: address, extents, strides, then tensor
// maps by value.
// CHECK-LABEL: llvm.func @small(
//  CHECK-SAME:   !llvm.ptr<1>, %{{[^:]*}}: i32, %{{[^:]*}}: i32, %{{[^:]*}}: i64
//  CHECK-SAME:   !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant}
//  CHECK-SAME:   nvvm.maxntid = array<i32: 256, 1, 1>
pipe.kernel @small(
    %a: !pipe.global<?x?xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", "K"]},
    %m: !pipe.global<?xf32> {pipe.name = "m", pipe.access = "write", pipe.shape = ["M"]}) {
  %zero = arith.constant 0 : i32
  %ring = pipe.ring readers(1) : !pipe.ring<2 x !slot>
  %bs = pipe.ring readers(1) : !pipe.ring<2 x !b_slot>

  // One thread makes the barriers: a producer fills, one group releases.
  // CHECK: scf.if
  // CHECK: nvvm.mbarrier.init
  // CHECK: nvvm.fence.mbarrier.init
  // CHECK: nvvm.barrier0

  // The role of one warp: few registers, one lane.
  // CHECK: scf.if
  // CHECK: nvvm.setmaxregister decrease 24
  // CHECK: nvvm.elect.sync
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<2>
    // All bytes are announced before the first copy starts.
    // CHECK: mbarrier.try_wait.parity
    // CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %[[BYTES:[^ ]*]]
    // CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global
    pipe.fill %ring[%c] as %slot : !pipe.ring<2 x !slot> {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x?xbf16> -> !slot
    }
    pipe.fill %bs[%c] as %slot : !pipe.ring<2 x !b_slot> {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x?xbf16> -> !b_slot
    }
  }

  // CHECK: } else {
  // CHECK: nvvm.setmaxregister decrease 240
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<2>
    // Of which slot it is lanes are told by the first.
    // CHECK: mbarrier.try_wait.parity
    // CHECK: %[[SLOT:.*]] = nvvm.shfl.sync idx
    // CHECK: arith.muli %[[SLOT]], %c512_i32
    %x = pipe.wait %ring[%c] : !pipe.ring<2 x !slot>
    %y = pipe.wait %bs[%c] : !pipe.ring<2 x !b_slot>
    // Four steps of 16, the first onto zero, committed as one group; the wait
    // passes the accumulators through itself.
    // CHECK: nvvm.wgmma.fence.aligned
    // CHECK: wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, $4, $5, 0, 1, 1, 0, 0;
    // CHECK-COUNT-3: wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, $8, $9, 1, 1, 1, 0, 0;
    // CHECK: nvvm.wgmma.commit.group.sync.aligned
    // CHECK: wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3"
    %t = pipe.mma_async %x, %y contract(1, 1) : !slot, !b_slot -> !pipe.token<!tile>
    %d = pipe.mma_wait %t pending(0) : !pipe.token<!tile>
    // Two rows a thread, each of two elements and of four lanes.
    // CHECK: %[[A:.*]] = arith.maxnumf
    // CHECK: %[[B:.*]] = arith.maxnumf
    // CHECK: nvvm.shfl.sync bfly {{.*}}, %[[A]]
    // CHECK: nvvm.shfl.sync bfly
    // CHECK: nvvm.shfl.sync bfly {{.*}}, %[[B]]
    // CHECK: nvvm.shfl.sync bfly
    %max = pipe.row_reduce maxnum %d : !tile -> !row
    // CHECK-COUNT-2: @$2 st.global.f32
    pipe.store %max -> %m[%zero] : !row -> !pipe.global<?xf32>
  }
}

// Split work: block b of n does items b * items / n to (b + 1) * items / n - 1.
// CHECK-LABEL: llvm.func @split(
// CHECK: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
// CHECK: %[[GRID:.*]] = nvvm.read.ptx.sreg.nctaid.x
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: arith.divui %{{.*}}, %{{.*}} : i64
pipe.kernel @split(
    %y: !pipe.global<?xi32> {pipe.name = "y", pipe.access = "write", pipe.shape = ["N"]}) {
  %n = pipe.dim %y, 0 : !pipe.global<?xi32>
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%n) : !pipe.work<split>
  pipe.role "threads" groups(1) warps(4) registers(128) (%group) {
    %first = pipe.first_item %work : !pipe.work<split>
    pipe.work_loop %item = %first {
      pipe.each %i in %c1 {
        pipe.put %first -> %y[%item] : !pipe.global<?xi32>
      }
      %next = pipe.next_item %work after %item : !pipe.work<split>
      pipe.yield %next : i32
    }
  }
}
