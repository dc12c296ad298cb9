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
