// RUN: attn-opt %s --cascade-choose-schedule='buffer=524288 point-bytes=4 flops-per-byte=4.5 narrow-rate row-granule=32 key-granule=8 few-below=8 few-buffer=16384' --remarks-filter='cascade-choose-schedule' -o %t 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s < %t
// A schedule that is complete stays as it is.
// RUN: attn-opt %t --cascade-choose-schedule='buffer=1024 point-bytes=4 row-granule=3' | diff %t -
// RUN: attn-opt %s --cascade-choose-schedule='buffer=524288 point-bytes=4 copies-keys flops-per-byte=4.5 row-granule=32 key-granule=8' | FileCheck %s --check-prefix=COPIES
// Nothing hides the bytes: tiles are as large as fits; all of 100 keys can stay.
// RUN: attn-opt %s --cascade-choose-schedule='buffer=65536 row-granule=8' | FileCheck %s --check-prefix=LARGE
// RUN: attn-opt %s --cascade-choose-schedule='buffer=65536 row-granule=8 rows-divide extents=P=48,M=100' | FileCheck %s --check-prefix=SHORT
// The options' sizes go before all, and choose nothing else if they are alone.
// RUN: attn-opt %s --cascade-choose-schedule='only-given rows=16 keys=40' | FileCheck %s --check-prefix=GIVEN
// RUN: attn-opt %s --cascade-choose-schedule='buffer=64' --remarks-filter='cascade-choose-schedule' 2>&1 >/dev/null | FileCheck %s --check-prefix=TINY
// RUN: not attn-opt %s --cascade-choose-schedule='extents=P' 2>&1 | FileCheck %s --check-prefix=EXTENTS

!Q = !cascade.tensor<[B, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[B, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[B, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[B, P, M], f32, empty = 0.0>
!O = !cascade.tensor<[B, P, F], f32, empty = 0.0>

// Sums over keys: 64 rows are enough for 24 operations a byte, and 640 keys fit
// beside them, of 64 * (64 + 64) * 4 B and 64 * 4 + (64 + 64) * 4 B a key. One row
// by itself has as many keys as scores fit in 16 KiB.
// REMARK: remark: [Passed] Schedule | Category:cascade-choose-schedule | Function=sums | {{.*}}"tiles of 64 rows by 640 keys"
// CHECK-LABEL: @sums
// CHECK-SAME: schedule = #cascade.schedule<rows = 64, keys = 640, few = <below = 8, keys = 4096>>
// COPIES-LABEL: @sums
// COPIES-SAME: schedule = #cascade.schedule<rows = 64, keys = 384>
// LARGE-LABEL: @sums
// LARGE-SAME: schedule = #cascade.schedule<rows = 120, keys = 8>
// SHORT-LABEL: @sums
// SHORT-SAME: schedule = #cascade.schedule<rows = 24, keys = 100>
// GIVEN-LABEL: @sums
// GIVEN-SAME: schedule = #cascade.schedule<rows = 16, keys = 40>
// TINY: remark: [Missed] Schedule {{.*}} Function=sums | {{.*}}"chooses no tiles: no tile fits in 64 B"
// EXTENTS: error: expects option 'extents' to be a list of RANK=N with N at least 1, but got 'P'
cascade.func @sums(%q: !Q, %k: !K, %v: !V) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %s = cascade.einsum [b, p, m] = %q[b, p, e], %k[b, m, e] reduce add : !Q, !K -> !S
  %o = cascade.einsum [b, p, f] = %s[b, p, m], %v[b, m, f] reduce add : !S, !V -> !O
  cascade.return %o : !O
}

// What the function says stays.
// CHECK-LABEL: @scheduled
// CHECK-SAME: schedule = #cascade.schedule<rows = 7, keys = 1832, few = <below = 2, rows = 2>>
// GIVEN-LABEL: @scheduled
// GIVEN-SAME: schedule = #cascade.schedule<rows = 16, keys = 40, few = <below = 2, rows = 2>>
cascade.func @scheduled(%q: !Q, %k: !K, %v: !V) -> (o: !O)
    attributes {reassoc, schedule = #cascade.schedule<rows = 7, few = <below = 2, rows = 2>>} {
  cascade.rank E = 32
  cascade.rank F = 32
  %s = cascade.einsum [b, p, m] = %q[b, p, e], %k[b, m, e] reduce add : !Q, !K -> !S
  %o = cascade.einsum [b, p, f] = %s[b, p, m], %v[b, m, f] reduce add : !S, !V -> !O
  cascade.return %o : !O
}

// A product over a whole rank streams nothing.
// REMARK: remark: [Missed] Schedule {{.*}} Function=product | {{.*}}"chooses no tiles: rank 'E' is whole in every tile"
// CHECK-LABEL: @product
// CHECK-NOT: schedule
// LARGE-LABEL: @product
// LARGE-NOT: schedule
cascade.func @product(%q: !Q, %w: !cascade.tensor<[E, F], f32, empty = 0.0>) -> (o: !O) attributes {reassoc} {
  cascade.rank E = 64
  cascade.rank F = 64
  %o = cascade.einsum [b, p, f] = %q[b, p, e], %w[e, f] reduce add : !Q, !cascade.tensor<[E, F], f32, empty = 0.0> -> !O
  cascade.return %o : !O
}
