// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s

// What ends inside of its tile: rows made zero, and products over a part of what
// a tile holds.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!slot = !pipe.shared<64x128xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>

// A thread writes 16 bytes at a time, the group 2048, in both panels of a slot,
// from the row on to the end: 64 rows of 128 bytes. What threads wrote is then
// made visible to products, and the group meets. A turn has barriers 1 and 2,
// the two groups of the first role (warpgroups 1 and 2) 3 and 4, and the one of
// the second (warpgroup 3) 5.
// CHECK-LABEL: llvm.func @clear(
//  CHECK-SAME:   %[[END:[a-z0-9]+]]: i32)
//   CHECK-DAG:   %[[ZEROS:.*]] = arith.constant dense<0> : vector<4xi32>
//       CHECK:   %[[ID:.*]] = nvvm.read.ptx.sreg.tid.x
//       CHECK:   %[[THREAD:.*]] = arith.andi %[[ID]], %c127_i32
//       CHECK:   %[[WARPGROUP:.*]] = arith.shrui %[[ID]], %c7_i32
//       CHECK:   nvvm.setmaxregister increase 160
//       CHECK:     %[[ROW:.*]] = arith.maxsi %[[END]], %c0_i32
//       CHECK:     %[[BYTES:.*]] = arith.muli %[[ROW]], %c128_i32
//       CHECK:     %[[OWN:.*]] = arith.muli %[[THREAD]], %c16_i32
//       CHECK:     %[[FIRST:.*]] = arith.addi %[[BYTES]], %[[OWN]]
//       CHECK:     scf.for %[[I:.*]] = %[[FIRST]] to %c8192_i32 step %c2048_i32
//       CHECK:       %[[LEFT:.*]] = llvm.getelementptr %[[SLOT:.*]][%[[I]]]
//       CHECK:       llvm.store %[[ZEROS]], %[[LEFT]] {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
//       CHECK:       %[[J:.*]] = arith.addi %[[I]], %c8192_i32
//       CHECK:       %[[RIGHT:.*]] = llvm.getelementptr %[[SLOT]][%[[J]]]
//       CHECK:       llvm.store %[[ZEROS]], %[[RIGHT]]
//   CHECK-NOT:       llvm.store
//       CHECK:     nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
//  CHECK-NEXT:     %[[BARRIER:.*]] = arith.addi %[[WARPGROUP]], %c2_i32
//  CHECK-NEXT:     nvvm.barrier id = %[[BARRIER]] number_of_threads = %c128_i32
//       CHECK:   nvvm.setmaxregister increase 160
//       CHECK:     nvvm.fence.proxy
//  CHECK-NEXT:     %[[OTHER:.*]] = arith.addi %[[WARPGROUP]], %c2_i32
//  CHECK-NEXT:     nvvm.barrier id = %[[OTHER]] number_of_threads = %c128_i32
pipe.kernel @clear(%end: i32 {pipe.name = "end"}) {
  %turn = pipe.turn : !pipe.turn<2>
  %ring = pipe.ring readers(3) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %ring[%c] as %slot : !ring {
    }
  }
  pipe.role "two" groups(2) warps(4) registers(160) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %ring[%c] : !ring
    pipe.take_turn %turn by %group : !pipe.turn<2>
    pipe.clear %x from %end : !slot
    pipe.pass_turn %turn by %group : !pipe.turn<2>
    pipe.release %ring[%c] : !ring
  }
  pipe.role "one" groups(1) warps(4) registers(160) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %ring[%c] : !ring
    pipe.clear %x from %end : !slot
    pipe.release %ring[%c] : !ring
  }
}

// Six of the eight steps of 16 that 128 columns have. The right side has eight
// rows of a tile that holds 64.
// CHECK-LABEL: llvm.func @depth(
//       CHECK:   nvvm.wgmma.fence.aligned
// CHECK-COUNT-6: wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16
//   CHECK-NOT:   wgmma.mma_async
//       CHECK:   nvvm.wgmma.commit.group.sync.aligned
pipe.kernel @depth(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !ring
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %ring[%c] : !ring
    %t = pipe.mma_async %x, %x contract(1, 1) depth 96 : !slot, !slot -> !pipe.token<!tile>
    %d = pipe.mma_wait %t pending(0) : !pipe.token<!tile>
  }
}
