// RUN: attn-opt %s --cascade-halve-weights | FileCheck %s

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K8 = !cascade.tensor<[M, E], f8E4M3FN, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!A = !cascade.tensor<[P, M], f32, empty = 0.0>
!O = !cascade.tensor<[P, E], bf16, empty = 0.0>
!Most = !cascade.tensor<[P], f32, empty = -inf>

// Weights of at most 1 are f16, from 2^15 on. What is summed over a head keeps its digits.
// CHECK-LABEL: cascade.func @exponentials(
//  CHECK-SAME:   cascade.precision = f16
//       CHECK:   cascade.einsum [p, m] = %{{.*}}[p, e], %k[m, e] reduce add
//       CHECK:   %[[W:.*]] = cascade.einsum [p, m] = %{{.*}}[p, m], %{{.*}}[p] absorb
//       CHECK:   %[[UP:.*]] = cascade.einsum [p, m] = %[[W]][p, m]
//       CHECK:     arith.constant 3.276800e+04
//       CHECK:   %[[SUM:.*]] = cascade.einsum [p, e] = %[[UP]][p, m], %v[m, e] reduce add : {{.*}} -> !PE_f32
//       CHECK:   %[[O:.*]] = cascade.einsum [p, e] = %[[SUM]][p, e] : {{.*}} -> !PE_bf16
//       CHECK:     arith.constant 3.05175781E-5
//       CHECK:   cascade.return %[[O]]
cascade.func @exponentials(%q: !Q, %k: !K8, %v: !K8, %factor: f32) -> (o: !O)
    attributes {reassoc, cascade.precision = bf16} {
  cascade.rank E = 64
  %x = cascade.einsum [p, e] = %q[p, e] : !Q -> !Q
    map (%a) {
      %b = arith.mulf %a, %factor : f32
      cascade.yield %b : f32
    }
  %s = cascade.einsum [p, m] = %x[p, e], %k[m, e] reduce add : !Q, !K8 -> !S
  %most = cascade.einsum [p] = %s[p, m] reduce max : !S -> !Most
  %w = cascade.einsum [p, m] = %s[p, m], %most[p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %o = cascade.einsum [p, e] = %w[p, m], %v[m, e] reduce add : !A, !K8 -> !O
  cascade.return %o : !O
}

// One sum whose weights may be larger keeps all as they are; so does another precision, and a
// function whose order is fixed.
// CHECK-LABEL: cascade.func @larger(
//  CHECK-SAME:   cascade.precision = bf16
//   CHECK-NOT:   arith.constant
cascade.func @larger(%s: !S, %t: !A, %v: !K8) -> (o: !O, u: !O)
    attributes {reassoc, cascade.precision = bf16} {
  cascade.rank E = 64
  %most = cascade.einsum [p] = %s[p, m] reduce max : !S -> !Most
  %w = cascade.einsum [p, m] = %s[p, m], %most[p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %o = cascade.einsum [p, e] = %w[p, m], %v[m, e] reduce add : !A, !K8 -> !O
  %square = cascade.einsum [p, m] = %t[p, m] : !A -> !A
    map (%a) {
      %b = arith.mulf %a, %a : f32
      cascade.yield %b : f32
    }
  %u = cascade.einsum [p, e] = %square[p, m], %v[m, e] reduce add : !A, !K8 -> !O
  cascade.return %o, %u : !O, !O
}

// CHECK-LABEL: cascade.func @f16(
//   CHECK-NOT:   arith.constant
cascade.func @f16(%s: !S, %v: !K8) -> (o: !O)
    attributes {reassoc, cascade.precision = f16} {
  cascade.rank E = 64
  %most = cascade.einsum [p] = %s[p, m] reduce max : !S -> !Most
  %w = cascade.einsum [p, m] = %s[p, m], %most[p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %o = cascade.einsum [p, e] = %w[p, m], %v[m, e] reduce add : !A, !K8 -> !O
  cascade.return %o : !O
}

// CHECK-LABEL: cascade.func @ordered(
//  CHECK-SAME:   cascade.precision = bf16
cascade.func @ordered(%s: !S, %v: !K8) -> (o: !O)
    attributes {cascade.precision = bf16} {
  cascade.rank E = 64
  %most = cascade.einsum [p] = %s[p, m] reduce max : !S -> !Most
  %w = cascade.einsum [p, m] = %s[p, m], %most[p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %o = cascade.einsum [p, e] = %w[p, m], %v[m, e] reduce add : !A, !K8 -> !O
  cascade.return %o : !O
}

// Neither squares of weights nor what is added to are such sums.
// CHECK-LABEL: cascade.func @squares(
//  CHECK-SAME:   cascade.precision = bf16
cascade.func @squares(%s: !S, %v: !K8) -> (o: !O)
    attributes {reassoc, cascade.precision = bf16} {
  cascade.rank E = 64
  %most = cascade.einsum [p] = %s[p, m] reduce max : !S -> !Most
  %w = cascade.einsum [p, m] = %s[p, m], %most[p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %o = cascade.einsum [p, e] = %w[p, m], %v[m, e] reduce add : !A, !K8 -> !O
    map (%a, %b) {
      %c = arith.mulf %a, %a : f32
      %d = arith.mulf %c, %b : f32
      cascade.yield %d : f32
    }
  cascade.return %o : !O
}

// CHECK-LABEL: cascade.func @three_factors(
//  CHECK-SAME:   cascade.precision = bf16
cascade.func @three_factors(%s: !S, %v: !K8, %rows: !cascade.tensor<[M], f32, empty = 0.0>)
    -> (o: !O, u: !O) attributes {reassoc, cascade.precision = bf16} {
  cascade.rank E = 64
  %most = cascade.einsum [p] = %s[p, m] reduce max : !S -> !Most
  %w = cascade.einsum [p, m] = %s[p, m], %most[p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %o = cascade.einsum [p, e] = %w[p, m], %v[m, e] reduce add : !A, !K8 -> !O
  %u = cascade.einsum [p, e] = %w[p, m], %v[m, e], %rows[m] reduce add
      : !A, !K8, !cascade.tensor<[M], f32, empty = 0.0> -> !O
  cascade.return %o, %u : !O, !O
}
