// RUN: attn-opt %s --cascade-join-ranks=width=6 --split-input-file --verify-diagnostics
// RUN: not attn-opt %s --cascade-join-ranks=width=0 2>&1 | FileCheck %s

// CHECK: error: expects a width that is a power of 2, but got 0
!K = !cascade.tensor<[S, M], f32, empty = 0.0>
!R = !cascade.tensor<[], f32, empty = 0.0>
// expected-error @below {{expects a width that is a power of 2, but got 6}}
cascade.func @f(%k: !K) -> (o: !R) {
  %o = cascade.einsum [] = %k[s, m] reduce add : !K -> !R
  cascade.return %o : !R
}
