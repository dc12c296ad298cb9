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
