// RUN: attn-opt %s --convert-pipe-to-nvvm --split-input-file --verify-diagnostics | FileCheck %s

// A multiprocessor has two blocks at once, each with half of its registers, and
// blocks of one have neighbouring shares of a stream.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!lengths = !pipe.global<?xi32>

// CHECK-LABEL: llvm.func @halves(
//  CHECK-SAME:   nvvm.minctasm = 2 : i32
//       CHECK:   %[[GRID:.*]] = nvvm.read.ptx.sreg.nctaid.x
//       CHECK:   %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
//       CHECK:   %[[ONES:.*]] = arith.divui %[[GRID]], %{{.*}} : i32
//       CHECK:   %[[TURN:.*]] = arith.divui %[[BLOCK]], %[[ONES]] : i32
//       CHECK:   %[[OTHERS:.*]] = arith.muli %[[TURN]], %[[ONES]] : i32
//       CHECK:   %[[AMONG:.*]] = arith.subi %[[BLOCK]], %[[OTHERS]] : i32
//       CHECK:   %[[FIRST:.*]] = arith.muli %[[AMONG]], %{{.*}} : i32
//       CHECK:   arith.addi %[[FIRST]], %[[TURN]] : i32
//       CHECK:   nvvm.setmaxregister decrease 40
//       CHECK:   nvvm.setmaxregister increase 216
pipe.kernel @halves(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["B"]}) blocks(2) {
  %n = pipe.dim %lengths, 0 : !lengths
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    %steps = pipe.get %lengths[%item] : !lengths
    pipe.yield %steps : i32
  }
  pipe.role "load" groups(1) warps(1) registers(40) (%group) {
  }
  pipe.role "multiply" groups(1) warps(4) registers(216) (%group) {
    %first, %before = pipe.first_part %work : !pipe.work<stream>
    %part = arith.constant dense<1.0> : !tile
    %whole, %sum = pipe.meet %work[%before, %first] (%part : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      pipe.yield %a : !tile
    }
  }
}

// -----

// expected-error@+1 {{expects roles of at most 32768 registers in all, but got 33792}}
pipe.kernel @registers(%n: i32 {pipe.name = "n"}) blocks(2) {
  %work = pipe.work items(%n) : !pipe.work<persistent>
  // expected-note@+1 {{load takes 128 threads of 48}}
  pipe.role "load" groups(1) warps(1) registers(48) (%group) {
  }
  // expected-note@+1 {{multiply takes 128 threads of 216}}
  pipe.role "multiply" groups(1) warps(4) registers(216) (%group) {
  }
}

// -----

// expected-error@+1 {{expects at most 115712 bytes of shared memory, but got}}
pipe.kernel @shared(%n: i32 {pipe.name = "n"}) blocks(2) {
  %work = pipe.work items(%n) : !pipe.work<persistent>
  // expected-note@+1 {{bytes are here}}
  %tile = pipe.shared_tile : !pipe.shared<512x128xbf16, swizzle = 128>
  pipe.role "multiply" groups(1) warps(4) registers(216) (%group) {
  }
}
