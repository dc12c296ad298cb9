// RUN: attn-opt %s --convert-pipe-to-nvvm --cse --split-input-file | FileCheck %s

!slot = !pipe.shared<16x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!pool = !pipe.global<?x8x64xbf16>

// Each ring that is filled from pages has a warp, of which all lanes ask for
// pages, one each, and one copies.
// CHECK-LABEL: llvm.func @pages(
//       CHECK:   %[[LANE:.*]] = arith.andi %{{.*}}, %c31
//       CHECK:   %[[UNIFORM:.*]] = nvvm.shfl.sync {{ *}}idx
//       CHECK:   %[[WARP:.*]] = arith.andi %[[UNIFORM]], %c3_i32 : i32
//   CHECK-NOT:   prefetch.global
//       CHECK:   nvvm.prefetch tensormap
//       CHECK:   %[[LOADS:.*]] = arith.cmpi ult, %[[WARP]], %c2_i32 : i32
//       CHECK:   scf.if %[[LOADS]] {
//       CHECK:     %[[OFFSET:.*]] = arith.muli %[[LANE]], %c8_i32 : i32
//       CHECK:     %[[ROW:.*]] = arith.addi %{{.*}}, %[[OFFSET]] : i32
//       CHECK:     %[[PLACE:.*]] = arith.divui %[[ROW]], %c8_i32 : i32
//       CHECK:     arith.cmpi ult, %[[PLACE]]
//       CHECK:     arith.cmpi ult, %[[LANE]], %c2_i32 : i32
//       CHECK:     %[[PAGES:.*]] = scf.if {{.*}} -> (i32) {
//       CHECK:       llvm.load
//       CHECK:     } else {
//       CHECK:       scf.yield %c-1_i32
//       CHECK:     nvvm.shfl.sync {{ *}}idx %{{.*}}, %[[PAGES]], %c0_i32
//       CHECK:     nvvm.shfl.sync {{ *}}idx %{{.*}}, %[[PAGES]], %c1_i32
//       CHECK:     %[[FIRST:.*]] = arith.cmpi eq, %c0_i32, %[[WARP]] : i32
//       CHECK:     scf.if %[[FIRST]] {
//       CHECK:       nvvm.cp.async.bulk.tensor.shared.cluster.global
//       CHECK:       nvvm.cp.async.bulk.tensor.shared.cluster.global
//       CHECK:     %[[SECOND:.*]] = arith.cmpi eq, %c1_i32, %[[WARP]] : i32
//       CHECK:     scf.if %[[SECOND]] {
//       CHECK:       nvvm.cp.async.bulk.tensor.shared.cluster.global
pipe.kernel @pages(
    %k: !pool {pipe.name = "k", pipe.access = "read", pipe.shape = ["N", 8, 64]},
    %v: !pool {pipe.name = "v", pipe.access = "read", pipe.shape = ["N", 8, 64]},
    %table: !pipe.global<?xi32> {pipe.name = "table", pipe.access = "read", pipe.shape = ["W"]}) {
  %c0 = arith.constant 0 : i32
  %items = pipe.dim %table, 0 : <?xi32>
  %work = pipe.work items(%items) : <single>
  %keys = pipe.ring readers(1) : !ring
  %values = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : <2>
    %first = pipe.first_item %work : <single>
    pipe.work_loop %i = %first iter_args(%at = %c) -> (!pipe.cursor<2>) {
      %pages = pipe.pages %table[] at %i every 8 of 8 : <?xi32> -> <2>
      %upper = pipe.page %pages[0] : <2>
      %lower = pipe.page %pages[1] : <2>
      pipe.fill %keys[%at] as %slot : !ring {
        pipe.load %k[%upper, %c0, %c0] -> %slot rows [0, 8] : !pool -> !slot
        pipe.load %k[%lower, %c0, %c0] -> %slot rows [8, 8] : !pool -> !slot
      }
      pipe.fill %values[%at] as %slot : !ring {
        pipe.load %v[%upper, %c0, %c0] -> %slot rows [0, 8] : !pool -> !slot
        pipe.load %v[%lower, %c0, %c0] -> %slot rows [8, 8] : !pool -> !slot
      }
      %n = pipe.advance %at : <2>
      %next = pipe.next_item %work after %i : <single>
      pipe.yield %next, %n : i32, !pipe.cursor<2>
    }
  }
  pipe.role "multiply" groups(1) warps(4) registers(128) (%g) {
    %c = pipe.cursor : <2>
    %s = pipe.wait %keys[%c] : !ring
    pipe.release %keys[%c] : !ring
    %t = pipe.wait %values[%c] : !ring
    pipe.release %values[%c] : !ring
  }
}

// -----

!slot = !pipe.shared<16x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!pages = !pipe.global<?x16x64xbf16>

// In a stream warps ask for the beginnings of the rows of tables, one each. A row is a
// number, or one of several.
// CHECK-LABEL: llvm.func @tables(
//       CHECK:   %[[LANE:.*]] = arith.andi %{{.*}}, %c31
//       CHECK:   %[[UNIFORM:.*]] = nvvm.shfl.sync {{ *}}idx
//       CHECK:   %[[ENTRY:.*]] = arith.muli %[[LANE]], %c32_i32
//       CHECK:   %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
//       CHECK:   %[[LATER:.*]] = arith.muli %[[UNIFORM]], %{{.*}}
//       CHECK:   %[[ROW:.*]] = arith.addi %[[BLOCK]], %[[LATER]]
//       CHECK:   %[[IS_ROW:.*]] = arith.cmpi ult, %[[ROW]], %[[SEQUENCES:.*]] : i32
//       CHECK:   %[[IS_ENTRY:.*]] = arith.cmpi ult, %[[ENTRY]], %{{.*}} : i32
//       CHECK:   %[[ASKS:.*]] = arith.andi %[[IS_ROW]], %[[IS_ENTRY]]
//       CHECK:   scf.if %[[ASKS]] {
//  CHECK-NEXT:     llvm.inline_asm has_side_effects {{.*}}"prefetch.global.L2 [$0];"
//       CHECK:   %[[HEADS:.*]] = arith.maxui %{{.*}}, %{{.*}}
//       CHECK:   %[[SEQUENCE:.*]] = arith.divui %[[ROW]], %[[HEADS]]
//       CHECK:   %[[OTHERS:.*]] = arith.muli %[[SEQUENCE]], %[[HEADS]]
//       CHECK:   %[[HEAD:.*]] = arith.subi %[[ROW]], %[[OTHERS]]
//       CHECK:   arith.cmpi ult, %[[SEQUENCE]]
//       CHECK:   arith.cmpi ult, %[[HEAD]]
//       CHECK:   llvm.inline_asm has_side_effects {{.*}}"prefetch.global.L2 [$0];"
//   CHECK-NOT:   prefetch.global
pipe.kernel @tables(
    %k: !pages {pipe.name = "k", pipe.access = "read", pipe.shape = ["N", 16, 64]},
    %v: !pages {pipe.name = "v", pipe.access = "read", pipe.shape = ["N", 16, 64]},
    %k_table: !pipe.global<?x?xi32> {pipe.name = "k_table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %v_table: !pipe.global<?x?x?xi32> {pipe.name = "v_table", pipe.access = "read", pipe.shape = ["B", "H", "W"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %items = pipe.dim %k_table, 0 : <?x?xi32>
  %work = pipe.work items(%items) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %c1 : i32
  }
  %keys = pipe.ring readers(1) : !ring
  %values = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : <2>
    %first, %none = pipe.first_part %work : !pipe.work<stream>
    %exists = arith.cmpi sge, %first, %c0 : i32
    scf.if %exists {
      %own = pipe.pages %k_table[%first] at %c0 every 16 of 16 : <?x?xi32> -> <1>
      %upper = pipe.page %own[0] : <1>
      pipe.fill %keys[%c] as %slot : !ring {
        pipe.load %k[%upper, %c0, %c0] -> %slot : !pages -> !slot
      }
      %others = pipe.pages %v_table[%first, %c0] at %c0 every 16 of 16 : <?x?x?xi32> -> <1>
      %page = pipe.page %others[0] : <1>
      pipe.fill %values[%c] as %slot : !ring {
        pipe.load %v[%page, %c0, %c0] -> %slot : !pages -> !slot
      }
    }
  }
  pipe.role "multiply" groups(1) warps(4) registers(128) (%g) {
    %c = pipe.cursor : <2>
    %s = pipe.wait %keys[%c] : !ring
    pipe.release %keys[%c] : !ring
    %t = pipe.wait %values[%c] : !ring
    pipe.release %values[%c] : !ring
  }
}
