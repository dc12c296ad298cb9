// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s --check-prefix=PTX

// Sums over runs, of which each lane of a warp has its own.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!lengths = !pipe.global<?xi32>
!x = !pipe.global<?x64xbf16>
!out = !pipe.global<?x8xf32>
!slot = !pipe.shared<8x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot, messages = 1>

// Warps share items out. Where a warp's are few, it adds up the steps of one after the
// other, of two runs a lane at a time, and gives them to the lane whose item it is.
// Where they are many, a lane adds up its own's: other lanes are at other items, so that
// nothing is said to them.
// CHECK-LABEL: llvm.func @sums(
//  CHECK-SAME:   %[[LENGTHS:[a-z0-9]+]]: !llvm.ptr<1>, %[[RUNS:[a-z0-9]+]]: i32,
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : i32
//   CHECK-DAG:   %[[C1:.*]] = arith.constant 1 : i32
//   CHECK-DAG:   %[[C8:.*]] = arith.constant 8 : i32
//   CHECK-DAG:   %[[C32:.*]] = arith.constant 32 : i32
//   CHECK-DAG:   %[[C64:.*]] = arith.constant 64 : i32
//   CHECK-DAG:   %[[NONE:.*]] = arith.constant -1 : i32
//       CHECK:   %[[LANE:.*]] = arith.andi %{{.*}}, %c31
//       CHECK:   %[[ARE_SHARED:.*]] = arith.cmpi ugt, %{{.*}}, %[[C1]]
//       CHECK:   %[[OF_WARP:.*]] = arith.select %[[ARE_SHARED]], %{{.*}}, %[[ITEMS:.*]] : i32
//       CHECK:   %[[FIRST:.*]] = arith.select %[[ARE_SHARED]], %{{.*}}, %[[C0]]
//       CHECK:   scf.for %[[ITEM:.*]] = %[[C0]] to %[[OF_WARP]] step %[[C32]]
//       CHECK:     arith.addi %[[FIRST]], %[[ITEM]]
//       CHECK:     %[[LEFT:.*]] = arith.minsi %{{.*}}, %[[C32]]
//  CHECK-NEXT:     %[[FEW:.*]] = arith.cmpi sle, %[[LEFT]], %[[C8]]
//  CHECK-NEXT:     %[[OWN:.*]] = scf.if %[[FEW]] -> (i32) {
//  CHECK-NEXT:       scf.for %[[K:.*]] = %[[C0]] to %[[LEFT]] step %[[C1]]
//       CHECK:         %[[PART:.*]] = scf.for %[[AT:.*]] = %[[C0]] to %[[RUNS]] step %[[C64]]
//  CHECK-NEXT:           %[[I:.*]] = arith.addi %[[AT]], %[[LANE]]
//  CHECK-NEXT:           %[[EXISTS:.*]] = arith.cmpi slt, %[[I]], %[[RUNS]]
//       CHECK:           llvm.load
//       CHECK:           arith.select %[[EXISTS]], %{{.*}}, %[[C0]]
//       CHECK:           arith.addi %[[I]], %[[C32]]
//       CHECK:           llvm.load
//       CHECK:         nvvm.redux.sync add %[[PART]]
//       CHECK:         %[[IS_OWN:.*]] = arith.cmpi eq, %[[K]], %[[LANE]]
//  CHECK-NEXT:         arith.select %[[IS_OWN]]
//       CHECK:     } else {
//   CHECK-NOT:       nvvm.
//       CHECK:       scf.for %{{.*}} = %[[C0]] to %[[RUNS]] step %[[C1]]
//   CHECK-NOT:       nvvm.
//       CHECK:     arith.muli %[[OWN]], %{{.*}}
//       CHECK:   nvvm.redux.sync add

// The item in which a block's share begins is found by the same numbers, those of the
// first items kept.
//       CHECK:   scf.for %{{.*}} = %[[C0]] to %[[OF_WARP]] step %[[C32]]
//       CHECK:     %[[IS_FIRST:.*]] = arith.cmpi eq, %{{.*}}, %[[C0]]
//  CHECK-NEXT:     scf.if %[[IS_FIRST]] -> (i32) {
//  CHECK-NEXT:       scf.yield
//  CHECK-NEXT:     } else {
//       CHECK:       scf.if %{{.*}} -> (i32) {
//       CHECK:         nvvm.redux.sync add
//       CHECK:       } else {
//   CHECK-NOT:         nvvm.
//       CHECK:       }
// CHECK-COUNT-5:   nvvm.shfl.sync up
//       CHECK:   nvvm.redux.sync max

// A role of one warp computes with all of its lanes. As many runs as it has lanes
// are looked at at a time, until one of them has the number.
//       CHECK:   nvvm.setmaxregister decrease 56
//       CHECK:   scf.if
//   CHECK-NOT:   nvvm.elect.sync
//       CHECK:   %[[PART:.*]] = scf.for %{{.*}} = %[[C0]] to %[[RUNS]] step %[[C64]]
//       CHECK:   nvvm.redux.sync add %[[PART]]
//   CHECK-NOT:   nvvm.elect.sync
//       CHECK:   %[[FOUND:.*]]:3 = scf.while (%[[FIRST:.*]] = %[[C0]], %[[REST:.*]] = %{{.*}}, %[[RUN_OF:.*]] = %[[NONE]])
//  CHECK-NEXT:     %[[ARE_MORE:.*]] = arith.cmpi slt, %[[FIRST]], %[[RUNS]]
//  CHECK-NEXT:     %[[IS_OPEN:.*]] = arith.cmpi slt, %[[RUN_OF]], %[[C0]]
//  CHECK-NEXT:     %[[GOES_ON:.*]] = arith.andi %[[ARE_MORE]], %[[IS_OPEN]]
//  CHECK-NEXT:     scf.condition(%[[GOES_ON]])
//       CHECK:   ^bb0(%[[FIRST:.*]]: i32, %[[REST:.*]]: i32,
//  CHECK-NEXT:     arith.addi %[[FIRST]], %[[LANE]]
// CHECK-COUNT-5:   nvvm.shfl.sync up
//       CHECK:     nvvm.redux.sync max
//       CHECK:     nvvm.redux.sync max
//       CHECK:     %[[ALL:.*]] = nvvm.redux.sync add
//  CHECK-NEXT:     %[[NEXT:.*]] = arith.addi %[[FIRST]], %[[C32]]
//  CHECK-NEXT:     arith.subi %[[REST]], %[[ALL]]
//       CHECK:     scf.yield %[[NEXT]]
//       CHECK:   %[[WAS_FOUND:.*]] = arith.cmpi sge, %[[FOUND]]#2, %[[C0]]
//  CHECK-NEXT:   %[[RUN_OF:.*]] = arith.select %[[WAS_FOUND]], %[[FOUND]]#2, %[[RUNS]]
//  CHECK-NEXT:   arith.select %[[WAS_FOUND]], %[[FOUND]]#1, %[[C0]]

// One of the lanes fills.
//  CHECK-NEXT:   %[[ELECTED:.*]] = nvvm.elect.sync -> i1
//  CHECK-NEXT:   scf.if %[[ELECTED]] {
//       CHECK:     mbarrier.try_wait
//       CHECK:     llvm.store %[[RUN_OF]]
//       CHECK:     nvvm.cp.async.bulk.tensor{{.*}}
//  CHECK-NEXT:   }

// Two sums take one loop.
//       CHECK:   nvvm.setmaxregister decrease 160
//       CHECK:   %[[PARTS:.*]]:2 = scf.for %{{.*}} = %[[C0]] to %[[RUNS]] step %[[C64]]
//       CHECK:   nvvm.redux.sync add %[[PARTS]]#0
//  CHECK-NEXT:   nvvm.redux.sync add %[[PARTS]]#1

// PTX-LABEL: .entry sums(
// PTX:         redux.sync.add.s32
// PTX:         shfl.sync.up.b32
// PTX:         redux.sync.max.s32
// PTX:         elect.sync
pipe.kernel @sums(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["S"]},
    %x: !x {pipe.name = "x", pipe.access = "read", pipe.shape = ["M", 64]},
    %o: !out {pipe.name = "o", pipe.access = "write", pipe.shape = ["P", 8]},
    %n: i32 {pipe.name = "n"}) {
  %c0 = arith.constant 0 : i32
  %runs = pipe.dim %lengths, 0 : !lengths
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    %steps = pipe.sum below %runs {
    ^bb0(%run: i32):
      %length = pipe.get %lengths[%run] : !lengths
      %own = arith.minsi %length, %item : i32
      pipe.yield %own : i32
    } : i32
    pipe.yield %steps : i32
  }
  %ring = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(56) (%group) {
    %cursor = pipe.cursor : !pipe.cursor<2>
    %first, %none = pipe.first_part %work : !pipe.work<stream>
    %exists = arith.cmpi sge, %first, %c0 : i32
    scf.if %exists {
      %end:2 = pipe.work_loop %item = %first iter_args(%at = %cursor, %before = %none) -> (!pipe.cursor<2>, i32) {
        %steps = pipe.sum below %runs {
        ^bb0(%run: i32):
          %length = pipe.get %lengths[%run] : !lengths
          %own = arith.minsi %length, %item : i32
          pipe.yield %own : i32
        } : i32
        %begin, %last = pipe.part %work[%before, %steps] : !pipe.work<stream>
        %run, %rest = pipe.locate %begin below %runs {
        ^bb0(%i: i32):
          %length = pipe.get %lengths[%i] : !lengths
          %own = arith.minsi %length, %item : i32
          pipe.yield %own : i32
        }
        pipe.fill %ring[%at] as %slot message(%run) : !ring {
          pipe.load %x[%rest, %c0] -> %slot : !x -> !slot
        }
        %up = pipe.advance %at : !pipe.cursor<2>
        %next, %next_before = pipe.next_part %work after %item[%before, %steps] : !pipe.work<stream>
        pipe.yield %next, %up, %next_before : i32, !pipe.cursor<2>, i32
      }
    }
  }
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %cursor = pipe.cursor : !pipe.cursor<2>
    %first, %none = pipe.first_part %work : !pipe.work<stream>
    %exists = arith.cmpi sge, %first, %c0 : i32
    scf.if %exists {
      %end:2 = pipe.work_loop %item = %first iter_args(%at = %cursor, %before = %none) -> (!pipe.cursor<2>, i32) {
        %steps, %keys = pipe.sum below %runs {
        ^bb0(%run: i32):
          %length = pipe.get %lengths[%run] : !lengths
          %own = arith.minsi %length, %item : i32
          pipe.yield %own, %length : i32, i32
        } : i32, i32
        %slot = pipe.wait %ring[%at] : !ring
        %run = pipe.message %ring[%at] : !ring
        %number = arith.sitofp %keys : i32 to f32
        %part = pipe.splat %number : f32 -> !tile
        pipe.store %part -> %o[%run, %c0] : !tile -> !out
        pipe.release %ring[%at] : !ring
        %up = pipe.advance %at : !pipe.cursor<2>
        %next, %next_before = pipe.next_part %work after %item[%before, %steps] : !pipe.work<stream>
        pipe.yield %next, %up, %next_before : i32, !pipe.cursor<2>, i32
      }
    }
  }
}
