// RUN: attn-opt %s --cascade-quantize-arguments="arguments=k type=e4m3" | FileCheck %s --check-prefix=HEAD
// RUN: attn-opt %s --cascade-quantize-arguments="arguments=k type=i8 scales=token" | FileCheck %s --check-prefix=TOKEN
// RUN: attn-opt %s --cascade-quantize-arguments="arguments=k type=e5m2 scales=channel" | FileCheck %s --check-prefix=CHANNEL

!Q = !cascade.tensor<[B, H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], f32, empty = -inf>

// The argument keeps its name; scales follow it, and their product is read where
// it was.
// HEAD-DAG: ![[K8:.*]] = !cascade.tensor<[B, H, M, E], f8E4M3FN, empty = 0.0>
// HEAD-DAG: ![[H:.*]] = !cascade.tensor<[H], f32, empty = 0.0>
// HEAD: cascade.func @scores(%q: !{{.*}}, %k: ![[K8]] {{{.*}}cascade.fixed{{.*}}}, %k_scale: ![[H]] {{{.*}}cascade.fixed
// HEAD: %[[X:.*]] = cascade.einsum [b, h, m, e] = %k[b, h, m, e], %k_scale[h] : ![[K8]], ![[H]]
// HEAD: cascade.einsum [b, h, p, m] = %q[b, h, p, e], %[[X]][b, h, m, e] reduce add

// TOKEN: cascade.func @scores(%q: !{{.*}}, %k: !BHME_i8 {{.*}}, %k_scale: !BHM_f32
// TOKEN: cascade.einsum [b, h, m, e] = %k[b, h, m, e], %k_scale[b, h, m]
// TOKEN: arith.sitofp %{{.*}} : i8 to f32

// CHANNEL: %k: !BHME_f8E5M2 {{.*}}, %k_scale: !BHM_f32 {{.*}}, %k_channel_scale: !HE_f32
// CHANNEL: cascade.einsum [b, h, m, e] = %k[b, h, m, e], %k_scale[b, h, m], %k_channel_scale[h, e]
cascade.func @scores(%q: !Q, %k: !K) -> (s: !S) {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
  cascade.return %s : !S
}
