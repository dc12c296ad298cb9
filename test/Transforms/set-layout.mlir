// RUN: attn-opt %s --cascade-set-layout='rank=M extents=4,6 tiles=2,3' | FileCheck %s
// RUN: attn-opt %s --cascade-set-layout='rank=M extents=5,6 tiles=2,4' | FileCheck %s --check-prefix=PADDED
// RUN: not attn-opt %s --cascade-set-layout='rank=X extents=4' 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not attn-opt %s --cascade-set-layout='rank=M extents=4,6 tiles=2' 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: not attn-opt %s --cascade-set-layout='rank=M extents=4,0' 2>&1 | FileCheck %s --check-prefix=EXTENT
// RUN: not attn-opt %s --cascade-set-layout='rank=F extents=3 tiles=2' 2>&1 | FileCheck %s --check-prefix=PREDICATE

// RUN: attn-opt %s --cascade-bind='extents=M=24' --cascade-set-layout='rank=M extents=4,6 tiles=2,3 view' | FileCheck %s --check-prefix=VIEW
// RUN: not attn-opt %s --cascade-set-layout='rank=M extents=4,6 tiles=2,3 view' 2>&1 | FileCheck %s --check-prefix=UNBOUND
// RUN: not attn-opt %s --cascade-bind='extents=M=24' --cascade-set-layout='rank=M extents=4,6 tiles=2,3 dilations=2,1 view' 2>&1 | FileCheck %s --check-prefix=DILATED

// A position is taken apart from its fastest digit: column and row in the tile,
// then the tile's. The extent is that of the canvas.
// CHECK-LABEL: cascade.func @f
//   CHECK-NOT:   cascade.extent
//       CHECK:   where {
//       CHECK:     %[[N:.*]] = cascade.index m
//       CHECK:     %[[X:.*]] = arith.remui %[[N]], %c3
//       CHECK:     %[[N1:.*]] = arith.divui %[[N]], %c3
//       CHECK:     %[[Y:.*]] = arith.remui %[[N1]], %c2
//       CHECK:     arith.divui %[[N1]], %c2
//       CHECK:     arith.cmpi sle, %{{.*}}, %c24
//       CHECK:     cascade.yield

// Coordinates beyond the canvas are excluded.
// PADDED-LABEL: cascade.func @f
//       PADDED:   %[[Y:.*]] = arith.cmpi slt, %{{.*}}, %c5
//       PADDED:   %[[X:.*]] = arith.cmpi slt, %{{.*}}, %c6
//       PADDED:   %[[IN:.*]] = arith.andi %[[Y]], %[[X]] : i1
//       PADDED:   arith.minsi %{{.*}}, %c5
//       PADDED:   %[[R:.*]] = arith.andi %[[IN]], %{{.*}} : i1
//       PADDED:   cascade.yield %[[R]] : i1

// The function says where positions lie in tensors that keep their order.
// VIEW-LABEL: cascade.func @f
//  VIEW-SAME:   attributes {cascade.layouts = {M = #cascade.layout<[4, 6] by[2, 3]>}}
// UNBOUND: error: expects rank 'M' to have the canvas's 24 points as its extent; bind it (cascade-bind)
// DILATED: error: expects no dilations of rank 'M', whose tensors keep their order, but got 2

// UNKNOWN: error: expects a rank of the function, but got 'X'
// FEW: error: expects one of 'tiles' an axis, but got 1 for 2
// EXTENT: error: expects extents, tiles and dilations of at least 1, but got 0, 1 and 1
// PREDICATE: error: expects a predicate over rank 'F', to which 4 positions for 3 points add padding
!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!W = !cascade.tensor<[F], f32, empty = 0.0>
cascade.func @f(%q: !Q, %k: !K, %w: !W) -> (s: !S) {
  %g = cascade.einsum [f] = %w[f] : !W -> !W
  %e = cascade.einsum [p, e] = %q[p, e] : !Q -> !Q
  %nm = cascade.extent M
  %s = cascade.einsum [p, m] = %e[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %m = cascade.index m
      %c = arith.cmpi sle, %m, %nm : index
      cascade.yield %c : i1
    }
  cascade.return %s : !S
}
