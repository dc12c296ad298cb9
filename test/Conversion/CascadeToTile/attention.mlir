// RUN: attn-opt %s --cascade-bind='extents=E=64,F=64 dtype=bf16' --cascade-reduce-passes --convert-cascade-to-tile=few-rows=0 --cse --canonicalize | FileCheck %s

!Q = !cascade.tensor<[B, H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>

// One program: rows of queries by 64; a window gives two partial segments and a
// full one; the mask waits until after the scale; the maximum is guarded where
// it is subtracted; the weights are rounded to the type of the values.
// CHECK-LABEL: tile.program @window
//  CHECK-SAME: space(%[[B:.*]] = "B" by 1, %[[H:.*]] = "H" by 1, %[[P:.*]] = "P" by 64)
//       CHECK:   %[[Q:.*]] = tile.load {{.*}} -> tensor<64x64xbf16>
//       CHECK:   %[[R:.*]]:3 = tile.sweep(%{{.*}} to %{{.*}} partial, %{{.*}} to %{{.*}} partial, %{{.*}} to %{{.*}} full) by 256
//  CHECK-NEXT:   ^bb0(%[[BASE:.*]]: index, %[[N:.*]]: index, %[[MAX:.*]]: tensor<64xf32>, %[[SUM:.*]]: tensor<64xf32>, %[[ACC:.*]]: tensor<64x64xf32>):
//       CHECK:     %[[K:.*]] = tile.load {{.*}} valid(%[[N]], {{.*}} -> tensor<256x64xbf16>
//       CHECK:     %[[S:.*]] = tile.dot %[[Q]], %[[K]],
//       CHECK:     %[[T:.*]] = arith.mulf %[[S]],
//       CHECK:     %[[U:.*]] = tile.mask %[[T]] empty 0xFF800000 : f32 at(%[[P]], %{{.*}}) valid(%{{.*}}, %[[N]])
//       CHECK:     %[[LM:.*]] = tile.reduce max %[[U]] dims [1]
//       CHECK:     %[[NEW:.*]] = arith.maximumf %[[MAX]], %[[LM]]
//       CHECK:     %[[NONE:.*]] = arith.cmpf oeq, %[[NEW]],
//       CHECK:     %[[SAFE:.*]] = arith.select %[[NONE]], %{{.*}}, %[[NEW]]
//       CHECK:     arith.subf %[[MAX]], %[[SAFE]]
//   CHECK-NOT:     arith.select
//       CHECK:     %[[W:.*]] = math.exp %{{.*}} : tensor<64x256xf32>
//       CHECK:     %[[V:.*]] = tile.load {{.*}} -> tensor<256x64xbf16>
//       CHECK:     %[[WB:.*]] = arith.truncf %[[W]] : tensor<64x256xf32> to tensor<64x256xbf16>
//       CHECK:     %[[O:.*]] = tile.dot %[[WB]], %[[V]], %{{.*}} maps
//       CHECK:     tile.yield %[[NEW]], %{{.*}}, %[[O]]
//       CHECK:   merge
//       CHECK:   arith.divf %[[R]]#2,
//       CHECK:   tile.store
cascade.func @window(%q: !Q, %k: !K, %v: !V, %scale: f32, %width: index)
    -> (o: !O) attributes {reassoc} {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %p = cascade.index p
      %m = cascade.index m
      %back = arith.subi %p, %m : index
      %near = arith.cmpi slt, %back, %width : index
      %past = arith.cmpi sle, %m, %p : index
      %c = arith.andi %near, %past : i1
      cascade.yield %c : i1
    }
  %t = cascade.einsum [b, h, p, m] = %s[b, h, p, m] absorb : !S -> !S
    map (%x) {
      %y = arith.mulf %x, %scale : f32
      cascade.yield %y : f32
    }
  %gm = cascade.einsum [b, h, p] = %t[b, h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, p, m] = %t[b, h, p, m], %gm[b, h, p] absorb : !S, !R -> !W
    map (%x, %y) {
      %d = arith.subf %x, %y : f32
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

!KV = !cascade.tensor<[B, H, E, F], f32, empty = 0.0>

// A scan that every row would repeat is a program of its own; its result goes
// through workspace.
// CHECK-LABEL: tile.program @linear_0
//  CHECK-SAME: tile.access = "workspace"
//  CHECK-SAME: space(%{{.*}} = "B" by 1, %{{.*}} = "H" by 1)
//       CHECK:   tile.sweep(%{{.*}} to %{{.*}} full) by 256
// CHECK-LABEL: tile.program @linear_1
//  CHECK-SAME: tile.access = "workspace"
//  CHECK-SAME: space(%{{.*}} = "B" by 1, %{{.*}} = "H" by 1, %{{.*}} = "P" by 64)
//   CHECK-NOT:   tile.sweep
//       CHECK:   tile.dot
cascade.func @linear(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  %kv = cascade.einsum [b, h, e, f] = %k[b, h, m, e], %v[b, h, m, f] reduce add : !K, !V -> !KV
  %o = cascade.einsum [b, h, p, f] = %q[b, h, p, e], %kv[b, h, e, f] reduce add : !Q, !KV -> !O
  cascade.return %o : !O
}
