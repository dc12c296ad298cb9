// RUN: attn-opt %s --tile-split-lines | FileCheck %s
// RUN: attn-opt %s --tile-split-lines --tile-split-lines | FileCheck %s

// A line is repeated after the work on it, with numbers from constants and from
// scalars.
// CHECK-LABEL: func @numbers_and_a_line(
//  CHECK-SAME:   %[[ROWS:.*]]: tensor<4xf32>, %[[X:.*]]: f32)
//   CHECK-DAG:   %[[TWO:.*]] = arith.constant dense<2.000000e+00> : tensor<4xf32>
//   CHECK-DAG:   %[[XS:.*]] = tile.broadcast %[[X]] dims [0] : f32 to tensor<4xf32>
//   CHECK-DAG:   %[[A:.*]] = arith.mulf %[[ROWS]], %[[TWO]] fastmath<contract> : tensor<4xf32>
//       CHECK:   %[[B:.*]] = arith.addf %[[XS]], %[[A]] : tensor<4xf32>
//       CHECK:   %[[E:.*]] = math.exp2 %[[B]] : tensor<4xf32>
//       CHECK:   %[[WHOLE:.*]] = tile.broadcast %[[E]] dims [1] : tensor<4xf32> to tensor<4x8xf32>
//       CHECK:   return %[[WHOLE]]
func.func @numbers_and_a_line(%rows: tensor<4xf32>, %x: f32) -> tensor<4x8xf32> {
  %two = arith.constant dense<2.0> : tensor<4x8xf32>
  %xs = tile.broadcast %x dims [0, 1] : f32 to tensor<4x8xf32>
  %line = tile.broadcast %rows dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %a = arith.mulf %line, %two fastmath<contract> : tensor<4x8xf32>
  %b = arith.addf %xs, %a : tensor<4x8xf32>
  %e = math.exp2 %b : tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// Elements may change their type, and there may be several lines of one kind.
// CHECK-LABEL: func @comparison_of_lines(
//  CHECK-SAME:   %[[A:.*]]: tensor<8xi32>, %[[B:.*]]: tensor<8xi32>)
//  CHECK-NEXT:   %[[C:.*]] = arith.cmpi slt, %[[A]], %[[B]] : tensor<8xi32>
//  CHECK-NEXT:   tile.broadcast %[[C]] dims [0] : tensor<8xi1> to tensor<4x8xi1>
func.func @comparison_of_lines(%a: tensor<8xi32>, %b: tensor<8xi32>) -> tensor<4x8xi1> {
  %x = tile.broadcast %a dims [0] : tensor<8xi32> to tensor<4x8xi32>
  %y = tile.broadcast %b dims [0] : tensor<8xi32> to tensor<4x8xi32>
  %c = arith.cmpi slt, %x, %y : tensor<4x8xi32>
  return %c : tensor<4x8xi1>
}

// A row's and a column's number meet at each point.
// CHECK-LABEL: func @lines_of_two_kinds(
//       CHECK:   arith.mulf %{{.*}}, %{{.*}} : tensor<4x4xf32>
func.func @lines_of_two_kinds(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4x4xf32> {
  %x = tile.broadcast %a dims [1] : tensor<4xf32> to tensor<4x4xf32>
  %y = tile.broadcast %b dims [0] : tensor<4xf32> to tensor<4x4xf32>
  %c = arith.mulf %x, %y : tensor<4x4xf32>
  return %c : tensor<4x4xf32>
}

// Constants that are no number differ from point to point.
// CHECK-LABEL: func @line_and_a_tile(
//       CHECK:   arith.mulf %{{.*}}, %{{.*}} : tensor<2x2xf32>
func.func @line_and_a_tile(%a: tensor<2xf32>) -> tensor<2x2xf32> {
  %t = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %x = tile.broadcast %a dims [1] : tensor<2xf32> to tensor<2x2xf32>
  %c = arith.mulf %x, %t : tensor<2x2xf32>
  return %c : tensor<2x2xf32>
}

// Each line is converted alone. What of the columns is no coordinate in the tile
// goes to the rows: of the columns stay small numbers.
// CHECK-LABEL: func @distance(
//  CHECK-SAME:   %[[P:.*]]: index, %[[M:.*]]: index)
//   CHECK-DAG:   %[[ROW:.*]] = tile.coord %[[P]] : tensor<4xindex>
//   CHECK-DAG:   %[[COLUMN:.*]] = tile.coord %c0 : tensor<8xindex>
//   CHECK-DAG:   %[[MS:.*]] = tile.broadcast %[[M]] dims [0] : index to tensor<4xindex>
//   CHECK-DAG:   %[[REST:.*]] = arith.subi %[[ROW]], %[[MS]] : tensor<4xindex>
//   CHECK-DAG:   %[[R:.*]] = arith.index_cast %[[REST]] : tensor<4xindex> to tensor<4xi64>
//   CHECK-DAG:   %[[C:.*]] = arith.index_cast %[[COLUMN]] : tensor<8xindex> to tensor<8xi64>
//   CHECK-DAG:   %[[FR:.*]] = arith.sitofp %[[R]] : tensor<4xi64> to tensor<4xf32>
//   CHECK-DAG:   %[[FC:.*]] = arith.sitofp %[[C]] : tensor<8xi64> to tensor<8xf32>
//   CHECK-DAG:   %[[BR:.*]] = tile.broadcast %[[FR]] dims [1]
//   CHECK-DAG:   %[[BC:.*]] = tile.broadcast %[[FC]] dims [0]
//       CHECK:   arith.subf %[[BC]], %[[BR]] : tensor<4x8xf32>
func.func @distance(%p: index, %m: index) -> tensor<4x8xf32> {
  %c0 = arith.constant 0 : index
  %i = tile.coord %p : tensor<4xindex>
  %j = tile.coord %c0 : tensor<8xindex>
  %ms = tile.broadcast %m dims [0] : index to tensor<8xindex>
  %jm = arith.addi %j, %ms : tensor<8xindex>
  %rows = tile.broadcast %i dims [1] : tensor<4xindex> to tensor<4x8xindex>
  %columns = tile.broadcast %jm dims [0] : tensor<8xindex> to tensor<4x8xindex>
  %d = arith.subi %columns, %rows : tensor<4x8xindex>
  %n = arith.index_cast %d : tensor<4x8xindex> to tensor<4x8xi64>
  %f = arith.sitofp %n : tensor<4x8xi64> to tensor<4x8xf32>
  return %f : tensor<4x8xf32>
}

// Other lines are converted as they are.
// CHECK-LABEL: func @sum_of_integers(
//  CHECK-SAME:   %[[A:.*]]: tensor<4xi32>, %[[B:.*]]: tensor<8xi32>)
//   CHECK-DAG:   arith.sitofp %[[A]] : tensor<4xi32> to tensor<4xf32>
//   CHECK-DAG:   arith.sitofp %[[B]] : tensor<8xi32> to tensor<8xf32>
//       CHECK:   arith.addf %{{.*}}, %{{.*}} : tensor<4x8xf32>
func.func @sum_of_integers(%a: tensor<4xi32>, %b: tensor<8xi32>) -> tensor<4x8xf32> {
  %x = tile.broadcast %a dims [1] : tensor<4xi32> to tensor<4x8xi32>
  %y = tile.broadcast %b dims [0] : tensor<8xi32> to tensor<4x8xi32>
  %s = arith.addi %x, %y : tensor<4x8xi32>
  %f = arith.sitofp %s : tensor<4x8xi32> to tensor<4x8xf32>
  return %f : tensor<4x8xf32>
}

// A product of floats is rounded, one of integers is not.
// CHECK-LABEL: func @product_of_integers(
//       CHECK:   arith.sitofp %{{.*}} : tensor<4x8xi32> to tensor<4x8xf32>
func.func @product_of_integers(%a: tensor<4xi32>, %b: tensor<8xi32>) -> tensor<4x8xf32> {
  %x = tile.broadcast %a dims [1] : tensor<4xi32> to tensor<4x8xi32>
  %y = tile.broadcast %b dims [0] : tensor<8xi32> to tensor<4x8xi32>
  %s = arith.muli %x, %y : tensor<4x8xi32>
  %f = arith.sitofp %s : tensor<4x8xi32> to tensor<4x8xf32>
  return %f : tensor<4x8xf32>
}

// A slope is a factor of each line.
// CHECK-LABEL: func @slope(
//  CHECK-SAME:   %[[A:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<8xf32>, %[[X:.*]]: f32)
//   CHECK-DAG:   %[[XA:.*]] = tile.broadcast %[[X]] dims [0] : f32 to tensor<4xf32>
//   CHECK-DAG:   %[[XB:.*]] = tile.broadcast %[[X]] dims [0] : f32 to tensor<8xf32>
//   CHECK-DAG:   %[[PA:.*]] = arith.mulf %[[A]], %[[XA]] : tensor<4xf32>
//   CHECK-DAG:   %[[PB:.*]] = arith.mulf %[[B]], %[[XB]] : tensor<8xf32>
//   CHECK-DAG:   %[[LA:.*]] = tile.broadcast %[[PA]] dims [1]
//   CHECK-DAG:   %[[LB:.*]] = tile.broadcast %[[PB]] dims [0]
//       CHECK:   arith.subf %[[LA]], %[[LB]] : tensor<4x8xf32>
//   CHECK-NOT:   arith.mulf
func.func @slope(%a: tensor<4xf32>, %b: tensor<8xf32>, %x: f32) -> tensor<4x8xf32> {
  %la = tile.broadcast %a dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %lb = tile.broadcast %b dims [0] : tensor<8xf32> to tensor<4x8xf32>
  %xs = tile.broadcast %x dims [0, 1] : f32 to tensor<4x8xf32>
  %d = arith.subf %la, %lb : tensor<4x8xf32>
  %p = arith.mulf %xs, %d : tensor<4x8xf32>
  return %p : tensor<4x8xf32>
}

// One product for each point stays one.
// CHECK-LABEL: func @factor_of_points(
//       CHECK:   %[[D:.*]] = arith.subf
//  CHECK-NEXT:   arith.mulf %{{.*}}, %[[D]] : tensor<4x8xf32>
//   CHECK-NOT:   arith.mulf
func.func @factor_of_points(%a: tensor<4xf32>, %b: tensor<8xf32>, %t: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %la = tile.broadcast %a dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %lb = tile.broadcast %b dims [0] : tensor<8xf32> to tensor<4x8xf32>
  %d = arith.subf %la, %lb : tensor<4x8xf32>
  %p = arith.mulf %t, %d : tensor<4x8xf32>
  return %p : tensor<4x8xf32>
}

// A product and its first line are one instruction.
// CHECK-LABEL: func @lines_added_to_a_tile(
//  CHECK-SAME:   %[[A:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<8xf32>, %[[T:.*]]: tensor<4x8xf32>)
//   CHECK-DAG:   %[[LA:.*]] = tile.broadcast %[[A]]
//   CHECK-DAG:   %[[LB:.*]] = tile.broadcast %[[B]]
//       CHECK:   %[[TA:.*]] = arith.addf %[[T]], %[[LA]] : tensor<4x8xf32>
//  CHECK-NEXT:   %[[S:.*]] = arith.subf %[[TA]], %[[LB]] : tensor<4x8xf32>
//  CHECK-NEXT:   return %[[S]]
func.func @lines_added_to_a_tile(%a: tensor<4xf32>, %b: tensor<8xf32>, %t: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %la = tile.broadcast %a dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %lb = tile.broadcast %b dims [0] : tensor<8xf32> to tensor<4x8xf32>
  %d = arith.subf %la, %lb : tensor<4x8xf32>
  %s = arith.addf %d, %t : tensor<4x8xf32>
  return %s : tensor<4x8xf32>
}

// What is added to a number is no product.
// CHECK-LABEL: func @lines_added_to_a_number(
//       CHECK:   %[[D:.*]] = arith.subf
//       CHECK:   arith.addf %[[D]], %{{.*}} : tensor<4x8xf32>
func.func @lines_added_to_a_number(%a: tensor<4xf32>, %b: tensor<8xf32>, %x: f32) -> tensor<4x8xf32> {
  %la = tile.broadcast %a dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %lb = tile.broadcast %b dims [0] : tensor<8xf32> to tensor<4x8xf32>
  %xs = tile.broadcast %x dims [0, 1] : f32 to tensor<4x8xf32>
  %d = arith.subf %la, %lb : tensor<4x8xf32>
  %s = arith.addf %d, %xs : tensor<4x8xf32>
  return %s : tensor<4x8xf32>
}

// A table is read once a line where all of its coordinates are lines of one kind
// or numbers.
// CHECK-LABEL: func @table_of_a_line(
//  CHECK-SAME:   %[[T:.*]]: memref<?x?x?xf32>, %[[ROWS:.*]]: tensor<4xindex>, %[[H:.*]]: index, %[[N:.*]]: index)
//   CHECK-DAG:   %[[NS:.*]] = tile.broadcast %[[N]] dims [0] : index to tensor<4xindex>
//       CHECK:   %[[LINE:.*]] = tile.gather %[[T]][%[[H]], %[[ROWS]], %[[NS]]] empty 1.000000e+00 : f32 : memref<?x?x?xf32>[index, tensor<4xindex>, tensor<4xindex>] -> tensor<4xf32>
//       CHECK:   tile.broadcast %[[LINE]] dims [1] : tensor<4xf32> to tensor<4x8xf32>
func.func @table_of_a_line(%t: memref<?x?x?xf32>, %rows: tensor<4xindex>, %h: index, %n: index) -> tensor<4x8xf32> {
  %p = tile.broadcast %rows dims [1] : tensor<4xindex> to tensor<4x8xindex>
  %ns = tile.broadcast %n dims [0, 1] : index to tensor<4x8xindex>
  %r = tile.gather %t[%h, %p, %ns] empty 1.0 : f32
      : memref<?x?x?xf32>[index, tensor<4x8xindex>, tensor<4x8xindex>] -> tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}

// At rows and columns each point has an element of its own.
// CHECK-LABEL: func @table_of_two_lines(
//       CHECK:   tile.gather {{.*}} -> tensor<4x4xf32>
func.func @table_of_two_lines(%t: memref<?x?xf32>, %rows: tensor<4xindex>, %columns: tensor<4xindex>) -> tensor<4x4xf32> {
  %p = tile.broadcast %rows dims [1] : tensor<4xindex> to tensor<4x4xindex>
  %m = tile.broadcast %columns dims [0] : tensor<4xindex> to tensor<4x4xindex>
  %r = tile.gather %t[%p, %m] empty 1.0 : f32
      : memref<?x?xf32>[tensor<4x4xindex>, tensor<4x4xindex>] -> tensor<4x4xf32>
  return %r : tensor<4x4xf32>
}
