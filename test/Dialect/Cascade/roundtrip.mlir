// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>

// The 3-pass definition of causal attention with grouped heads.
// CHECK-LABEL: cascade.func @attention(%q: {{.*}}, %k: {{.*}}, %v: {{.*}}) -> (o: {{.*}}) attributes {reassoc}
cascade.func @attention(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  // CHECK: cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !BHGPE_f32, !BHME_f32 -> !BHGPM_f32
  // CHECK-NEXT: where {
  // CHECK-NEXT:   cascade.index p
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %c = arith.cmpi sle, %m, %p : index
      cascade.yield %c : i1
    }
  %gm = cascade.einsum [b, h, g, p] = %s[b, h, g, p, m] reduce max : !S -> !R
  // CHECK: = %{{.*}}[b, h, g, p, m], %{{.*}}[b, h, g, p] absorb : {{.*}}
  // CHECK-NEXT: map (%[[X:.*]], %[[Y:.*]]) {
  // CHECK-NEXT:   arith.subf %[[X]], %[[Y]] : f32
  %n = cascade.einsum [b, h, g, p, m] = %s[b, h, g, p, m], %gm[b, h, g, p] absorb : !S, !R -> !W
    map (%x, %y) {
      %d = arith.subf %x, %y : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [b, h, g, p] = %n[b, h, g, p, m] reduce add : !W -> !D
  %a = cascade.einsum [b, h, g, p, m] = %n[b, h, g, p, m], %d[b, h, g, p] : !W, !D -> !W
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [b, h, g, p, f] = %a[b, h, g, p, m], %v[b, h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

!Pages = !cascade.tensor<[Pg, M0, E], bf16, empty = 0.0>
!Table = !cascade.tensor<[B, M1], i32, empty = -1>
!Tiled = !cascade.tensor<[B, M1, M0, E], bf16, empty = 0.0>

// A rank read through an index tensor, and its adjoint.
// CHECK-LABEL: cascade.func @gather
cascade.func @gather(%k: !Pages, %t: !Table) -> (y: !Tiled, g: !Pages) {
  // CHECK: cascade.einsum [b, m1, m0, e] = %k[%t[b, m1], m0, e] :
  %y = cascade.einsum [b, m1, m0, e] = %k[%t[b, m1], m0, e] : !Pages, !Table -> !Tiled
  // CHECK: cascade.einsum [%t[b, m1], m0, e] = %{{.*}}[b, m1, m0, e] reduce add :
  %g = cascade.einsum [%t[b, m1], m0, e] = %y[b, m1, m0, e] reduce add : !Tiled, !Table -> !Pages
  cascade.return %y, %g : !Tiled, !Pages
}

!X = !cascade.tensor<[I, E], f32, empty = 0.0>
!XT = !cascade.tensor<[I0, E], f32, empty = 0.0>
!Y = !cascade.tensor<[J1, J0, E], f32, empty = 0.0>
!J = !cascade.tensor<[J, E], f32, empty = 0.0>
!A = !cascade.tensor<[E], f32, empty = 0.0>
!Off = !cascade.tensor<[B1], i32, empty = 0>
!Sel = !cascade.tensor<[E, T], i32, empty = -1>
!XE = !cascade.tensor<[E, I], f32, empty = 0.0>

// CHECK-LABEL: cascade.func @ranks
cascade.func @ranks(%x: !X, %j: !J, %cu: !Off, %xe: !XE, %w: index) -> (a: !A, y: !Y, sel: !Sel) {
  // CHECK: cascade.rank I0 = 16
  cascade.rank I0 = 16
  cascade.rank J0 = 4
  cascade.rank T = 2
  cascade.rank S
  // CHECK: cascade.rank R ragged %cu[B1] :
  cascade.rank R ragged %cu[B1] : !Off
  %n = cascade.extent I
  // CHECK: cascade.split %j J into J1, J0 :
  %y = cascade.split %j J into J1, J0 : !J -> !Y
  %z = cascade.merge %y J1, J0 into S : !Y -> !cascade.tensor<[S, E], f32, empty = 0.0>
  // CHECK: cascade.select %xe I into T :
  %sel = cascade.select %xe I into T : !XE -> !Sel
  // CHECK: cascade.rank L list %{{.*}}[E] of I :
  cascade.rank L list %sel[E] of I : !Sel
  %init = cascade.empty : !A
  // CHECK: cascade.scan I by I0 (%x : !IE_f32) init (%{{.*}} : {{.*}}) ->
  // CHECK-NEXT: step (%{{.*}}, %{{.*}}, %{{.*}}) {
  // CHECK: merge (%{{.*}}, %{{.*}}) {
  %a = cascade.scan I by I0 (%x : !X) init (%init : !A) -> !A
    step (%base, %xt, %c) {
      %l = cascade.einsum [e] = %xt[i, e] reduce add : !XT -> !A
        where {
          %i = cascade.index i
          %at = arith.addi %base, %i : index
          %in = arith.cmpi slt, %at, %w : index
          cascade.yield %in : i1
        }
      %r = cascade.einsum [e] = %c[e], %l[e] : !A, !A -> !A
        map (%u, %v) {
          %s = arith.addf %u, %v : f32
          cascade.yield %s : f32
        }
      cascade.yield %r : !A
    }
    merge (%u, %v) {
      %r = cascade.einsum [e] = %u[e], %v[e] : !A, !A -> !A
        map (%s, %t) {
          %m = arith.addf %s, %t : f32
          cascade.yield %m : f32
        }
      cascade.yield %r : !A
    }
  cascade.return %a, %y, %sel : !A, !Y, !Sel
}

// Affine index expressions: a convolution, and a rotation by halves.
// CHECK-LABEL: cascade.func @affine
cascade.func @affine(%x: !cascade.tensor<[P], f32, empty = 0.0>, %f: !cascade.tensor<[S], f32, empty = 0.0>)
    -> (y: !cascade.tensor<[Q], f32, empty = 0.0>) {
  cascade.rank Q = 8
  // CHECK: [q] = %x[q + s - 1], %f[(s + 2) mod 4 + q floordiv 8 * 2], %f[s] reduce add :
  %y = cascade.einsum [q] = %x[q + s - 1], %f[(s + 2) mod 4 + q floordiv 8 * 2], %f[s] reduce add
      : !cascade.tensor<[P], f32, empty = 0.0>, !cascade.tensor<[S], f32, empty = 0.0>, !cascade.tensor<[S], f32, empty = 0.0>
      -> !cascade.tensor<[Q], f32, empty = 0.0>
  cascade.return %y : !cascade.tensor<[Q], f32, empty = 0.0>
}

!Lists = !cascade.tensor<[B, I, T], i32, empty = -1>
!Starts = !cascade.tensor<[J], i32, empty = 0>
!Flat = !cascade.tensor<[N], i32, empty = -1>
!BM = !cascade.tensor<[B, M], f32, empty = 0.0>

// Sets of numbers in a list and in a part of one.
// CHECK-LABEL: cascade.func @members
cascade.func @members(%x: !BM, %lists: !Lists, %starts: !Starts, %flat: !Flat) -> (y: !BM) {
  %y = cascade.einsum [b, m] = %x[b, m] : !BM -> !BM
    where {
      %b = cascade.index b
      %m = cascade.index m
      // CHECK: cascade.member %[[M:.*]] in %lists[%[[B:[^,]*]], %[[M]]] : !BIT_i32
      %listed = cascade.member %m in %lists[%b, %m] : !Lists
      %s = cascade.read %starts[%b] : !Starts -> i32
      %start = arith.index_cast %s : i32 to index
      // CHECK: cascade.member %[[M]] in %flat[] from %{{.*}} to %[[M]] {tag} : !N_i32
      %ranged = cascade.member %m in %flat[] from %start to %m {tag} : !Flat
      %both = arith.andi %listed, %ranged : i1
      cascade.yield %both : i1
    }
  cascade.return %y : !BM
}

// What is known of a parameter, and what a table holds by default.
// CHECK: cascade.func @facts(%n: index {cascade.default = 2 : index, cascade.max = 4 : index, cascade.min = 1 : index}, %t: !N_i32 {cascade.fill = #[[MAP:.*]]}) {
cascade.func @facts(%n: index {cascade.min = 1 : index, cascade.max = 4 : index, cascade.default = 2 : index},
    %t: !Flat {cascade.fill = affine_map<(d0)[s0] -> (s0 - d0)>}) {
  cascade.return
}
