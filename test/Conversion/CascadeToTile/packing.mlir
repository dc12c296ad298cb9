// RUN: attn-opt %s --cascade-reduce-passes --convert-cascade-to-tile="tile-rows=64 few-rows=0" --canonicalize --split-input-file | FileCheck %s

// Memory has the caller's ranks; rows are as many as there are queries, by the
// width. Of heads there may be fewer: what a row lacks is neither read nor written.
!Q = !cascade.tensor<[B, R, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, M, E], f32, empty = 0.0>
!O = !cascade.tensor<[B, R], f32, empty = 0.0>
// CHECK-DAG: #[[$Q:.*]] = affine_map<(d0, d1)[s0, s1] -> (s0, (d0 + s1) mod 8, (d0 + s1) floordiv 8, d1)>
// CHECK-DAG: #[[$O:.*]] = affine_map<(d0)[s0, s1] -> ((d0 + s1) floordiv 8, s0, (d0 + s1) mod 8)>
// CHECK-LABEL: tile.program @sums(
// CHECK-SAME:    memref<?x?x?x64xf32, {{.*}}> {tile.access = "read", tile.most = {G = 8 : i64}, tile.name = "q", tile.shape = ["B", "G", "P", 64]}
// CHECK-SAME:    {tile.access = "write", tile.most = {G = 8 : i64}, tile.name = "o", tile.shape = ["P", "B", "G"]}
// CHECK-SAME:    index {tile.extent = "R", tile.value = ["mul", "P", 8]}
// CHECK-SAME:    space(%[[B:arg[0-9]+]] = "B" by 1, %[[R:arg[0-9]+]] = "R" by 64)
// CHECK:         tile.load %{{.*}}[#[[$Q]]](%[[B]], %[[R]]) valid(%{{.*}}, %{{.*}}) clips :
// CHECK:         tile.store %{{.*}}, %{{.*}}[#[[$O]]](%[[B]], %[[R]]) valid(%{{.*}}) clips :
cascade.func @sums(
    %q: !Q {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["B", "G", "P", "E"]>},
    %k: !K)
    -> (o: !O {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["P", "B", "G"]>})
    attributes {reassoc} {
  cascade.rank E = 64
  %s = cascade.einsum [b, r, m] = %q[b, r, e], %k[b, m, e] reduce add
      : !Q, !K -> !cascade.tensor<[B, R, M], f32, empty = 0.0>
  %o = cascade.einsum [b, r] = %s[b, r, m] reduce add
      : !cascade.tensor<[B, R, M], f32, empty = 0.0> -> !O
  cascade.return %o : !O
}

// -----

// A group as wide as the packing has all rows, and queries of a known number
// have so many.
!Q = !cascade.tensor<[R, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!O = !cascade.tensor<[R], f32, empty = 0.0>
// CHECK-LABEL: tile.program @known(
// CHECK-SAME:    tile.shape = [8, 3, 64]
// CHECK-SAME:    index {tile.extent = "R", tile.value = 24
// CHECK-NOT:     clips
cascade.func @known(
    %q: !Q {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["G", "P", "E"]>},
    %k: !K)
    -> (o: !O {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["P", "G"]>})
    attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank G = 8
  cascade.rank P = 3
  %s = cascade.einsum [r, m] = %q[r, e], %k[m, e] reduce add
      : !Q, !K -> !cascade.tensor<[R, M], f32, empty = 0.0>
  %o = cascade.einsum [r] = %s[r, m] reduce add
      : !cascade.tensor<[R, M], f32, empty = 0.0> -> !O
  cascade.return %o : !O
}

// -----

// Of 64 rows the first query and the last one bound the keys: what the first sees
// needs no mask.
!Q = !cascade.tensor<[R, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[R, M], f32, empty = 0.0>
!O = !cascade.tensor<[R], f32, empty = 0.0>
// CHECK-LABEL: tile.program @causal(
// CHECK-SAME:    %[[P:arg[0-9]+]]: index {tile.extent = "P"}
// CHECK-SAME:    space(%[[R:arg[0-9]+]] = "R" by 64)
// CHECK:         %[[LAST_ROW:.*]] = arith.addi %[[R]], %{{.*}}
// CHECK:         %[[FIRST:.*]] = arith.floordivsi %[[R]], %c8
// CHECK:         %[[LAST:.*]] = arith.floordivsi %[[LAST_ROW]], %c8
// CHECK:         %[[ENDS_FIRST:.*]] = arith.subi %{{.*}}, %[[P]]
// CHECK:         %[[ENDS_LAST:.*]] = arith.subi %{{.*}}, %[[P]]
// CHECK:         arith.minsi %{{.*}}, %[[ENDS_LAST]]
// CHECK:         arith.minsi %{{.*}}, %[[ENDS_FIRST]]
// CHECK:         tile.sweep(%[[FULL:.*]] to %{{.*}} partial, %c0 to %[[FULL]] full)
// CHECK:           tile.mask
// CHECK:             arith.floordivsi %{{.*}}, %c8
cascade.func @causal(
    %q: !Q {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["G", "P", "E"]>},
    %k: !K)
    -> (o: !O {cascade.packing = #cascade.packing<8 of "G" in "P" as "R" from ["P", "G"]>})
    attributes {reassoc} {
  cascade.rank E = 64
  %np = cascade.extent P
  %nm = cascade.extent M
  %offset = arith.subi %nm, %np : index
  %c8 = arith.constant 8 : index
  %s = cascade.einsum [r, m] = %q[r, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %r = cascade.index r
      %m = cascade.index m
      %p = arith.floordivsi %r, %c8 : index
      %at = arith.addi %p, %offset : index
      %visible = arith.cmpi sle, %m, %at : index
      cascade.yield %visible : i1
    }
  %o = cascade.einsum [r] = %s[r, m] reduce add : !S -> !O
  cascade.return %o : !O
}
