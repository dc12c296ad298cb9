// Every op in the custom, the generic and the bytecode form.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

// CHECK-LABEL: tile.program @causal(
//  CHECK-SAME:   tile.access = "read"
//  CHECK-SAME:   space(%{{.*}} = "B" by 1, %{{.*}} = "P" by 64) attributes {static_extents = {E = 64 : i64}} {
tile.program @causal(
    %q: memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>
      {tile.name = "q", tile.access = "read", tile.shape = ["B", "P", "E"]},
    %k: memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>
      {tile.name = "k", tile.access = "read", tile.shape = ["B", "M", "E"]},
    %v: memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>
      {tile.name = "v", tile.access = "read", tile.shape = ["B", "M", "E"]},
    %o: memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>
      {tile.name = "o", tile.access = "write", tile.shape = ["B", "P", "E"]},
    %B: index {tile.extent = "B"}, %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"}, %scale: f32 {tile.name = "scale"})
    space(%b = "B" by 1, %p0 = "P" by 64)
    attributes {static_extents = {E = 64 : i64}} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %left = arith.subi %P, %p0 : index
  %np = arith.minsi %left, %c64 : index
  // CHECK: tile.load %{{.*}}[#{{.*}}](%{{.*}}, %{{.*}}) valid(%{{.*}}, %{{.*}}) pad 0.000000e+00 : f32 :
  %qt = tile.load %q[affine_map<(d0, d1)[s0, s1] -> (s0, d0 + s1, d1)>](%b, %p0)
    valid(%np, %c64) pad 0.0 : f32
    : memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>> -> tensor<64x64xf32>
  %ninf = arith.constant dense<0xFF800000> : tensor<64xf32>
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %zero2 = arith.constant dense<0.0> : tensor<64x64xf32>
  %szero = arith.constant dense<0.0> : tensor<64x256xf32>
  // CHECK: tile.broadcast %{{.*}} dims [0, 1] : f32 to tensor<64x256xf32>
  %scales = tile.broadcast %scale dims [0, 1] : f32 to tensor<64x256xf32>
  %last = arith.addi %p0, %np : index
  %end = arith.minsi %last, %M : index
  %full = arith.minsi %p0, %end : index
  // CHECK: tile.sweep(%{{.*}} to %{{.*}} partial, %{{.*}} to %{{.*}} full) by 256 carry(%{{.*}}, %{{.*}}, %{{.*}} : tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>) step {
  %r:3 = tile.sweep(%full to %end partial, %c0 to %full full) by 256
      carry(%ninf, %zero, %zero2 : tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>) step {
  ^bb0(%base: index, %n: index, %m: tensor<64xf32>, %l: tensor<64xf32>, %acc: tensor<64x64xf32>):
    %kt = tile.load %k[affine_map<(d0, d1)[s0, s1] -> (s0, d0 + s1, d1)>](%b, %base)
      valid(%n, %c64) : memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>> -> tensor<256x64xf32>
    // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} maps [#{{.*}}, #{{.*}}, #{{.*}}] : tensor<64x64xf32>, tensor<256x64xf32>, tensor<64x256xf32>
    %s = tile.dot %qt, %kt, %szero maps [affine_map<(p, m, e) -> (p, e)>,
      affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
      : tensor<64x64xf32>, tensor<256x64xf32>, tensor<64x256xf32>
    %ss = arith.mulf %s, %scales : tensor<64x256xf32>
    // CHECK: tile.mask %{{.*}} empty 0xFF800000 : f32 at(%{{.*}}, %{{.*}}) valid(%{{.*}}, %{{.*}}) {
    // CHECK:   tile.yield %{{.*}} : i1
    %sm = tile.mask %ss empty 0xFF800000 : f32 at(%p0, %base) valid(%np, %n) {
    ^bb0(%i: index, %j: index):
      %c = arith.cmpi sge, %i, %j : index
      tile.yield %c : i1
    } : tensor<64x256xf32>
    // CHECK: tile.reduce max %{{.*}} dims [1] : tensor<64x256xf32>
    %rm = tile.reduce max %sm dims [1] : tensor<64x256xf32>
    %m1 = arith.maximumf %m, %rm : tensor<64xf32>
    %mb = tile.broadcast %m1 dims [1] : tensor<64xf32> to tensor<64x256xf32>
    %d = arith.subf %sm, %mb : tensor<64x256xf32>
    %p = math.exp %d : tensor<64x256xf32>
    %rl = tile.reduce add %p dims [1] : tensor<64x256xf32>
    %l1 = arith.addf %l, %rl : tensor<64xf32>
    %vt = tile.load %v[affine_map<(d0, d1)[s0, s1] -> (s0, d0 + s1, d1)>](%b, %base)
      valid(%n, %c64) : memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>> -> tensor<256x64xf32>
    %acc1 = tile.dot %p, %vt, %acc maps [affine_map<(p, f, m) -> (p, m)>,
      affine_map<(p, f, m) -> (m, f)>, affine_map<(p, f, m) -> (p, f)>]
      : tensor<64x256xf32>, tensor<256x64xf32>, tensor<64x64xf32>
    tile.yield %m1, %l1, %acc1 : tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>
  // CHECK: } merge {
  } merge {
  ^bb0(%ma: tensor<64xf32>, %la: tensor<64xf32>, %aa: tensor<64x64xf32>,
       %mb: tensor<64xf32>, %lb: tensor<64xf32>, %ab: tensor<64x64xf32>):
    tile.yield %ma, %la, %aa : tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>
  }
  %lb = tile.broadcast %r#1 dims [1] : tensor<64xf32> to tensor<64x64xf32>
  %out = arith.divf %r#2, %lb : tensor<64x64xf32>
  // CHECK: tile.store %{{.*}}, %{{.*}}[#{{.*}}](%{{.*}}, %{{.*}}) valid(%{{.*}}, %{{.*}}) :
  tile.store %out, %o[affine_map<(d0, d1)[s0, s1] -> (s0, d0 + s1, d1)>](%b, %p0)
    valid(%np, %c64) : tensor<64x64xf32>, memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>
}

// CHECK-LABEL: tile.program @transposed_positions(
tile.program @transposed_positions(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["N", 32]},
    %y: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "y", tile.access = "workspace", tile.shape = [32, "N"]},
    %N: index {tile.extent = "N"}) space(%i = "N" by 16) {
  // CHECK: tile.coord %{{.*}} : tensor<16xindex>
  %at = tile.coord %i : tensor<16xindex>
  %int = arith.index_cast %at : tensor<16xindex> to tensor<16xi32>
  %float = arith.sitofp %int : tensor<16xi32> to tensor<16xf32>
  %rows = tile.broadcast %float dims [1] : tensor<16xf32> to tensor<16x32xf32>
  %t = tile.load %x[affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>](%i)
    : memref<?x?xf32, strided<[?, ?], offset: ?>> -> tensor<16x32xf32>
  %sum = arith.addf %t, %rows : tensor<16x32xf32>
  // CHECK: tile.transpose %{{.*}} [1, 0] : tensor<16x32xf32>
  %tt = tile.transpose %sum [1, 0] : tensor<16x32xf32>
  tile.store %tt, %y[affine_map<(d0, d1)[s0] -> (d0, d1 + s0)>](%i)
    : tensor<32x16xf32>, memref<?x?xf32, strided<[?, ?], offset: ?>>
}

// Parts that come together in any order.
// CHECK-LABEL: func.func @exact(
func.func @exact(%n: index, %zero: tensor<4xi32>) -> tensor<4xi32> {
  %c0 = arith.constant 0 : index
  // CHECK: tile.sweep(%{{.*}} to %{{.*}} partial) by 4 carry(%{{.*}} : tensor<4xi32>) exact step {
  %r = tile.sweep(%c0 to %n partial) by 4 carry(%zero : tensor<4xi32>) exact step {
  ^bb0(%base: index, %count: index, %c: tensor<4xi32>):
    tile.yield %c : tensor<4xi32>
  // CHECK: } merge {
  } merge {
  ^bb0(%a: tensor<4xi32>, %b: tensor<4xi32>):
    %sum = arith.addi %a, %b : tensor<4xi32>
    tile.yield %sum : tensor<4xi32>
  }
  return %r : tensor<4xi32>
}

// What few rows need: a tile and a line of it, or nothing.
// CHECK-LABEL: func.func @if_any(
// CHECK-SAME:    %[[MOVED:.*]]: tensor<4xi1>, %[[D:.*]]: tensor<4x8xi32>, %[[L:.*]]: tensor<4xf32>)
func.func @if_any(%moved: tensor<4xi1>, %d: tensor<4x8xi32>, %l: tensor<4xf32>) -> tensor<4x8xi32> {
  // CHECK: %{{.*}}:2 = tile.if_any %[[MOVED]] : tensor<4xi1> else(%[[D]], %[[L]] : tensor<4x8xi32>, tensor<4xf32>) {
  %r:2 = tile.if_any %moved : tensor<4xi1> else(%d, %l : tensor<4x8xi32>, tensor<4xf32>) {
    %twice = arith.addi %d, %d : tensor<4x8xi32>
    // CHECK: tile.yield %{{.*}}, %[[L]] : tensor<4x8xi32>, tensor<4xf32>
    tile.yield %twice, %l : tensor<4x8xi32>, tensor<4xf32>
  }
  return %r#0 : tensor<4x8xi32>
}

// Fields with their usual values are left out.
// CHECK: tile.program @schedule() space() attributes {schedule = #tile.schedule<slots = 3, turns = false, cluster = 2>}
tile.program @schedule() space()
    attributes {schedule = #tile.schedule<slots = 3, turns = false, split = 0, cluster = 2>} {
}
