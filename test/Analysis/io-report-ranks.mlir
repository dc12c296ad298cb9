// Which ranks are streamed, tiled and whole follows from the cascade.
// RUN: attn-opt %s --cascade-io-report='levels=L2=65536 extents=B=2,H=3,G=4,P=512,M=1024' --remarks-filter='cascade-io-report' 2>&1 >/dev/null | FileCheck %s

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!Bias = !cascade.tensor<[P, M], f32, empty = 0.0>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>

// Of 512 rows of 64 words, 251 fit beside one key and its biases: three tiles. Keys and values
// lack G, so they come by 3 * 4 times; the bias has rows and keys, and comes by
// once for each b, h and g.
// CHECK: Function=grouped {{.*}}"level L2: moved 72351744 B, compulsory 6815744 B,
// CHECK: "level L2: streamed, tiles of 251 of P by 1 of M, 65516 of 65536 B held"
cascade.func @grouped(%q: !Q, %k: !K, %v: !V, %bias: !Bias) -> (o: !O) {
  cascade.rank E = 32
  cascade.rank F = 32
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !W
  %t = cascade.einsum [b, h, g, p, m] = %s[b, h, g, p, m], %bias[p, m] : !W, !Bias -> !W
    map (%x, %y) {
      %r = arith.addf %x, %y : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [b, h, g, p, f] = %t[b, h, g, p, m], %v[b, h, m, f] reduce add : !W, !V -> !O
  cascade.return %o : !O
}

!X = !cascade.tensor<[M, K], f32, empty = 0.0>
!Y = !cascade.tensor<[K, N], f32, empty = 0.0>
!Z = !cascade.tensor<[M, N], f32, empty = 0.0>

// A matrix product by itself: the left side comes by twice, the right one nine
// times.
// CHECK: Function=product {{.*}}"level L2: moved 3276800 B, compulsory 1703936 B, bound 1703936 B,
// CHECK: "level L2: contraction by contraction, tiles of 126 by 128,
cascade.func @product(%x: !X, %y: !Y) -> (z: !Z) {
  cascade.rank K = 128
  cascade.rank N = 256
  %z = cascade.einsum [m, n] = %x[m, k], %y[k, n] reduce add : !X, !Y -> !Z
  cascade.return %z : !Z
}

!St = !cascade.tensor<[E, F], f32, empty = 0.0>
!KM = !cascade.tensor<[M, E], f32, empty = 0.0>
!VM = !cascade.tensor<[M, F], f32, empty = 0.0>

// A scan's rank is streamed, though it is in the result; its products read the
// state and cannot run apart.
// CHECK: Function=state {{.*}}"level L2: moved 524288 B, compulsory 524288 B, bound 524288 B, ratio 1.00"
// CHECK: "level L2: streamed, tiles of 1 of a work item by 16 of M,
cascade.func @state(%q: !KM, %k: !KM, %v: !VM) -> (o: !VM) {
  cascade.rank E = 32
  cascade.rank F = 32
  cascade.rank M0 = 16
  %start = cascade.empty : !St
  %last, %o = cascade.scan M by M0 (%q, %k, %v : !KM, !KM, !VM) init (%start : !St) -> !St, !VM
    step (%base, %qt, %kt, %vt, %s) {
      %u = cascade.einsum [m, f] = %qt[m, e], %s[e, f] reduce add
          : !cascade.tensor<[M0, E], f32, empty = 0.0>, !St -> !cascade.tensor<[M0, F], f32, empty = 0.0>
      %kv = cascade.einsum [e, f] = %kt[m, e], %vt[m, f] reduce add
          : !cascade.tensor<[M0, E], f32, empty = 0.0>, !cascade.tensor<[M0, F], f32, empty = 0.0> -> !St
      %s1 = cascade.einsum [e, f] = %s[e, f], %kv[e, f] : !St, !St -> !St
        map (%x, %y) {
          %r = arith.addf %x, %y : f32
          cascade.yield %r : f32
        }
      cascade.yield %s1, %u : !St, !cascade.tensor<[M0, F], f32, empty = 0.0>
    }
  cascade.return %o : !VM
}
