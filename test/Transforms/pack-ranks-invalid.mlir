// RUN: attn-opt %s --cascade-pack-ranks=width=6 --verify-diagnostics

!Q = !cascade.tensor<[G, P], f32, empty = 0.0>
// expected-error @below {{expects two ranks and a width that is a power of 2, but got 'P', 'G' and 6}}
cascade.func @f(%q: !Q) -> (o: !Q) {
  %o = cascade.einsum [g, p] = %q[g, p] : !Q -> !Q
  cascade.return %o : !Q
}
