// RUN: attn-opt %s --cascade-reduce-passes | FileCheck %s
// RUN: attn-opt %s --cascade-reduce-passes --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!V = !cascade.tensor<[M, F], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!R = !cascade.tensor<[P], f32, empty = -inf>
!W = !cascade.tensor<[P, M], f32, empty = 0.0>
!D = !cascade.tensor<[P], f32, empty = 0.0>
!O = !cascade.tensor<[P, F], f32, empty = 0.0>

// The 3-pass definition becomes one scan with the carries (maximum, sum, output);
// the division is applied once, after it.
// REMARK: BarrierDeferred{{.*}}rank M: applied after the sum, in 'mul'
// REMARK: BarrierRescaled{{.*}}rank M: followed as it grows, in 'mul'
// CHECK-LABEL: cascade.func @attention
//       CHECK: cascade.rank M0 = 256
//       CHECK: %[[R:.*]]:3 = cascade.scan M by M0 (%k, %v :
//  CHECK-NEXT:   step (%[[BASE:.*]], %[[KT:.*]], %[[VT:.*]], %[[RM:.*]], %[[RD:.*]], %[[RO:.*]]) {
//       CHECK:     %[[S:.*]] = cascade.einsum [p, m] = %q[p, e], %[[KT]][m, e] reduce add
//       CHECK:       %[[M:.*]] = cascade.index m
//  CHECK-NEXT:       arith.addi %[[BASE]], %[[M]]
//       CHECK:     %[[LM:.*]] = cascade.einsum [p] = %[[S]][p, m] reduce max
//       CHECK:     %[[RM1:.*]] = cascade.einsum [p] = %[[RM]][p], %[[LM]][p] :
//       CHECK:       arith.maximumf
//       CHECK:     %[[N:.*]] = cascade.einsum [p, m] = %[[S]][p, m], %[[RM1]][p] absorb
//       CHECK:       arith.subf
//  CHECK-NEXT:       math.exp
//       CHECK:     %[[LD:.*]] = cascade.einsum [p] = %[[N]][p, m] reduce add
//       CHECK:     %[[PRM:.*]] = cascade.einsum [p] = %[[RM]][p], %[[RM1]][p] absorb
//  CHECK-NEXT:       map (%[[OLD:.*]], %[[NEW:.*]]) {
//  CHECK-NEXT:       arith.subf %[[OLD]], %[[NEW]]
//  CHECK-NEXT:       math.exp
//       CHECK:     cascade.einsum [p] = %[[RD]][p], %[[PRM]][p]
//       CHECK:     %[[LO:.*]] = cascade.einsum [p, f] = %[[N]][p, m], %[[VT]][m, f] reduce add
//       CHECK:     cascade.einsum [p, f] = %[[RO]][p, f], %[[PRM]][p]
//       CHECK:     cascade.yield %[[RM1]],
//       CHECK:   merge (
//       CHECK:     arith.maximumf
//       CHECK: cascade.einsum [p, f] = %[[R]]#2[p, f], %[[R]]#1[p]
//  CHECK-NEXT:   map (%[[X:.*]], %[[Y:.*]]) {
//  CHECK-NEXT:   arith.divf %[[X]], %[[Y]]
cascade.func @attention(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %c = arith.cmpi sle, %m, %p : index
      cascade.yield %c : i1
    }
  %gm = cascade.einsum [p] = %s[p, m] reduce max : !S -> !R
  %n = cascade.einsum [p, m] = %s[p, m], %gm[p] absorb : !S, !R -> !W
    map (%x, %y) {
      %d = arith.subf %x, %y : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [p] = %n[p, m] reduce add : !W -> !D
  %a = cascade.einsum [p, m] = %n[p, m], %d[p] : !W, !D -> !W
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [p, f] = %a[p, m], %v[m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}
