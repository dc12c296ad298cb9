// The predicates of a layout's functions lose quotients of sums whose terms say
// what they are.
// RUN: attn-opt %s --cascade-set-layout='rank=M extents=4,6' | FileCheck %s

// Only the floor of a sum that may be less than 0 is that of its first term: the
// unsigned quotient of -1 is none.
// CHECK-LABEL: cascade.func @sign
//       CHECK:   %[[P:.*]] = cascade.index p
//       CHECK:   arith.divui %[[P]], %c2
//       CHECK:   %[[A:.*]] = arith.subi %[[P]]
//       CHECK:   %[[SUM:.*]] = arith.addi
//       CHECK:   arith.divui %[[SUM]], %c6
//       CHECK:   arith.floordivsi %[[A]], %c2
!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
cascade.func @sign(%q: !Q, %k: !K) -> (s: !S) {
  %np = cascade.extent P
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %m = cascade.index m
      %p = cascade.index p
      %c3 = arith.constant 3 : index
      %c6 = arith.constant 6 : index
      %rest = arith.remui %p, %c3 : index
      %more = arith.muli %p, %c3 : index
      %positive = arith.addi %more, %rest : index
      %x = arith.divui %positive, %c6 : index
      %a = arith.subi %p, %np : index
      %less = arith.muli %a, %c3 : index
      %sum = arith.addi %less, %rest : index
      %y = arith.divui %sum, %c6 : index
      %z = arith.floordivsi %sum, %c6 : index
      %xy = arith.addi %x, %y : index
      %xyz = arith.addi %xy, %z : index
      %c = arith.cmpi sle, %xyz, %m : index
      cascade.yield %c : i1
    }
  cascade.return %s : !S
}
