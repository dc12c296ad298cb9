// The variant of docs/writing-a-variant.md and what that page says of it.
// RUN: attn-opt %s --cascade-count-passes --remarks-filter='cascade-count-passes' 2>&1 >/dev/null | FileCheck %s --check-prefix=BEFORE
// RUN: attn-opt %s --cascade-reduce-passes --cascade-count-passes --remarks-filter='cascade.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=AFTER

// BEFORE: "rank M: 3 passes"
// BEFORE: "rank M: live across pass 1->2: t (B*H*P*M words)"
// BEFORE: "rank M: pass 2 forced by: gm -> n (all of M before any)"
// AFTER: BarrierDeferred{{.*}}"rank M: applied after the sum, in 'mul'"
// AFTER: BarrierRescaled{{.*}}"rank M: followed as it grows, in 'mul'"
// AFTER: "rank M (M0): 1 pass"

// Causal attention whose scores lose a fixed amount a key of distance.

!Q = !cascade.tensor<[B, H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>

cascade.func @fading(%q: !Q, %k: !K, %v: !V,
    %fade: f32 {cascade.default = "0.1", cascade.doc = "loss a key of distance"})
    -> (o: !O) attributes {reassoc} {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %visible = arith.cmpi sle, %m, %p : index
      cascade.yield %visible : i1
    }
  %t = cascade.einsum [b, h, p, m] = %s[b, h, p, m] : !S -> !S
    map (%x) {
      %p = cascade.index p
      %m = cascade.index m
      %distance = arith.subi %p, %m : index
      %i = arith.index_cast %distance : index to i32
      %f = arith.sitofp %i : i32 to f32
      %loss = arith.mulf %f, %fade : f32
      %y = arith.subf %x, %loss : f32
      cascade.yield %y : f32
    }
  %gm = cascade.einsum [b, h, p] = %t[b, h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, p, m] = %t[b, h, p, m], %gm[b, h, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }
  %d = cascade.einsum [b, h, p] = %n[b, h, p, m] reduce add : !W -> !D
  %a = cascade.einsum [b, h, p, m] = %n[b, h, p, m], %d[b, h, p] : !W, !D -> !W
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [b, h, p, f] = %a[b, h, p, m], %v[b, h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}
