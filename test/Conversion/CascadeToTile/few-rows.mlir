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

// The schedule gives the cut for few rows a step and a bound of its own: the
// merge says that the steps' extent is free.
// CHECK: tile.program @scheduled({{.*}}) space(%{{.*}} = "P" by 32) when "P" >= 3
// CHECK:   tile.dot {{.*}} : tensor<32x128xf32>, tensor<128x16xf32>, tensor<32x16xf32>
// CHECK: tile.program @scheduled_few({{.*}}) space(%{{.*}} = "P" by 2) when "P" < 3
// CHECK:   tile.dot {{.*}} : tensor<2x512xf32>, tensor<512x16xf32>, tensor<2x16xf32>
cascade.func @scheduled(%x: !X, %w: !W) -> (y: !Y)
    attributes {reassoc, schedule = #cascade.schedule<rows = 32, keys = 128, few = <below = 3, rows = 2, keys = 512>>} {
  cascade.rank F = 16
  %y = cascade.einsum [p, f] = %x[p, m], %w[m, f] reduce add : !X, !W -> !Y
  cascade.return %y : !Y
}

!WT = !cascade.tensor<[M0, F], f32, empty = 0.0>
!XT = !cascade.tensor<[P, M0], f32, empty = 0.0>

// A scan without a merge computes what its steps say: they stay.
// CHECK: tile.program @stepwise({{.*}}) space(%{{.*}} = "P" by 32) when "P" >= 3
// CHECK: tile.program @stepwise_few({{.*}}) space(%{{.*}} = "P" by 1) when "P" < 3
// CHECK:   tile.dot {{.*}} : tensor<64xf32>, tensor<64x16xf32>, tensor<16xf32>
cascade.func @stepwise(%x: !X, %w: !W) -> (y: !Y)
    attributes {reassoc, schedule = #cascade.schedule<rows = 32, few = <below = 3, keys = 512>>} {
  cascade.rank F = 16
  cascade.rank M0 = 64
  %start = cascade.empty : !Y
  %y = cascade.scan M by M0 (%x, %w : !X, !W) init (%start : !Y) -> !Y
    step (%base, %xt, %wt, %sum) {
      %part = cascade.einsum [p, f] = %xt[p, m], %wt[m, f] reduce add : !XT, !WT -> !Y
      %next = cascade.einsum [p, f] = %sum[p, f], %part[p, f] : !Y, !Y -> !Y
        map (%a, %b) {
          %r = arith.addf %a, %b : f32
          cascade.yield %r : f32
        }
      cascade.yield %next : !Y
    }
  cascade.return %y : !Y
}

// With a bound of 0 there is no cut for few rows.
// CHECK: tile.program @never({{.*}}) space(%{{.*}} = "P" by 64)
// CHECK-NOT: when
// CHECK-NOT: @never_few
cascade.func @never(%x: !X, %w: !W) -> (y: !Y)
    attributes {reassoc, schedule = #cascade.schedule<few = <below = 0>>} {
  cascade.rank F = 16
  %y = cascade.einsum [p, f] = %x[p, m], %w[m, f] reduce add : !X, !W -> !Y
  cascade.return %y : !Y
}

// What the schedule says of roles goes to all of its programs.
// CHECK: tile.program @roles({{.*}} when "P" >= 4 attributes {schedule = #tile.schedule<slots = 3, split = 1>}
// CHECK: tile.program @roles_few({{.*}} when "P" < 4 attributes {schedule = #tile.schedule<slots = 3, split = 1>}
cascade.func @roles(%x: !X, %w: !W) -> (y: !Y)
    attributes {reassoc, schedule = #cascade.schedule<keys = 128, roles = <slots = 3, split = 1>>} {
  cascade.rank F = 16
  %y = cascade.einsum [p, f] = %x[p, m], %w[m, f] reduce add : !X, !W -> !Y
  cascade.return %y : !Y
}
