// Numbers of 8 bits that a table has, extended at each point as the cast says.
// RUN: attn-compile %s --target=sm_90a --dtype=bf16 --head-dim=64 --dump-stages-to=%t -o %t.attn
// RUN: cat %t/*-pipe.mlir | FileCheck %s
// RUN: attn-run %s --q-len=70 --kv-len=70 --head-dim=32 --check | FileCheck %s --check-prefix=CPU

// CHECK: %[[BYTES:.*]] = arith.constant dense<255>
// CHECK: %[[TABLE:.*]] = pipe.gather %{{.*}} : <?x?xi8, strided>
// CHECK: arith.andi %[[TABLE]], %[[BYTES]]
// CPU: right

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>
!Keep = !cascade.tensor<[B, M], i8, empty = 0>

cascade.func @narrow_table(%q: !Q, %k: !K, %v: !V,
    %keep: !Keep {cascade.fixed, cascade.fill = affine_map<(d0, d1) -> (d1 * 3)>,
        cascade.doc = "queries see keys with at most 100"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {cascade.residual, reassoc} {
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %most = arith.constant 100 : index
      %b = cascade.index b
      %p = cascade.index p
      %m = cascade.index m
      %kept = cascade.read %keep[%b, %m] : !Keep -> i8
      %number = arith.index_castui %kept : i8 to index
      %known = arith.cmpi sle, %number, %most : index
      %before = arith.cmpi sle, %m, %p : index
      %visible = arith.andi %known, %before : i1
      cascade.yield %visible : i1
    }
  %t = cascade.einsum [b, h, g, p, m] = %s[b, h, g, p, m] absorb : !S -> !S
    map (%x) {
      %y = arith.mulf %x, %scale : f32
      cascade.yield %y : f32
    }
  %gm = cascade.einsum [b, h, g, p] = %t[b, h, g, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, g, p, m] = %t[b, h, g, p, m], %gm[b, h, g, p] absorb : !S, !R -> !W
    map (%x, %max) {
      %d = arith.subf %x, %max : f32
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
  %lse = cascade.einsum [b, h, g, p] = %gm[b, h, g, p] absorb, %d[b, h, g, p] absorb : !R, !D -> !R
    map (%max, %y) {
      %l = math.log %y : f32
      %r = arith.addf %max, %l : f32
      cascade.yield %r : f32
    }
  cascade.return %o, %lse : !O, !R
}
