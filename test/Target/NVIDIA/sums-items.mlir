// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s

!lengths = !pipe.global<?xi32>
!x = !pipe.global<?x64xbf16>
!slot = !pipe.shared<8x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot, messages = 1>

// Of a role of one warp that asks sums one lane takes the items, and tells the others.
// CHECK-LABEL: llvm.func @items(
//       CHECK:   nvvm.redux.sync add
//       CHECK:   %[[TAKEN:.*]] = scf.if %{{.*}} -> (i32) {
//       CHECK:     llvm.atomicrmw add
//       CHECK:   } else {
//  CHECK-NEXT:     scf.yield %c0
//       CHECK:   nvvm.shfl.sync idx %{{.*}}, %[[TAKEN]], %c0
pipe.kernel @items(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["S"]},
    %x: !x {pipe.name = "x", pipe.access = "read", pipe.shape = ["M", 64]},
    %n: i32 {pipe.name = "n"}) {
  %c0 = arith.constant 0 : i32
  %runs = pipe.dim %lengths, 0 : !lengths
  %work = pipe.work items(%n) : !pipe.work<dynamic>
  %ring = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(56) (%group) {
    %cursor = pipe.cursor : !pipe.cursor<2>
    %first = pipe.first_item %work : !pipe.work<dynamic>
    %end = pipe.work_loop %item = %first iter_args(%at = %cursor) -> (!pipe.cursor<2>) {
      %keys = pipe.sum below %runs {
      ^bb0(%run: i32):
        %length = pipe.get %lengths[%run] : !lengths
        pipe.yield %length : i32
      } : i32
      pipe.fill %ring[%at] as %slot message(%item) : !ring {
        pipe.load %x[%keys, %c0] -> %slot : !x -> !slot
      }
      %up = pipe.advance %at : !pipe.cursor<2>
      %next = pipe.next_item %work after %item : !pipe.work<dynamic>
      pipe.yield %next, %up : i32, !pipe.cursor<2>
    }
  }
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %cursor = pipe.cursor : !pipe.cursor<2>
    %slot = pipe.wait %ring[%cursor] : !ring
    pipe.release %ring[%cursor] : !ring
  }
}
