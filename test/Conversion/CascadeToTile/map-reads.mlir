// Tables that maps read at computed coordinates.
// RUN: attn-opt %s --split-input-file --cascade-reduce-passes --convert-cascade-to-tile='tile-rows=8 few-rows=0' --canonicalize --cse | FileCheck %s

!X = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!Table = !cascade.tensor<[H, N], bf16, empty = 2.0>
!Heads = !cascade.tensor<[H], f32, empty = 0.0>

// Coordinates over which the work is cut are numbers for all points, and so is
// what is computed of them. Elsewhere than at numbers alone each point reads an
// element of its own, in the type of the table, which is then widened. Outside
// of the table there is its own empty value.
// CHECK-LABEL: tile.program @reads(
//  CHECK-SAME:   %[[TABLE:[a-z0-9]+]]: memref<?x?xbf16, strided<[?, ?], offset: ?>>
//  CHECK-SAME:   %[[HEADS:[a-z0-9]+]]: memref<?xf32, strided<[?], offset: ?>>
//  CHECK-SAME:   space(%[[H:.*]] = "H" by 1, %[[P:.*]] = "P" by 8)
//   CHECK-DAG:   %[[ROWS:.*]] = tile.coord %[[P]] : tensor<8xindex>
//   CHECK-DAG:   %[[P_TILE:.*]] = tile.broadcast %[[ROWS]] dims [1] : tensor<8xindex> to tensor<8x16xindex>
//   CHECK-DAG:   %[[TWICE:.*]] = arith.muli %[[H]], %c2 : index
//       CHECK:   %[[AT:.*]] = arith.subi %[[P_TILE]], %{{.*}} : tensor<8x16xindex>
//       CHECK:   %[[NARROW:.*]] = tile.gather %[[TABLE]][%[[TWICE]], %[[AT]]] empty 2.000000e+00 : bf16 : memref<?x?xbf16, strided<[?, ?], offset: ?>>[index, tensor<8x16xindex>] -> tensor<8x16xbf16>
//       CHECK:   arith.extf %[[NARROW]] : tensor<8x16xbf16> to tensor<8x16xf32>
//       CHECK:   %[[HEAD:.*]] = tile.element %[[HEADS]][%[[H]]] empty 0.000000e+00 : f32
//       CHECK:   tile.broadcast %[[HEAD]] dims [0, 1] : f32 to tensor<8x16xf32>
cascade.func @reads(%x: !X, %table: !Table, %heads: !Heads) -> (y: !X) {
  cascade.rank E = 16
  %y = cascade.einsum [h, p, e] = %x[h, p, e] : !X -> !X
    map (%a) {
      %h = cascade.index h
      %p = cascade.index p
      %e = cascade.index e
      %c2 = arith.constant 2 : index
      %twice = arith.muli %h, %c2 : index
      %at = arith.subi %p, %e : index
      %b = cascade.read %table[%twice, %at] : !Table -> f32
      %c = cascade.read %heads[%h] : !Heads -> f32
      %sum = arith.addf %a, %b : f32
      %r = arith.addf %sum, %c : f32
      cascade.yield %r : f32
    }
  cascade.return %y : !X
}

// -----

!X = !cascade.tensor<[P, E], f32, empty = 0.0>
!Buckets = !cascade.tensor<[D], i32, empty = -1>
!Table = !cascade.tensor<[N], f32, empty = 0.0>

// What is read of one table is a coordinate of another. A divisor that is no
// constant is 1 at the least: nothing faults.
// CHECK-LABEL: tile.program @buckets(
//   CHECK-DAG:   %[[ONES:.*]] = arith.constant dense<1> : tensor<8x16xindex>
//       CHECK:   %[[WIDTH:.*]] = tile.broadcast %{{.*}} dims [0, 1]
//       CHECK:   %[[BY:.*]] = arith.maxsi %[[WIDTH]], %[[ONES]] : tensor<8x16xindex>
//       CHECK:   %[[AT:.*]] = arith.floordivsi %{{.*}}, %[[BY]] : tensor<8x16xindex>
//       CHECK:   %[[BUCKET:.*]] = tile.gather %{{.*}}[%[[AT]]] empty -1 : i32
//       CHECK:   %[[NUMBER:.*]] = arith.index_cast %[[BUCKET]] : tensor<8x16xi32> to tensor<8x16xindex>
//       CHECK:   tile.gather %{{.*}}[%[[NUMBER]]] empty 0.000000e+00 : f32
cascade.func @buckets(%x: !X, %buckets: !Buckets, %table: !Table, %width: index) -> (y: !X) {
  cascade.rank E = 16
  %y = cascade.einsum [p, e] = %x[p, e] : !X -> !X
    map (%a) {
      %p = cascade.index p
      %e = cascade.index e
      %sum = arith.addi %p, %e : index
      %at = arith.floordivsi %sum, %width : index
      %bucket = cascade.read %buckets[%at] : !Buckets -> i32
      %number = arith.index_cast %bucket : i32 to index
      %b = cascade.read %table[%number] : !Table -> f32
      %r = arith.addf %a, %b : f32
      cascade.yield %r : f32
    }
  cascade.return %y : !X
}

// -----

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!Table = !cascade.tensor<[N], f32, empty = 0.0>
!Heads = !cascade.tensor<[H], f32, empty = 0.0>

// A bias does not change what empties a score: it is masked once, behind the sum.
// It is no sum so far, with which the product would have to begin. What the sweep
// does not move is read before it.
// CHECK-LABEL: tile.program @bias_of_a_score(
//       CHECK:   %[[HEAD:.*]] = tile.element
//       CHECK:   tile.sweep
//   CHECK-NOT:     tile.element
//       CHECK:     %[[S:.*]] = tile.dot %{{.*}}, %{{.*}}, %cst{{.*}} maps
//       CHECK:     %[[B:.*]] = tile.gather
//       CHECK:     %[[HEADS:.*]] = tile.broadcast %[[HEAD]]
//       CHECK:     %[[BH:.*]] = arith.addf %[[B]], %[[HEADS]]
//       CHECK:     %[[T:.*]] = arith.addf %[[S]], %[[BH]]
//  CHECK-NEXT:     tile.mask %[[T]] empty 0xFF800000
//   CHECK-NOT:     tile.mask
//   CHECK-NOT:     arith.select
cascade.func @bias_of_a_score(%q: !Q, %k: !K, %table: !Table, %heads: !Heads) -> (r: !R)
    attributes {reassoc} {
  cascade.rank E = 16
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %c = arith.cmpi sle, %m, %p : index
      cascade.yield %c : i1
    }
  %t = cascade.einsum [h, p, m] = %s[h, p, m] absorb : !S -> !S
    map (%x) {
      %h = cascade.index h
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.subi %p, %m : index
      %b = cascade.read %table[%at] : !Table -> f32
      %head = cascade.read %heads[%h] : !Heads -> f32
      %bh = arith.addf %b, %head : f32
      %r = arith.addf %x, %bh : f32
      cascade.yield %r : f32
    }
  %r = cascade.einsum [h, p] = %t[h, p, m] reduce max : !S -> !R
  cascade.return %r : !R
}
