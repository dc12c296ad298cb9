// RUN: not attn-opt %s --cascade-quantize-updates="type=f16" 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not attn-opt %s --cascade-quantize-updates="scales=page" 2>&1 | FileCheck %s --check-prefix=SCALES
// TYPE: error: expects option 'type' to be e4m3, e5m2 or i8 and 'scales' to be head, token or channel, but got 'f16' and 'head'
// SCALES: but got 'e4m3' and 'page'

!K = !cascade.tensor<[T, E], f32, empty = 0.0>
cascade.func @plain(%k: !K) -> (o: !K) {
  %o = cascade.einsum [t, e] = %k[t, e] : !K -> !K
  cascade.return %o : !K
}
