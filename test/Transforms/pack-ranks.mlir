// RUN: attn-opt %s --cascade-pack-ranks=width=4 --canonicalize --cse --split-input-file | FileCheck %s
// RUN: attn-opt %s --cascade-pack-ranks=width=4 --split-input-file --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

!Q = !cascade.tensor<[B, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, B, G, M], f32, empty = -inf>
!O = !cascade.tensor<[G, B, P], f32, empty = -inf>

// The ranks stand at any places; of queries, where these were.
// CHECK-LABEL: cascade.func @causal(
// CHECK-SAME:    %q: !BP_GE_f32 {cascade.packing = #cascade.packing<4 of "G" in "P" as "P_G" from ["B", "G", "P", "E"]>}
// CHECK-SAME:    -> (o: !BP_G_f32 {cascade.packing = #cascade.packing<4 of "G" in "P" as "P_G" from ["G", "B", "P"]>})
// CHECK-DAG:     %[[WIDTH:.*]] = arith.constant 4 : index
// CHECK:         %[[QUERIES:.*]] = cascade.extent P
// CHECK:         cascade.einsum [p_g, b, m] = %q[b, p_g, e], %k[b, m, e] reduce add
// CHECK:           %[[R:.*]] = cascade.index p_g
// CHECK-NEXT:      %[[P:.*]] = arith.floordivsi %[[R]], %[[WIDTH]]
// CHECK:           arith.addi %[[P]], %[[QUERIES]]
// CHECK:         map
// CHECK:           %[[G:.*]] = arith.remui %{{.*}}, %[[WIDTH]]
cascade.func @causal(%q: !Q, %k: !K) -> (o: !O) {
  %np = cascade.extent P
  %s = cascade.einsum [p, b, g, m] = %q[b, g, p, e], %k[b, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %at = arith.addi %p, %np : index
      %visible = arith.cmpi sle, %m, %at : index
      cascade.yield %visible : i1
    }
  %t = cascade.einsum [p, b, g, m] = %s[p, b, g, m] absorb : !S -> !S
    map (%x) {
      %g = cascade.index g
      %i = arith.index_cast %g : index to i32
      %f = arith.sitofp %i : i32 to f32
      %y = arith.mulf %x, %f : f32
      cascade.yield %y : f32
    }
  %o = cascade.einsum [g, b, p] = %t[p, b, g, m] reduce max : !S -> !O
  cascade.return %o : !O
}

// -----

// What has one of the ranks becomes an element that the map reads.
!Q = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!Slope = !cascade.tensor<[H, G], f32, empty = 0.0>
!Place = !cascade.tensor<[P], f32, empty = 0.0>
// CHECK-LABEL: cascade.func @slopes(
// CHECK-SAME:    %slope: !HG_f32, %place: !P_f32
// CHECK:         cascade.einsum [b, h, p_g] = %q[b, h, p_g]
// CHECK-NEXT:    map
// CHECK-DAG:       %[[H:.*]] = cascade.index h
// CHECK-DAG:       %[[G:.*]] = arith.remui %{{.*}}, %c4
// CHECK-DAG:       %[[C:.*]] = cascade.read %slope[%[[H]], %[[G]]]
// CHECK-DAG:       %[[P:.*]] = arith.floordivsi %{{.*}}, %c4
// CHECK-DAG:       %[[D:.*]] = cascade.read %place[%[[P]]]
// CHECK:           arith.mulf %[[C]], %[[D]]
cascade.func @slopes(%q: !Q, %slope: !Slope, %place: !Place) -> (o: !Q) {
  %o = cascade.einsum [b, h, g, p] = %q[b, h, g, p] through, %slope[h, g], %place[p] : !Q, !Slope, !Place -> !Q
    map (%x, %c, %d) {
      %y = arith.mulf %c, %d : f32
      %z = arith.addf %x, %y : f32
      cascade.yield %z : f32
    }
  cascade.return %o : !Q
}

// -----

// Its merge is said, and not what the map does with an element.
!Q = !cascade.tensor<[H, G, P], f32, empty = 0.0>
!Slope = !cascade.tensor<[H, G], f32, empty = 0.0>
// REMARK: keeps ranks 'P' and 'G' apart: operand 'slope' is read at 'g'
// CHECK-LABEL: cascade.func @said(
// CHECK:         cascade.einsum [h, g, p]
cascade.func @said(%q: !Q, %slope: !Slope) -> (o: !Q) {
  %o = cascade.einsum [h, g, p] = %q[h, g, p] absorb, %slope[h, g] absorb : !Q, !Slope -> !Q
    map (%x, %c) {
      %y = arith.addf %x, %c : f32
      cascade.yield %y : f32
    }
  cascade.return %o : !Q
}

// -----

!Q = !cascade.tensor<[H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[H, P], f32, empty = 0.0>
// REMARK: keeps ranks 'P' and 'G' apart: its sums are over rows
// CHECK-LABEL: cascade.func @sums(
// CHECK-SAME:    %q: !HGP_f32
cascade.func @sums(%q: !Q) -> (o: !O) {
  %o = cascade.einsum [h, p] = %q[h, g, p] reduce add : !Q -> !O
  cascade.return %o : !O
}

// -----

!Q = !cascade.tensor<[G, P], f32, empty = 0.0>
// REMARK: keeps ranks 'P' and 'G' apart: rank 'G' has 6 coordinates, more than the 4 of the width
// CHECK-LABEL: cascade.func @wide(
cascade.func @wide(%q: !Q) -> (o: !Q) {
  cascade.rank G = 6
  %o = cascade.einsum [g, p] = %q[g, p] : !Q -> !Q
  cascade.return %o : !Q
}

// -----

!Q = !cascade.tensor<[G, P], f32, empty = 0.0>
// REMARK: keeps ranks 'P' and 'G' apart: operand 'q' is read at 'p'
// CHECK-LABEL: cascade.func @shifted(
cascade.func @shifted(%q: !Q) -> (o: !Q) {
  %o = cascade.einsum [g, p] = %q[g, p], %q[g, p + 1] : !Q, !Q -> !Q
  cascade.return %o : !Q
}

// -----

!K = !cascade.tensor<[H, P], f32, empty = 0.0>
// REMARK: keeps ranks 'P' and 'G' apart: no argument and no result has both 'P' and 'G'
// CHECK-LABEL: cascade.func @none(
cascade.func @none(%q: !K) -> (o: !K) {
  %o = cascade.einsum [h, p] = %q[h, p] : !K -> !K
  cascade.return %o : !K
}
