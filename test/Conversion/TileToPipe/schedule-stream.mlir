// RUN: attn-opt %s --schedule-tiles=stream=true --canonicalize --cse --split-input-file | FileCheck %s
// RUN: attn-opt %s --schedule-tiles --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=ITEMS

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#plane = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!x = memref<?x?x64xbf16>
!o = memref<?x?x64xf32>
!lengths = memref<?xi32>

// Sums over keys of which each request has as many as a tensor says. Items of a
// request have equal numbers of steps, and follow each other: the steps of one are
// counted for all. What an item's beginning and end take is four more, as 256 keys are.
// Each role does the same part of an item; the multiplying groups bring theirs to a
// meeting, and who has it whole stores it.
// CHECK-LABEL: pipe.kernel @sums(
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : i32
//       CHECK:   %[[TILES:.*]] = arith.ceildivui %{{.*}}, %{{.*}} : i32
//       CHECK:   %[[WORK:.*]] = pipe.work items(%{{.*}}) alike(%[[TILES]]) lead(8) : <stream> steps {
//  CHECK-NEXT:   ^bb0(%[[ITEM:.*]]: i32):
//       CHECK:     %[[REQUEST:.*]] = arith.divui %[[ITEM]], %[[TILES]]
//       CHECK:     pipe.get %{{.*}}[%[[REQUEST]]]
//       CHECK:     pipe.yield
//       CHECK:   pipe.role "load"
//       CHECK:     %[[FIRST:.*]], %[[NONE:.*]] = pipe.first_part %[[WORK]]
//       CHECK:     %[[EXISTS:.*]] = arith.cmpi sge, %[[FIRST]], %[[C0]]
//       CHECK:     scf.if %[[EXISTS]] {
//       CHECK:       pipe.work_loop %[[AT:.*]] = %[[FIRST]] iter_args({{.*}}%[[BEFORE:.*]] = %[[NONE]])
//       CHECK:         %[[BEGIN:.*]], %[[END:.*]] = pipe.part %[[WORK]][%[[BEFORE]], %[[STEPS:.*]]]
//       CHECK:         %[[SECOND:.*]] = arith.addi %[[BEGIN]], %c1
//       CHECK:         scf.for %{{.*}} = %[[SECOND]] to %[[END]]
//       CHECK:         pipe.next_part %[[WORK]] after %[[AT]][%[[BEFORE]], %[[STEPS]]]
//       CHECK:   pipe.role "multiply"
//       CHECK:       pipe.work_loop %[[AT:.*]] = %{{.*}} iter_args({{.*}}%[[BEFORE:.*]] = %{{.*}})
//       CHECK:         %[[BEGIN:.*]], %[[END:.*]] = pipe.part %[[WORK]][%[[BEFORE]], %[[STEPS:.*]]]
//       CHECK:         %[[SECOND:.*]] = arith.addi %[[BEGIN]], %c1
//       CHECK:         %[[PARTIAL:.*]] = arith.minsi %{{.*}}, %[[END]]
//       CHECK:         scf.for %{{.*}} = %[[SECOND]] to %[[PARTIAL]]
//       CHECK:         scf.for %{{.*}} to %[[END]]
//       CHECK:         %[[ROWS:.*]] = arith.subi %{{.*}}, %{{.*}} : i32
//       CHECK:         %[[WHOLE:.*]], %[[SUM:.*]] = pipe.meet %[[WORK]][%[[BEFORE]], %[[STEPS]]] rows(%[[ROWS]]) ({{.*}}) : <stream> merge {
//       CHECK:           arith.addf
//       CHECK:         scf.if %[[WHOLE]] {
//  CHECK-NEXT:           pipe.store %[[SUM]]
//       CHECK:         pipe.next_part %[[WORK]] after %[[AT]][%[[BEFORE]], %[[STEPS]]]

// ITEMS-LABEL: pipe.kernel @sums(
//       ITEMS:   pipe.work items(%{{.*}}) : <persistent>
//   ITEMS-NOT:   pipe.part
//   ITEMS-NOT:   pipe.meet
tile.program @sums(
    %a: !x {tile.name = "a", tile.access = "read", tile.shape = ["B", "P", 64]},
    %w: !x {tile.name = "w", tile.access = "read", tile.shape = ["B", "M", 64]},
    %lengths: !lengths {tile.name = "lengths", tile.access = "read", tile.shape = ["B"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["B", "P", 64]},
    %B: index {tile.extent = "B"}, %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"}) space(%b = "B" by 1, %p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %length = tile.element %lengths[%b] empty 0 : i32 : !lengths
  %end = arith.index_cast %length : i32 to index
  %left = arith.subi %P, %p : index
  %rows = arith.minsi %left, %c64 : index
  %r = tile.sweep(%c0 to %end full) by 64 carry(%zero : tensor<64x64xf32>) step {
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

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#plane = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!x = memref<?x?x64xbf16>
!o = memref<?x?x64xf32>
!lengths = memref<?xi32>

// A merge may yield what none of its ops gives. It has no identity, which is not
// for the schedule to say.
// CHECK-LABEL: pipe.kernel @merges_to_what_stands_before(
//       CHECK:   pipe.meet
//       CHECK:     pipe.yield %{{cst[_0-9]*}} :
tile.program @merges_to_what_stands_before(
    %a: !x {tile.name = "a", tile.access = "read", tile.shape = ["B", "P", 64]},
    %w: !x {tile.name = "w", tile.access = "read", tile.shape = ["B", "M", 64]},
    %lengths: !lengths {tile.name = "lengths", tile.access = "read", tile.shape = ["B"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["B", "P", 64]},
    %B: index {tile.extent = "B"}, %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"}) space(%b = "B" by 1, %p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %length = tile.element %lengths[%b] empty 0 : i32 : !lengths
  %end = arith.index_cast %length : i32 to index
  %left = arith.subi %P, %p : index
  %rows = arith.minsi %left, %c64 : index
  %r = tile.sweep(%c0 to %end full) by 64 carry(%zero : tensor<64x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64x64xf32>):
    %x = tile.load %a[#plane](%b, %p, %c0) valid(%rows, %c64) : !x -> tensor<64x64xbf16>
    %y = tile.load %w[#plane](%b, %m, %c0) valid(%count, %c64) : !x -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tile.yield %next : tensor<64x64xf32>
  } merge {
  ^bb0(%u: tensor<64x64xf32>, %v: tensor<64x64xf32>):
    tile.yield %zero : tensor<64x64xf32>
  }
  tile.store %r, %o[#plane](%b, %p, %c0) valid(%rows, %c64) : tensor<64x64xf32>, !o
}
