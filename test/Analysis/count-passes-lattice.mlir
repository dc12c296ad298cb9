// The edges of the availability lattice: prefixes and suffixes, scans in both
// orders, selection, gathers, captured tensors and what no pass needs early.
// RUN: attn-opt %s --cascade-count-passes='extents=I=10' --remarks-filter='cascade-count-passes' 2>&1 >/dev/null | FileCheck %s
// RUN: not attn-opt %s --cascade-count-passes='extents=I=0' 2>&1 | FileCheck %s --check-prefix=EXTENT
// EXTENT: error: expects option 'extents' to be a list of RANK=N with N at least 1, but got 'I=0'

!X = !cascade.tensor<[I], f32, empty = 0.0>
!Y = !cascade.tensor<[], f32, empty = 0.0>

// A prefix sum streams: the predicate orders the two variables of one rank.
// CHECK: Function=prefix {{.*}}"rank I: 1 pass"
cascade.func @prefix(%x: !X) -> (r: !X) {
  %b = cascade.einsum [i] = %x[i], %x[i] : !X, !X -> !X
  %s = cascade.einsum [i] = %b[j] reduce add : !X -> !X
    where {
      %i = cascade.index i
      %j = cascade.index j
      %c = arith.cmpi sle, %j, %i : index
      cascade.yield %c : i1
    }
  %y = cascade.einsum [i] = %s[i], %b[i] : !X, !X -> !X
  cascade.return %y : !X
}

// Prefixes ascend and suffixes descend: not in one pass. The prefix is kept.
// CHECK: Function=both_ways {{.*}}"rank I: 2 passes"
// CHECK: "rank I: live across pass 1->2: b, s, sb (3*I words = 30)"
// CHECK: "rank I: pass 2 forced by: b -> t (all of I before any)"
cascade.func @both_ways(%x: !X) -> (r: !X) {
  %b = cascade.einsum [i] = %x[i], %x[i] : !X, !X -> !X
  %s = cascade.einsum [i] = %b[j] reduce add : !X -> !X
    where {
      %i = cascade.index i
      %j = cascade.index j
      %c = arith.cmpi sle, %j, %i : index
      cascade.yield %c : i1
    }
  %sb = cascade.einsum [i] = %s[i], %b[i] : !X, !X -> !X
  %t = cascade.einsum [i] = %b[j], %sb[i] reduce add : !X, !X -> !X
    where {
      %i = cascade.index i
      %j = cascade.index j
      %c = arith.cmpi sge, %j, %i : index
      cascade.yield %c : i1
    }
  %y = cascade.einsum [i] = %s[i], %t[i] : !X, !X -> !X
  cascade.return %y : !X
}

// Without an order between the variables each point needs all others.
// CHECK: Function=all_pairs {{.*}}"rank I: 2 passes"
// CHECK: "rank I: pass 2 forced by: b -> s (all of I before any)"
cascade.func @all_pairs(%x: !X) -> (r: !X) {
  %b = cascade.einsum [i] = %x[i], %x[i] : !X, !X -> !X
  %s = cascade.einsum [i] = %b[j], %b[i] reduce add : !X, !X -> !X
  cascade.return %s : !X
}

// A neighbour is a bounded look-ahead.
// CHECK: Function=neighbour {{.*}}"rank I: 1 pass"
cascade.func @neighbour(%x: !X) -> (r: !X) {
  %b = cascade.einsum [i] = %x[i], %x[i] : !X, !X -> !X
  %s = cascade.einsum [i] = %b[i + 1], %b[i] : !X, !X -> !X
  cascade.return %s : !X
}

// What depends on arguments alone is computed where it is read: neither %u nor
// %w lives across the boundary.
// CHECK: Function=delayed {{.*}}"rank I: 2 passes"
// CHECK: "rank I: live across pass 1->2: x (I words = 10)"
cascade.func @delayed(%x: !X, %v: !X) -> (r: !Y) {
  %u = cascade.einsum [i] = %v[i], %v[i] : !X, !X -> !X
  %w = cascade.einsum [i] = %u[i], %v[i] : !X, !X -> !X
  %d = cascade.einsum [] = %x[i] reduce add : !X -> !Y
  %a = cascade.einsum [] = %x[i], %d[], %w[i] reduce add : !X, !Y, !X -> !Y
  cascade.return %a : !Y
}

!T = !cascade.tensor<[I0], f32, empty = 0.0>

// An ascending scan with results, then a descending one that reads them: the
// results are saved.
// CHECK: Function=up_and_down {{.*}}"rank I (I0): 2 passes"
// CHECK: "rank I: live across pass 1->2: up (I words = 10)"
// CHECK: "rank I: pass 2 forced by: up -> down_c (all of I before any)"
cascade.func @up_and_down(%x: !X) -> (r: !X) {
  cascade.rank I0 = 4
  %zero = cascade.empty : !Y
  %up_c, %up = cascade.scan I by I0 (%x : !X) init (%zero : !Y) -> !Y, !X
    step (%base, %xt, %c) {
      %l = cascade.einsum [] = %xt[i] reduce add : !T -> !Y
      %y = cascade.einsum [i] = %xt[i], %c[] : !T, !Y -> !T
      cascade.yield %l, %y : !Y, !T
    }
  %down_c, %down = cascade.scan I by I0 descending (%up : !X) init (%zero : !Y) -> !Y, !X
    step (%base, %xt, %c) {
      %l = cascade.einsum [] = %xt[i] reduce add : !T -> !Y
      %y = cascade.einsum [i] = %xt[i], %c[] : !T, !Y -> !T
      cascade.yield %l, %y : !Y, !T
    }
  cascade.return %down : !X
}

// A tensor that a step captures is read whole.
// CHECK: Function=captured {{.*}}"rank I (I0): 2 passes"
// CHECK: "rank I: pass 2 forced by: b -> l (all of I before any)"
cascade.func @captured(%x: !X) -> (r: !Y) {
  cascade.rank I0 = 4
  %zero = cascade.empty : !Y
  %b = cascade.einsum [i] = %x[i], %x[i] : !X, !X -> !X
  %s = cascade.scan I by I0 (%x : !X) init (%zero : !Y) -> !Y
    step (%base, %xt, %c) {
      %l = cascade.einsum [] = %b[i] reduce add : !X -> !Y
      cascade.yield %l : !Y
    }
  cascade.return %s : !Y
}

!L = !cascade.tensor<[T], i32, empty = -1>
!XT = !cascade.tensor<[T], f32, empty = 0.0>

// The largest entries are known when all have been seen; reading them from an
// argument is no sweep.
// CHECK: Function=selected {{.*}}"rank I: 1 pass"
// CHECK: "rank T: 1 pass"
cascade.func @selected(%s: !X, %x: !X) -> (r: !XT) {
  cascade.rank T = 2
  %i = cascade.select %s I into T : !X -> !L
  %y = cascade.einsum [t] = %x[%i[t]] : !X, !L -> !XT
  cascade.return %y : !XT
}

!AI = !cascade.tensor<[A, B], f32, empty = 0.0>
!AT = !cascade.tensor<[A], f32, empty = 0.0>

// An affine index cuts the rank as well as cascade.split does.
// CHECK: Function=affine_cut {{.*}}"rank I (A, B): 1 pass, 1 summary pass"
cascade.func @affine_cut(%x: !X) -> (r: !AT) {
  cascade.rank A
  cascade.rank B = 4
  %b = cascade.einsum [a, b] = %x[a * 4 + b] : !X -> !AI
  %t = cascade.einsum [a] = %b[a, b] reduce add : !AI -> !AT
  %d = cascade.einsum [] = %t[a] reduce add : !AT -> !Y
  %y = cascade.einsum [a] = %t[a], %d[] : !AT, !Y -> !AT
  cascade.return %y : !AT
}
