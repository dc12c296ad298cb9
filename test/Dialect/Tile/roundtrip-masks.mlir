// Located sweeps, tables and what masks take, in the custom, the generic and the
// bytecode form.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

!Table = memref<?xi32, strided<[?], offset: ?>>
!Lists = memref<?x?xi32, strided<[?, ?], offset: ?>>

// CHECK-LABEL: func.func @tables
func.func @tables(%t: !Table, %l: !Lists, %i: index, %j: index) {
  // CHECK: tile.element %{{.*}}[%{{.*}}, %{{.*}}] empty -1 : i32 : memref<?x?xi32
  %element = tile.element %l[%i, %j] empty -1 : i32 : !Lists
  // CHECK: %{{.*}}, %{{.*}} = tile.extrema %{{.*}}[%{{.*}} to %{{.*}}] empty -1 : memref<?xi32
  %least, %greatest = tile.extrema %t[%i to %j] empty -1 : !Table
  // CHECK: tile.entry %{{.*}}[%{{.*}}] from %{{.*}} at %{{.*}} : memref<?x?xi32
  %entry = tile.entry %l[%i] from %least at %j : !Lists
  // CHECK: tile.member %{{.*}} in %{{.*}}[%{{.*}}] from %{{.*}} to %{{.*}} : memref<?x?xi32
  %in = tile.member %entry in %l[%j] from %least to %greatest : !Lists
  return
}

// CHECK-LABEL: func.func @gather
func.func @gather(%t: memref<?x?xbf16, strided<[?, ?], offset: ?>>, %h: index, %at: tensor<4x8xindex>, %i: tensor<4xindex>) {
  // CHECK: tile.gather %{{.*}}[%{{.*}}, %{{.*}}] empty 1.000000e+00 : bf16 : memref<?x?xbf16, strided<[?, ?], offset: ?>>[index, tensor<4x8xindex>] -> tensor<4x8xbf16>
  %points = tile.gather %t[%h, %at] empty 1.0 : bf16
      : memref<?x?xbf16, strided<[?, ?], offset: ?>>[index, tensor<4x8xindex>] -> tensor<4x8xbf16>
  // CHECK: tile.gather %{{.*}}[%{{.*}}, %{{.*}}] empty 0.000000e+00 : bf16 : memref<?x?xbf16, strided<[?, ?], offset: ?>>[tensor<4xindex>, index] -> tensor<4xbf16>
  %line = tile.gather %t[%i, %h] empty 0.0 : bf16
      : memref<?x?xbf16, strided<[?, ?], offset: ?>>[tensor<4xindex>, index] -> tensor<4xbf16>
  return
}

// CHECK-LABEL: func.func @where
func.func @where(%x: memref<?x?xf32>, %n: index, %seen: tensor<8xi1>) {
  // CHECK: tile.load %{{.*}}[#{{.*}}]() valid(%{{.*}}, %{{.*}}) where(%{{.*}} along 1 : tensor<8xi1>) : memref<?x?xf32> -> tensor<4x8xf32>
  %t = tile.load %x[affine_map<(d0, d1) -> (d0, d1)>]() valid(%n, %n)
      where(%seen along 1 : tensor<8xi1>) : memref<?x?xf32> -> tensor<4x8xf32>
  return
}

// CHECK-LABEL: func.func @mask
func.func @mask(%a: tensor<4x8xf32>, %p: index, %k: index, %w: index, %n: index) {
  // CHECK: %[[ROW:.*]] = tile.generate at(%{{.*}}) valid(%{{.*}}) {
  // CHECK:   tile.yield %{{.*}} : index
  // CHECK: } : tensor<4xindex>
  %row = tile.generate at(%p) valid(%n) {
  ^bb0(%i: index):
    %y = arith.floordivsi %i, %w : index
    tile.yield %y : index
  } : tensor<4xindex>
  // CHECK: tile.generate at(%{{.*}}) {
  %key = tile.generate at(%k) {
  ^bb0(%i: index):
    %c = arith.cmpi slt, %i, %w : index
    tile.yield %c : i1
  } : tensor<8xi1>
  // CHECK: tile.mask %{{.*}} empty 0xFF800000 : f32 at(%{{.*}}, %{{.*}}) with(%[[ROW]], %{{.*}} along [0, 1] : tensor<4xindex>, tensor<8xi1>) {
  %t = tile.mask %a empty 0xFF800000 : f32 at(%p, %k)
      with(%row, %key along [0, 1] : tensor<4xindex>, tensor<8xi1>) {
  ^bb0(%i: index, %j: index, %y: index, %seen: i1):
    %c = arith.cmpi sge, %y, %j : index
    %r = arith.andi %c, %seen : i1
    tile.yield %r : i1
  } : tensor<4x8xf32>
  return
}

// CHECK-LABEL: func.func @located
func.func @located(%n: index, %stride: index, %count: index) {
  %c0 = arith.constant 0 : index
  // CHECK: tile.sweep(%{{.*}} to %{{.*}} partial at {
  // CHECK:   tile.yield %{{.*}}, %{{.*}} : index, index
  // CHECK: }, %{{.*}} to %{{.*}} full) by 4 step {
  tile.sweep(%c0 to %n partial at {
  ^bb0(%i: index):
    %base = arith.muli %i, %stride : index
    tile.yield %base, %count : index, index
  }, %c0 to %stride full) by 4 step {
  ^bb0(%base: index, %valid: index):
    tile.yield
  }
  return
}
