// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s

// Rows that run along two dimensions of a tensor.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>
!heads = !pipe.global<?x?x?x64xbf16>
!lines = !pipe.global<?x?xf32>

// Innermost first: columns, heads, queries, and then the outer dimension. A warp's
// 16 rows are 8 heads of 2 queries. The arguments' maps are the last ones.
// CHECK-LABEL: llvm.func @copies(
//  CHECK-SAME:   %[[B:[a-z0-9]+]]: i32, %[[G:[a-z0-9]+]]: i32, %[[P:[a-z0-9]+]]: i32,
//       CHECK:   nvvm.cp.async.bulk.tensor.shared.cluster.global {{.*}} box[%c0_i32, %[[G]], %[[P]], %[[B]]]
//       CHECK:   nvvm.fence.proxy
//       CHECK:   %[[WARP_ROW:.*]] = arith.muli %{{.*}}, %c16_i32
//       CHECK:   %[[INNER:.*]] = arith.andi %[[WARP_ROW]], %c7_i32
//       CHECK:   %[[OUTER:.*]] = arith.shrui %[[WARP_ROW]], %c3_i32
//       CHECK:   arith.addi %[[G]], %[[INNER]]
//       CHECK:   arith.addi %[[P]], %[[OUTER]]
pipe.kernel @copies(
    %b: i32 {pipe.name = "b"}, %h: i32 {pipe.name = "h"}, %p: i32 {pipe.name = "p"},
    %q: !heads {pipe.name = "q", pipe.access = "read", pipe.shape = ["B", "G", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["B", "G", "P", 64]}) {
  %ring = pipe.ring readers(1) : !ring
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %zero = arith.constant 0 : i32
    pipe.fill %ring[%c] as %slot : !ring {
      pipe.load %q[%b, %h, %p, %zero] -> %slot packed <8 of 1 in 2> : !heads -> !slot
    }
  }
  pipe.role "compute" groups(1) warps(4) registers(128) (%group) {
    %zero = arith.constant 0 : i32
    %v = arith.constant dense<0.0> : tensor<64x64xbf16, #s>
    pipe.stage %v -> %t : tensor<64x64xbf16, #s> -> !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
    pipe.bulk_store %t -> %o[%b, %h, %p, %zero] packed <8 of 1 in 2> : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4> -> !heads
  }
}

// A thread's rows, 8 apart: heads and queries by their numbers' bits, each
// compared with its extent.
// CHECK-LABEL: llvm.func @line(
//       CHECK:   %[[OF_WARP:.*]] = arith.muli %{{.*}}, %c16_i32
//       CHECK:   %[[ROW:.*]] = arith.addi %{{.*}}, %[[OF_WARP]]
//       CHECK:   %[[HEAD:.*]] = arith.andi %[[ROW]], %c3_i32
//       CHECK:   %[[QUERY:.*]] = arith.shrui %[[ROW]], %c2_i32
//       CHECK:   arith.cmpi ult, %[[HEAD]], %{{.*}}
//       CHECK:   arith.cmpi ult, %[[QUERY]], %{{.*}}
//       CHECK:   %[[SECOND:.*]] = arith.addi %[[ROW]], %c8_i32
//       CHECK:   arith.andi %[[SECOND]], %c3_i32
//       CHECK:   arith.shrui %[[SECOND]], %c2_i32
pipe.kernel @line(
    %l: !lines {pipe.name = "l", pipe.access = "write", pipe.shape = ["P", "G"]}) {
  pipe.role "compute" groups(1) warps(4) registers(128) (%group) {
    %zero = arith.constant 0 : i32
    %v = arith.constant dense<1.0> : tensor<64xf32, #pipe.slice<1, #s>>
    pipe.store %v -> %l[%zero, %zero] packed <4 of 1 in 0> : tensor<64xf32, #pipe.slice<1, #s>> -> !lines
  }
}
