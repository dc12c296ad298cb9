// Canonical forms: the product of the operands is said by leaving the map out, a
// predicate that always holds by leaving where out.
// RUN: attn-opt %s --canonicalize | FileCheck %s
// RUN: attn-opt %s --canonicalize | attn-opt --canonicalize | FileCheck %s

!M = !cascade.tensor<[M], f32, empty = 0.0>
!S = !cascade.tensor<[M], f32, empty = -inf>
!D = !cascade.tensor<[], f32, empty = 0.0>

// CHECK-LABEL: cascade.func @product(
//       CHECK:   cascade.einsum [] = %x[m], %y[m] reduce add :
//   CHECK-NOT:   map
//       CHECK:   cascade.return
cascade.func @product(%x: !M, %y: !M) -> (z: !D) {
  %z = cascade.einsum [] = %x[m], %y[m] reduce add : !M, !M -> !D
    map (%a, %b) {
      %p = arith.mulf %a, %b : f32
      cascade.yield %p : f32
    }
  cascade.return %z : !D
}

// CHECK-LABEL: cascade.func @operand(
//       CHECK:   cascade.einsum [] = %x[m] reduce max :
//   CHECK-NOT:   map
//       CHECK:   cascade.return
cascade.func @operand(%x: !S) -> (z: !cascade.tensor<[], f32, empty = -inf>) {
  %z = cascade.einsum [] = %x[m] reduce max : !S -> !cascade.tensor<[], f32, empty = -inf>
    map (%a) {
      cascade.yield %a : f32
    }
  cascade.return %z : !cascade.tensor<[], f32, empty = -inf>
}

// A square and a sum are no products of the operands.
// CHECK-LABEL: cascade.func @other_maps(
//       CHECK:   map
//       CHECK:     arith.mulf
//       CHECK:   map
//       CHECK:     arith.addf
cascade.func @other_maps(%x: !M, %y: !M) -> (z: !M, w: !M) {
  %z = cascade.einsum [m] = %x[m], %y[m] absorb : !M, !M -> !M
    map (%a, %b) {
      %p = arith.mulf %a, %a : f32
      cascade.yield %p : f32
    }
  %w = cascade.einsum [m] = %x[m], %y[m] : !M, !M -> !M
    map (%a, %b) {
      %p = arith.addf %a, %b : f32
      cascade.yield %p : f32
    }
  cascade.return %z, %w : !M, !M
}

// CHECK-LABEL: cascade.func @always(
//  CHECK-NEXT:   cascade.einsum [] = %x[m] reduce add : {{.*}}
//  CHECK-NEXT:   cascade.return
cascade.func @always(%x: !M) -> (z: !D) {
  %z = cascade.einsum [] = %x[m] reduce add : !M -> !D
    where {
      %m = cascade.index m
      %c = arith.cmpi sle, %m, %m : index
      cascade.yield %c : i1
    }
  cascade.return %z : !D
}

// CHECK-LABEL: cascade.func @never(
//       CHECK:   %[[FALSE:.*]] = arith.constant false
//       CHECK:   where
//  CHECK-NEXT:     cascade.yield %[[FALSE]]
cascade.func @never(%x: !M) -> (z: !D) {
  %z = cascade.einsum [] = %x[m] reduce add : !M -> !D
    where {
      %c = arith.constant false
      cascade.yield %c : i1
    }
  cascade.return %z : !D
}
