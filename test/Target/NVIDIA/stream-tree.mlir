// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s --check-prefix=PTX

// Steps of items that meet as the leaves of a tree.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!lengths = !pipe.global<?xi32>
!out = !pipe.global<?x?xf32>

// The nodes that a step completes are read from the top of the block's stack and
// merged, and what comes of it is put there.
// CHECK-LABEL: llvm.func @sums(
//       CHECK:   llvm.intr.ctlz
//       CHECK:   scf.for
//       CHECK:     llvm.intr.ctpop
//       CHECK:     scf.for
//       CHECK:       ld.relaxed.gpu.global.v4.b32
//       CHECK:       arith.addf
//       CHECK:     st.relaxed.gpu.global.L2::cache_hint.v4.b32

// At the end of the block's part of the item it is counted, and the last block walks
// the nodes of all: those that follow a longer one wait in the place of their last.
//       CHECK:       atom.acq_rel.gpu.global.add.u32
//       CHECK:       barrier.cta.red.or.pred
//       CHECK:       scf.while
//       CHECK:         ld.relaxed.gpu.global.v4.b32
//       CHECK:         scf.while
//       CHECK:           ld.relaxed.gpu.global.v4.b32
//       CHECK:           arith.addf
//       CHECK:         st.relaxed.gpu.global.L2::cache_hint.v4.b32

// Quarters of the tree are brought together by the first warp.
//       CHECK:       llvm.store %{{.*}} : vector<4xi32>, !llvm.ptr<3>
//       CHECK:       nvvm.barrier
//       CHECK:       llvm.load %{{.*}} : !llvm.ptr<3> -> vector<4xi32>
//       CHECK:       arith.addf

// PTX-LABEL: .entry sums(
// PTX:         popc.b32
// PTX:         st.relaxed.gpu.global.L2::cache_hint.v4.b32
// PTX:         atom.acq_rel.gpu.global.add.u32

pipe.kernel @sums(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["B"]},
    %o: !out {pipe.name = "o", pipe.access = "write", pipe.shape = ["P", "M"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %most = arith.constant 40 : i32
  %n = pipe.dim %lengths, 0 : !lengths
  %work = pipe.work items(%n) most(%most) : !pipe.work<stream> steps {
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
        scf.for %step = %begin to %last step %c1 : i32 {
          %number = arith.sitofp %step : i32 to f32
          %part = pipe.splat %number : f32 -> !tile
          %whole, %sum = pipe.meet %work[%before, %steps] at %step rows(%last) (%part : !tile) : !pipe.work<stream> merge {
          ^bb0(%a: !tile, %b: !tile):
            %c = arith.addf %a, %b : !tile
            pipe.yield %c : !tile
          }
          scf.if %whole {
            pipe.store %sum -> %o[%item, %c0] : !tile -> !out
          }
        }
        %next, %next_before = pipe.next_part %work after %item[%before, %steps] : !pipe.work<stream>
        pipe.yield %next, %next_before : i32, i32
      }
    }
  }
}
