// The byte counts of FuseMax's evaluation (arXiv 2406.10491): encoder attention
// of batch 64 in words of 16 bits, tiles of 256 rows, L3 of 16 MiB. The counts
// follow from the cascades' ranks alone.
// DEFINE: %{extents} =
// DEFINE: %{opts} =
// DEFINE: %{report} = attn-opt %s --cascade-io-report='levels=L3=16777216 key-tile=256 row-granule=256 rows-divide extents=%{extents} %{opts}' --remarks-filter='cascade-io-report' 2>&1 >/dev/null | FileCheck %s

// BERT, 1K and 4K: all rows of a head fit at once. Holding the scores as well
// (the +Cascade hardware) changes nothing yet.
// REDEFINE: %{extents} = B=64,H=12,P=1024,M=1024
// RUN: %{report} --check-prefix=BERT1K
// REDEFINE: %{opts} = hold-points
// RUN: %{report} --check-prefix=BERT1K-POINTS
// REDEFINE: %{opts} =
// REDEFINE: %{extents} = B=64,H=12,P=4096,M=4096
// RUN: %{report} --check-prefix=BERT4K
// BERT1K: Function=one_pass {{.*}}"level L3: moved 402653184 B, compulsory 402653184 B, bound 402653184 B, ratio 1.00"
// BERT1K: "level L3: streamed, tiles of 1024 of P by 256 of M, 331776 of 16777216 B held"
// BERT1K-POINTS: Function=one_pass {{.*}}"level L3: moved 402653184 B,
// BERT1K-POINTS: "level L3: streamed, tiles of 1024 of P by 256 of M, 1380352 of 16777216 B held"
// BERT4K: Function=one_pass {{.*}}"level L3: moved 1610612736 B,

// BERT, 64K and 1M: the keys come by once for each tile of 128 times 256 rows, and
// with the scores held, of 32 times 256.
// REDEFINE: %{extents} = B=64,H=12,P=65536,M=65536
// RUN: %{report} --check-prefix=BERT64K
// REDEFINE: %{opts} = hold-points
// RUN: %{report} --check-prefix=BERT64K-POINTS
// REDEFINE: %{opts} =
// REDEFINE: %{extents} = B=64,H=12,P=1048576,M=1048576
// RUN: %{report} --check-prefix=BERT1M
// BERT64K: Function=one_pass {{.*}}"level L3: moved 38654705664 B,
// BERT64K: "level L3: streamed, tiles of 32768 of P by 256 of M,
// BERT64K-POINTS: Function=one_pass {{.*}}"level L3: moved 115964116992 B,
// BERT64K-POINTS: "level L3: streamed, tiles of 8192 of P by 256 of M,
// BERT1M: Function=one_pass {{.*}}"level L3: moved 6803228196864 B,

// The unfused kernel moves the scores and the weights twice each besides.
// REDEFINE: %{extents} = B=64,H=12,P=4096,M=4096
// REDEFINE: %{opts} = unfused
// RUN: %{report} --check-prefix=UNFUSED
// UNFUSED: Function=stable {{.*}}"level L3: moved 104689827840 B, compulsory 1610612736 B,
// UNFUSED: "level L3: unfused, one pass over M at a time, 103079215104 B spilled"

// A head in a small buffer: the bound is above the compulsory bytes, and where a
// mask leaves half of the pairs it halves (less the one buffer's worth). Tiles of
// 511 rows see the keys up to their last row: about half of those that come by.
// RUN: attn-opt %s --cascade-io-report='levels=SMEM=131072 extents=B=1,H=1,P=65536,M=65536' --remarks-filter='cascade-io-report' 2>&1 >/dev/null | FileCheck %s --check-prefix=SMALL
// SMALL: Function=one_pass {{.*}}bound 429365656 B
// SMALL: Function=causal {{.*}}moved 1113571328 B, {{.*}}bound 214620568 B

// A window sees w keys a row but for the first rows; without its width nothing is
// known to be masked out.
// RUN: attn-opt %s --cascade-io-report='levels=SMEM=131072 extents=B=1,H=1,P=65536,M=65536 scalars=w=16384' --remarks-filter='cascade-io-report' 2>&1 >/dev/null | FileCheck %s --check-prefix=WINDOW
// WINDOW: Function=window {{.*}}moved 505253888 B, {{.*}}bound 93822156 B
// SMALL: Function=window {{.*}}moved 2181038080 B, {{.*}}bound 429365656 B
// RUN: not attn-opt %s --cascade-io-report='levels=L3=1 scalars=w extents=B=1,H=1,P=8,M=8' 2>&1 | FileCheck %s --check-prefix=SCALARS
// SCALARS: error: expects option 'scalars' to be a list of NAME=INTEGER, but got 'w'

// Far below the square of the depth nothing can stream, and in two words nothing
// can be computed.
// RUN: attn-opt %s --cascade-io-report='levels=REG=64,BIT=4 extents=B=1,H=1,P=8,M=8' --remarks-filter='cascade-io-report' 2>&1 >/dev/null | FileCheck %s --check-prefix=TINY
// TINY: "level REG: contraction by contraction, tiles of 5 by 4, 58 of 64 B held"
// TINY: remark: [Missed] {{.*}}"level BIT: no tile fits in 4 B"

// RUN: not attn-opt %s --cascade-io-report='levels=L3=1 extents=B=1,P=8,M=8' 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: expects an extent of rank 'H' to count bytes; add 'H=...' to the extents
// RUN: not attn-opt %s --cascade-io-report='levels=L3=0 extents=B=1,H=1,P=8,M=8' 2>&1 | FileCheck %s --check-prefix=LEVEL
// LEVEL: error: expects option 'levels' to be a list of NAME=BYTES, but got 'L3=0'
// RUN: not attn-opt %s --cascade-io-report='levels=L3=1 keys=Z extents=B=1,H=1,P=8,M=8' 2>&1 | FileCheck %s --check-prefix=KEYS
// KEYS: error: expects one rank to be streamed, but no Einsum sweeps rank 'Z'
// RUN: not attn-opt %s --cascade-io-report='levels=L3=1 rows=M extents=B=1,H=1,P=8,M=8' 2>&1 | FileCheck %s --check-prefix=ROWS
// ROWS: error: expects rank 'M' of the rows to be in a result and in every reduction over 'M', and without a declared extent

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
cascade.func @one_pass(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  cascade.rank E = 64
  cascade.rank F = 64
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
cascade.func @stable(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  cascade.rank E = 64
  cascade.rank F = 64
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

!U = !cascade.tensor<[B, H, P, M], bf16, empty = 0.0>

// Sums of scores under masks.
cascade.func @causal(%q: !Q, %k: !K, %v: !V) -> (o: !O) {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !U
    where {
      %p = cascade.index p
      %m = cascade.index m
      %r = arith.cmpi sle, %m, %p : index
      cascade.yield %r : i1
    }
  %o = cascade.einsum [b, h, p, f] = %s[b, h, p, m], %v[b, h, m, f] reduce add : !U, !V -> !O
  cascade.return %o : !O
}

cascade.func @window(%q: !Q, %k: !K, %v: !V, %w: index) -> (o: !O) {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [b, h, p, m] = %q[b, h, p, e], %k[b, h, m, e] reduce add : !Q, !K -> !U
    where {
      %p = cascade.index p
      %m = cascade.index m
      %first = arith.subi %p, %w : index
      %x = arith.cmpi sgt, %m, %first : index
      %y = arith.cmpi sle, %m, %p : index
      %r = arith.andi %x, %y : i1
      cascade.yield %r : i1
    }
  %o = cascade.einsum [b, h, p, f] = %s[b, h, p, m], %v[b, h, m, f] reduce add : !U, !V -> !O
  cascade.return %o : !O
}
