// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot, messages = 3>

// Behind two barriers a slot, 8 bytes each, two messages a slot lie beside each other,
// and then the third of each.
// CHECK-LABEL: llvm.func @messages(
//       CHECK:   %[[RING:.*]] = llvm.mlir.addressof
//       CHECK:   llvm.getelementptr %[[RING]][32] :
//       CHECK:   llvm.getelementptr %[[RING]][36] :
//       CHECK:   llvm.getelementptr %[[RING]][48] :
//       CHECK:   nvvm.cp.async.bulk.tensor
//       CHECK:   llvm.getelementptr %[[RING]][32] :
//       CHECK:   ld.shared.b32
//       CHECK:   llvm.getelementptr %[[RING]][48] :
//       CHECK:   ld.shared.b32
pipe.kernel @messages(
    %a: !pipe.global<?x?xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", "K"]}) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %ys = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %ys[%c] as %slot message(%zero, %zero, %one) : !ring {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x?xbf16> -> !slot
    }
  }
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<2>
    %y = pipe.wait %ys[%c] : !ring
    %first = pipe.message %ys[%c] : !ring
    %third = pipe.message %ys[%c] number 2 : !ring
    %sum = arith.addi %first, %third : i32
    %is_one = arith.cmpi eq, %sum, %one : i32
    pipe.release %ys[%c] if %is_one : !ring
  }
}
