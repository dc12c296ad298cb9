// RUN: attn-opt %s --cascade-reassociate --remarks-filter='cascade-reassociate' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t
// RUN: attn-opt %s --cascade-reassociate='extents=P=2,M=3' | FileCheck %s --check-prefix=SHORT
// RUN: attn-opt %s --cascade-reassociate --cascade-reassociate --remarks-filter-passed='cascade-reassociate' 2>&1 >/dev/null | grep -c Passed | FileCheck %s --check-prefix=ONCE
// RUN: not attn-opt %s --cascade-reassociate='extents=P' 2>&1 | FileCheck %s --check-prefix=EXTENT
// EXTENT: error: expects option 'extents' to be a list of RANK=N with N at least 1, but got 'P'
// ONCE: {{^3$}}

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!V = !cascade.tensor<[M, F], f32, empty = 0.0>
!W = !cascade.tensor<[P, M], f32, empty = 0.0>
!H = !cascade.tensor<[P, M], bf16, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!O = !cascade.tensor<[P, F], f32, empty = 0.0>

// Sequences count as long: q (k v) it is. The narrow type of the scores does not
// become that of a sum over a sequence.
// CHECK-LABEL: @linear
//       CHECK: %[[KV:.*]] = cascade.einsum [e, f] = %k[m, e], %v[m, f] reduce add : {{.*}} -> !EF_f32
//       CHECK: %[[O:.*]] = cascade.einsum [p, f] = %q[p, e], %[[KV]][e, f] reduce add
//   CHECK-NOT: cascade.einsum
//       CHECK: cascade.return %[[O]]
// REMARK: Function=linear {{.*}}"takes M*E*F + P*F*E multiply-adds, before P*E*M + P*F*M"
// With two queries and three keys the order is right as it is.
// SHORT-LABEL: @linear
//       SHORT: cascade.einsum [p, m] =
//       SHORT: cascade.einsum [p, f] =
cascade.func @linear(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !H
    map (%x, %y) {
      %r = arith.mulf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [p, f] = %s[p, m], %v[m, f] reduce add : !H, !V -> !O
  cascade.return %o : !O
}

// Scalar factors move behind the products, in order.
// CHECK-LABEL: @scaled
//       CHECK: cascade.einsum [e, f] = %k[m, e], %v[m, f] reduce add
//       CHECK: %[[O:.*]] = cascade.einsum [p, f] = %q[p, e],
//       CHECK: %[[T:.*]] = cascade.einsum [p, f] = %[[O]][p, f]
//       CHECK:   arith.mulf %{{.*}}, %c
//       CHECK: %[[U:.*]] = cascade.einsum [p, f] = %[[T]][p, f]
//       CHECK:   arith.negf
//       CHECK: cascade.return %[[U]]
cascade.func @scaled(%q: !Q, %k: !K, %v: !V, %c: f32) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !W
  %t = cascade.einsum [p, m] = %s[p, m] : !W -> !W
    map (%x) {
      %r = arith.mulf %x, %c : f32
      cascade.yield %r : f32
    }
  %u = cascade.einsum [p, m] = %t[p, m] : !W -> !W
    map (%x) {
      %r = arith.negf %x : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [p, f] = %u[p, m], %v[m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

!A0 = !cascade.tensor<[I, J], f32, empty = 0.0>
!A1 = !cascade.tensor<[J, K], f32, empty = 0.0>
!A2 = !cascade.tensor<[K, L], f32, empty = 0.0>
!A02 = !cascade.tensor<[I, K], f32, empty = 0.0>
!A03 = !cascade.tensor<[I, L], f32, empty = 0.0>

// The other way round: a (b c) of a column becomes (a b) c of a row.
// CHECK-LABEL: @row
//       CHECK: %[[X:.*]] = cascade.einsum [i, k] = %a[i, j], %b[j, k] reduce add
//       CHECK: cascade.einsum [i, l] = %[[X]][i, k], %c[k, l] reduce add
cascade.func @row(%a: !A0, %b: !A1, %c: !A2) -> (o: !A03) attributes {reassoc} {
  cascade.rank I = 1
  cascade.rank J = 100
  cascade.rank K = 100
  cascade.rank L = 100
  %t = cascade.einsum [j, l] = %b[j, k], %c[k, l] reduce add : !A1, !A2 -> !cascade.tensor<[J, L], f32, empty = 0.0>
  %o = cascade.einsum [i, l] = %a[i, j], %t[j, l] reduce add : !A0, !cascade.tensor<[J, L], f32, empty = 0.0> -> !A03
  cascade.return %o : !A03
}

// Softmax: the exponential stands between the products.
// CHECK-LABEL: @softmax
//       CHECK: cascade.einsum [p, m] = %q[p, e], %k[m, e]
// REMARK: [[#@LINE+15]]:12: remark: [Missed] ProductsKept {{.*}}Function=softmax {{.*}}'math.exp' of 'n' stands between the products and is not additive: f(x + y) = f(x) + f(y) fails, it takes 'add' to 'mul'"
cascade.func @softmax(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
    where {
      %m = cascade.index m
      %p = cascade.index p
      %c = arith.cmpi sle, %m, %p : index
      cascade.yield %c : i1
    }
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

// A mask on the scores is no factor of a product.
// CHECK-LABEL: @masked
//       CHECK: cascade.einsum [p, m] = %q[p, e], %k[m, e]
// REMARK: Function=masked {{.*}}'s' has a predicate, and a choice of points is no factor of the product"
cascade.func @masked(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !W
    where {
      %m = cascade.index m
      %p = cascade.index p
      %c = arith.cmpi sle, %m, %p : index
      cascade.yield %c : i1
    }
  %o = cascade.einsum [p, f] = %s[p, m], %v[m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

// CHECK-LABEL: @biased
// REMARK: Function=biased {{.*}}'arith.addf' of 't' stands between the products and is not additive
// CHECK-LABEL: @weighted
// REMARK: Function=weighted {{.*}}'t' multiplies by a tensor between the products, and only scalars can move behind them"
// CHECK-LABEL: @infinite
// REMARK: Function=infinite {{.*}}the empty value of 's' is not 0, which the product needs to absorb"
// CHECK-LABEL: @used
// REMARK: Function=used {{.*}}'s' has other uses, so it has to be computed anyway"
// CHECK-LABEL: @exact
//       CHECK: cascade.einsum [p, m] = %q[p, e], %k[m, e]
// REMARK: Function=exact {{.*}}"keeps P*E*M + P*F*M multiply-adds where M*E*F + P*F*E would do: the function lacks 'reassoc'"
cascade.func @biased(%q: !Q, %k: !K, %v: !V, %bias: !W) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !W
  %t = cascade.einsum [p, m] = %s[p, m], %bias[p, m] : !W, !W -> !W
    map (%x, %y) {
      %r = arith.addf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [p, f] = %t[p, m], %v[m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

cascade.func @weighted(%q: !Q, %k: !K, %v: !V, %g: !W) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !W
  %t = cascade.einsum [p, m] = %s[p, m], %g[p, m] : !W, !W -> !W
  %o = cascade.einsum [p, f] = %t[p, m], %v[m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

cascade.func @infinite(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
  %o = cascade.einsum [p, f] = %s[p, m] absorb, %v[m, f] reduce add : !S, !V -> !O
  cascade.return %o : !O
}

cascade.func @used(%q: !Q, %k: !K, %v: !V) -> (o: !O, w: !W) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !W
  %o = cascade.einsum [p, f] = %s[p, m], %v[m, f] reduce add : !W, !V -> !O
  cascade.return %o, %s : !O, !W
}

cascade.func @exact(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  cascade.rank E = 32
  cascade.rank F = 48
  %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !W
  %o = cascade.einsum [p, f] = %s[p, m], %v[m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

!Cu = !cascade.tensor<[B], i32, empty = 0>
!QB = !cascade.tensor<[B, P, E], f32, empty = 0.0>
!KB = !cascade.tensor<[B, T, E], f32, empty = 0.0>
!VB = !cascade.tensor<[B, T, F], f32, empty = 0.0>
!WB = !cascade.tensor<[B, P, T], f32, empty = 0.0>
!OB = !cascade.tensor<[B, P, F], f32, empty = 0.0>

// CHECK-LABEL: @ragged
// REMARK: Function=ragged {{.*}}the coordinates of rank 'T' of 'o' depend on other ranks, which another order may not have"
cascade.func @ragged(%q: !QB, %k: !KB, %v: !VB, %cu: !Cu) -> (o: !OB) attributes {reassoc} {
  cascade.rank E = 32
  cascade.rank F = 48
  cascade.rank T ragged %cu[B] : !Cu
  %s = cascade.einsum [b, p, t] = %q[b, p, e], %k[b, t, e] reduce add : !QB, !KB -> !WB
  %o = cascade.einsum [b, p, f] = %s[b, p, t], %v[b, t, f] reduce add : !WB, !VB -> !OB
  cascade.return %o : !OB
}
