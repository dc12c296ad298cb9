// RUN: attn-opt %s --canonicalize | FileCheck %s

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!b_slot = !pipe.shared<8x64xbf16, swizzle = 128>
// What is added to zero needs no accumulator; another number stays.
// CHECK-LABEL: pipe.kernel @zero(
//       CHECK:   %[[ONE:.*]] = arith.constant dense<1.0
//       CHECK:   pipe.mma_async %[[X:.*]], %[[Y:[^ ]*]] contract(1, 1)
//       CHECK:   pipe.mma_async %[[X]], %[[Y]], %[[ONE]] contract(1, 1)
pipe.kernel @zero(
    %o: !pipe.global<?x8xf32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["P", 8]}) {
  %row = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  %ys = pipe.ring readers(1) : !pipe.ring<1 x !b_slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %x = pipe.wait %xs[%c] : !pipe.ring<1 x !slot>
    %y = pipe.wait %ys[%c] : !pipe.ring<1 x !b_slot>
    %zero = arith.constant dense<0.0> : !tile
    %one = arith.constant dense<1.0> : !tile
    %t = pipe.mma_async %x, %y, %zero contract(1, 1) : !slot, !b_slot, !tile -> !pipe.token<!tile>
    %a = pipe.mma_wait %t pending(0) : !pipe.token<!tile>
    %u = pipe.mma_async %x, %y, %one contract(1, 1) : !slot, !b_slot, !tile -> !pipe.token<!tile>
    %b = pipe.mma_wait %u pending(0) : !pipe.token<!tile>
    pipe.store %a -> %o[%row, %row] : !tile -> !pipe.global<?x8xf32>
    pipe.store %b -> %o[%row, %row] : !tile -> !pipe.global<?x8xf32>
  }
}
