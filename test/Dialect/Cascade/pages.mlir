// RUN: attn-opt %s | attn-opt | FileCheck %s

!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, E], f32, empty = 0.0>

// CHECK-LABEL: cascade.func @sum(
// CHECK-SAME: cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">
// CHECK-SAME: cascade.pages = #cascade.pages<8 of "M" by ["B", "H"] in "others" to "counts" at "starts">
cascade.func @sum(
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">},
    %v: !K {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">},
    %w: !K {cascade.pages = #cascade.pages<8 of "M" by ["B", "H"] in "others" to "counts" at "starts">})
    -> (o: !O) {
  %o = cascade.einsum [b, h, e] = %k[b, h, m, e], %v[b, h, m, e], %w[b, h, m, e]
      reduce add : !K, !K, !K -> !O
  cascade.return %o : !O
}

!Lengths = !cascade.tensor<[B], i32, empty = 0>
!Counts = !cascade.tensor<[B, H], i32, empty = 0>

// Lengths may be an argument that regions read, of the ranks by which the pages
// are.
// CHECK-LABEL: cascade.func @lengths(
// CHECK-SAME: cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">
// CHECK-SAME: %lengths: !B_i32
// CHECK-SAME: cascade.pages = #cascade.pages<8 of "M" by ["B", "H"] in "others" to "counts">
// CHECK-SAME: %counts: !BH_i32
cascade.func @lengths(
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">},
    %lengths: !Lengths,
    %w: !K {cascade.pages = #cascade.pages<8 of "M" by ["B", "H"] in "others" to "counts">},
    %counts: !Counts)
    -> (o: !O) {
  %o = cascade.einsum [b, h, e] = %k[b, h, m, e], %w[b, h, m, e] reduce add : !K, !K -> !O
    where {
      %b = cascade.index b
      %m = cascade.index m
      %length = cascade.read %lengths[%b] : !Lengths -> i32
      %end = arith.index_cast %length : i32 to index
      %is_key = arith.cmpi slt, %m, %end : index
      cascade.yield %is_key : i1
    }
  cascade.return %o : !O
}
