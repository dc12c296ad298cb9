// A segment of an invariant function has its steps in one order, whichever of
// them all rows of a tile see.
// RUN: attn-opt %s --cascade-join-ranks=width=1024 --cascade-reduce-passes --convert-cascade-to-tile=few-rows=0 --canonicalize --cse | FileCheck %s

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[S, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, S, M], f32, empty = 0.0>
!O = !cascade.tensor<[P], f32, empty = 0.0>
!L = !cascade.tensor<[S], i32, empty = 0>

// CHECK-LABEL: tile.program @segments(
// CHECK:         %[[SUM:.*]] = tile.sum below %{{.*}} {
// CHECK:           tile.yield %{{.*}} : index
// CHECK:         tile.sweep(%c0 to %[[SUM]] partial at {
// CHECK:           tile.locate
// CHECK:           tile.yield %{{.*}}, %{{.*}}, %{{.*}} : index, index, index
// CHECK-NEXT:    }) by 256

// CHECK-LABEL: tile.program @other(
// CHECK:         %[[SUMS:.*]]:2 = tile.sum below %{{.*}} {
// CHECK:         tile.sweep(%c0 to %[[SUMS]]#0 partial at {
// CHECK:         }, %c0 to %[[SUMS]]#1 full at {
cascade.func @segments(%q: !Q, %k: !K, %lengths: !L) -> (o: !O) attributes {invariant, reassoc} {
  cascade.rank E = 64
  %s = cascade.einsum [p, s, m] = %q[p, e], %k[s, m, e] reduce add : !Q, !K -> !S
    where {
      %s = cascade.index s
      %p = cascade.index p
      %m = cascade.index m
      %length = cascade.read %lengths[%s] : !L -> i32
      %keys = arith.index_cast %length : i32 to index
      %is_key = arith.cmpi slt, %m, %keys : index
      %is_before = arith.cmpi sle, %m, %p : index
      %visible = arith.andi %is_key, %is_before : i1
      cascade.yield %visible : i1
    }
  %o = cascade.einsum [p] = %s[p, s, m] reduce add : !S -> !O
  cascade.return %o : !O
}

cascade.func @other(%q: !Q, %k: !K, %lengths: !L) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  %s = cascade.einsum [p, s, m] = %q[p, e], %k[s, m, e] reduce add : !Q, !K -> !S
    where {
      %s = cascade.index s
      %p = cascade.index p
      %m = cascade.index m
      %length = cascade.read %lengths[%s] : !L -> i32
      %keys = arith.index_cast %length : i32 to index
      %is_key = arith.cmpi slt, %m, %keys : index
      %is_before = arith.cmpi sle, %m, %p : index
      %visible = arith.andi %is_key, %is_before : i1
      cascade.yield %visible : i1
    }
  %o = cascade.einsum [p] = %s[p, s, m] reduce add : !S -> !O
  cascade.return %o : !O
}
