// The pass table of FuseMax (arXiv 2406.10491), the rows without partitions:
// passes over the keys M, what is live across them, and why.
// RUN: attn-opt %s --cascade-count-passes --remarks-filter='cascade-count-passes' 2>&1 >/dev/null | FileCheck %s

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!V = !cascade.tensor<[M, F], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!W = !cascade.tensor<[P, M], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
!O = !cascade.tensor<[P, F], f32, empty = 0.0>

// Naive softmax: the division waits for the sum over all keys.
// CHECK: Function=naive | {{.*}}"rank P: 1 pass"
// CHECK: "rank E: 1 pass"
// CHECK: "rank M: 2 passes"
// CHECK: [[#@LINE+6]]:8: remark: {{.*}}"rank M: live across pass 1->2: n (P*M words)"
// CHECK: "rank M: spilling what is live moves 2*P*M words"
// CHECK: "rank M: pass 2 forced by: d -> a (all of M before any)"
// CHECK: "rank F: 1 pass"
cascade.func @naive(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
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

// With the division deferred to the output nothing waits.
// CHECK: Function=naive_deferred {{.*}}"rank M: 1 pass"
// CHECK-NOT: Function=naive_deferred {{.*}}live
cascade.func @naive_deferred(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
  %n = cascade.einsum [p, m] = %s[p, m] : !S -> !W
    map (%x) {
      %e = math.exp %x : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [p] = %n[p, m] reduce add : !W -> !D
  %nv = cascade.einsum [p, f] = %n[p, m], %v[m, f] reduce add : !W, !V -> !O
  %o = cascade.einsum [p, f] = %nv[p, f], %d[p] : !O, !D -> !O
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  cascade.return %o : !O
}

// The stable form: maximum, sum and product each sweep the keys. Spilling both
// live tensors is the 4*M*P words of an unfused kernel.
// CHECK: Function=stable {{.*}}"rank M: 3 passes"
// CHECK: "rank M: live across pass 1->2: s (P*M words)"
// CHECK: "rank M: live across pass 2->3: n (P*M words)"
// CHECK: "rank M: spilling what is live moves 4*P*M words"
// CHECK: "rank M: pass 2 forced by: gm -> n (all of M before any)"
// CHECK: "rank M: pass 3 forced by: d -> a (all of M before any)"
cascade.func @stable(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
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

// CHECK: Function=stable_deferred {{.*}}"rank M: 2 passes"
// CHECK: "rank M: live across pass 1->2: s (P*M words)"
// CHECK-NOT: "rank M: live
// CHECK: "rank M: pass 2 forced by: gm -> n (all of M before any)"
// CHECK-NOT: "rank M: pass 3
cascade.func @stable_deferred(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
  %gm = cascade.einsum [p] = %s[p, m] reduce max : !S -> !R
  %n = cascade.einsum [p, m] = %s[p, m], %gm[p] absorb : !S, !R -> !W
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [p] = %n[p, m] reduce add : !W -> !D
  %nv = cascade.einsum [p, f] = %n[p, m], %v[m, f] reduce add : !W, !V -> !O
  %o = cascade.einsum [p, f] = %nv[p, f], %d[p] : !O, !D -> !O
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  cascade.return %o : !O
}
