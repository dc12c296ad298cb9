// What is read of tables stays in them.
// RUN: attn-opt %s --convert-tile-to-vector=target=x86-64-v4 | FileCheck %s

// Lanes that are outside of a table read its first entry, and where it has none
// another word: a parameter.
// CHECK-LABEL: func.func @element(
//  CHECK-SAME:   %[[PARAMS:.*]]: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
//       CHECK:   %[[IN:.*]] = arith.cmpi ult, %[[AT:.*]], %{{.*}} : vector<16xindex>
//       CHECK:   %[[SAFE:.*]] = arith.select %[[IN]], %[[AT]], %{{.*}} : vector<16xi1>, vector<16xindex>
//       CHECK:   %[[HAS:.*]] = arith.cmpi sgt, %{{.*}}, %{{.*}} : i64
//       CHECK:   %[[FROM:.*]] = arith.select %[[HAS]], %{{.*}}, %[[PARAMS]] : !llvm.ptr
//       CHECK:   vector.extract %[[SAFE]][0]
//       CHECK:   llvm.getelementptr %[[FROM]]
//       CHECK:   arith.select %[[IN]], %{{.*}}, %{{.*}} : vector<16xi1>, vector<16xi32>
tile.program @element(
    %x: memref<?xi32, strided<[?], offset: ?>>
      {tile.name = "x", tile.access = "read", tile.shape = ["N"]},
    %y: memref<?xi32, strided<[?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"},
    %n: index {tile.extent = "N"}) space(%i = "P" by 16) {
  %t = tile.generate at(%i) {
  ^bb0(%k: index):
    %at = arith.muli %k, %k : index
    %e = tile.element %x[%at] empty 7 : i32 : memref<?xi32, strided<[?], offset: ?>>
    tile.yield %e : i32
  } : tensor<16xi32>
  tile.store %t, %y[affine_map<(d0)[p] -> (d0 + p)>](%i)
    : tensor<16xi32>, memref<?xi32, strided<[?], offset: ?>>
}

// At tiles of coordinates a vector of lanes is read in the same way; a scalar is
// one number for all lanes.
// CHECK-LABEL: func.func @gather(
//  CHECK-SAME:   %[[PARAMS:.*]]: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
//       CHECK:   %[[AT:.*]] = arith.muli %{{.*}}, %{{.*}} : vector<16xindex>
//       CHECK:   %[[IN:.*]] = arith.cmpi ult, %[[AT]], %{{.*}} : vector<16xindex>
//       CHECK:   arith.select %[[IN]], %[[AT]], %{{.*}} : vector<16xi1>, vector<16xindex>
//       CHECK:   %[[BOTH:.*]] = arith.andi %{{.*}}, %[[IN]] : vector<16xi1>
//       CHECK:   arith.select %{{.*}}, %{{.*}}, %[[PARAMS]] : !llvm.ptr
//       CHECK:   arith.select %[[BOTH]], %{{.*}}, %{{.*}} : vector<16xi1>, vector<16xf32>
tile.program @gather(
    %x: memref<?x?xf32, strided<[?, ?], offset: ?>>
      {tile.name = "z", tile.access = "read", tile.shape = ["H", "L"]},
    %y: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "w", tile.access = "write", tile.shape = ["Q"]},
    %P: index {tile.extent = "Q"},
    %n: index {tile.extent = "L"},
    %H: index {tile.extent = "H"},
    %h: index {tile.name = "h"}) space(%i = "Q" by 16) {
  %at = tile.coord %i : tensor<16xindex>
  %square = arith.muli %at, %at : tensor<16xindex>
  %t = tile.gather %x[%h, %square] empty 7.0 : f32
    : memref<?x?xf32, strided<[?, ?], offset: ?>>[index, tensor<16xindex>] -> tensor<16xf32>
  tile.store %t, %y[affine_map<(d0)[p] -> (d0 + p)>](%i)
    : tensor<16xf32>, memref<?xf32, strided<[?], offset: ?>>
}
