// RUN: attn-opt %s --schedule-tiles=stream=true --canonicalize --cse | FileCheck %s
// RUN: attn-opt %s --schedule-tiles --canonicalize --cse | FileCheck %s --check-prefix=ITEMS

#plane = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#run = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!x = memref<?x64xbf16>
!w = memref<?x?x64xbf16>
!o = memref<?x64xf32>
!lengths = memref<?xi32>

// Sums over the keys of all segments. How many steps they have is a sum over the
// segments' lengths: the kernel asks it of each item, and each role of its own.
// CHECK-LABEL: pipe.kernel @sums(
//  CHECK-SAME:   %{{[a-z0-9]+}}: !pipe.global<?x64xbf16> {{{[^%]*}}, %[[W:[a-z0-9]+]]: !pipe.global<?x?x64xbf16> {{{[^%]*}}, %[[LENGTHS:[a-z0-9]+]]: !pipe.global<?xi32>
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : i32
//   CHECK-DAG:   %[[C64:.*]] = arith.constant 64 : i32
//   CHECK-DAG:   %[[WIDTH:.*]] = arith.constant 1024 : i32
//       CHECK:   %[[WORK:.*]] = pipe.work {{.*}} : <stream> steps {
//       CHECK:     %[[RUNS:.*]] = pipe.dim %[[W]], 0
//       CHECK:     %[[STEPS:.*]] = pipe.sum below %[[RUNS]] {
//  CHECK-NEXT:     ^bb0(%[[I:.*]]: i32):
//  CHECK-NEXT:       pipe.get %[[LENGTHS]][%[[I]]]
//       CHECK:       pipe.yield %{{.*}} : i32
//  CHECK-NEXT:     } : i32
//       CHECK:     %[[SOME:.*]] = arith.maxsi %[[STEPS]], %[[C0]]

// Which segment the first step of a part is in is looked for, if it has steps.
//       CHECK:   pipe.role "load"
//       CHECK:     %[[RUNS:.*]] = pipe.dim %[[W]], 0
//       CHECK:     pipe.work_loop
//       CHECK:       pipe.sum below %[[RUNS]] {
//       CHECK:       %[[BEGIN:.*]], %[[LAST:.*]] = pipe.part %[[WORK]]
//       CHECK:       %[[STEP:.*]]:3 = scf.if %{{.*}} -> (i32, i32, i32) {
//  CHECK-NEXT:         %[[RUN_OF:.*]], %[[REST:.*]] = pipe.locate %[[BEGIN]] below %[[RUNS]] {
//       CHECK:           pipe.get %[[LENGTHS]]
//       CHECK:           pipe.yield %{{.*}} : i32
//  CHECK-NEXT:         }
//  CHECK-NEXT:         pipe.get %[[LENGTHS]][%[[RUN_OF]]]
//       CHECK:         %[[FIRST:.*]] = arith.muli %[[RUN_OF]], %[[WIDTH]]
//       CHECK:         scf.yield
//       CHECK:       %[[S:.*]] = arith.divui %[[STEP]]#0, %[[WIDTH]]
//  CHECK-NEXT:       %[[M:.*]] = arith.remui %[[STEP]]#0, %[[WIDTH]]
//       CHECK:       pipe.load %[[W]][%[[S]], %[[M]], %[[C0]]]

// A step that begins before the end of the segment that the one before lies in
// lies in it, too: an addition tells. Only others are looked for.
//       CHECK:       scf.for %[[NUMBER:.*]] = %{{.*}} to %[[LAST]] {{.*}} iter_args(%[[BASE:.*]] = %[[STEP]]#0, %[[END:.*]] = %[[STEP]]#2,
//  CHECK-NEXT:         %[[NEXT:.*]] = arith.addi %[[BASE]], %[[C64]]
//  CHECK-NEXT:         %[[GOES_ON:.*]] = arith.cmpi slt, %[[NEXT]], %[[END]]
//  CHECK-NEXT:         %[[STEP:.*]]:3 = scf.if %[[GOES_ON]] -> (i32, i32, i32) {
//  CHECK-NEXT:           %[[LEFT:.*]] = arith.subi %[[END]], %[[NEXT]]
//  CHECK-NEXT:           %[[COUNT:.*]] = arith.minsi %[[LEFT]], %[[C64]]
//  CHECK-NEXT:           scf.yield %[[NEXT]], %[[COUNT]], %[[END]]
//  CHECK-NEXT:         } else {
//       CHECK:           pipe.locate %[[NUMBER]] below %[[RUNS]] {
//       CHECK:         pipe.fill {{.*}} message(%[[STEP]]#0, %[[STEP]]#1)
//       CHECK:         scf.yield %[[STEP]]#0, %[[STEP]]#2,

// Groups that multiply are told of each step.
//       CHECK:   pipe.role "multiply"
//   CHECK-NOT:     pipe.locate
//       CHECK:     pipe.sum below
//   CHECK-NOT:     pipe.locate
//       CHECK:     pipe.message {{.*}} number 1
//   CHECK-NOT:     pipe.locate
//       CHECK:     pipe.meet

// Items that nobody shares have the same steps.
// ITEMS-LABEL: pipe.kernel @sums(
//       ITEMS:   pipe.work items(%{{.*}}) : <persistent>
//   ITEMS-NOT:   pipe.sum
//       ITEMS:   pipe.role "load"
//       ITEMS:     pipe.sum below
//       ITEMS:     pipe.locate %c0{{[^ ]*}} below
//       ITEMS:     scf.for
//       ITEMS:       arith.cmpi slt
//  ITEMS-NEXT:       scf.if
//       ITEMS:       pipe.locate
//       ITEMS:   pipe.role "multiply"
//   ITEMS-NOT:     pipe.locate
tile.program @sums(
    %a: !x {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %w: !w {tile.name = "w", tile.access = "read", tile.shape = ["S", "M", 64]},
    %lengths: !lengths {tile.name = "lengths", tile.access = "read", tile.shape = ["S"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}, %S: index {tile.extent = "S"},
    %M: index {tile.extent = "M"}) space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %c63 = arith.constant 63 : index
  %c64 = arith.constant 64 : index
  %c1024 = arith.constant 1024 : index
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %left = arith.subi %P, %p : index
  %rows = arith.minsi %left, %c64 : index
  %steps = tile.sum below %S {
  ^bb0(%s: index):
    %length = tile.element %lengths[%s] empty 0 : i32 : !lengths
    %end = arith.index_cast %length : i32 to index
    %up = arith.addi %end, %c63 : index
    %own = arith.divui %up, %c64 : index
    tile.yield %own : index
  }
  %r = tile.sweep(%c0 to %steps full at {
  ^bb0(%step: index):
    %s, %rest = tile.locate %step below %S {
    ^bb0(%i: index):
      %length = tile.element %lengths[%i] empty 0 : i32 : !lengths
      %end = arith.index_cast %length : i32 to index
      %up = arith.addi %end, %c63 : index
      %own = arith.divui %up, %c64 : index
      tile.yield %own : index
    }
    %length = tile.element %lengths[%s] empty 0 : i32 : !lengths
    %end = arith.index_cast %length : i32 to index
    %begin = arith.muli %rest, %c64 : index
    %keys = arith.subi %end, %begin : index
    %count = arith.minsi %keys, %c64 : index
    %first = arith.muli %s, %c1024 : index
    %base = arith.addi %first, %begin : index
    %last = arith.addi %first, %end : index
    tile.yield %base, %count, %last : index, index, index
  }) by 64 carry(%zero : tensor<64x64xf32>) step {
  ^bb0(%base: index, %count: index, %acc: tensor<64x64xf32>):
    %s = arith.divui %base, %c1024 : index
    %m = arith.remui %base, %c1024 : index
    %x = tile.load %a[#plane](%p, %c0) valid(%rows, %c64) : !x -> tensor<64x64xbf16>
    %y = tile.load %w[#run](%s, %m, %c0) valid(%count, %c64) : !w -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tile.yield %next : tensor<64x64xf32>
  } merge {
  ^bb0(%u: tensor<64x64xf32>, %v: tensor<64x64xf32>):
    %sum = arith.addf %u, %v : tensor<64x64xf32>
    tile.yield %sum : tensor<64x64xf32>
  }
  tile.store %r, %o[#plane](%p, %c0) valid(%rows, %c64) : tensor<64x64xf32>, !o
}
