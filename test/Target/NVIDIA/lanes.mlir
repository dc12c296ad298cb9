// RUN: attn-opt %s --convert-pipe-to-nvvm=target=sm_80 --cse --split-input-file | FileCheck %s

// Without engines the lanes of one warp fill slots. Each arrives when its own
// copies are done, and the one that sends messages once more; each warp that
// reads releases, after its lanes have met. All four warps of a role exist, of
// which one works, and nothing is left in flight when it ends.

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>
!told = !pipe.ring<1 x !slot, messages = 2>

// CHECK-LABEL: llvm.func @fill(
//  CHECK-SAME:   nvvm.maxntid = array<i32: 384, 1, 1>
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c32_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c8_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c33_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c8_i32
//   CHECK-NOT:   nvvm.fence.mbarrier.init
//   CHECK-NOT:   nvvm.setmaxregister
//   CHECK-NOT:   nvvm.elect.sync
//       CHECK:   mbarrier.test_wait.parity
//       CHECK:   scf.for %{{.*}} = %{{.*}} to %c64_i32 step %c16_i32
// CHECK-COUNT-4:   nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg, %{{.*}}
//   CHECK-NOT:   nvvm.cp.async.shared.global
//       CHECK:   nvvm.cp.async.mbarrier.arrive %{{.*}} {noinc = true}
//   CHECK-NOT:   mbarrier.arrive.shared::cta
//       CHECK:   mbarrier.test_wait.parity
//       CHECK:   llvm.store %{{.*}} : i32
//       CHECK:   llvm.store %{{.*}} : i32
//       CHECK:   nvvm.cp.async.mbarrier.arrive %{{.*}} {noinc = true}
//       CHECK:   "@$1 mbarrier.arrive.shared::cta.b64 _, [$0];"
//       CHECK:   nvvm.cp.async.wait.group 0
//       CHECK:   nvvm.bar.warp.sync
//  CHECK-NEXT:   "@$1 mbarrier.arrive.shared::cta.b64 _, [$0];"
pipe.kernel @fill(
    %a: !pipe.global<?x64xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(2) : !ring
  %ys = pipe.ring readers(2) : !told
  pipe.role "load" groups(1) warps(1) registers(168) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %xs[%c] as %slot : !ring {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x64xbf16> -> !slot
    }
    pipe.fill %ys[%c] as %slot message(%zero, %zero) : !told {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x64xbf16> -> !slot
    }
  }
  pipe.role "multiply" groups(2) warps(4) registers(168) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%c] : !ring
    %y = pipe.wait %ys[%c] : !told
    pipe.release %xs[%c] : !ring
    pipe.release %ys[%c] : !told
  }
}

// -----

// Narrow panels of 64 bytes: 8 rows at once.

!slot = !pipe.shared<16x64xi8, swizzle = 64>
!ring = !pipe.ring<1 x !slot>

// CHECK-LABEL: llvm.func @narrow(
//   CHECK-NOT:   scf.for
// CHECK-COUNT-2:   nvvm.cp.async.shared.global
//   CHECK-NOT:   nvvm.cp.async.shared.global
pipe.kernel @narrow(
    %a: !pipe.global<?x64xi8> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(168) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %xs[%c] as %slot : !ring {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x64xi8> -> !slot
    }
  }
}

// -----

// Of dynamic work one lane takes an item, and tells the others.

!slot = !pipe.shared<16x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot, message>

// CHECK-LABEL: llvm.func @dynamic(
//       CHECK:   scf.if
//       CHECK:     atom
//       CHECK:   nvvm.shfl.sync idx
//       CHECK:   nvvm.cp.async.mbarrier.arrive
pipe.kernel @dynamic(
    %a: !pipe.global<?x64xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %n = pipe.dim %a, 0 : !pipe.global<?x64xbf16>
  %work = pipe.work items(%n) : !pipe.work<dynamic>
  %xs = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(168) (%group) {
    %c0 = pipe.cursor : !pipe.cursor<1>
    %first = pipe.first_item %work : !pipe.work<dynamic>
    pipe.work_loop %item = %first iter_args(%c = %c0) -> (!pipe.cursor<1>) {
      %next = pipe.next_item %work after %item : !pipe.work<dynamic>
      pipe.fill %xs[%c] as %slot message(%next) : !ring {
        pipe.load %a[%item, %zero] -> %slot : !pipe.global<?x64xbf16> -> !slot
      }
      %c1 = pipe.advance %c : !pipe.cursor<1>
      pipe.yield %next, %c1 : i32, !pipe.cursor<1>
    }
  }
}

// -----

// A group fills what it reads: all its lanes copy, 16 rows at once, and arrive.

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>

// CHECK-LABEL: llvm.func @merged(
//  CHECK-SAME:   nvvm.maxntid = array<i32: 128, 1, 1>
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c128_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c4_i32
//       CHECK:   mbarrier.test_wait.parity
//   CHECK-NOT:   nanosleep
//   CHECK-NOT:   scf.for
// CHECK-COUNT-4:   nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg, %{{.*}}
//   CHECK-NOT:   nvvm.cp.async.shared.global
//       CHECK:   nvvm.cp.async.mbarrier.arrive %{{.*}} {noinc = true}
//       CHECK:   mbarrier.test_wait.parity
//       CHECK:   nvvm.bar.warp.sync
//  CHECK-NEXT:   "@$1 mbarrier.arrive.shared::cta.b64 _, [$0];"
//       CHECK:   nvvm.cp.async.wait.group 0
pipe.kernel @merged(
    %a: !pipe.global<?x64xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !ring
  pipe.role "multiply" groups(1) warps(4) registers(248) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %xs[%c] as %slot : !ring {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x64xbf16> -> !slot
    }
    %x = pipe.wait %xs[%c] : !ring
    pipe.release %xs[%c] : !ring
  }
}
