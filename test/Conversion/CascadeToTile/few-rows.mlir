// RUN: attn-opt %s --cascade-reduce-passes --convert-cascade-to-tile=few-rows=4 | attn-opt | FileCheck %s

!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!W = !cascade.tensor<[M, F], f32, empty = 0.0>
!Y = !cascade.tensor<[P, F], f32, empty = 0.0>

// One program for many rows, one in which each row is a work item.
// CHECK: tile.program @gemm({{.*}}) space(%{{.*}} = "P" by 64) when "P" >= 4
// CHECK:   tile.dot {{.*}} : tensor<64x256xf32>, tensor<256x16xf32>, tensor<64x16xf32>
// CHECK: tile.program @gemm_few({{.*}}) space(%{{.*}} = "P" by 1) when "P" < 4
// CHECK:   tile.dot {{.*}} : tensor<256xf32>, tensor<256x16xf32>, tensor<16xf32>
cascade.func @gemm(%x: !X, %w: !W) -> (y: !Y) attributes {reassoc} {
  cascade.rank F = 16
  %y = cascade.einsum [p, f] = %x[p, m], %w[m, f] reduce add : !X, !W -> !Y
  cascade.return %y : !Y
}
