// RUN: attn-opt %s --cascade-join-ranks=width=64 --canonicalize --cse --split-input-file | FileCheck %s
// RUN: attn-opt %s --cascade-join-ranks=width=64 --cascade-join-ranks=width=32 --canonicalize --cse --split-input-file | FileCheck %s
// RUN: attn-opt %s --cascade-join-ranks=width=64 --split-input-file --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK --implicit-check-not=remark:

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[S, H, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, S, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>

// The one rank stands where the first of the two did. A segment may have fewer
// keys than the width: the scores of others are masked, once. What maps make of
// these is empty as they are.
// CHECK-LABEL: cascade.func @greatest(
// CHECK-SAME:    %k: !S_MHE_f32 {cascade.packing = #cascade.packing<64 of "M" in "S" as "S_M" from ["S", "H", "M", "E"]>})
// CHECK-SAME:    -> (o: !HP_f32) {
// CHECK:         %[[WIDTH:.*]] = arith.constant 64 : index
// CHECK:         %[[S:.*]] = cascade.einsum [h, p, s_m] = %q[h, p, e], %k[s_m, h, e] reduce add
// CHECK-NEXT:    where {
// CHECK-NEXT:      %[[AT:.*]] = cascade.index s_m
// CHECK-NEXT:      %[[M:.*]] = arith.remui %[[AT]], %[[WIDTH]]
// CHECK-NEXT:      %[[KEYS:.*]] = cascade.extent M
// CHECK-NEXT:      %[[EXISTS:.*]] = arith.cmpi slt, %[[M]], %[[KEYS]]
// CHECK-NEXT:      cascade.yield %[[EXISTS]] : i1
// CHECK:         %[[T:.*]] = cascade.einsum [h, p, s_m] = %[[S]][h, p, s_m] absorb
// CHECK-NEXT:    map
// CHECK:         cascade.einsum [h, p] = %[[T]][h, p, s_m] reduce max : !HPS_M_f32 -> !HP_f32
// CHECK-NEXT:    cascade.return
cascade.func @greatest(%q: !Q, %k: !K) -> (o: !R) {
  %s = cascade.einsum [h, p, s, m] = %q[h, p, e], %k[s, h, m, e] reduce add : !Q, !K -> !S
  %t = cascade.einsum [h, p, s, m] = %s[h, p, s, m] absorb : !S -> !S
    map (%x) {
      %y = math.exp %x : f32
      cascade.yield %y : f32
    }
  %max = cascade.einsum [h, p] = %t[h, p, s, m] reduce max : !S -> !R
  cascade.return %max : !R
}

// -----

// What a mask says of the two is said of quotient and remainder. Keys may lie in
// pages, and what has one of the ranks is an element that the map reads.
!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[S, H, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, S, M], f32, empty = -inf>
!R = !cascade.tensor<[H, P], f32, empty = -inf>
!L = !cascade.tensor<[S], i32, empty = 0>
!F = !cascade.tensor<[S], f32, empty = 0.0>
// CHECK-LABEL: cascade.func @segments(
// CHECK-SAME:    %k: !S_MHE_f32 {cascade.packing = #cascade.packing<64 of "M" in "S" as "S_M" from ["S", "H", "M", "E"]>, cascade.pages = #cascade.pages<16 of "M" by ["S"] in "pages" to "lengths">}
// CHECK-SAME:    %lengths: !S_i32, %bias: !S_f32)
// CHECK:         cascade.einsum [h, p, s_m] = %q[h, p, e], %k[s_m, h, e] reduce add
// CHECK:           %[[AT:.*]] = cascade.index s_m
// CHECK-NEXT:      %[[S:.*]] = arith.floordivsi %[[AT]], %c64
// CHECK-NEXT:      %[[M:.*]] = arith.remui %[[AT]], %c64
// CHECK-NEXT:      cascade.read %lengths[%[[S]]]
// CHECK:           %[[IS_KEY:.*]] = arith.cmpi slt, %[[M]], %{{.*}} : index
// CHECK:           %[[EXISTS:.*]] = arith.cmpi slt, %[[M]], %{{.*}} : index
// CHECK-NEXT:      %[[SEEN:.*]] = arith.andi %[[EXISTS]], %[[IS_KEY]] : i1
// CHECK-NEXT:      cascade.yield %[[SEEN]] : i1
// CHECK:         cascade.einsum [h, p, s_m] = %{{.*}}[h, p, s_m] absorb :
// CHECK-NEXT:    map
// CHECK:           %[[S:.*]] = arith.floordivsi %{{.*}}, %c64
// CHECK-NEXT:      cascade.read %bias[%[[S]]]
// CHECK:         cascade.einsum [h, p] = %{{.*}}[h, p, s_m] reduce max
cascade.func @segments(%q: !Q,
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["S"] in "pages" to "lengths">},
    %lengths: !L, %bias: !F) -> (o: !R) {
  %s = cascade.einsum [h, p, s, m] = %q[h, p, e], %k[s, h, m, e] reduce add : !Q, !K -> !S
    where {
      %s = cascade.index s
      %m = cascade.index m
      %length = cascade.read %lengths[%s] : !L -> i32
      %end = arith.index_cast %length : i32 to index
      %is_key = arith.cmpi slt, %m, %end : index
      cascade.yield %is_key : i1
    }
  %t = cascade.einsum [h, p, s, m] = %s[h, p, s, m] absorb, %bias[s] : !S, !F -> !S
    map (%x, %b) {
      %y = arith.addf %x, %b : f32
      cascade.yield %y : f32
    }
  %max = cascade.einsum [h, p] = %t[h, p, s, m] reduce max : !S -> !R
  cascade.return %max : !R
}

// -----

// A rank of a known extent is no segment's; a sum may be over one rank alone.
!K = !cascade.tensor<[S, M, E], f32, empty = 0.0>
!R = !cascade.tensor<[E], f32, empty = 0.0>
!T = !cascade.tensor<[S, E], f32, empty = 0.0>
// CHECK-LABEL: cascade.func @known(
// CHECK-SAME:    %k: !SME_f32)
// CHECK:         cascade.einsum [e] = %k[s, m, e] reduce add
cascade.func @known(%k: !K) -> (o: !R) {
  cascade.rank S = 4
  %o = cascade.einsum [e] = %k[s, m, e] reduce add : !K -> !R
  cascade.return %o : !R
}

// CHECK-LABEL: cascade.func @one(
// CHECK-SAME:    %k: !SME_f32)
// CHECK:         cascade.einsum [s, e] = %k[s, m, e] reduce add
cascade.func @one(%k: !K) -> (o: !T) {
  %o = cascade.einsum [s, e] = %k[s, m, e] reduce add : !K -> !T
  cascade.return %o : !T
}

// -----

// Its merge is said, and not what the map does with an element.
!K = !cascade.tensor<[S, M], f32, empty = 0.0>
!F = !cascade.tensor<[S], f32, empty = 0.0>
!R = !cascade.tensor<[], f32, empty = 0.0>
// REMARK: remark: [Missed] NotJoined
// REMARK-SAME: keeps ranks 'S' and 'M' apart: operand 'factor' is read at 's' and has not both 'S' and 'M' at variables
// CHECK-LABEL: cascade.func @said(
// CHECK-SAME:    %k: !SM_f32
// CHECK:         cascade.einsum [s, m] = %k[s, m] absorb, %factor[s] absorb
cascade.func @said(%k: !K, %factor: !F) -> (o: !R) {
  %t = cascade.einsum [s, m] = %k[s, m] absorb, %factor[s] absorb : !K, !F -> !K
    map (%x, %f) {
      %y = arith.addf %x, %f : f32
      cascade.yield %y : f32
    }
  %o = cascade.einsum [] = %t[s, m] reduce add : !K -> !R
  cascade.return %o : !R
}

// -----

// A table that is filled by coordinates is filled by those that it has.
!K = !cascade.tensor<[S, M], i32, empty = 0>
!R = !cascade.tensor<[], i32, empty = 0>
// REMARK: remark: [Missed] NotJoined
// REMARK-SAME: argument 'k' is filled by coordinates
// CHECK-LABEL: cascade.func @filled(
// CHECK:         cascade.einsum [] = %k[s, m] reduce add
cascade.func @filled(%k: !K {cascade.fixed, cascade.fill = affine_map<(d0, d1) -> (d0 + d1)>}) -> (o: !R) {
  %o = cascade.einsum [] = %k[s, m] reduce add : !K -> !R
  cascade.return %o : !R
}
