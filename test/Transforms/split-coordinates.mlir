// RUN: attn-opt %s --tile-split-coordinates --canonicalize --cse --split-input-file | FileCheck %s

!t = memref<?xf32>
// The base of a step is a multiple of 64, as its segment's is: quotients by 8 and
// by 64 are those of the base and of the place; the latter is 0.
// CHECK-LABEL: tile.program @quotients
//       CHECK:   tile.sweep
//       CHECK:   ^bb0(%[[BASE:.*]]: index, %{{.*}}: index,
//       CHECK:     %[[BY8:.*]] = arith.divui %[[BASE]], %c8
//       CHECK:     tile.generate at(%c0)
//  CHECK-NEXT:     ^bb0(%[[I:.*]]: index):
//  CHECK-NEXT:       %[[J:.*]] = arith.divui %[[I]], %c8
//  CHECK-NEXT:       %[[Q:.*]] = arith.addi %[[BY8]], %[[J]]
//  CHECK-NEXT:       tile.yield %[[Q]]
//       CHECK:     %[[BY64:.*]] = arith.divui %[[BASE]], %c64
//       CHECK:     tile.generate at(%c0)
//  CHECK-NEXT:     ^bb0(%[[I:.*]]: index):
//  CHECK-NEXT:       %[[R:.*]] = arith.remui %[[I]], %c8
//  CHECK-NEXT:       %[[S:.*]] = arith.addi %[[BY64]], %[[R]]
//  CHECK-NEXT:       tile.yield %[[S]]
tile.program @quotients(
    %o: !t {tile.name = "o", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0> : tensor<64xindex>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<64xindex>) step {
  ^bb0(%base: index, %count: index, %acc: tensor<64xindex>):
    %a = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %m = arith.addi %base, %i : index
      %q = arith.divui %m, %c8 : index
      tile.yield %q : index
    } : tensor<64xindex>
    %b = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %m = arith.addi %base, %i : index
      %q = arith.floordivsi %m, %c64 : index
      %r = arith.remui %m, %c8 : index
      %s = arith.addi %q, %r : index
      tile.yield %s : index
    } : tensor<64xindex>
    %sum = arith.addi %a, %b : tensor<64xindex>
    %next = arith.addi %acc, %sum : tensor<64xindex>
    tile.yield %next : tensor<64xindex>
  }
  %f = arith.index_cast %r : tensor<64xindex> to tensor<64xi64>
  %x = arith.sitofp %f : tensor<64xi64> to tensor<64xf32>
  tile.store %x, %o[affine_map<(d0)[s0] -> (d0 + s0)>](%p) : tensor<64xf32>, !t
}

// -----

!t = memref<?xf32>
// A segment may begin anywhere: a quotient stays whole. A difference is one of
// each still.
// CHECK-LABEL: tile.program @anywhere
//       CHECK:   ^bb0(%[[BASE:.*]]: index, %{{.*}}: index,
//       CHECK:     tile.generate
//  CHECK-NEXT:     ^bb0(%[[I:.*]]: index):
//  CHECK-NEXT:       %[[M:.*]] = arith.addi %[[BASE]], %[[I]]
//  CHECK-NEXT:       arith.divui %[[M]], %c8
tile.program @anywhere(
    %o: !t {tile.name = "o", tile.access = "write", tile.shape = ["P"]},
    %from: index {tile.name = "from"},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0> : tensor<64xindex>
  %r = tile.sweep(%from to %P full) by 64 carry(%zero : tensor<64xindex>) step {
  ^bb0(%base: index, %count: index, %acc: tensor<64xindex>):
    %a = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %m = arith.addi %base, %i : index
      %q = arith.divui %m, %c8 : index
      tile.yield %q : index
    } : tensor<64xindex>
    %next = arith.addi %acc, %a : tensor<64xindex>
    tile.yield %next : tensor<64xindex>
  }
  %f = arith.index_cast %r : tensor<64xindex> to tensor<64xi64>
  %x = arith.sitofp %f : tensor<64xi64> to tensor<64xf32>
  tile.store %x, %o[affine_map<(d0)[s0] -> (d0 + s0)>](%p) : tensor<64xf32>, !t
}

// -----

!t = memref<?xf32>
// The base is a multiple of 64, which all places are below, and 640 is one too: no
// place reaches the next multiple of 640. Of 96 some may.
// CHECK-LABEL: tile.program @multiples
//       CHECK:   ^bb0(%[[BASE:.*]]: index, %{{.*}}: index,
//       CHECK:     %[[Q:.*]] = arith.divui %[[BASE]], %c640
//       CHECK:     %[[R:.*]] = arith.remui %[[BASE]], %c640
//       CHECK:     %[[SUM:.*]] = arith.addi %[[Q]], %[[R]]
//       CHECK:     tile.generate at(%c0)
//  CHECK-NEXT:     ^bb0(%[[I:.*]]: index):
//  CHECK-NEXT:       %[[S:.*]] = arith.addi %[[SUM]], %[[I]]
//  CHECK-NEXT:       tile.yield %[[S]]
//       CHECK:     tile.generate at(%c0)
//  CHECK-NEXT:     ^bb0(%[[J:.*]]: index):
//  CHECK-NEXT:       %[[M:.*]] = arith.addi %[[BASE]], %[[J]]
//  CHECK-NEXT:       arith.divui %[[M]], %c96
tile.program @multiples(
    %o: !t {tile.name = "o", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %c96 = arith.constant 96 : index
  %c640 = arith.constant 640 : index
  %zero = arith.constant dense<0> : tensor<64xindex>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<64xindex>) step {
  ^bb0(%base: index, %count: index, %acc: tensor<64xindex>):
    %a = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %m = arith.addi %base, %i : index
      %q = arith.floordivsi %m, %c640 : index
      %r = arith.remui %m, %c640 : index
      %s = arith.addi %q, %r : index
      tile.yield %s : index
    } : tensor<64xindex>
    %b = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %m = arith.addi %base, %i : index
      %q = arith.divui %m, %c96 : index
      tile.yield %q : index
    } : tensor<64xindex>
    %sum = arith.addi %a, %b : tensor<64xindex>
    %next = arith.addi %acc, %sum : tensor<64xindex>
    tile.yield %next : tensor<64xindex>
  }
  %f = arith.index_cast %r : tensor<64xindex> to tensor<64xi64>
  %x = arith.sitofp %f : tensor<64xi64> to tensor<64xf32>
  tile.store %x, %o[affine_map<(d0)[s0] -> (d0 + s0)>](%p) : tensor<64xf32>, !t
}

// -----

!t = memref<?xf32>
// A divisor of which no part is a multiple of 64; that is found out at once.
// CHECK-LABEL: tile.program @large_divisor
//       CHECK:   ^bb0(%[[BASE:.*]]: index, %{{.*}}: index,
//       CHECK:     tile.generate at(%c0)
//  CHECK-NEXT:     ^bb0(%[[I:.*]]: index):
//  CHECK-NEXT:       %[[M:.*]] = arith.addi %[[BASE]], %[[I]]
//  CHECK-NEXT:       arith.divui %[[M]], %c1000000000039
tile.program @large_divisor(
    %o: !t {tile.name = "o", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %prime = arith.constant 1000000000039 : index
  %zero = arith.constant dense<0> : tensor<64xindex>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<64xindex>) step {
  ^bb0(%base: index, %count: index, %acc: tensor<64xindex>):
    %a = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %m = arith.addi %base, %i : index
      %q = arith.divui %m, %prime : index
      tile.yield %q : index
    } : tensor<64xindex>
    %next = arith.addi %acc, %a : tensor<64xindex>
    tile.yield %next : tensor<64xindex>
  }
  %f = arith.index_cast %r : tensor<64xindex> to tensor<64xi64>
  %x = arith.sitofp %f : tensor<64xi64> to tensor<64xf32>
  tile.store %x, %o[affine_map<(d0)[s0] -> (d0 + s0)>](%p) : tensor<64xf32>, !t
}
