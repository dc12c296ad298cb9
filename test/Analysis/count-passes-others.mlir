// The pass table of FuseMax (arXiv 2406.10491), the rows that are not forward
// softmax attention.
// RUN: attn-opt %s --cascade-count-passes --remarks-filter='cascade-count-passes' 2>&1 >/dev/null | FileCheck %s

!X = !cascade.tensor<[K], f32, empty = 0.0>
!Y = !cascade.tensor<[], f32, empty = 0.0>

// Cascade 1: each A_k meets the sum of all.
// CHECK: Function=cascade1 {{.*}}"rank K: 2 passes"
// CHECK: "rank K: live across pass 1->2: a (K words)"
// CHECK: "rank K: pass 2 forced by: y -> z (all of K before any)"
cascade.func @cascade1(%a: !X, %b: !X) -> (r: !Y) {
  %y = cascade.einsum [] = %a[k], %b[k] reduce add : !X, !X -> !Y
  %z = cascade.einsum [] = %y[], %a[k] reduce add : !Y, !X -> !Y
  cascade.return %z : !Y
}

// Cascade 2 defers the product.
// CHECK: Function=cascade2 {{.*}}"rank K: 1 pass"
// CHECK-NOT: Function=cascade2 {{.*}}live
cascade.func @cascade2(%a: !X, %b: !X) -> (r: !Y) {
  %y = cascade.einsum [] = %a[k], %b[k] reduce add : !X, !X -> !Y
  %x = cascade.einsum [] = %a[k] reduce add : !X -> !Y
  %z = cascade.einsum [] = %y[], %x[] : !Y, !Y -> !Y
  cascade.return %z : !Y
}

// Cascade 3 iterates and corrects what it has.
// CHECK: Function=cascade3 {{.*}}"rank K: 1 pass"
// CHECK-NOT: Function=cascade3 {{.*}}live
cascade.func @cascade3(%a: !X, %b: !X) -> (r: !Y) {
  %zero = cascade.empty : !Y
  %ry, %rz = cascade.scan K (%a, %b : !X, !X) init (%zero, %zero : !Y, !Y) -> !Y, !Y
    step (%base, %ai, %bi, %y, %z) {
      %y1 = cascade.einsum [] = %y[] through, %ai[] through, %bi[] through : !Y, !Y, !Y -> !Y
        map (%u, %v, %w) {
          %p = arith.mulf %v, %w : f32
          %r = arith.addf %u, %p : f32
          cascade.yield %r : f32
        }
      %z1 = cascade.einsum [] = %z[] through, %y1[] through, %y[] absorb, %ai[] through : !Y, !Y, !Y, !Y -> !Y
        map (%u, %v, %w, %x) {
          %q = arith.divf %v, %w : f32
          %p = arith.mulf %u, %q : f32
          %t = arith.mulf %v, %x : f32
          %r = arith.addf %p, %t : f32
          cascade.yield %r : f32
        }
      cascade.yield %y1, %z1 : !Y, !Y
    }
  cascade.return %rz : !Y
}

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!V = !cascade.tensor<[M, F], f32, empty = 0.0>
!W = !cascade.tensor<[P, M], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
!O = !cascade.tensor<[P, F], f32, empty = 0.0>

// The gradient of the queries with D_p as a sum over keys.
// CHECK: Function=dq_over_keys {{.*}}"rank M: 2 passes"
// CHECK: "rank M: live across pass 1->2: k, a, da (M*E + 2*P*M words)"
// CHECK: "rank M: pass 2 forced by: d -> ds (all of M before any)"
cascade.func @dq_over_keys(%q: !Q, %k: !K, %v: !V, %lse: !R, %do: !O) -> (dq: !Q) {
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
  %a = cascade.einsum [p, m] = %s[p, m], %lse[p] absorb : !S, !R -> !W
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %da = cascade.einsum [p, m] = %do[p, f], %v[m, f] reduce add : !O, !V -> !W
  %d = cascade.einsum [p] = %a[p, m], %da[p, m] reduce add : !W, !W -> !D
  %ds = cascade.einsum [p, m] = %a[p, m], %da[p, m] through, %d[p] through : !W, !W, !D -> !W
    map (%x, %y, %z) {
      %u = arith.subf %y, %z : f32
      %r = arith.mulf %x, %u : f32
      cascade.yield %r : f32
    }
  %g = cascade.einsum [p, e] = %ds[p, m], %k[m, e] reduce add : !W, !K -> !Q
  cascade.return %g : !Q
}

// With D_p as a sum over the output's features no pass waits.
// CHECK: Function=dq_over_features {{.*}}"rank M: 1 pass"
// CHECK-NOT: Function=dq_over_features {{.*}}"rank M: live
cascade.func @dq_over_features(%q: !Q, %k: !K, %v: !V, %lse: !R, %do: !O, %o: !O) -> (dq: !Q) {
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

// Linear attention, normalised, over all keys.
// CHECK: Function=linear {{.*}}"rank M: 1 pass"
// CHECK-NOT: Function=linear {{.*}}"rank M: live
cascade.func @linear(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
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

!Scores = !cascade.tensor<[K], f32, empty = -inf>
!Top = !cascade.tensor<[T], i32, empty = -1>

// A list of the largest is known after all of K: what asks it comes in a pass of
// its own.
// CHECK: Function=listed {{.*}}"rank K: 2 passes"
cascade.func @listed(%a: !Scores, %b: !X) -> (r: !Y) {
  cascade.rank T = 4
  %top = cascade.select %a K into T : !Scores -> !Top
  %z = cascade.einsum [] = %b[k] reduce add : !X -> !Y
    where {
      %k = cascade.index k
      %in = cascade.member %k in %top[] : !Top
      cascade.yield %in : i1
    }
  cascade.return %z : !Y
}
