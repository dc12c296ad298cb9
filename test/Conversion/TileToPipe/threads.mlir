// RUN: attn-opt %s --split-input-file --convert-tile-to-pipe | FileCheck %s
// RUN: attn-opt %s --split-input-file --convert-tile-to-pipe --nvidia-pipeline | FileCheck %s --check-prefix=NVVM

// What several points read goes through arrays, and sums of few results are
// shared by several threads each.

// CHECK-LABEL: pipe.kernel @norm(
// CHECK-SAME: !pipe.global<?x8xf32, strided>
// CHECK-SAME: %[[EPS:[a-z0-9]+]]: f32 {pipe.name = "eps"}
// CHECK: %[[ROWS:.*]] = pipe.dim %{{.*}}, 0
// CHECK: %[[TILES:.*]] = arith.ceildivui %[[ROWS]]
// CHECK: %[[ITEMS:.*]] = arith.muli %{{.*}}, %[[TILES]]
// CHECK: pipe.work items(%[[ITEMS]]) : <single>
// CHECK: %[[X:.*]] = pipe.array : <4x8xf32>
// CHECK: %[[SUM:.*]] = pipe.array : <4xf32>
// CHECK: %[[PARTS:.*]] = pipe.array : <4x8xf32>
// CHECK: pipe.role "threads" groups(1) warps(4)
// CHECK: pipe.each %[[I:.*]], %[[J:.*]] in
// CHECK: pipe.get %{{.*}}[%{{.*}}, %[[J]]] : !pipe.global
// CHECK: pipe.put %{{.*}} -> %[[X]][%[[I]], %[[J]]]
// CHECK: pipe.each
// CHECK: scf.for
// CHECK: arith.mulf
// CHECK: pipe.put %{{.*}} -> %[[PARTS]]
// CHECK: pipe.each
// CHECK: pipe.put %{{.*}} -> %[[SUM]]
// CHECK: pipe.each
// CHECK: scf.if
// CHECK: pipe.get %[[SUM]]
// CHECK: arith.addf %{{.*}}, %[[EPS]]
// CHECK: pipe.put %{{.*}} : !pipe.global

// NVVM: llvm.func @norm(
// NVVM: nvvm.barrier
// NVVM: llvm.return

#tile = affine_map<(r, d)[r0] -> (r + r0, d)>
tile.program @norm(
    %x: memref<?x8xf32, strided<[?, ?], offset: ?>>
        {tile.name = "x", tile.access = "read", tile.shape = ["R", 8]},
    %y: memref<?x8xf32, strided<[?, ?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["R", 8]},
    %eps: f32 {tile.name = "eps"},
    %rows: index {tile.extent = "R"}) space(%r = "R" by 4) {
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %rest = arith.subi %rows, %r : index
  %count = arith.minsi %rest, %c4 : index
  %t = tile.load %x[#tile](%r) valid(%count, %c8)
      : memref<?x8xf32, strided<[?, ?], offset: ?>> -> tensor<4x8xf32>
  %squares = arith.mulf %t, %t : tensor<4x8xf32>
  %sum = tile.reduce add %squares dims [1] : tensor<4x8xf32>
  %epss = tile.broadcast %eps dims [0, 1] : f32 to tensor<4x8xf32>
  %sums = tile.broadcast %sum dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %divisor = arith.addf %sums, %epss : tensor<4x8xf32>
  %result = arith.divf %t, %divisor : tensor<4x8xf32>
  tile.store %result, %y[#tile](%r) valid(%count, %c8)
      : tensor<4x8xf32>, memref<?x8xf32, strided<[?, ?], offset: ?>>
}

// -----

// A guard leaves no items; carries of a sweep are arrays; the predicate of a
// mask is not computed where it holds.

// CHECK-LABEL: pipe.kernel @guarded(
// CHECK-SAME: %[[WINDOW:[a-z0-9]+]]: i64 {pipe.name = "window"}
// CHECK: %[[REACHED:.*]] = arith.minui
// CHECK: %[[ABOVE:.*]] = arith.subi %{{.*}}, %[[REACHED]]
// CHECK: %[[ITEMS:.*]] = arith.muli %{{.*}}, %[[ABOVE]]
// CHECK: pipe.work items(%[[ITEMS]])
// CHECK: arith.trunci
// CHECK: pipe.each
// CHECK: scf.for
// CHECK: arith.cmpi sle
// CHECK: scf.for
// CHECK-NOT: arith.cmpi sle
// CHECK: pipe.put %{{.*}} : !pipe.global

// NVVM: llvm.func @guarded(

#point = affine_map<(d)[p] -> (d + p)>
tile.program @guarded(
    %x: memref<?xi32, strided<[?], offset: ?>>
        {tile.name = "x", tile.access = "read", tile.shape = ["M"]},
    %y: memref<?xi32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %window: index {tile.name = "window"},
    %m: index {tile.extent = "M"},
    %p: index {tile.extent = "P"}) space(%i = "P" by 1) when "P" < 8 {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0> : tensor<4xi32>
  %s = tile.sweep(%c0 to %window partial, %window to %m full) by 4
      carry(%zero : tensor<4xi32>) step {
  ^bb0(%base: index, %count: index, %sum: tensor<4xi32>):
    %t = tile.load %x[#point](%base) valid(%count)
        : memref<?xi32, strided<[?], offset: ?>> -> tensor<4xi32>
    %masked = tile.mask %t empty 0 : i32 at(%base) valid(%count) {
    ^bb0(%k: index):
      %c = arith.cmpi sle, %k, %i : index
      tile.yield %c : i1
    } : tensor<4xi32>
    %next = arith.addi %sum, %masked : tensor<4xi32>
    tile.yield %next : tensor<4xi32>
  }
  %total = tile.reduce add %s dims [0] : tensor<4xi32>
  tile.store %total, %y[affine_map<()[i] -> (i)>](%i)
      : tensor<i32>, memref<?xi32, strided<[?], offset: ?>>
}

// -----

// An element of a table that may be outside, where it is `empty`.

// CHECK-LABEL: pipe.kernel @element(
// CHECK-SAME: %[[X:[a-z0-9]+]]: !pipe.global<?xi32, strided>
// CHECK: pipe.role
// CHECK: pipe.each
// CHECK: %[[AT:.*]] = arith.muli
// CHECK: pipe.get %[[X]][%[[AT]]] else 7 : i32 : !pipe.global

// NVVM: llvm.func @element(

tile.program @element(
    %x: memref<?xi32, strided<[?], offset: ?>>
        {tile.name = "x", tile.access = "read", tile.shape = ["N"]},
    %y: memref<?xi32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %p: index {tile.extent = "P"},
    %n: index {tile.extent = "N"}) space(%i = "P" by 4) {
  %t = tile.generate at(%i) {
  ^bb0(%k: index):
    %at = arith.muli %k, %k : index
    %e = tile.element %x[%at] empty 7 : i32 : memref<?xi32, strided<[?], offset: ?>>
    tile.yield %e : i32
  } : tensor<4xi32>
  tile.store %t, %y[affine_map<(d)[p] -> (d + p)>](%i)
      : tensor<4xi32>, memref<?xi32, strided<[?], offset: ?>>
}

// -----

// Elements of a table at tiles of coordinates, each written out where it is used.

// CHECK-LABEL: pipe.kernel @gather(
// CHECK-SAME: %[[X:[a-z0-9]+]]: !pipe.global<?x?xf32, strided>
// CHECK: %[[H:.*]] = arith.trunci
// CHECK: pipe.each
// CHECK: %[[AT:.*]] = arith.muli
// CHECK: pipe.get %[[X]][%[[H]], %[[AT]]] else {{.*}} : f32 : !pipe.global

// NVVM: llvm.func @gather(

tile.program @gather(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
        {tile.name = "x", tile.access = "read", tile.shape = ["H", "N"]},
    %y: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %h: index {tile.name = "h"},
    %p: index {tile.extent = "P"},
    %n: index {tile.extent = "N"},
    %heads: index {tile.extent = "H"}) space(%i = "P" by 4) {
  %at = tile.coord %i : tensor<4xindex>
  %twice = arith.muli %at, %at : tensor<4xindex>
  %t = tile.gather %x[%h, %twice] empty 7.0 : f32
      : memref<?x?xf32, strided<[?, ?], offset: ?>>[index, tensor<4xindex>] -> tensor<4xf32>
  tile.store %t, %y[affine_map<(d)[p] -> (d + p)>](%i)
      : tensor<4xf32>, memref<?xf32, strided<[?], offset: ?>>
}

// -----

// A state that the next step alone reads is added to in its own array, after
// what reads it before; where a product's side reads it, it is not.

#k = affine_map<(m, n, k) -> (k, m)>
#v = affine_map<(m, n, k) -> (k, n)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#o = affine_map<(m, n, k) -> (m, n)>
#row = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
!m = memref<?x4xf32, strided<[?, ?], offset: ?>>
// CHECK-LABEL: pipe.kernel @states(
// CHECK: %[[STATE:.*]] = pipe.array : <4x4xf32>
// CHECK: %[[POWER:.*]] = pipe.array : <4x4xf32>
// CHECK: %[[X:.*]] = pipe.array : <4x4xf32>
// CHECK: %[[NEXT:.*]] = pipe.array : <4x4xf32>
// CHECK-NOT: = pipe.array
// CHECK: scf.for
// CHECK: pipe.get %[[STATE]]
// CHECK: pipe.put {{.*}} : !pipe.global
// CHECK: %[[OLD:.*]] = pipe.get %[[STATE]]
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[OLD]])
// CHECK: pipe.put %{{.*}} -> %[[STATE]]
// CHECK: pipe.get %[[POWER]]
// CHECK: pipe.put %{{.*}} -> %[[NEXT]]
tile.program @states(
    %a: !m {tile.name = "a", tile.access = "read", tile.shape = ["M", 4]},
    %o: !m {tile.name = "o", tile.access = "write", tile.shape = ["M", 4]},
    %M: index {tile.extent = "M"}) space() {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant dense<0.0> : tensor<4x4xf32>
  %one = arith.constant dense<1.0> : tensor<4x4xf32>
  %r:2 = tile.sweep(%c0 to %M partial) by 4 carry(%zero, %one : tensor<4x4xf32>, tensor<4x4xf32>) step {
  ^bb0(%m: index, %count: index, %state: tensor<4x4xf32>, %power: tensor<4x4xf32>):
    %x = tile.load %a[#row](%m) valid(%count, %c4) : !m -> tensor<4x4xf32>
    %next = tile.dot %x, %x, %state maps [#k, #v, #o]
        : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
    %square = tile.dot %power, %x, %power maps [#mk, #kn, #o]
        : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
    tile.store %state, %o[#row](%m) valid(%count, %c4) : tensor<4x4xf32>, !m
    tile.yield %next, %square : tensor<4x4xf32>, tensor<4x4xf32>
  }
}
