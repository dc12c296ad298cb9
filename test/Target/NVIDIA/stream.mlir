// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s --check-prefix=PTX

// Items that several blocks do.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!lengths = !pipe.global<?xi32>
!out = !pipe.global<?x?xf32>

// Counters and a workspace come last. Warps add up the steps of all items, a lane an
// item, and one finds that in which its block's run begins.
// CHECK-LABEL: llvm.func @sums(
//  CHECK-SAME:   %[[COUNTERS:[a-z0-9]+]]: !llvm.ptr<1>, %[[PLACES:[a-z0-9]+]]: !llvm.ptr<1>)
//       CHECK:   scf.for %{{.*}} to %{{.*}} step %c32_i32
//       CHECK:   nvvm.redux.sync add
//       CHECK:   scf.for %{{.*}} to %{{.*}} step %c32_i32
// CHECK-COUNT-5: nvvm.shfl.sync up
//       CHECK:   nvvm.redux.sync max

// A part goes to its place, and is counted by who releases it: of many with those of
// its group first. Who has counted the last one sets the counter back and folds all,
// four on their way at a time; what four warps have folded of several goes through
// shared memory to the first.
//       CHECK:   arith.cmpi sge, %{{.*}}, %c24_i32
//       CHECK:   st.relaxed.gpu.global.L2::cache_hint.v4.b32
//       CHECK:   nvvm.barrier
//       CHECK:   atom.acq_rel.gpu.global.add.u32
//       CHECK:   llvm.inline_asm {{.*}} "@$2 st.global.b32 [$0+0], $1;", {{.*}} %c0_i32
//       CHECK:   barrier.cta.red.or.pred
// CHECK-COUNT-5: ld.relaxed.gpu.global.v4.b32
//       CHECK:   arith.addf
//       CHECK:   nvvm.barrier
//       CHECK:   llvm.store %{{.*}} : vector<4xi32>, !llvm.ptr<3>
//       CHECK:   nvvm.barrier
//       CHECK:   llvm.load %{{.*}} : !llvm.ptr<3> -> vector<4xi32>
//       CHECK:   arith.addf

// The end of an item in which the share begins comes last, and after it nothing.
//       CHECK:   %[[EXISTS:.*]] = arith.cmpi slt
//       CHECK:   %[[LAST:.*]] = llvm.load volatile
//       CHECK:   %[[AFTER:.*]] = arith.addi %[[ITEM:[^,]*]], %c1_i32
//  CHECK-NEXT:   %[[NEXT:.*]] = arith.select %[[EXISTS]], %[[AFTER]], %[[LAST]]
//  CHECK-NEXT:   %[[IS_LAST:.*]] = arith.cmpi eq, %[[ITEM]], %[[LAST]]
//  CHECK-NEXT:   arith.select %[[IS_LAST]], %c-1_i32, %[[NEXT]]

// PTX-LABEL: .entry sums(
// PTX:         redux.sync.add.s32
// PTX:         st.relaxed.gpu.global.L2::cache_hint.v4.b32
// PTX:         atom.acq_rel.gpu.global.add.u32
// PTX:         barrier.cta.red.or.pred
// PTX:         ld.relaxed.gpu.global.v4.b32
pipe.kernel @sums(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["B"]},
    %o: !out {pipe.name = "o", pipe.access = "write", pipe.shape = ["P", "M"]}) {
  %c0 = arith.constant 0 : i32
  %n = pipe.dim %lengths, 0 : !lengths
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    %steps = pipe.get %lengths[%item] : !lengths
    pipe.yield %steps : i32
  }
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %first, %none = pipe.first_part %work : !pipe.work<stream>
    %exists = arith.cmpi sge, %first, %c0 : i32
    scf.if %exists {
      %end = pipe.work_loop %item = %first iter_args(%before = %none) -> (i32) {
        %steps = pipe.get %lengths[%item] : !lengths
        %begin, %last = pipe.part %work[%before, %steps] : !pipe.work<stream>
        %number = arith.sitofp %last : i32 to f32
        %part = pipe.splat %number : f32 -> !tile
        %whole, %sum = pipe.meet %work[%before, %steps] rows(%last) (%part : !tile) : !pipe.work<stream> merge {
        ^bb0(%a: !tile, %b: !tile):
          %c = arith.addf %a, %b : !tile
          pipe.yield %c : !tile
        }
        scf.if %whole {
          pipe.store %sum -> %o[%item, %c0] : !tile -> !out
        }
        %next, %next_before = pipe.next_part %work after %item[%before, %steps] : !pipe.work<stream>
        pipe.yield %next, %next_before : i32, i32
      }
    }
  }
}

// Items are counted by classes whose steps are equal: the class says which request
// that is, and nothing is divided. Of more classes than lanes a warp counts some, and
// takes the sums of others from shared memory. Where there are no more steps than blocks,
// what an item costs besides is not counted.
// CHECK-LABEL: llvm.func @alike(
//  CHECK-SAME:   %{{[a-z0-9]+}}: !llvm.ptr<1>, %[[REQUESTS:[a-z0-9]+]]: i32, %[[HEADS:[a-z0-9]+]]: i32
//       CHECK:   %[[ARE_MANY:.*]] = arith.cmpi ugt, %[[REQUESTS]], %c32_i32
//       CHECK:   arith.divui %{{.*}}, %c4_i32
//       CHECK:   %[[OF_WARP:.*]] = arith.select %[[ARE_MANY]], %{{.*}}, %[[REQUESTS]]
//   CHECK-NOT:   arith.divui
//   CHECK-NOT:   arith.ceildivui
//       CHECK:   scf.for %{{.*}} to %[[OF_WARP]] step %c32_i32
//   CHECK-NOT:   arith.divui
//       CHECK:   %[[OWN:.*]] = nvvm.redux.sync add
//       CHECK:   %[[STEPS:.*]]:2 = scf.if %[[ARE_MANY]]
//       CHECK:     llvm.store %[[OWN]]
//       CHECK:     nvvm.barrier0
//       CHECK:     llvm.load
//       CHECK:     nvvm.barrier0
//       CHECK:     nvvm.redux.sync add
//       CHECK:     nvvm.redux.sync add
//       CHECK:   else
//  CHECK-NEXT:     scf.yield %[[OWN]], %c0_i32
//       CHECK:   %[[FEW:.*]] = arith.cmpi sle, %[[STEPS]]#0, %[[BLOCKS:.*]] : i32
//       CHECK:   %[[LEAD:.*]] = arith.select %[[FEW]], %c0_i32, %c2_i32 : i32
//       CHECK:   arith.divui %{{.*}}, %[[BLOCKS]]
pipe.kernel @alike(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["B"]},
    %heads: i32 {pipe.name = "heads"}) {
  %n = pipe.dim %lengths, 0 : !lengths
  %items = arith.muli %n, %heads : i32
  %work = pipe.work items(%items) alike(%heads) lead(2) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    %request = arith.divui %item, %heads : i32
    %steps = pipe.get %lengths[%request] : !lengths
    pipe.yield %steps : i32
  }
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %first, %none = pipe.first_part %work : !pipe.work<stream>
  }
}
