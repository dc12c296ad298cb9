// RUN: attn-opt %s --pipe-gather-ahead --split-input-file | FileCheck %s
// RUN: attn-opt %s --pipe-gather-ahead=most-registers=2 --split-input-file | FileCheck %s --check-prefix=FEW
// RUN: attn-opt %s --pipe-gather-ahead=least-registers=250 --split-input-file | FileCheck %s --check-prefix=NONE

#f = #pipe.fragment<registers = [2 x d1 by 1, 1 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 8]>
!tile = tensor<32x8xf32, #f>
!where = tensor<32x8xi32, #f>

// The first step's are asked for before the loop, and each turn begins with the next
// one's; beyond the last there are none.
// CHECK-LABEL: pipe.kernel @lines(
//  CHECK-SAME:     %[[K:[a-z0-9]+]]: !pipe.global<?xf32>
//  CHECK-SAME:     pipe.name = "k", pipe.shape = ["M"]}, %[[V:[a-z0-9]+]]: !pipe.global<?xf32>
//       CHECK:   %[[AT:.*]] = pipe.splat %[[FIRST:.*]] : i32
//   CHECK-DAG:   %[[K0:.*]] = pipe.gather %[[K]][%[[AT]]]
//   CHECK-DAG:   %[[V0:.*]] = pipe.gather %[[V]][%[[AT]]]
//       CHECK:   scf.for %[[I:.*]] = %[[FIRST]] to %{{.*}} step %[[ONE:.*]] iter_args(%{{.*}} = %{{.*}}, %[[A:.*]] = %[[V0]], %[[B:.*]] = %[[K0]])
//  CHECK-NEXT:     %[[NEXT:.*]] = arith.addi %[[I]], %[[ONE]]
//  CHECK-NEXT:     %[[AHEAD:.*]] = pipe.splat %[[NEXT]] : i32
//   CHECK-DAG:     %[[K1:.*]] = pipe.gather %[[K]][%[[AHEAD]]]
//   CHECK-DAG:     %[[V1:.*]] = pipe.gather %[[V]][%[[AHEAD]]]
//   CHECK-NOT:     pipe.gather
//       CHECK:     arith.mulf %{{.*}}, %[[B]]
//       CHECK:     arith.mulf %{{.*}}, %[[A]]
//       CHECK:     scf.yield %{{.*}}, %[[V1]], %[[K1]]

// Registers may be for one line alone; and a role may have none to spare.
// FEW-LABEL: pipe.kernel @lines(
//       FEW:   scf.for {{.*}} iter_args(%{{[a-z0-9]+}} = %{{[a-z0-9]+}}, %{{[a-z0-9]+}} = %{{[a-z0-9]+}}) ->
// NONE-LABEL: pipe.kernel @lines(
//       NONE:   scf.for {{.*}} iter_args(%{{[a-z0-9]+}} = %{{[a-z0-9]+}}) ->
pipe.kernel @lines(
    %k: !pipe.global<?xf32> {pipe.name = "k", pipe.access = "read", pipe.shape = ["M"]},
    %v: !pipe.global<?xf32> {pipe.name = "v", pipe.access = "read", pipe.shape = ["M"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %none = arith.constant dense<1.0> : !tile
    %all = scf.for %i = %zero to %n step %one iter_args(%x = %none) -> (!tile) : i32 {
      %at = pipe.splat %i : i32 -> !where
      %own = pipe.gather %k[%at] : !pipe.global<?xf32>[!where] -> !tile
      %y = arith.mulf %x, %own : !tile
      %other = pipe.gather %v[%at] : !pipe.global<?xf32>[!where] -> !tile
      %z = arith.mulf %y, %other : !tile
      scf.yield %z : !tile
    }
  }
}

// -----

#f = #pipe.fragment<registers = [2 x d1 by 1, 1 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 8]>
!tile = tensor<32x8xf32, #f>
!where = tensor<32x8xi32, #f>

// What says where an element is comes one more step ahead, and does not wait itself.
// CHECK-LABEL: pipe.kernel @pages(
//       CHECK:   %[[PAGE:.*]] = pipe.gather %[[TABLE:.*]][%{{.*}}] : <?xi32>
//       CHECK:   %[[FIRST:.*]] = pipe.gather %[[K:.*]][%[[PAGE]]] : <?xf32>
//       CHECK:   %[[SECOND_PAGE:.*]] = pipe.gather %[[TABLE]]
//       CHECK:   scf.for {{.*}} iter_args(%{{[a-z0-9]+}} = %{{[a-z0-9]+}}, %[[X:.*]] = %[[FIRST]], %[[AT:.*]] = %[[SECOND_PAGE]])
//       CHECK:     %[[LATER_PAGE:.*]] = pipe.gather %[[TABLE]]
//       CHECK:     %[[NEXT:.*]] = pipe.gather %[[K]][%[[AT]]]
//   CHECK-NOT:     pipe.gather
//       CHECK:     scf.yield %{{.*}}, %[[NEXT]], %[[LATER_PAGE]] :
pipe.kernel @pages(
    %table: !pipe.global<?xi32> {pipe.name = "table", pipe.access = "read", pipe.shape = ["W"]},
    %k: !pipe.global<?xf32> {pipe.name = "k", pipe.access = "read", pipe.shape = ["M"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %none = arith.constant dense<1.0> : !tile
    %all = scf.for %i = %zero to %n step %one iter_args(%x = %none) -> (!tile) : i32 {
      %at = pipe.splat %i : i32 -> !where
      %page = pipe.gather %table[%at] : !pipe.global<?xi32>[!where] -> !where
      %own = pipe.gather %k[%page] : !pipe.global<?xf32>[!where] -> !tile
      %y = arith.mulf %x, %own : !tile
      scf.yield %y : !tile
    }
  }
}

// -----

#f = #pipe.fragment<registers = [2 x d1 by 1, 1 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 8]>
!tile = tensor<32x8xf32, #f>
!where = tensor<32x8xi32, #f>

// Where that depends on what the loop carries, nothing is known a step ahead.
// CHECK-LABEL: pipe.kernel @carried(
//       CHECK:   scf.for {{.*}} iter_args(%{{[a-z0-9]+}} = %{{[a-z0-9]+}}) ->
pipe.kernel @carried(
    %k: !pipe.global<?xf32> {pipe.name = "k", pipe.access = "read", pipe.shape = ["M"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %none = arith.constant dense<0> : !where
    %all = scf.for %i = %zero to %n step %one iter_args(%x = %none) -> (!where) : i32 {
      %own = pipe.gather %k[%x] : !pipe.global<?xf32>[!where] -> !tile
      %y = arith.fptosi %own : !tile to !where
      scf.yield %y : !where
    }
  }
}
