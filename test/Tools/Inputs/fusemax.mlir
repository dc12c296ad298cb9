// Attention in words of 16 bits, as FuseMax (arXiv 2406.10491) counts bytes.

!Q = !cascade.tensor<[B, H, P, E], bf16, empty = 0.0>
!K = !cascade.tensor<[B, H, M, E], bf16, empty = 0.0>
!V = !cascade.tensor<[B, H, M, F], bf16, empty = 0.0>
!KT = !cascade.tensor<[B, H, M0, E], bf16, empty = 0.0>
!VT = !cascade.tensor<[B, H, M0, F], bf16, empty = 0.0>
!S = !cascade.tensor<[B, H, P, M], bf16, empty = -inf>
!W = !cascade.tensor<[B, H, P, M], bf16, empty = 0.0>
!ST = !cascade.tensor<[B, H, P, M0], bf16, empty = -inf>
!WT = !cascade.tensor<[B, H, P, M0], bf16, empty = 0.0>
!R = !cascade.tensor<[B, H, P], bf16, empty = -inf>
!D = !cascade.tensor<[B, H, P], bf16, empty = 0.0>
!O = !cascade.tensor<[B, H, P, F], bf16, empty = 0.0>

// Cascade 5.
cascade.func @one_pass(%q: !Q, %k: !K, %v: !V) -> (o: !O)
    attributes {reassoc, schedule = #cascade.schedule<keys = 256>} {
  cascade.rank M0 = 256
  %rm0 = cascade.empty : !R
  %rd0 = cascade.empty : !D
  %rnv0 = cascade.empty : !O
  %rm, %rd, %rnv = cascade.scan M by M0 (%k, %v : !K, !V) init (%rm0, %rd0, %rnv0 : !R, !D, !O) -> !R, !D, !O
    step (%base, %kt, %vt, %m, %d, %nv) {
      %bqk = cascade.einsum [b, h, p, m0] = %q[b, h, p, e], %kt[b, h, m0, e] reduce add : !Q, !KT -> !ST
      %lm = cascade.einsum [b, h, p] = %bqk[b, h, p, m0] reduce max : !ST -> !R
      %m1 = cascade.einsum [b, h, p] = %m[b, h, p], %lm[b, h, p] : !R, !R -> !R
        map (%x, %y) {
          %r = arith.maximumf %x, %y : f32
          cascade.yield %r : f32
        }
      %sln = cascade.einsum [b, h, p, m0] = %bqk[b, h, p, m0], %m1[b, h, p] absorb : !ST, !R -> !WT
        map (%x, %y) {
          %z = arith.subf %x, %y : f32
          %e = math.exp %z : f32
          cascade.yield %e : f32
        }
      %sld = cascade.einsum [b, h, p] = %sln[b, h, p, m0] reduce add : !WT -> !D
      %slnv = cascade.einsum [b, h, p, f] = %sln[b, h, p, m0], %vt[b, h, m0, f] reduce add : !WT, !VT -> !O
      %prm = cascade.einsum [b, h, p] = %m[b, h, p] absorb, %m1[b, h, p] absorb : !R, !R -> !D
        map (%x, %y) {
          %z = arith.subf %x, %y : f32
          %e = math.exp %z : f32
          cascade.yield %e : f32
        }
      %spd = cascade.einsum [b, h, p] = %d[b, h, p], %prm[b, h, p] : !D, !D -> !D
      %d1 = cascade.einsum [b, h, p] = %sld[b, h, p], %spd[b, h, p] : !D, !D -> !D
        map (%x, %y) {
          %r = arith.addf %x, %y : f32
          cascade.yield %r : f32
        }
      %spnv = cascade.einsum [b, h, p, f] = %nv[b, h, p, f], %prm[b, h, p] : !O, !D -> !O
      %nv1 = cascade.einsum [b, h, p, f] = %slnv[b, h, p, f], %spnv[b, h, p, f] : !O, !O -> !O
        map (%x, %y) {
          %r = arith.addf %x, %y : f32
          cascade.yield %r : f32
        }
      cascade.yield %m1, %d1, %nv1 : !R, !D, !O
    }
  %o = cascade.einsum [b, h, p, f] = %rnv[b, h, p, f], %rd[b, h, p] : !O, !D -> !O
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  cascade.return %o : !O
}

// Cascade 4.
cascade.func @stable(%q: !Q, %k: !K, %v: !V) -> (o: !O)
    attributes {reassoc, schedule = #cascade.schedule<keys = 256>} {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
  %gm = cascade.einsum [b, h, p] = %s[b, h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, p, m] = %s[b, h, p, m], %gm[b, h, p] absorb : !S, !R -> !W
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
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

// Cascade 4, with the paper's tiles at 64K.
cascade.func @scheduled(%q: !Q, %k: !K, %v: !V) -> (o: !O)
    attributes {reassoc, schedule = #cascade.schedule<rows = 32768, keys = 256>} {
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !S
  %gm = cascade.einsum [b, h, p] = %s[b, h, p, m] reduce max : !S -> !R
  %n = cascade.einsum [b, h, p, m] = %s[b, h, p, m], %gm[b, h, p] absorb : !S, !R -> !W
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
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
