// RUN: attn-opt %s --schedule-tiles --canonicalize --cse | FileCheck %s

// Rows of two dimensions: 8 heads of each query. A group's 64 rows are one copy of
// 8 queries, the other group's begin 8 queries later; what is stored lies
// likewise, tiles by bulk copies and lines from registers. Rows are as many as 8
// times the queries.
#rows = affine_map<(d0, d1)[s0, s1] -> (s0, (d0 + s1) mod 8, (d0 + s1) floordiv 8, d1)>
#line = affine_map<(d0)[s0, s1] -> ((d0 + s1) floordiv 8, s0, (d0 + s1) mod 8)>
#box = affine_map<(d0, d1)[s0, s1] -> (s0, d0 + s1, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x?x?x64xbf16>
!k = memref<?x?x64xbf16>
!l = memref<?x?x?xf32>
// CHECK-LABEL: pipe.kernel @packed(
//  CHECK-SAME:   %[[Q:[a-z0-9]+]]: !pipe.global<?x?x?x64xbf16> {{{.*}}pipe.shape = ["B", "G", "P", 64]}
//       CHECK:   %[[P:.*]] = pipe.dim %[[Q]], 2
//       CHECK:   %[[R:.*]] = arith.muli %[[P]], %c8_i32
//       CHECK:   arith.ceildivui %[[R]], %c128_i32
//       CHECK:   pipe.role "load"
//       CHECK:     %[[ROW:.*]] = arith.muli %{{.*}}, %c128_i32
//       CHECK:     %[[FIRST:.*]] = arith.divui %[[ROW]], %c8_i32
//       CHECK:     pipe.load %[[Q]][%[[B:.*]], %c0_i32, %[[FIRST]], %c0_i32] -> %{{.*}} packed <8 of 1 in 2>
//       CHECK:     %[[NEXT:.*]] = arith.addi %[[ROW]], %c64_i32
//       CHECK:     %[[SECOND:.*]] = arith.divui %[[NEXT]], %c8_i32
//       CHECK:     pipe.load %[[Q]][%[[B]], %c0_i32, %[[SECOND]], %c0_i32] -> %{{.*}} packed <8 of 1 in 2>
//       CHECK:   pipe.role "multiply"
//       CHECK:     pipe.stage
//  CHECK-NEXT:     pipe.bulk_store %{{.*}} -> %{{.*}}[%{{.*}}, %c0_i32, %[[OWN:.*]], %c0_i32] packed <8 of 1 in 2>
//       CHECK:     pipe.store %{{.*}} -> %{{.*}}[%[[OWN]], %{{.*}}, %c0_i32] packed <8 of 2 in 0>
tile.program @packed(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["B", "G", "P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["B", "M", 64]},
    %o: !q {tile.name = "o", tile.access = "write", tile.shape = ["B", "G", "P", 64]},
    %l: !l {tile.name = "l", tile.access = "write", tile.shape = ["P", "B", "G"]},
    %b: index {tile.extent = "B"}, %g: index {tile.extent = "G"},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"},
    %r: index {tile.extent = "R", tile.value = ["mul", "P", 8]})
    space(%at = "B" by 1, %row = "R" by 128) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %zeros = arith.constant dense<0.0> : tensor<128x64xf32>
  %none = arith.constant dense<0.0> : tensor<128xf32>
  %rest = arith.subi %r, %row : index
  %valid = arith.minsi %rest, %c128 : index
  %x = tile.load %q[#rows](%at, %row) valid(%valid, %c64) clips : !q -> tensor<128x64xbf16>
  %a:2 = tile.sweep(%c0 to %m full) by 64 carry(%zeros, %none : tensor<128x64xf32>, tensor<128xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<128x64xf32>, %sum: tensor<128xf32>):
    %y = tile.load %k[#box](%at, %key) valid(%count, %c64) : !k -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zeros maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %part = tile.reduce add %s dims [1] : tensor<128x64xf32>
    %total = arith.addf %sum, %part : tensor<128xf32>
    %z = tile.load %k[#box](%at, %key) valid(%count, %c64) : !k -> tensor<64x64xbf16>
    %w = arith.truncf %s : tensor<128x64xf32> to tensor<128x64xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next, %total : tensor<128x64xf32>, tensor<128xf32>
  }
  %narrow = arith.truncf %a#0 : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %narrow, %o[#rows](%at, %row) valid(%valid, %c64) clips : tensor<128x64xbf16>, !q
  tile.store %a#1, %l[#line](%at, %row) valid(%valid) clips : tensor<128xf32>, !l
}
