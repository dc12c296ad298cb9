// RUN: attn-opt %s --schedule-tiles='stream=true leaves=4,1,4' --canonicalize --cse | FileCheck %s
// RUN: attn-opt %s --schedule-tiles --canonicalize --cse | FileCheck %s --check-prefix=ITEMS
// RUN: not attn-opt %s --schedule-tiles='stream=true leaves=4,1,3' 2>&1 | FileCheck %s --check-prefix=ODD
// ODD: error: 'tile.program' op expects leaves of a power of 2 of steps, but got 3

#plane = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!x = memref<?x?x64xbf16>
!o = memref<?x?x64xf32>
!lengths = memref<?xi32>

// Sums over keys, of an invariant program: the line counts steps, of which an item
// has at most what the tensor's keys make, and which meet as leaves, here four of one
// step and all others of four. The role that loads copies the steps of its leaves in
// a row, the one that multiplies begins each leaf anew and brings it to the others by
// its first step. No item has more steps, whatever its length says. At last nothing is
// added, as it is to rows whose tile has more leaves than they see.
// CHECK-LABEL: pipe.kernel @sums(
//   CHECK-DAG:   %[[C4:.*]] = arith.constant 4 : i32
//   CHECK-DAG:   %[[C64:.*]] = arith.constant 64 : i32
//   CHECK-DAG:   %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<64x64xf32
//       CHECK:   pipe.dim %{{.*}}, 1
//       CHECK:   arith.maxui %{{.*}}, %{{.*}} : i32
//       CHECK:   %[[MOST:.*]] = arith.ceildivui %{{.*}}, %[[C64]] : i32
//       CHECK:   %[[WORK:.*]] = pipe.work items(%{{.*}}) alike(%{{.*}}) most(%[[MOST]]) leaves <4 of 1, 4> : <stream> steps {
//       CHECK:     %[[SOME:.*]] = arith.minui %{{.*}}, %[[MOST]] : i32
//  CHECK-NEXT:     pipe.yield %[[SOME]]
//       CHECK:   pipe.role "load"
//       CHECK:         %[[FIRST:.*]], %[[END:.*]] = pipe.part %[[WORK]]
//       CHECK:         scf.for %{{.*}} = %{{.*}} to %[[END]]
//       CHECK:   pipe.role "multiply"
//       CHECK:         %[[FIRST:.*]], %[[END:.*]] = pipe.part %[[WORK]]
//       CHECK:         arith.minsi %[[FIRST]], %[[C4]]
//       CHECK:         arith.divui
//       CHECK:         %[[BEGIN:.*]] = arith.addi
//       CHECK:         arith.minsi %[[END]], %[[C4]]
//       CHECK:         arith.divui
//       CHECK:         %[[LEAVES:.*]] = arith.addi
//       CHECK:         scf.for %[[LEAF:.*]] = %[[BEGIN]] to %[[LEAVES]]
//       CHECK:           %[[SHORT:.*]] = arith.minsi %[[LEAF]], %[[C4]]
//       CHECK:           %[[LONG:.*]] = arith.muli %{{.*}}, %[[C4]]
//       CHECK:           %[[NUMBER:.*]] = arith.addi %[[SHORT]], %[[LONG]]
//       CHECK:           arith.minsi %{{.*}}, %[[END]]
//       CHECK:           scf.for
//       CHECK:           %[[WHOLE:.*]], %[[SUM:.*]] = pipe.meet %[[WORK]][%{{.*}}, %{{.*}}] at %[[NUMBER]] rows(%{{.*}}) ({{.*}}) : <stream> merge {
//       CHECK:             arith.addf
//       CHECK:           scf.if %[[WHOLE]] {
//  CHECK-NEXT:             %[[LAST:.*]] = arith.addf %[[SUM]], %[[ZERO]]
//  CHECK-NEXT:             pipe.store %[[LAST]]
//       CHECK:         pipe.next_part %[[WORK]]

// Without a stream a block does all steps of an item in their order.
// ITEMS-LABEL: pipe.kernel @sums(
//       ITEMS:   pipe.work items(%{{.*}}) : <persistent>
//   ITEMS-NOT:   pipe.meet
tile.program @sums(
    %a: !x {tile.name = "a", tile.access = "read", tile.shape = ["B", "P", 64]},
    %w: !x {tile.name = "w", tile.access = "read", tile.shape = ["B", "M", 64]},
    %lengths: !lengths {tile.name = "lengths", tile.access = "read", tile.shape = ["B"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["B", "P", 64]},
    %B: index {tile.extent = "B"}, %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"}) space(%b = "B" by 1, %p = "P" by 64)
    attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %length = tile.element %lengths[%b] empty 0 : i32 : !lengths
  %end = arith.index_cast %length : i32 to index
  %left = arith.subi %P, %p : index
  %rows = arith.minsi %left, %c64 : index
  %r = tile.sweep(%c0 to %end partial) by 64 carry(%zero : tensor<64x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64x64xf32>):
    %x = tile.load %a[#plane](%b, %p, %c0) valid(%rows, %c64) : !x -> tensor<64x64xbf16>
    %y = tile.load %w[#plane](%b, %m, %c0) valid(%count, %c64) : !x -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tile.yield %next : tensor<64x64xf32>
  } merge {
  ^bb0(%u: tensor<64x64xf32>, %v: tensor<64x64xf32>):
    %s = arith.addf %u, %v : tensor<64x64xf32>
    tile.yield %s : tensor<64x64xf32>
  }
  tile.store %r, %o[#plane](%b, %p, %c0) valid(%rows, %c64) : tensor<64x64xf32>, !o
}
