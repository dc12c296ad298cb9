// RUN: attn-opt %s --convert-pipe-to-rocdl=target=gfx90a --cse --split-input-file | FileCheck %s

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>

// Counters begin with 0. A chunk is loaded before its slot is waited for, from
// the kernel's hidden arguments where the tensor has none; all are stored before
// one lane counts the filling. A slot is free when each of the four waves of
// both groups has released it once a filling: the phase before this one is the
// number of them. Fences order shared memory alone.
//       CHECK: #[[$LOCAL:.*]] = #llvm.mmra_tag<"amdgpu-synchronize-as":"local">
// CHECK-LABEL: llvm.func @copies(
//       CHECK:   llvm.store %{{.*}}, %{{.*}} {alignment = 8 : i64} : i64, !llvm.ptr<3>
//       CHECK:   rocdl.barrier

// The four waves take fillings in turns.
//       CHECK:   %[[FIRST:.*]] = arith.muli %[[PHASE:.*]], %c2_i32
//       CHECK:   %[[NUMBER:.*]] = arith.addi %[[FIRST]], %{{.*}}
//       CHECK:   %[[TURN:.*]] = arith.andi %{{.*}}, %c3_i32
//       CHECK:   %[[OWN:.*]] = arith.cmpi eq, %[[TURN]], %{{.*}}
//       CHECK:   scf.if %[[OWN]] {
//       CHECK:   %[[EXISTS:.*]] = arith.cmpi ne, %{{.*}}, %c0_i32
//       CHECK:   %[[HIDDEN:.*]] = llvm.call_intrinsic "llvm.amdgcn.implicitarg.ptr"
//       CHECK:   %[[OTHER:.*]] = llvm.addrspacecast %[[HIDDEN]]
//       CHECK:   %[[FROM:.*]] = arith.select %[[EXISTS]], %{{.*}}, %[[OTHER]]
//       CHECK:   %[[LOADED:.*]] = llvm.load %[[FROM]] {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
//       CHECK:   %[[CHUNK:.*]] = arith.select %[[EXISTS]], %[[LOADED]], %{{.*}} : vector<4xi32>
//       CHECK:   %[[LAST:.*]] = arith.subi %[[PHASE]], %c1_i32
//       CHECK:   %[[TIMES:.*]] = arith.addi %[[LAST]], %c1_i32
//       CHECK:   %[[TARGET:.*]] = arith.muli %[[TIMES]], %c8_i32
//       CHECK:   scf.while
//       CHECK:     %[[NOW:.*]] = llvm.load %{{.*}} atomic syncscope("workgroup") monotonic
//       CHECK:     %[[UNIFORM:.*]] = rocdl.readfirstlane %[[NOW]]
//       CHECK:     %[[REST:.*]] = arith.subi %[[UNIFORM]], %[[TARGET]]
//       CHECK:     %[[EARLY:.*]] = arith.cmpi slt, %[[REST]], %c0_i32
//       CHECK:     scf.condition(%[[EARLY]])
//       CHECK:     rocdl.s.sleep 1
//       CHECK:   llvm.fence syncscope("workgroup") acquire {llvm.mmra = #[[$LOCAL]]}
//       CHECK:   llvm.store %[[CHUNK]], %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
//       CHECK:   llvm.fence syncscope("workgroup") release {llvm.mmra = #[[$LOCAL]]}
//       CHECK:   llvm.atomicrmw add {{.*}} syncscope("workgroup") monotonic

// A reader waits for one filling a phase.
//       CHECK:   scf.while
//       CHECK:   llvm.fence syncscope("workgroup") acquire
//       CHECK:   llvm.fence syncscope("workgroup") release
//       CHECK:   llvm.atomicrmw add
pipe.kernel @copies(
    %a: !pipe.global<?x64xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(2) : !ring
  pipe.role "load" groups(1) warps(1) registers(168) (%group) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %xs[%c] as %slot : !ring {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x64xbf16> -> !slot
    }
  }
  pipe.role "multiply" groups(2) warps(4) registers(168) (%group) {
    %c = pipe.cursor : !pipe.cursor<2>
    %x = pipe.wait %xs[%c] : !ring
    pipe.release %xs[%c] : !ring
  }
}

// -----

// A wave's first lane comes to a barrier for all, and knows by what it finds how
// often it has been met there.
// CHECK-LABEL: llvm.func @points(
//       CHECK:   %[[BARRIER:.*]] = arith.muli %{{.*}}, %c8_i32
//       CHECK:   %[[COUNTER:.*]] = llvm.getelementptr %{{.*}}[%[[BARRIER]]]
//       CHECK:   llvm.fence syncscope("workgroup") release
//       CHECK:   %[[FOUND:.*]] = scf.if
//       CHECK:     llvm.atomicrmw add %[[COUNTER]]
//       CHECK:   %[[ALL:.*]] = rocdl.readfirstlane %[[FOUND]]
//       CHECK:   %[[TIMES:.*]] = arith.divui %[[ALL]], %c4_i32
//       CHECK:   %[[NEXT:.*]] = arith.addi %[[TIMES]], %c1_i32
//       CHECK:   arith.muli %[[NEXT]], %c4_i32
//       CHECK:   scf.while
//       CHECK:   llvm.fence syncscope("workgroup") acquire
pipe.kernel @points(%n: i32 {pipe.name = "n"}) {
  pipe.role "threads" groups(1) warps(4) registers(128) (%group) {
    pipe.each %i in %n {
    }
  }
}

// -----

// A message is what the slot's filler has stored before it counted.
// CHECK-LABEL: llvm.func @messages(
//       CHECK:   %[[MESSAGE:.*]] = llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> i32
//       CHECK:   rocdl.readfirstlane %[[MESSAGE]]
pipe.kernel @messages(%n: i32 {pipe.name = "n"}) {
  %ys = pipe.ring readers(1) : !pipe.ring<1 x !pipe.shared<64x64xbf16, swizzle = 128>, messages = 1>
  pipe.role "multiply" groups(1) warps(4) registers(168) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %y = pipe.wait %ys[%c] : !pipe.ring<1 x !pipe.shared<64x64xbf16, swizzle = 128>, messages = 1>
    %m = pipe.message %ys[%c] number 0 : !pipe.ring<1 x !pipe.shared<64x64xbf16, swizzle = 128>, messages = 1>
    pipe.release %ys[%c] : !pipe.ring<1 x !pipe.shared<64x64xbf16, swizzle = 128>, messages = 1>
  }
}

// -----

// One thread takes an item for the waves that share a role, which meet before
// and after they read its number.
// CHECK-LABEL: llvm.func @items(
//       CHECK:   %[[WORD:.*]] = llvm.getelementptr %{{.*}}[12]
//       CHECK:   scf.if
//       CHECK:     llvm.atomicrmw add %{{.*}} syncscope("agent") monotonic
//       CHECK:     llvm.store %{{.*}}, %[[WORD]] {alignment = 4 : i64} : i32, !llvm.ptr<3>
//       CHECK:   llvm.atomicrmw add %{{.*}} syncscope("workgroup")
//       CHECK:   %[[ITEM:.*]] = llvm.load %[[WORD]]
//       CHECK:   rocdl.readfirstlane %[[ITEM]]
//       CHECK:   llvm.atomicrmw add %{{.*}} syncscope("workgroup")
pipe.kernel @items(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<dynamic>
  pipe.role "load" groups(1) warps(1) registers(168) (%group) {
    %first = pipe.first_item %work : !pipe.work<dynamic>
    pipe.work_loop %item = %first {
      %next = pipe.next_item %work after %item : !pipe.work<dynamic>
      pipe.yield %next : i32
    }
  }
}
