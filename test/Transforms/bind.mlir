// RUN: attn-opt %s --split-input-file --cascade-bind="extents=E=64,F=32 dtype=bf16" | FileCheck %s
// RUN: attn-opt %s --split-input-file --cascade-bind="extents=E=64,F=32 dtype=bf16" \
// RUN:   --cascade-bind="extents=E=64,F=32 dtype=bf16" | FileCheck %s

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!V = !cascade.tensor<[E, F], f32, empty = 0.0>
!O = !cascade.tensor<[P, F], f32, empty = 0.0>
!L = !cascade.tensor<[P], f32, empty = -inf>

// Arguments and results are bound, fixed ones and values in between are not. A
// result that is stored once is narrowed in place.
// CHECK-LABEL: cascade.func @types(
// CHECK-SAME: %q: !PE_bf16, %v: !EF_bf16, %slope: !P_f32
// CHECK-SAME: -> (o: !PF_bf16, l: !P_f32
// CHECK-DAG: cascade.rank E = 64
// CHECK-DAG: cascade.rank F = 32
// CHECK: cascade.einsum [p, e] = %q[p, e], %slope[p] through : !PE_bf16, !P_f32{{.*}} -> !PE_f32
// CHECK: %[[O:.*]] = cascade.einsum [p, f] = %{{.*}}[p, e], %v[e, f] reduce add : !PE_f32, !EF_bf16 -> !PF_bf16
// CHECK: %[[L:.*]] = cascade.einsum
// CHECK: cascade.return %[[O]], %[[L]]
cascade.func @types(%q: !Q, %v: !V, %slope: !L {cascade.fixed}) -> (o: !O, l: !L {cascade.fixed}) {
  %x = cascade.einsum [p, e] = %q[p, e], %slope[p] through : !Q, !L -> !Q
    map (%a, %b) {
      %r = arith.mulf %a, %b : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [p, f] = %x[p, e], %v[e, f] reduce add : !Q, !V -> !O
  %l = cascade.einsum [p] = %x[p, e] absorb reduce max : !Q -> !L
  cascade.return %o, %l : !O, !L
}

// -----

!X = !cascade.tensor<[M, E], f32, empty = 0.0>
!XT = !cascade.tensor<[M0, E], f32, empty = 0.0>
!Y = !cascade.tensor<[M1, M0, E], f32, empty = 0.0>
!A = !cascade.tensor<[E, F], f32, empty = 0.0>

// A split and a slice follow the argument; an initial carry is copied, since the
// carry stays f32.
// CHECK-LABEL: cascade.func @parts
// CHECK: cascade.split %x M into M1, M0 : !ME_bf16 -> !M1M0E_bf16
// CHECK: %[[START:.*]] = cascade.einsum [e, f] = %start[e, f] : !EF_bf16 -> !EF_f32
// CHECK: %[[LAST:.*]] = cascade.scan M by M0 (%x : !ME_bf16) init (%[[START]] : !EF_f32) -> !EF_f32
// CHECK: cascade.einsum {{.*}} : !EF_f32, !M0E_bf16 -> !EF_f32
// CHECK: cascade.einsum [e, f] = %[[LAST]][e, f] : !EF_f32 -> !EF_bf16
cascade.func @parts(%x: !X, %start: !A) -> (y: !Y, a: !A) {
  cascade.rank M0 = 16
  %y = cascade.split %x M into M1, M0 : !X -> !Y
  %last = cascade.scan M by M0 (%x : !X) init (%start : !A) -> !A
    step (%base, %xt, %sum) {
      %next = cascade.einsum [e, f] = %sum[e, f], %xt[m, e] reduce add : !A, !XT -> !A
      cascade.yield %next : !A
    }
  cascade.return %y, %last : !Y, !A
}
