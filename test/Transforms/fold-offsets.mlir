// RUN: attn-opt %s --tile-fold-offsets | FileCheck %s
// RUN: attn-opt %s --tile-fold-offsets --tile-fold-offsets | FileCheck %s

// The term of a row, in a masked tile of which the maximum and a difference are
// taken, is added to lines alone.
// CHECK-LABEL: func @masked_softmax(
//  CHECK-SAME:   %[[X:.*]]: tensor<4x8xf32>, %[[R:.*]]: tensor<4xf32>, %[[M:.*]]: tensor<4xf32>
//       CHECK:   %[[MASKED:.*]] = tile.mask %[[X]] empty 0xFF800000
//       CHECK:   %[[MAX:.*]] = tile.reduce max %[[MASKED]] dims [1]
//       CHECK:   %[[TOP:.*]] = arith.subf %[[MAX]], %[[R]] : tensor<4xf32>
//       CHECK:   %[[ALL:.*]] = arith.maximumf %[[M]], %[[TOP]]
//       CHECK:   %[[SUM:.*]] = arith.addf %[[ALL]], %[[R]] : tensor<4xf32>
//       CHECK:   %[[LINE:.*]] = tile.broadcast %[[SUM]] dims [1]
//       CHECK:   %[[D:.*]] = arith.subf %[[MASKED]], %[[LINE]] : tensor<4x8xf32>
//       CHECK:   return %[[D]], %[[ALL]]
func.func @masked_softmax(%x: tensor<4x8xf32>, %r: tensor<4xf32>, %m: tensor<4xf32>,
    %n: index) -> (tensor<4x8xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %rows = tile.broadcast %r dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %y = arith.subf %x, %rows : tensor<4x8xf32>
  %z = tile.mask %y empty 0xFF800000 : f32 at(%c0, %c0) valid(%c4, %n) {
  ^bb0(%i: index, %j: index):
    %c = arith.cmpi sle, %j, %i : index
    tile.yield %c : i1
  } : tensor<4x8xf32>
  %top = tile.reduce max %z dims [1] : tensor<4x8xf32>
  %all = arith.maximumf %m, %top : tensor<4xf32>
  %repeated = tile.broadcast %all dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %d = arith.subf %z, %repeated : tensor<4x8xf32>
  return %d, %all : tensor<4x8xf32>, tensor<4xf32>
}

// Signs, on either side of a sum.
// CHECK-LABEL: func @sums(
//  CHECK-SAME:   %[[X:.*]]: tensor<4x8xf32>, %[[A:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
//       CHECK:   %[[L:.*]] = arith.subf %[[B]], %[[A]] : tensor<8xf32>
//       CHECK:   %[[W:.*]] = tile.broadcast %[[L]] dims [0]
//       CHECK:   arith.subf %[[X]], %[[W]] : tensor<4x8xf32>
func.func @sums(%x: tensor<4x8xf32>, %a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %as = tile.broadcast %a dims [0] : tensor<8xf32> to tensor<4x8xf32>
  %bs = tile.broadcast %b dims [0] : tensor<8xf32> to tensor<4x8xf32>
  %y = arith.addf %as, %x : tensor<4x8xf32>
  %z = arith.subf %y, %bs : tensor<4x8xf32>
  return %z : tensor<4x8xf32>
}

// A row's sum is no extremum, and along columns a row's term differs.
// CHECK-LABEL: func @sum_and_columns(
//       CHECK:   %[[Y:.*]] = arith.addf
//  CHECK-NEXT:   tile.reduce add %[[Y]] dims [1]
//       CHECK:   %[[Z:.*]] = arith.addf
//  CHECK-NEXT:   tile.reduce max %[[Z]] dims [0]
func.func @sum_and_columns(%x: tensor<4x8xf32>, %r: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<8xf32>) {
  %rows = tile.broadcast %r dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %y = arith.addf %x, %rows : tensor<4x8xf32>
  %sum = tile.reduce add %y dims [1] : tensor<4x8xf32>
  %z = arith.addf %x, %rows : tensor<4x8xf32>
  %max = tile.reduce max %z dims [0] : tensor<4x8xf32>
  return %sum, %max : tensor<4xf32>, tensor<8xf32>
}

// What needs the sum at each point keeps it for all.
// CHECK-LABEL: func @other_use(
//       CHECK:   %[[Y:.*]] = arith.addf
//  CHECK-NEXT:   tile.reduce max %[[Y]] dims [1]
//  CHECK-NEXT:   return %{{.*}}, %[[Y]]
func.func @other_use(%x: tensor<4x8xf32>, %r: tensor<4xf32>) -> (tensor<4xf32>, tensor<4x8xf32>) {
  %rows = tile.broadcast %r dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %y = arith.addf %x, %rows : tensor<4x8xf32>
  %max = tile.reduce max %y dims [1] : tensor<4x8xf32>
  return %max, %y : tensor<4xf32>, tensor<4x8xf32>
}

// A mask by a number would not keep it.
// CHECK-LABEL: func @mask_by_a_number(
//       CHECK:   %[[Y:.*]] = arith.addf
//       CHECK:   tile.mask %[[Y]] empty 0.000000e+00
func.func @mask_by_a_number(%x: tensor<4x8xf32>, %r: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %rows = tile.broadcast %r dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %y = arith.addf %x, %rows : tensor<4x8xf32>
  %z = tile.mask %y empty 0.0 : f32 at(%c0, %c0) valid(%c4, %n) {
  ^bb0(%i: index, %j: index):
    %c = arith.cmpi sle, %j, %i : index
    tile.yield %c : i1
  } : tensor<4x8xf32>
  %max = tile.reduce max %z dims [1] : tensor<4x8xf32>
  return %max : tensor<4xf32>
}
