// RUN: attn-opt %s --convert-pipe-to-nvvm --cse --split-input-file | FileCheck %s

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>
!told = !pipe.ring<1 x !slot, messages = 2>

// A slot that products alone read is released by one thread of each group, for
// the group. Messages each warp reads by itself: a warp that lags must not find
// those of the next filling, so that one thread of each warp arrives.
// CHECK-LABEL: llvm.func @messages(
//       CHECK:   %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x
//       CHECK:   %[[IN_GROUP:.*]] = arith.andi %[[THREAD]], %c127
//       CHECK:   %[[LANE:.*]] = arith.andi %[[THREAD]], %c31
//       CHECK:   %[[IS_GROUP:.*]] = arith.cmpi eq, %[[IN_GROUP]], %{{.*}} : i32
//       CHECK:   %[[IS_WARP:.*]] = arith.cmpi eq, %[[LANE]], %{{.*}} : i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c1_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c2_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c1_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c8_i32
//       CHECK:   nvvm.fence.mbarrier.init
//       CHECK:   "{ mov.b32 $0, 0; @$2 ld.shared.b32 $0, [$1]; }"{{.*}}, %[[IS_WARP]] :
//       CHECK:   "@$1 mbarrier.arrive.shared{{.*}} %{{.*}}, %[[IS_GROUP]] :
//       CHECK:   "@$1 mbarrier.arrive.shared{{.*}} %{{.*}}, %[[IS_WARP]] :
pipe.kernel @messages(
    %a: !pipe.global<?x?xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", "K"]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(2) : !ring
  %ys = pipe.ring readers(2) : !told
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %xs[%c] as %slot : !ring {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x?xbf16> -> !slot
    }
    pipe.fill %ys[%c] as %slot message(%zero, %zero) : !told {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x?xbf16> -> !slot
    }
  }
  pipe.role "multiply" groups(2) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%c] : !ring
    %y = pipe.wait %ys[%c] : !told
    %base = pipe.message %ys[%c] number 1 : !told
    pipe.release %xs[%c] : !ring
    pipe.release %ys[%c] : !told
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>

// A group may release what no product of its own has read: one thread of each warp does,
// and no fence is asked for, as no lane reads.
// CHECK-LABEL: llvm.func @by_warps(
//       CHECK:   %[[LANE:.*]] = arith.andi %{{.*}}, %c31
//       CHECK:   %[[IS_WARP:.*]] = arith.cmpi eq, %[[LANE]], %{{.*}} : i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c1_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c8_i32
//       CHECK:   mbarrier.try_wait.parity
//   CHECK-NOT:   nvvm.fence.proxy
//       CHECK:   "@$1 mbarrier.arrive.shared{{.*}} %{{.*}}, %[[IS_WARP]] :
pipe.kernel @by_warps(
    %a: !pipe.global<?x?xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", "K"]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(2) by_warps : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %xs[%c] as %slot : !ring {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x?xbf16> -> !slot
    }
  }
  pipe.role "multiply" groups(2) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%c] : !ring
    pipe.release %xs[%c] : !ring
  }
}
