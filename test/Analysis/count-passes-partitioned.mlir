// The pass table of FuseMax (arXiv 2406.10491), the rows with partitioned keys.
// RUN: attn-opt %s --cascade-count-passes --remarks-filter='cascade-count-passes' 2>&1 >/dev/null | FileCheck %s

!Q = !cascade.tensor<[P, E], f32, empty = 0.0>
!K = !cascade.tensor<[M, E], f32, empty = 0.0>
!V = !cascade.tensor<[M, F], f32, empty = 0.0>
!BK = !cascade.tensor<[M1, M0, E], f32, empty = 0.0>
!BV = !cascade.tensor<[M1, M0, F], f32, empty = 0.0>
!S = !cascade.tensor<[P, M1, M0], f32, empty = -inf>
!W = !cascade.tensor<[P, M1, M0], f32, empty = 0.0>
!LM = !cascade.tensor<[P, M1], f32, empty = -inf>
!LD = !cascade.tensor<[P, M1], f32, empty = 0.0>
!LO = !cascade.tensor<[P, M1, F], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
!O = !cascade.tensor<[P, F], f32, empty = 0.0>

// Maxima and sums of the tiles first, corrected in a second pass. The sweep over
// the tiles' summaries is none over the keys.
// CHECK: Function=two_pass {{.*}}"rank M (M1, M0): 2 passes, 1 summary pass"
// CHECK: "rank M: live across pass 1->2: sln (P*M1*M0 words)"
// CHECK: "rank M: pass 2 forced by: plm -> a (all of M, reduced in gm, before any)"
// CHECK: "rank M: pass 2 forced by: sd -> a (all of M before any)"
cascade.func @two_pass(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  cascade.rank M0 = 16
  %bk = cascade.split %k M into M1, M0 : !K -> !BK
  %bv = cascade.split %v M into M1, M0 : !V -> !BV
  %s = cascade.einsum [p, m1, m0] = %q[p, e], %bk[m1, m0, e] reduce add : !Q, !BK -> !S
  %lm = cascade.einsum [p, m1] = %s[p, m1, m0] reduce max : !S -> !LM
  %sln = cascade.einsum [p, m1, m0] = %s[p, m1, m0], %lm[p, m1] absorb : !S, !LM -> !W
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %sld = cascade.einsum [p, m1] = %sln[p, m1, m0] reduce add : !W -> !LD
  %gm = cascade.einsum [p] = %lm[p, m1] reduce max : !LM -> !R
  %plm = cascade.einsum [p, m1] = %lm[p, m1], %gm[p] absorb : !LM, !R -> !LD
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %sd = cascade.einsum [p] = %sld[p, m1], %plm[p, m1] reduce add : !LD, !LD -> !D
  %a = cascade.einsum [p, m1, m0] = %sln[p, m1, m0], %plm[p, m1], %sd[p] : !W, !LD, !D -> !W
    map (%x, %y, %z) {
      %u = arith.mulf %x, %y : f32
      %r = arith.divf %u, %z : f32
      cascade.yield %r : f32
    }
  %o = cascade.einsum [p, f] = %a[p, m1, m0], %bv[m1, m0, f] reduce add : !W, !BV -> !O
  cascade.return %o : !O
}

// Both corrections deferred: the split over keys of FlashDecoding.
// CHECK: Function=split_keys {{.*}}"rank M (M1, M0): 1 pass, 1 summary pass"
// CHECK-NOT: Function=split_keys {{.*}}live
cascade.func @split_keys(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  cascade.rank M0 = 16
  %bk = cascade.split %k M into M1, M0 : !K -> !BK
  %bv = cascade.split %v M into M1, M0 : !V -> !BV
  %s = cascade.einsum [p, m1, m0] = %q[p, e], %bk[m1, m0, e] reduce add : !Q, !BK -> !S
  %lm = cascade.einsum [p, m1] = %s[p, m1, m0] reduce max : !S -> !LM
  %sln = cascade.einsum [p, m1, m0] = %s[p, m1, m0], %lm[p, m1] absorb : !S, !LM -> !W
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %sld = cascade.einsum [p, m1] = %sln[p, m1, m0] reduce add : !W -> !LD
  %gm = cascade.einsum [p] = %lm[p, m1] reduce max : !LM -> !R
  %plm = cascade.einsum [p, m1] = %lm[p, m1], %gm[p] absorb : !LM, !R -> !LD
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      %e = math.exp %z : f32
      cascade.yield %e : f32
    }
  %sd = cascade.einsum [p] = %sld[p, m1], %plm[p, m1] reduce add : !LD, !LD -> !D
  %slnv = cascade.einsum [p, m1, f] = %sln[p, m1, m0], %bv[m1, m0, f] reduce add : !W, !BV -> !LO
  %nv = cascade.einsum [p, f] = %slnv[p, m1, f], %plm[p, m1] reduce add : !LO, !LD -> !O
  %o = cascade.einsum [p, f] = %nv[p, f], %sd[p] : !O, !D -> !O
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  cascade.return %o : !O
}

!KT = !cascade.tensor<[M0, E], f32, empty = 0.0>
!VT = !cascade.tensor<[M0, F], f32, empty = 0.0>
!ST = !cascade.tensor<[P, M0], f32, empty = -inf>
!WT = !cascade.tensor<[P, M0], f32, empty = 0.0>

// FuseMax's cascade 5, FlashAttention-2: one scan with running maximum,
// denominator and numerator.
// CHECK: Function=one_pass {{.*}}"rank M (M0): 1 pass"
// CHECK-NOT: Function=one_pass {{.*}}live
cascade.func @one_pass(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  cascade.rank M0 = 16
  %rm0 = cascade.empty : !R
  %rd0 = cascade.empty : !D
  %rnv0 = cascade.empty : !O
  %rm, %rd, %rnv = cascade.scan M by M0 (%k, %v : !K, !V) init (%rm0, %rd0, %rnv0 : !R, !D, !O) -> !R, !D, !O
    step (%base, %kt, %vt, %m, %d, %nv) {
      %bqk = cascade.einsum [p, m0] = %q[p, e], %kt[m0, e] reduce add : !Q, !KT -> !ST
      %lm = cascade.einsum [p] = %bqk[p, m0] reduce max : !ST -> !R
      %m1 = cascade.einsum [p] = %m[p], %lm[p] : !R, !R -> !R
        map (%x, %y) {
          %r = arith.maximumf %x, %y : f32
          cascade.yield %r : f32
        }
      %sln = cascade.einsum [p, m0] = %bqk[p, m0], %m1[p] absorb : !ST, !R -> !WT
        map (%x, %y) {
          %z = arith.subf %x, %y : f32
          %e = math.exp %z : f32
          cascade.yield %e : f32
        }
      %sld = cascade.einsum [p] = %sln[p, m0] reduce add : !WT -> !D
      %slnv = cascade.einsum [p, f] = %sln[p, m0], %vt[m0, f] reduce add : !WT, !VT -> !O
      %prm = cascade.einsum [p] = %m[p] absorb, %m1[p] absorb : !R, !R -> !D
        map (%x, %y) {
          %z = arith.subf %x, %y : f32
          %e = math.exp %z : f32
          cascade.yield %e : f32
        }
      %spd = cascade.einsum [p] = %d[p], %prm[p] : !D, !D -> !D
      %d1 = cascade.einsum [p] = %sld[p], %spd[p] : !D, !D -> !D
        map (%x, %y) {
          %r = arith.addf %x, %y : f32
          cascade.yield %r : f32
        }
      %spnv = cascade.einsum [p, f] = %nv[p, f], %prm[p] : !O, !D -> !O
      %nv1 = cascade.einsum [p, f] = %slnv[p, f], %spnv[p, f] : !O, !O -> !O
        map (%x, %y) {
          %r = arith.addf %x, %y : f32
          cascade.yield %r : f32
        }
      cascade.yield %m1, %d1, %nv1 : !R, !D, !O
    }
  %o = cascade.einsum [p, f] = %rnv[p, f], %rd[p] : !O, !D -> !O
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  cascade.return %o : !O
}
