// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s

// A thread reads 8 bytes of a slot and writes 16; the group meets before one of
// its threads says that the slot is ready.
!bytes = !pipe.shared<16x64xf8E4M3FN, swizzle = 64>
!slot = !pipe.shared<16x64xbf16, swizzle = 128>
!narrow = !pipe.ring<1 x !bytes>
!wide = !pipe.ring<1 x !slot>
// CHECK-LABEL: llvm.func @widens(
//       CHECK:   llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr<3> -> vector<2xi32>
//       CHECK:   llvm.inline_asm {{.*}}cvt.rn.f16x2.e4m3x2 a, lo; {{.*}}cvt.rn.bf16x2.f32 $0, f1, f0;
//       CHECK:   llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
//       CHECK:   nvvm.fence.proxy
//       CHECK:   nvvm.barrier
//       CHECK:   mbarrier.arrive
pipe.kernel @widens(%n: i32 {pipe.name = "n"}) {
  %xs = pipe.ring readers(1) : !narrow
  %ys = pipe.ring readers(1) : !wide
  pipe.role "widen" groups(1) warps(4) registers(72) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%c] : !narrow
    pipe.fill %ys[%c] as %y : !wide {
      pipe.widen %x -> %y : !bytes -> !slot
    }
    pipe.release %xs[%c] : !narrow
  }
}

// Integers become the last bits of a float, from which what they are counted from
// is taken; of bf16, which has a bit less, by what the sign's bit makes of it.
!ints = !pipe.shared<16x64xi8, swizzle = 64>
!halves = !pipe.shared<16x64xf16, swizzle = 128>
!narrow_ints = !pipe.ring<1 x !ints>
!wide_halves = !pipe.ring<1 x !halves>
// CHECK-LABEL: llvm.func @integers(
//       CHECK:   llvm.inline_asm {{.*}}xor.b32 w, $2, 0x80808080;{{.*}}prmt.b32 $1, w, 0x64646464, 0x4342; sub.rn.f16x2 $1, $1, c;
pipe.kernel @integers(%n: i32 {pipe.name = "n"}) {
  %xs = pipe.ring readers(1) : !narrow_ints
  %ys = pipe.ring readers(1) : !wide_halves
  pipe.role "widen" groups(1) warps(4) registers(72) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%c] : !narrow_ints
    pipe.fill %ys[%c] as %y : !wide_halves {
      pipe.widen %x -> %y : !ints -> !halves
    }
    pipe.release %xs[%c] : !narrow_ints
  }
}

!wide_ints = !pipe.ring<1 x !pipe.shared<16x64xbf16, swizzle = 128>>
// CHECK-LABEL: llvm.func @integers_of_8_bits(
//       CHECK:   llvm.inline_asm {{.*}}prmt.b32 x, $2, 0x43434343, 0x4342; and.b32 n, x, 0xFF7FFF7F; and.b32 c, x, 0xFF80FF80; fma.rn.bf16x2 $1, c, m, n;
pipe.kernel @integers_of_8_bits(%n: i32 {pipe.name = "n"}) {
  %xs = pipe.ring readers(1) : !narrow_ints
  %ys = pipe.ring readers(1) : !wide_ints
  pipe.role "widen" groups(1) warps(4) registers(72) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%c] : !narrow_ints
    pipe.fill %ys[%c] as %y : !wide_ints {
      pipe.widen %x -> %y : !ints -> !pipe.shared<16x64xbf16, swizzle = 128>
    }
    pipe.release %xs[%c] : !narrow_ints
  }
}

// Of eight rows or a multiple that a group takes at once, a thread's next places
// are so many rows further on: 8 of 128 bytes here, and 8 of two panels.
!wide_bytes = !pipe.shared<32x128xf8E4M3FN, swizzle = 128>
!wide_slot = !pipe.shared<32x128xbf16, swizzle = 128>
!narrow_rows = !pipe.ring<1 x !wide_bytes>
!wide_rows = !pipe.ring<1 x !wide_slot>
// CHECK-LABEL: llvm.func @rows(
//       CHECK:   %[[FROM:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}]
//       CHECK:   %[[TO:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}]
//  CHECK-NEXT:   %[[NEXT:.*]] = llvm.getelementptr %[[FROM]][1024]
//  CHECK-NEXT:   %[[NEXT_TO:.*]] = llvm.getelementptr %[[TO]][1024]
//       CHECK:   %[[LAST:.*]] = llvm.getelementptr %[[FROM]][3072]
//       CHECK:   llvm.load %[[FROM]] {alignment = 8 : i64}
//  CHECK-NEXT:   llvm.load %[[NEXT]] {alignment = 8 : i64}
//       CHECK:   llvm.load %[[LAST]] {alignment = 8 : i64}
//       CHECK:   llvm.store %{{.*}}, %[[TO]] {alignment = 16 : i64}
//       CHECK:   llvm.store %{{.*}}, %[[NEXT_TO]] {alignment = 16 : i64}
pipe.kernel @rows(%n: i32 {pipe.name = "n"}) {
  %xs = pipe.ring readers(1) : !narrow_rows
  %ys = pipe.ring readers(1) : !wide_rows
  pipe.role "widen" groups(1) warps(4) registers(72) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%c] : !narrow_rows
    pipe.fill %ys[%c] as %y : !wide_rows {
      pipe.widen %x -> %y : !wide_bytes -> !wide_slot
    }
    pipe.release %xs[%c] : !narrow_rows
  }
}
