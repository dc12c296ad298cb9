// The reducible rows of the pass table of FuseMax (arXiv 2406.10491): each one
// comes down to one pass over the keys, and to the form that the table names.
// RUN: attn-opt %s --cascade-reduce-passes --cascade-count-passes --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: attn-opt %s --cascade-reduce-passes | FileCheck %s
// RUN: attn-opt %s --cascade-reduce-passes=defer-only --cascade-count-passes --remarks-filter='.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=DEFER

!X = !cascade.tensor<[K], f32, empty = 0.0>
!Y = !cascade.tensor<[], f32, empty = 0.0>
!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!V = !cascade.tensor<[M, F], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!W = !cascade.tensor<[P, M], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
!O = !cascade.tensor<[P, F], f32, empty = 0.0>

// Cascade 1 becomes cascade 2: two sums side by side, their product after.
// REMARK: BarrierDeferred{{.*}}"rank K: applied after the sum, in 'mul'"
// REMARK: Function=cascade1 {{.*}}"rank K (K0): 1 pass"
// REMARK-NOT: Function=cascade1 {{.*}}live
// DEFER: Function=cascade1 {{.*}}"rank K: 1 pass"
// CHECK-LABEL: cascade.func @cascade1(
//       CHECK: %[[R:.*]]:2 = cascade.scan K by K0 (%a, %b :
//       CHECK:   cascade.einsum [] = %{{.*}}[k], %{{.*}}[k] reduce add
//       CHECK:   cascade.einsum [] = %{{.*}}[k] reduce add
//       CHECK:   merge
//       CHECK: cascade.einsum [] = %[[R]]#1[], %[[R]]#0[] :
cascade.func @cascade1(%a: !X, %b: !X) -> (r: !Y) attributes {reassoc} {
  %y = cascade.einsum [] = %a[k], %b[k] reduce add : !X, !X -> !Y
  %z = cascade.einsum [] = %y[], %a[k] reduce add : !Y, !X -> !Y
  cascade.return %z : !Y
}

// The division of the naive softmax goes to the output.
// REMARK: BarrierDeferred{{.*}}"rank M: applied after the sum, in 'mul'"
// REMARK: Function=naive {{.*}}"rank M (M0): 1 pass"
// REMARK-NOT: Function=naive {{.*}}"rank M: live
// DEFER: Function=naive {{.*}}"rank M: 1 pass"
// CHECK-LABEL: cascade.func @naive(
//       CHECK: %[[R:.*]]:2 = cascade.scan M by M0 (%k, %v :
//   CHECK-NOT:   arith.divf
//       CHECK:   merge
//   CHECK-NOT:   arith.divf
//       CHECK: cascade.einsum [p, f] = %[[R]]#1[p, f], %[[R]]#0[p] :
//       CHECK:   arith.divf
cascade.func @naive(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
  %n = cascade.einsum [p, m] = %s[p, m] : !S -> !W
    map (%x) {
      %e = math.exp %x : f32
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

// The stable softmax: deferral alone leaves the pass that waits for the maximum;
// following the maximum takes that too.
// REMARK: BarrierDeferred{{.*}}"rank M: applied after the sum, in 'mul'"
// REMARK: BarrierRescaled{{.*}}"rank M: followed as it grows, in 'mul'"
// REMARK: Function=stable {{.*}}"rank M (M0): 1 pass"
// REMARK-NOT: Function=stable {{.*}}"rank M: live
// DEFER: Function=stable {{.*}}"rank M: 2 passes"
// DEFER: "rank M: live across pass 1->2: s (P*M words)"
// DEFER-NOT: "rank M: pass 3
// CHECK-LABEL: cascade.func @stable(
//       CHECK: %[[R:.*]]:3 = cascade.scan M by M0 (%k, %v :
//       CHECK:   step (%{{.*}}, %{{.*}}, %{{.*}}, %[[RM:.*]], %[[RD:.*]], %[[RO:.*]]) {
//       CHECK:     %[[RM1:.*]] = cascade.einsum [p] = %[[RM]][p], %{{.*}}[p] :
//       CHECK:     %[[PRM:.*]] = cascade.einsum [p] = %[[RM]][p], %[[RM1]][p] absorb
//       CHECK:     cascade.einsum [p] = %[[RD]][p], %[[PRM]][p]
//       CHECK:     cascade.einsum [p, f] = %[[RO]][p, f], %[[PRM]][p]
//       CHECK:   merge
//       CHECK: cascade.einsum [p, f] = %[[R]]#2[p, f], %[[R]]#1[p] :
//       CHECK:   arith.divf
cascade.func @stable(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
  %gm = cascade.einsum [p] = %s[p, m] reduce max : !S -> !R
  %n = cascade.einsum [p, m] = %s[p, m], %gm[p] absorb : !S, !R -> !W
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
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

!BK = !cascade.tensor<[M1, M0, E], f32, empty = 0.0>
!BV = !cascade.tensor<[M1, M0, F], f32, empty = 0.0>
!BS = !cascade.tensor<[P, M1, M0], f32, empty = -inf>
!BW = !cascade.tensor<[P, M1, M0], f32, empty = 0.0>
!LM = !cascade.tensor<[P, M1], f32, empty = -inf>
!LD = !cascade.tensor<[P, M1], f32, empty = 0.0>

// Local maxima: both corrections leave the sum over the tiles.
// REMARK: BarrierDeferred{{.*}}"rank M1: applied after the sum, in 'mul'"
// REMARK: BarrierRescaled{{.*}}"rank M1: followed as it grows, in 'mul'"
// REMARK: Function=two_pass {{.*}}"rank M (M1, M10, M0): 1 pass"
// REMARK-NOT: Function=two_pass {{.*}}"rank M{{.*}}: live
// CHECK-LABEL: cascade.func @two_pass(
//       CHECK: %[[R:.*]]:3 = cascade.scan M1 by M10 (
//       CHECK:   cascade.einsum [p, m1] = %{{.*}}[p, m1, m0] reduce max
//       CHECK:   merge
//       CHECK: cascade.einsum [p, f] = %[[R]]#2[p, f], %[[R]]#1[p] :
//       CHECK:   arith.divf
cascade.func @two_pass(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank M0 = 16
  %bk = cascade.split %k M into M1, M0 : !K -> !BK
  %bv = cascade.split %v M into M1, M0 : !V -> !BV
  %s = cascade.einsum [p, m1, m0] = %q[p, e], %bk[m1, m0, e] reduce add : !Q, !BK -> !BS
  %lm = cascade.einsum [p, m1] = %s[p, m1, m0] reduce max : !BS -> !LM
  %sln = cascade.einsum [p, m1, m0] = %s[p, m1, m0], %lm[p, m1] absorb : !BS, !LM -> !BW
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %sld = cascade.einsum [p, m1] = %sln[p, m1, m0] reduce add : !BW -> !LD
  %gm = cascade.einsum [p] = %lm[p, m1] reduce max : !LM -> !R
  %plm = cascade.einsum [p, m1] = %lm[p, m1], %gm[p] absorb : !LM, !R -> !LD
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %sd = cascade.einsum [p] = %sld[p, m1], %plm[p, m1] reduce add : !LD, !LD -> !D
  %a = cascade.einsum [p, m1, m0] = %sln[p, m1, m0], %plm[p, m1], %sd[p] : !BW, !LD, !D -> !BW
    map (%x, %y, %z) {
      %u = arith.mulf %x, %y : f32
      %r = arith.divf %u, %z : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [p, f] = %a[p, m1, m0], %bv[m1, m0, f] reduce add : !BW, !BV -> !O
  cascade.return %o : !O
}

// The gradient of the queries with D_p as a sum over the output's features.
// REMARK: Function=dq_over_features {{.*}}"rank M (M0): 1 pass"
// REMARK-NOT: Function=dq_over_features {{.*}}"rank M: live
// CHECK-LABEL: cascade.func @dq_over_features(
//       CHECK: %[[D:.*]] = cascade.einsum [p] = %do[p, f], %o[p, f] reduce add
//       CHECK: %[[R:.*]] = cascade.scan M by M0 (%k, %v :
//       CHECK:   cascade.einsum [p, m] = %{{.*}}[p, m], %{{.*}}[p, m] through, %[[D]][p] through
//       CHECK: cascade.return %[[R]] :
cascade.func @dq_over_features(%q: !Q, %k: !K, %v: !V, %lse: !R, %do: !O, %o: !O) -> (dq: !Q) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
  %a = cascade.einsum [p, m] = %s[p, m], %lse[p] absorb : !S, !R -> !W
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %da = cascade.einsum [p, m] = %do[p, f], %v[m, f] reduce add : !O, !V -> !W
  %d = cascade.einsum [p] = %do[p, f], %o[p, f] reduce add : !O, !O -> !D
  %ds = cascade.einsum [p, m] = %a[p, m], %da[p, m] through, %d[p] through : !W, !W, !D -> !W
    map (%x, %y, %z) {
      %u = arith.subf %y, %z : f32
      %r = arith.mulf %x, %u : f32
      cascade.yield %r : f32
    }
  %g = cascade.einsum [p, e] = %ds[p, m], %k[m, e] reduce add : !W, !K -> !Q
  cascade.return %g : !Q
}

!KV = !cascade.tensor<[E, F], f32, empty = 0.0>
!E = !cascade.tensor<[E], f32, empty = 0.0>

// Linear attention, normalised: the state and its sum in one sweep of the keys.
// REMARK: Function=linear {{.*}}"rank M (M0): 1 pass"
// REMARK-NOT: Function=linear {{.*}}"rank M: live
// CHECK-LABEL: cascade.func @linear(
//       CHECK: %[[R:.*]]:2 = cascade.scan M by M0 (%k, %v :
//       CHECK:   cascade.einsum [e, f] = %{{.*}}[m, e], %{{.*}}[m, f] reduce add
//       CHECK:   cascade.einsum [e] = %{{.*}}[m, e] reduce add
//       CHECK:   merge
//       CHECK: cascade.einsum [p, f] = %{{.*}}[p, e], %[[R]]#0[e, f] reduce add
//       CHECK: cascade.einsum [p] = %{{.*}}[p, e], %[[R]]#1[e] reduce add
cascade.func @linear(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %fq = cascade.einsum [p, e] = %q[p, e] absorb : !Q -> !Q
    map (%x) {
      %e = math.exp %x : f32
      cascade.yield %e : f32
    }
  %fk = cascade.einsum [m, e] = %k[m, e] absorb : !K -> !K
    map (%x) {
      %e = math.exp %x : f32
      cascade.yield %e : f32
    }
  %kv = cascade.einsum [e, f] = %fk[m, e], %v[m, f] reduce add : !K, !V -> !KV
  %z = cascade.einsum [e] = %fk[m, e] reduce add : !K -> !E
  %n = cascade.einsum [p, f] = %fq[p, e], %kv[e, f] reduce add : !Q, !KV -> !O
  %d = cascade.einsum [p] = %fq[p, e], %z[e] reduce add : !Q, !E -> !D
  %o = cascade.einsum [p, f] = %n[p, f], %d[p] : !O, !D -> !O
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  cascade.return %o : !O
}
