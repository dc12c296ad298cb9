// RUN: attn-opt %s --cascade-move-factors | FileCheck %s

!Q = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!K8 = !cascade.tensor<[H, M, E], f8E4M3FN, empty = 0.0>
!KI = !cascade.tensor<[H, M, E], i8, empty = 0>
!K = !cascade.tensor<[H, M, E], f32, empty = 0.0>
!Rows = !cascade.tensor<[H, M], f32, empty = 0.0>
!Channels = !cascade.tensor<[H, E], f32, empty = 0.0>
!Heads = !cascade.tensor<[H], f32, empty = 0.0>
!S = !cascade.tensor<[H, P, M], f32, empty = -inf>
!A = !cascade.tensor<[H, P, M], f32, empty = 0.0>
!O = !cascade.tensor<[H, P, E], f32, empty = 0.0>
!Most = !cascade.tensor<[H, P], f32, empty = -inf>
!Sum = !cascade.tensor<[H, P], f32, empty = 0.0>

// A factor of the rows leaves the sum over channels, behind its predicate; one of
// the channels joins the queries. What the predicate leaves out stays out, and a
// scale of 0 is a number.
// CHECK-LABEL: cascade.func @scores(
//       CHECK:   %[[Q:.*]] = cascade.einsum [h, p, e] = %q[h, p, e], %channels[h, e]
//       CHECK:   %[[S:.*]] = cascade.einsum [h, q, k] = %[[Q]][h, q, e], %k[h, k, e] reduce add
//       CHECK:     where
//       CHECK:   %[[T:.*]] = cascade.einsum [h, p, m] = %[[S]][h, p, m] absorb, %rows[h, m] through
//   CHECK-NOT:   cascade.einsum
//       CHECK:   cascade.return %[[T]]
cascade.func @scores(%q: !Q, %k: !K8, %rows: !Rows, %channels: !Channels)
    -> (s: !S) attributes {reassoc} {
  %x = cascade.einsum [h, m, e] = %k[h, m, e], %rows[h, m], %channels[h, e]
      : !K8, !Rows, !Channels -> !K
  %s = cascade.einsum [h, q, k] = %q[h, q, e], %x[h, k, e] reduce add : !Q, !K -> !S
    where {
      %i = cascade.index q
      %j = cascade.index k
      %c = arith.cmpi sle, %j, %i : index
      cascade.yield %c : i1
    }
  cascade.return %s : !S
}

// A factor of the rows that are summed joins the weights, one of the channels
// leaves the sum. Integers are converted where they are read.
// CHECK-LABEL: cascade.func @output(
//       CHECK:   %[[A:.*]] = cascade.einsum [h, p, m] = %a[h, p, m], %rows[h, m]
//       CHECK:   %[[O:.*]] = cascade.einsum [h, p, e] = %[[A]][h, p, m], %v[h, m, e] reduce add
//       CHECK:     arith.sitofp %{{.*}} : i8 to f32
//       CHECK:   %[[R:.*]] = cascade.einsum [h, p, e] = %[[O]][h, p, e]{{.*}}, %channels[h, e]
//       CHECK:   cascade.return %[[R]]
cascade.func @output(%a: !A, %v: !KI, %rows: !Rows, %channels: !Channels)
    -> (o: !O) attributes {reassoc} {
  %x = cascade.einsum [h, m, e] = %v[h, m, e], %rows[h, m], %channels[h, e]
      : !KI, !Rows, !Channels -> !K
    map (%i, %r, %c) {
      %f = arith.sitofp %i : i8 to f32
      %y = arith.mulf %f, %r : f32
      %z = arith.mulf %y, %c : f32
      cascade.yield %z : f32
    }
  %o = cascade.einsum [h, p, e] = %a[h, p, m], %x[h, m, e] reduce add : !A, !K -> !O
  cascade.return %o : !O
}

// A number of the head leaves any sum.
// CHECK-LABEL: cascade.func @heads(
//       CHECK:   %[[S:.*]] = cascade.einsum [h, p, m] = %q[h, p, e], %k[h, m, e] reduce add
//       CHECK:   cascade.einsum [h, p, m] = %[[S]][h, p, m] absorb, %scale[h] through
cascade.func @heads(%q: !Q, %k: !K8, %scale: !Heads) -> (s: !S) attributes {reassoc} {
  %x = cascade.einsum [h, m, e] = %k[h, m, e], %scale[h] : !K8, !Heads -> !K
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %x[h, m, e] reduce add : !Q, !K -> !S
  cascade.return %s : !S
}

// Weights that are no more than 1 are rounded to f16, which has no digits for those
// below 2^-24: they are scaled as much up as the scale of the elements scales them
// down.
// CHECK-LABEL: cascade.func @weights_in_f16(
//       CHECK:   %[[W:.*]] = cascade.einsum [h, p, m] = %{{[0-9]+}}[h, p, m], %{{[0-9]+}}[h, p] :
//       CHECK:     arith.divf
//       CHECK:   %[[UP:.*]] = cascade.einsum [h, m] = %rows[h, m]
//       CHECK:     arith.constant 2.560000e+02
//       CHECK:   %[[A:.*]] = cascade.einsum [h, p, m] = %[[W]][h, p, m], %[[UP]][h, m]
//       CHECK:   %[[O:.*]] = cascade.einsum [h, p, e] = %[[A]][h, p, m], %v[h, m, e] reduce add
//       CHECK:   %[[R:.*]] = cascade.einsum [h, p, e] = %[[O]][h, p, e]
//       CHECK:     arith.constant 3.906250e-03
//       CHECK:   cascade.return %[[R]]
cascade.func @weights_in_f16(%s: !S, %v: !K8, %rows: !Rows) -> (o: !O)
    attributes {reassoc, cascade.precision = f16} {
  %x = cascade.einsum [h, m, e] = %v[h, m, e], %rows[h, m] : !K8, !Rows -> !K
  %most = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !Most
  %top = cascade.einsum [h, p] = %most[h, p] through : !Most -> !Most
    map (%a) {
      %sink = arith.constant 2.0 : f32
      %b = arith.maximumf %sink, %a : f32
      cascade.yield %b : f32
    }
  %e = cascade.einsum [h, p, m] = %s[h, p, m], %top[h, p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %keys = cascade.einsum [h, p] = %e[h, p, m] reduce add : !A -> !Sum
  %all = cascade.einsum [h, p] = %top[h, p] absorb, %keys[h, p] : !Most, !Sum -> !Sum
    map (%a, %b) {
      %sink = arith.constant 2.0 : f32
      %c = arith.subf %sink, %a : f32
      %d = math.exp %c : f32
      %f = arith.addf %d, %b : f32
      cascade.yield %f : f32
    }
  %w = cascade.einsum [h, p, m] = %e[h, p, m], %all[h, p] : !A, !Sum -> !A
    map (%a, %b) {
      %c = arith.divf %a, %b : f32
      cascade.yield %c : f32
    }
  %o = cascade.einsum [h, p, e] = %w[h, p, m], %x[h, m, e] reduce add : !A, !K -> !O
  cascade.return %o : !O
}

// Of integers by 64, which is less than 127 is.
// CHECK-LABEL: cascade.func @logistic_in_f16(
//       CHECK:   cascade.einsum [h, m] = %rows[h, m]
//       CHECK:     arith.constant 6.400000e+01
//       CHECK:   %[[O:.*]] = cascade.einsum [h, p, e] = %{{.*}}[h, p, m], %v[h, m, e] reduce add
//       CHECK:   %[[S:.*]] = cascade.einsum [h, p, e] = %[[O]][h, p, e]
//       CHECK:     arith.constant 1.562500e-02
//       CHECK:   cascade.einsum [h, p, e] = %[[S]][h, p, e]{{.*}}, %channels[h, e]
cascade.func @logistic_in_f16(%s: !S, %v: !KI, %rows: !Rows, %channels: !Channels)
    -> (o: !O) attributes {reassoc, cascade.precision = f16} {
  %x = cascade.einsum [h, m, e] = %v[h, m, e], %rows[h, m], %channels[h, e]
      : !KI, !Rows, !Channels -> !K
    map (%i, %r, %c) {
      %f = arith.sitofp %i : i8 to f32
      %y = arith.mulf %f, %r : f32
      %z = arith.mulf %y, %c : f32
      cascade.yield %z : f32
    }
  %w = cascade.einsum [h, p, m] = %s[h, p, m] absorb : !S -> !A
    map (%a) {
      %one = arith.constant 1.0 : f32
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %d = arith.addf %one, %e : f32
      %q = arith.divf %one, %d : f32
      cascade.yield %q : f32
    }
  %o = cascade.einsum [h, p, e] = %w[h, p, m], %x[h, m, e] reduce add : !A, !K -> !O
  cascade.return %o : !O
}

// Numbers that may be large, as exponentials of differences from maxima of others
// or of some of their points, or quotients of sums that they are not in, could leave
// f16.
// CHECK-LABEL: cascade.func @kept_where_weights_may_be_large(
//   CHECK-NOT:   arith.constant
//       CHECK:   cascade.return
cascade.func @kept_where_weights_may_be_large(%s: !S, %t: !S, %v: !K8, %rows: !Rows)
    -> (o: !O, u: !O, y: !O) attributes {reassoc, cascade.precision = f16} {
  %x = cascade.einsum [h, m, e] = %v[h, m, e], %rows[h, m] : !K8, !Rows -> !K
  %most = cascade.einsum [h, p] = %t[h, p, m] reduce max : !S -> !Most
  %e = cascade.einsum [h, p, m] = %s[h, p, m], %most[h, p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %o = cascade.einsum [h, p, e] = %e[h, p, m], %x[h, m, e] reduce add : !A, !K -> !O
  %own = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !Most
  %f = cascade.einsum [h, p, m] = %s[h, p, m], %own[h, p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %sum = cascade.einsum [h, p] = %e[h, p, m] reduce add : !A -> !Sum
  %w = cascade.einsum [h, p, m] = %f[h, p, m], %sum[h, p] : !A, !Sum -> !A
    map (%a, %b) {
      %c = arith.divf %a, %b : f32
      cascade.yield %c : f32
    }
  %u = cascade.einsum [h, p, e] = %w[h, p, m], %x[h, m, e] reduce add : !A, !K -> !O
  %some = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !Most
    where {
      %i = cascade.index p
      %j = cascade.index m
      %before = arith.cmpi sle, %j, %i : index
      cascade.yield %before : i1
    }
  %g = cascade.einsum [h, p, m] = %s[h, p, m], %some[h, p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %y = cascade.einsum [h, p, e] = %g[h, p, m], %x[h, m, e] reduce add : !A, !K -> !O
  cascade.return %o, %u, %y : !O, !O, !O
}

// bf16 has f32's range.
// CHECK-LABEL: cascade.func @kept_in_bf16(
//   CHECK-NOT:   arith.constant {{.*}}e+02
//       CHECK:   cascade.return
cascade.func @kept_in_bf16(%s: !S, %v: !K8, %rows: !Rows) -> (o: !O)
    attributes {reassoc, cascade.precision = bf16} {
  %x = cascade.einsum [h, m, e] = %v[h, m, e], %rows[h, m] : !K8, !Rows -> !K
  %most = cascade.einsum [h, p] = %s[h, p, m] reduce max : !S -> !Most
  %e = cascade.einsum [h, p, m] = %s[h, p, m], %most[h, p] absorb : !S, !Most -> !A
    map (%a, %b) {
      %c = arith.subf %a, %b : f32
      %d = math.exp %c : f32
      cascade.yield %d : f32
    }
  %o = cascade.einsum [h, p, e] = %e[h, p, m], %x[h, m, e] reduce add : !A, !K -> !O
  cascade.return %o : !O
}

// Products round otherwise in another order.
// CHECK-LABEL: cascade.func @kept_without_reassoc(
//       CHECK:   cascade.einsum [h, m, e] = %k[h, m, e], %scale[h]
//       CHECK:   cascade.einsum [h, p, m] = %q[h, p, e], %{{.*}}[h, m, e] reduce add
cascade.func @kept_without_reassoc(%q: !Q, %k: !K8, %scale: !Heads) -> (s: !S) {
  %x = cascade.einsum [h, m, e] = %k[h, m, e], %scale[h] : !K8, !Heads -> !K
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %x[h, m, e] reduce add : !Q, !K -> !S
  cascade.return %s : !S
}

// Neither operand would be read as it lies: weights of a normalisation stay where
// they are.
// CHECK-LABEL: cascade.func @kept_between_arguments(
//       CHECK:   cascade.einsum [h, m, e] = %k[h, m, e], %channels[h, e]
//       CHECK:   cascade.einsum [h, p, m] = %q[h, p, e], %{{.*}}[h, m, e] reduce add
cascade.func @kept_between_arguments(%q: !Q, %k: !K, %channels: !Channels)
    -> (s: !S) attributes {reassoc} {
  %x = cascade.einsum [h, m, e] = %k[h, m, e], %channels[h, e] : !K, !Channels -> !K
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %x[h, m, e] reduce add : !Q, !K -> !S
  cascade.return %s : !S
}

// A bias is no factor.
// CHECK-LABEL: cascade.func @kept_sum(
//       CHECK:   arith.addf
//       CHECK:   cascade.einsum [h, p, m] = %q[h, p, e], %{{.*}}[h, m, e] reduce add
cascade.func @kept_sum(%q: !Q, %k: !K, %rows: !Rows) -> (s: !S) attributes {reassoc} {
  %x = cascade.einsum [h, m, e] = %k[h, m, e], %rows[h, m] : !K, !Rows -> !K
    map (%a, %b) {
      %c = arith.addf %a, %b : f32
      cascade.yield %c : f32
    }
  %s = cascade.einsum [h, p, m] = %q[h, p, e], %x[h, m, e] reduce add : !Q, !K -> !S
  cascade.return %s : !S
}
