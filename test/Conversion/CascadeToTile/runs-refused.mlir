// RUN: attn-opt %s --cascade-join-ranks=width=1024 --cascade-reduce-passes --convert-cascade-to-tile --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

// Blocks of each segment that lie apart: steps of a run follow each other.
!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[S, M, E], f32, empty = 0.0>
!S = !cascade.tensor<[P, S, M], f32, empty = 0.0>
!O = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @strided(%q: !Q, %k: !K) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  // expected-error @below {{has no lowering to tile: in a coordinate of rank 'S' what is seen of rank 'M' are no ranges; give the ranges coordinates of their own}}
  %s = cascade.einsum [p, s, m] = %q[p, e], %k[s, m, e] reduce add : !Q, !K -> !S
    where {
      %m = cascade.index m
      %c16 = arith.constant 16 : index
      %c8 = arith.constant 8 : index
      %c3 = arith.constant 3 : index
      %block = arith.floordivsi %m, %c16 : index
      %phase = arith.remui %block, %c8 : index
      %kept = arith.cmpi eq, %phase, %c3 : index
      cascade.yield %kept : i1
    }
  %o = cascade.einsum [p] = %s[p, s, m] reduce add : !S -> !O
  cascade.return %o : !O
}

// -----

// A sum of what nothing masks: which keys there are nobody says.
!K = !cascade.tensor<[S, M, E], f32, empty = 0.0>
!O = !cascade.tensor<[E], f32, empty = 0.0>
cascade.func @unmasked(%k: !K) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  // expected-error @below {{has no lowering to tile: it sweeps 'S_M', which stands for ranks 'S' and 'M', and has no one mask or no merge; give what it sums a 'where'}}
  %o = cascade.einsum [e] = %k[s, m, e] reduce add : !K -> !O
  cascade.return %o : !O
}

// -----

// Without a merge steps are taken in their order, of which runs have none.
!K = !cascade.tensor<[S_M, E], f32, empty = 0.0>
!KT = !cascade.tensor<[M0, E], f32, empty = 0.0>
!O = !cascade.tensor<[E], f32, empty = 0.0>
cascade.func @stepwise(
    %k: !K {cascade.packing = #cascade.packing<1024 of "M" in "S" as "S_M" from ["S", "M", "E"]>})
    -> (o: !O) {
  cascade.rank E = 64
  cascade.rank M0 = 64
  %start = cascade.empty : !O
  // expected-error @below {{it sweeps 'S_M', which stands for ranks 'S' and 'M', and has no one mask or no merge; give what it sums a 'where'}}
  %o = cascade.scan S_M by M0 (%k : !K) init (%start : !O) -> !O
    step (%base, %kt, %sum) {
      %part = cascade.einsum [e] = %kt[m, e] reduce add : !KT -> !O
        where {
          %m = cascade.index m
          %at = arith.addi %base, %m : index
          %c1024 = arith.constant 1024 : index
          %place = arith.remui %at, %c1024 : index
          %keys = cascade.extent M
          %exists = arith.cmpi slt, %place, %keys : index
          cascade.yield %exists : i1
        }
      %next = cascade.einsum [e] = %sum[e], %part[e] : !O, !O -> !O
        map (%a, %b) {
          %r = arith.addf %a, %b : f32
          cascade.yield %r : f32
        }
      cascade.yield %next : !O
    }
  cascade.return %o : !O
}
