// Padded batches: each sequence has its own numbers of queries and keys.
//
// Queries and keys beyond their sequence's length see nothing and are not seen. With
// `causal`, the last query of a sequence sees its last key.

!Q = !cascade.tensor<[B, H, G, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, H, G, P, M], f32, empty = -inf>
!R = !cascade.tensor<[B, H, G, P], f32, empty = -inf>
!W = !cascade.tensor<[B, H, G, P, M], f32, empty = 0.0>
!D = !cascade.tensor<[B, H, G, P], f32, empty = 0.0>
!O = !cascade.tensor<[B, H, G, P, F], f32, empty = 0.0>
!Lengths = !cascade.tensor<[B], i32, empty = 0>

cascade.func @varlen(%q: !Q, %k: !K, %v: !V,
    %q_lengths: !Lengths {cascade.fixed, cascade.fill = affine_map<(d0) -> (384 - (d0 mod 4) * 96)>,
        cascade.doc = "queries of each sequence"},
    %k_lengths: !Lengths {cascade.fixed, cascade.fill = affine_map<(d0) -> (448 - (d0 mod 4) * 96)>,
        cascade.doc = "keys of each sequence"},
    %causal: index {cascade.static, cascade.default = 0 : index, cascade.min = 0 : index, cascade.max = 1 : index,
        cascade.doc = "whether later keys are hidden (1) or seen (0)"},
    %scale: f32 {cascade.positive, cascade.default = "rsqrt(E)", cascade.doc = "factor of the scores"})
    -> (o: !O, lse: !R {cascade.fixed}) attributes {reassoc} {
  %s = cascade.einsum [b, h, g, p, m] = %q[b, h, g, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
    where {
      %zero = arith.constant 0 : index
      %b = cascade.index b
      %p = cascade.index p
      %m = cascade.index m
      %queries_value = cascade.read %q_lengths[%b] : !Lengths -> i32
      %keys_value = cascade.read %k_lengths[%b] : !Lengths -> i32
      %queries = arith.index_cast %queries_value : i32 to index
      %keys = arith.index_cast %keys_value : i32 to index
      %is_query = arith.cmpi slt, %p, %queries : index
      %is_key = arith.cmpi slt, %m, %keys : index
      %exist = arith.andi %is_query, %is_key : i1
      %offset = arith.subi %keys, %queries : index
      %at = arith.addi %p, %offset : index
      %before = arith.cmpi sle, %m, %at : index
      %is_causal = arith.cmpi ne, %causal, %zero : index
      %true = arith.constant true
      %any_order = arith.xori %is_causal, %true : i1
      %ordered = arith.ori %before, %any_order : i1
      %visible = arith.andi %exist, %ordered : i1
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
