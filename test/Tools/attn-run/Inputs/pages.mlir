// Sums of scores; keys lie in one list of pages, values by sequence and head.

!Q = !cascade.tensor<[B, H, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], f32, empty = 0.0>

cascade.func @sums(%q: !Q,
    %k: !K {cascade.pages = #cascade.pages<16 of "M" by ["B"] in "k_table" to "k_lengths" at "k_starts">},
    %v: !V {cascade.pages = #cascade.pages<8 of "M" by ["B", "H"] in "v_table" to "v_lengths">})
    -> (o: !O) attributes {reassoc} {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
  %o = cascade.einsum [b, h, p, f] = %s[b, h, p, m], %v[b, h, m, f] reduce add : !S, !V -> !O
  cascade.return %o : !O
}
