// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s --check-prefix=PTX

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 2 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x16xf32, #wide>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!lines = !pipe.global<?xf32>

// A maximum that propagates NaN, of the two rows of a thread: three comparisons
// among the four elements that it has of each, though the line is that of a tile
// of half the width, and one with each of two lanes. Of each row they are two
// chains, so that none waits for the one before.
// CHECK-LABEL: llvm.func @maximum(
//       CHECK:   %[[P:.*]] = arith.maximumf
//  CHECK-NEXT:   %[[Q:.*]] = arith.maximumf
//  CHECK-NEXT:   %[[R:.*]] = arith.maximumf
//  CHECK-NEXT:   %[[S:.*]] = arith.maximumf
//   CHECK-DAG:   arith.maximumf %[[P]], %[[Q]]
//   CHECK-DAG:   arith.maximumf %[[R]], %[[S]]
//       CHECK:   %[[B:.*]] = nvvm.shfl.sync bfly {{.*}}, %[[A0:.*]], %c2_i32
//       CHECK:   %[[C:.*]] = arith.maximumf %[[A0]], %[[B]]
//       CHECK:   %[[D:.*]] = nvvm.shfl.sync bfly {{.*}}, %[[C]], %c1_i32
//       CHECK:   arith.maximumf %[[C]], %[[D]]
//       CHECK:   %[[E:.*]] = nvvm.shfl.sync bfly {{.*}}, %[[F:.*]], %c2_i32
//       CHECK:   arith.maximumf %[[F]], %[[E]]
//   CHECK-NOT:   arith.maxnumf
//       CHECK:   llvm.return

// PTX-LABEL: .entry maximum(
// PTX:         max.{{(ftz.)?}}NaN.f32
// PTX-NOT:     max.{{(ftz.)?}}f32
// PTX:         ret;
pipe.kernel @maximum(
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["M"]},
    %x: f32 {pipe.name = "x"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %row = pipe.coord 0 : tensor<64x16xi32, #wide>
    %column = pipe.coord 1 : tensor<64x16xi32, #wide>
    %i = arith.addi %row, %column : tensor<64x16xi32, #wide>
    %f = arith.sitofp %i : tensor<64x16xi32, #wide> to !tile
    %xs = pipe.splat %x : f32 -> !tile
    %t = arith.mulf %f, %xs : !tile
    %max = pipe.row_reduce maximum %t : !tile -> !row
    pipe.store %max -> %m[%zero] : !row -> !lines
  }
}

// CHECK-LABEL: llvm.func @tanh(
// CHECK-COUNT-4: llvm.inline_asm "tanh.approx.f32 $0, $1;", "=f,f"
//   CHECK-NOT:   tanh
//       CHECK:   llvm.return

// PTX-LABEL: .entry tanh(
// PTX:         tanh.approx.f32
!small = tensor<64x8xf32, #s>
pipe.kernel @tanh(
    %t: !pipe.global<?x?xf32> {pipe.name = "t", pipe.access = "write", pipe.shape = ["M", "N"]},
    %x: f32 {pipe.name = "x"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %row = pipe.coord 0 : tensor<64x8xi32, #s>
    %column = pipe.coord 1 : tensor<64x8xi32, #s>
    %i = arith.addi %row, %column : tensor<64x8xi32, #s>
    %f = arith.sitofp %i : tensor<64x8xi32, #s> to !small
    %xs = pipe.splat %x : f32 -> !small
    %y = arith.mulf %f, %xs : !small
    %r = math.tanh %y fastmath<afn> : !small
    pipe.store %r -> %t[%zero, %zero] : !small -> !pipe.global<?x?xf32>
  }
}

// A warp decides for its own rows, of which a lane has two: by one reduction over
// its lanes, and one branch past what the region computes. It waits for no other
// warp.
// CHECK-LABEL: llvm.func @if_any(
//       CHECK:   %[[A:.*]] = arith.cmpf ogt
//       CHECK:   %[[B:.*]] = arith.cmpf ogt
//       CHECK:   %[[OWN:.*]] = arith.ori %[[A]], %[[B]] : i1
//  CHECK-NEXT:   %[[BIT:.*]] = arith.extui %[[OWN]] : i1 to i32
//  CHECK-NEXT:   %[[ANY:.*]] = nvvm.redux.sync max %[[BIT]], %c-1_i32 : i32 -> i32
//  CHECK-NEXT:   %[[IS:.*]] = arith.cmpi ne, %[[ANY]], %c0_i32 : i32
//  CHECK-NEXT:   %[[R:.*]]:4 = scf.if %[[IS]] -> (f32, f32, f32, f32) {
//  CHECK-NEXT:     %[[X:.*]] = math.sqrt %[[X0:.*]] : f32
//  CHECK-NEXT:     %[[Y:.*]] = math.sqrt %[[Y0:.*]] : f32
//  CHECK-NEXT:     scf.yield %[[X]], %[[X]], %[[Y]], %[[Y]] :
//  CHECK-NEXT:   } else {
//  CHECK-NEXT:     scf.yield %[[X0]], %[[X0]], %[[Y0]], %[[Y0]] :
//  CHECK-NEXT:   }
//   CHECK-NOT:   {{barrier|redux|shfl|scf.if}}
//       CHECK:   llvm.return

// PTX-LABEL: .entry if_any(
// PTX:         redux.sync.max.s32 [[ANY:%r[0-9]+]],
// PTX-NEXT:    setp.ne.b32 [[IS:%p[0-9]+]], [[ANY]], 0;
// PTX-NOT:     {{bar(rier)?\.|redux|bra}}
// PTX:         @[[IS]] bra
// PTX-NOT:     {{bar(rier)?\.|redux|bra}}
// PTX:         ret;
pipe.kernel @if_any(
    %t: !pipe.global<?x?xf32> {pipe.name = "t", pipe.access = "write", pipe.shape = ["M", "N"]},
    %x: f32 {pipe.name = "x"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %i = pipe.coord 0 : tensor<64xi32, #pipe.slice<1, #s>>
    %f = arith.sitofp %i : tensor<64xi32, #pipe.slice<1, #s>> to !row
    %xs = pipe.splat %x : f32 -> !row
    %y = arith.mulf %f, %xs : !row
    %few = arith.cmpf ogt, %y, %f : !row
    %ys = pipe.broadcast %y : !row -> !small
    %r = pipe.if_any %few : tensor<64xi1, #pipe.slice<1, #s>> else(%ys : !small) {
      %root = math.sqrt %ys : !small
      pipe.yield %root : !small
    }
    pipe.store %r -> %t[%zero, %zero] : !small -> !pipe.global<?x?xf32>
  }
}
