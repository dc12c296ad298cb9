// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s --check-prefix=PTX

#acc = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                      lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#few = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 4 x d1 by 8],
                      lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 24 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x128xf32, #acc>
!coords = tensor<64x128xi32, #acc>
!mask = tensor<64x128xi1, #acc>
!row = tensor<64xi32, #pipe.slice<1, #acc>>
!max = tensor<64xf32, #pipe.slice<1, #acc>>
!lines = !pipe.global<?xf32>

// A causal mask and a count. A thread has columns 2 c, 2 c + 1, 2 c + 8, ... of a
// row: below a limit, less 2 c, are 2 for each 8, and up to 2 more. The 32 of each
// row are a word: four masks (two rows, and the count's, which is that of both).
// CHECK-LABEL: llvm.func @interval(
//       CHECK:   %[[ROW:.*]] = arith.subi %{{.*}}, %{{.*}} : i32
//       CHECK:   %[[LAST:.*]] = arith.minsi %[[ROW]], %c2147483646_i32
//       CHECK:   %[[NEXT:.*]] = arith.addi %[[LAST]], %c1_i32
//       CHECK:   %[[RUNS:.*]] = arith.shrsi %[[NEXT]], %c3_i32
//       CHECK:   %[[REST:.*]] = arith.andi %[[NEXT]], %c7_i32
//       CHECK:   %[[PART:.*]] = arith.minsi %[[REST]], %c2_i32
//       CHECK:   %[[WHOLE:.*]] = arith.muli %[[RUNS]], %c2_i32
//       CHECK:   %[[SUM:.*]] = arith.addi %[[WHOLE]], %[[PART]]
//       CHECK:   %[[COUNT:.*]] = arith.maxsi %[[SUM]], %c0_i32
//       CHECK:   %[[MASK:.*]] = llvm.call_intrinsic "llvm.nvvm.bmsk.clamp"(%c0_i32, %[[COUNT]])
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.nvvm.bmsk.clamp"
//   CHECK-NOT:   llvm.call_intrinsic "llvm.nvvm.bmsk.clamp"
//       CHECK:   %[[BOTH:.*]] = arith.andi %[[MASK]], %{{.*}} : i32
//       CHECK:   %[[BIT:.*]] = llvm.inline_asm {{.*}}and.b32 own, $1, 1;{{.*}} %[[BOTH]]
//       CHECK:   arith.select %[[BIT]]
//       CHECK:   llvm.return

// PTX-LABEL: .entry interval(
// PTX-COUNT-3: bmsk.clamp.b32
// PTX-NOT:     bmsk
// PTX:         and.b32 own, %r{{.*}}, 2147483648; setp.ne.b32
// PTX:         ret;
pipe.kernel @interval(
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["M"]},
    %x: f32 {pipe.name = "x"}, %count: i32 {pipe.name = "count"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %empty = arith.constant dense<0xFF800000> : !tile
    %xs = pipe.splat %x : f32 -> !tile
    %column = pipe.coord 1 : !coords
    %row = pipe.coord 0 : !row
    %limit = pipe.broadcast %row : !row -> !coords
    %causal = arith.cmpi sle, %column, %limit : !coords
    %counts = pipe.splat %count : i32 -> !coords
    %inside = arith.cmpi slt, %column, %counts : !coords
    %visible = arith.andi %causal, %inside : !mask
    %t = arith.select %visible, %xs, %empty : !mask, !tile
    %max = pipe.row_reduce maximum %t : !tile -> !max
    pipe.store %max -> %m[%zero] : !max -> !lines
  }
}

// Digits of a column, in boxes of 2 x 4 x 16: bits of a period are repeated by a
// product, and each value of a slower digit is 4 or 16 of them.
// CHECK-LABEL: llvm.func @digits(
//   CHECK-DAG:   %[[NIBBLES:.*]] = arith.constant 286331153 : i32
//   CHECK-DAG:   %[[HALVES:.*]] = arith.constant 65537 : i32
//       CHECK:   %[[X:.*]] = llvm.call_intrinsic "llvm.nvvm.bmsk.clamp"
//       CHECK:   arith.muli %[[X]], %[[NIBBLES]]
//       CHECK:   %[[SCALED:.*]] = arith.muli %{{.*}}, %c4_i32
//       CHECK:   %[[Y:.*]] = llvm.call_intrinsic "llvm.nvvm.bmsk.clamp"(%c0_i32, %[[SCALED]])
//       CHECK:   arith.muli %[[Y]], %[[HALVES]]
//       CHECK:   %[[SLOW:.*]] = arith.muli %{{.*}}, %c16_i32
//       CHECK:   llvm.call_intrinsic "llvm.nvvm.bmsk.clamp"(%c0_i32, %[[SLOW]])
//       CHECK:   llvm.return
pipe.kernel @digits(
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["M"]},
    %x: f32 {pipe.name = "x"}, %a: i32 {pipe.name = "a"},
    %b: i32 {pipe.name = "b"}, %c: i32 {pipe.name = "c"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %empty = arith.constant dense<0xFF800000> : !tile
    %xs = pipe.splat %x : f32 -> !tile
    %column = pipe.coord 1 : !coords
    %c16 = arith.constant dense<16> : !coords
    %c4 = arith.constant dense<4> : !coords
    %digit_x = arith.remui %column, %c16 : !coords
    %line = arith.divui %column, %c16 : !coords
    %digit_y = arith.remui %line, %c4 : !coords
    %digit_z = arith.divui %line, %c4 : !coords
    %as = pipe.splat %a : i32 -> !coords
    %bs = pipe.splat %b : i32 -> !coords
    %cs = pipe.splat %c : i32 -> !coords
    %in_x = arith.cmpi slt, %digit_x, %as : !coords
    %in_y = arith.cmpi sge, %digit_y, %bs : !coords
    %in_z = arith.cmpi ne, %digit_z, %cs : !coords
    %in_xy = arith.andi %in_x, %in_y : !mask
    %visible = arith.ori %in_xy, %in_z : !mask
    %t = arith.select %visible, %xs, %empty : !mask, !tile
    %max = pipe.row_reduce maximum %t : !tile -> !max
    pipe.store %max -> %m[%zero] : !max -> !lines
  }
}

// 48 registers of a row are two words, of which a period of 6 bits (24 columns)
// does not divide the first.
// CHECK-LABEL: llvm.func @words(
//   CHECK-DAG:   %[[SIXES:.*]] = arith.constant 1171221845949812801 : i64
//       CHECK:   %[[ALL:.*]] = arith.muli %{{.*}}, %[[SIXES]] : i64
//       CHECK:   arith.trunci %[[ALL]] : i64 to i32
//       CHECK:   %[[REST:.*]] = arith.subi %{{.*}}, %c32_i32
//       CHECK:   %[[MORE:.*]] = arith.maxsi %[[REST]], %c0_i32
//       CHECK:   llvm.call_intrinsic "llvm.nvvm.bmsk.clamp"(%c0_i32, %[[MORE]])
//       CHECK:   llvm.return
pipe.kernel @words(
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["M"]},
    %x: f32 {pipe.name = "x"}, %a: i32 {pipe.name = "a"},
    %b: i32 {pipe.name = "b"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %empty = arith.constant dense<0xFF800000> : tensor<64x192xf32, #wide>
    %xs = pipe.splat %x : f32 -> tensor<64x192xf32, #wide>
    %column = pipe.coord 1 : tensor<64x192xi32, #wide>
    %c24 = arith.constant dense<24> : tensor<64x192xi32, #wide>
    %digit = arith.remui %column, %c24 : tensor<64x192xi32, #wide>
    %as = pipe.splat %a : i32 -> tensor<64x192xi32, #wide>
    %bs = pipe.splat %b : i32 -> tensor<64x192xi32, #wide>
    %in = arith.cmpi slt, %digit, %as : tensor<64x192xi32, #wide>
    %below = arith.cmpi slt, %column, %bs : tensor<64x192xi32, #wide>
    %visible = arith.andi %in, %below : tensor<64x192xi1, #wide>
    %t = arith.select %visible, %xs, %empty : tensor<64x192xi1, #wide>, tensor<64x192xf32, #wide>
    %max = pipe.row_reduce maximum %t : tensor<64x192xf32, #wide> -> tensor<64xf32, #pipe.slice<1, #wide>>
    pipe.store %max -> %m[%zero] : tensor<64xf32, #pipe.slice<1, #wide>> -> !lines
  }
}

// Few registers of a row are compared one by one, and so is what is no column.
// CHECK-LABEL: llvm.func @few(
//   CHECK-NOT:   bmsk
//       CHECK:   llvm.return
pipe.kernel @few(
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["M"]},
    %x: f32 {pipe.name = "x"}, %a: i32 {pipe.name = "a"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %empty = arith.constant dense<0xFF800000> : tensor<64x32xf32, #few>
    %xs = pipe.splat %x : f32 -> tensor<64x32xf32, #few>
    %column = pipe.coord 1 : tensor<64x32xi32, #few>
    %as = pipe.splat %a : i32 -> tensor<64x32xi32, #few>
    %in = arith.cmpi slt, %column, %as : tensor<64x32xi32, #few>
    %t = arith.select %in, %xs, %empty : tensor<64x32xi1, #few>, tensor<64x32xf32, #few>
    %max = pipe.row_reduce maximum %t : tensor<64x32xf32, #few> -> tensor<64xf32, #pipe.slice<1, #few>>
    pipe.store %max -> %m[%zero] : tensor<64xf32, #pipe.slice<1, #few>> -> !lines
  }
}

// Columns are at most 2^31 - 1, which a parameter is made that says "no limit", and
// at most that number less 8 once 8 columns are added: neither limit may overflow.
// CHECK-LABEL: llvm.func @greatest_limit(
//       CHECK:   %[[LAST:.*]] = arith.minsi %{{.*}}, %c2147483646_i32
//       CHECK:   arith.addi %[[LAST]], %c1_i32
//       CHECK:   %[[BEFORE:.*]] = arith.minsi %{{.*}}, %c2147483639_i32
//       CHECK:   arith.addi %[[BEFORE]], %c8_i32
//       CHECK:   llvm.return
pipe.kernel @greatest_limit(
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["M"]},
    %x: f32 {pipe.name = "x"}, %a: i32 {pipe.name = "a"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %empty = arith.constant dense<0xFF800000> : !tile
    %xs = pipe.splat %x : f32 -> !tile
    %column = pipe.coord 1 : !coords
    %c-8 = arith.constant dense<-8> : !coords
    %before = arith.addi %column, %c-8 : !coords
    %as = pipe.splat %a : i32 -> !coords
    %in = arith.cmpi sle, %column, %as : !coords
    %near = arith.cmpi slt, %before, %as : !coords
    %visible = arith.andi %in, %near : !mask
    %t = arith.select %visible, %xs, %empty : !mask, !tile
    %max = pipe.row_reduce maximum %t : !tile -> !max
    pipe.store %max -> %m[%zero] : !max -> !lines
  }
}

// Twice the quotients by 24: six registers each, but two of the last. No count of
// whole sixes has those.
// CHECK-LABEL: llvm.func @partial_repeat(
//   CHECK-NOT:   bmsk
//       CHECK:   llvm.return
pipe.kernel @partial_repeat(
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["M"]},
    %x: f32 {pipe.name = "x"}, %a: i32 {pipe.name = "a"},
    %b: i32 {pipe.name = "b"}) {
  %zero = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %empty = arith.constant dense<0xFF800000> : !tile
    %xs = pipe.splat %x : f32 -> !tile
    %column = pipe.coord 1 : !coords
    %c24 = arith.constant dense<24> : !coords
    %c2 = arith.constant dense<2> : !coords
    %quotient = arith.divui %column, %c24 : !coords
    %twice = arith.muli %quotient, %c2 : !coords
    %as = pipe.splat %a : i32 -> !coords
    %bs = pipe.splat %b : i32 -> !coords
    %in = arith.cmpi slt, %twice, %as : !coords
    %inside = arith.cmpi slt, %column, %bs : !coords
    %visible = arith.andi %in, %inside : !mask
    %t = arith.select %visible, %xs, %empty : !mask, !tile
    %max = pipe.row_reduce maximum %t : !tile -> !max
    pipe.store %max -> %m[%zero] : !max -> !lines
  }
}
