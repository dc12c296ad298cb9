// RUN: attn-opt %s --schedule-tiles --canonicalize --cse | FileCheck %s
// RUN: attn-opt %s --schedule-tiles --nvidia-pipeline | FileCheck %s --check-prefix=NVVM

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
!matrix = memref<?x?xbf16, strided<[?, ?], offset: ?>>

// y = relu(alpha a w). The accumulator goes from step to step as a carry, so
// that a turn has no product of the step before to take: no turns, and each
// product is waited for alone. A group has its own ring of rows of `a`; those of
// `w` are read by both.
// CHECK-LABEL: pipe.kernel @gemm(
//       CHECK:   pipe.work items(%{{.*}}) : <persistent>
//   CHECK-NOT:   pipe.turn
//       CHECK:   %[[W:.*]] = pipe.ring readers(2) : <2 x !pipe.shared<64x64xbf16, swizzle = 128>>
//       CHECK:   %[[A0:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<64x64xbf16, swizzle = 128>>
//       CHECK:   %[[A1:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<64x64xbf16, swizzle = 128>>
//       CHECK:   pipe.shared_tile : <64x64xbf16, swizzle = 128, parts = 4>
//       CHECK:   pipe.shared_tile : <64x64xbf16, swizzle = 128, parts = 4>

// Rows of the second group begin 64 further on. The first step stands before the
// loop of the others.
//       CHECK:   pipe.role "load" groups(1) warps(1)
//       CHECK:     pipe.work_loop
//       CHECK:       pipe.fill %[[W]]
//       CHECK:       pipe.fill %[[A0]]
//  CHECK-NEXT:         pipe.load %{{.*}}[%[[ROW:.*]], %{{.*}}] -> %{{.*}} cache(evict_last)
//       CHECK:       %[[NEXT:.*]] = arith.addi %[[ROW]], %c64{{.*}} : i32
//       CHECK:       pipe.fill %[[A1]]
//       CHECK:       scf.for
//       CHECK:         pipe.fill %[[W]]
//  CHECK-NEXT:           pipe.load %{{.*}}[%[[K:.*]], %{{.*}}] ->
//       CHECK:         pipe.fill %[[A0]]
//  CHECK-NEXT:           pipe.load %{{.*}}[%[[ROW]], %[[K]]]
//       CHECK:         pipe.fill %[[A1]]
//  CHECK-NEXT:           pipe.load %{{.*}}[%[[NEXT]], %[[K]]]
//   CHECK-NOT:       pipe.fill

// A short step comes first; rows of `w` behind its end become zero. Whole steps
// follow in a loop of their own, without a look at the count.
//       CHECK:   pipe.role "multiply" groups(2) warps(4)
//       CHECK:     %[[OWN:.*]] = arith.select %{{.*}}, %[[A1]], %[[A0]]
//       CHECK:     pipe.work_loop
//       CHECK:       %[[W0:.*]] = pipe.wait %[[W]]
//       CHECK:       %[[FIRST:.*]] = pipe.wait %[[OWN]]
//       CHECK:       %[[IS_SHORT:.*]] = arith.cmpi slt, %[[COUNT:.*]], %c64
//       CHECK:       scf.if %[[IS_SHORT]] {
//       CHECK:         %[[SLOT:.*]] = pipe.wait %[[W]]
//       CHECK:         pipe.clear %[[SLOT]] from %[[COUNT]]
//       CHECK:       pipe.mma_async %[[FIRST]], %[[W0]] contract(1, 0) :
//       CHECK:       pipe.release %[[W]]
//       CHECK:       pipe.release %[[OWN]]
//       CHECK:       scf.for
//       CHECK:         pipe.clear
//       CHECK:       scf.for
//   CHECK-NOT:         pipe.clear
//       CHECK:         %[[Y:.*]] = pipe.wait %[[W]]
//  CHECK-NEXT:         %[[X:.*]] = pipe.wait %[[OWN]]
//  CHECK-NEXT:         %[[T:.*]] = pipe.mma_async %[[X]], %[[Y]], %{{.*}} contract(1, 0)
//  CHECK-NEXT:         %[[ACC:.*]] = pipe.mma_wait %[[T]] pending(0)
//  CHECK-NEXT:         pipe.release %[[W]]
//       CHECK:         pipe.release %[[OWN]]
//       CHECK:         scf.yield %[[ACC]]
//       CHECK:       %[[SCALED:.*]] = arith.mulf
//       CHECK:       %[[RELU:.*]] = arith.maximumf %[[SCALED]]
//       CHECK:       %[[OUT:.*]] = arith.truncf %[[RELU]]
//       CHECK:       pipe.stage %[[OUT]] -> %[[TILE:.*]] :
//  CHECK-NEXT:       pipe.bulk_store %[[TILE]] -> %{{.*}}

// Whole and short steps, of four products of depth 16, beside those of the first.
// NVVM-LABEL:    llvm.func @gemm(
// NVVM-COUNT-12: wgmma.mma_async
//    NVVM-NOT:   wgmma.mma_async
tile.program @gemm(
    %a: !matrix {tile.name = "a", tile.access = "read", tile.shape = ["M", "K"]},
    %w: !matrix {tile.name = "w", tile.access = "read", tile.shape = ["K", "N"]},
    %y: !matrix {tile.name = "y", tile.access = "write", tile.shape = ["M", "N"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "N"},
    %K: index {tile.extent = "K"},
    %alpha: f32 {tile.name = "alpha"}) space(%m = "M" by 128, %n = "N" by 64) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %rest_m = arith.subi %M, %m : index
  %rows = arith.minsi %rest_m, %c128 : index
  %rest_n = arith.subi %N, %n : index
  %columns = arith.minsi %rest_n, %c64 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %sum = tile.sweep(%c0 to %K full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%k: index, %count: index, %acc: tensor<128x64xf32>):
    %rest_k = arith.subi %K, %k : index
    %terms = arith.minsi %rest_k, %c64 : index
    %at = tile.load %a[#box](%m, %k) valid(%rows, %terms) : !matrix -> tensor<128x64xbf16>
    %wt = tile.load %w[#box](%k, %n) valid(%count, %columns) : !matrix -> tensor<64x64xbf16>
    %next = tile.dot %at, %wt, %acc maps [affine_map<(m, n, k) -> (m, k)>,
        affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  } merge {
  ^bb0(%x: tensor<128x64xf32>, %z: tensor<128x64xf32>):
    %xz = arith.addf %x, %z : tensor<128x64xf32>
    tile.yield %xz : tensor<128x64xf32>
  }
  %alphas = tile.broadcast %alpha dims [0, 1] : f32 to tensor<128x64xf32>
  %scaled = arith.mulf %sum, %alphas : tensor<128x64xf32>
  %relu = arith.maximumf %scaled, %zero : tensor<128x64xf32>
  %out = arith.truncf %relu : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %y[#box](%m, %n) valid(%rows, %columns)
      : tensor<128x64xbf16>, !matrix
}

!narrow = memref<?x64xbf16, strided<[?, ?], offset: ?>>
!wide = memref<?x128xbf16, strided<[?, ?], offset: ?>>

// o = relu(q k^T) v. The product with `v` of a step runs beside the one with `k`
// of the next: it is started in the same turn, and waited for after the
// elementwise work.
// CHECK-LABEL: pipe.kernel @chained(
//       CHECK:   pipe.work items(%{{.*}}) : <persistent>
//       CHECK:   %[[TURN:.*]] = pipe.turn : <2>
//       CHECK:   %[[KS:.*]] = pipe.ring readers(2) : <2 x !pipe.shared<128x64xbf16, swizzle = 128>>
//       CHECK:   %[[Q0:.*]] = pipe.ring readers(1) : <1 x !pipe.shared<64x64xbf16, swizzle = 128>>
//       CHECK:   %[[Q1:.*]] = pipe.ring readers(1) : <1 x
//       CHECK:   %[[VS:.*]] = pipe.ring readers(2) : <2 x !pipe.shared<128x128xbf16, swizzle = 128>>

// Slots come in the order in which they are taken.
//       CHECK:   pipe.role "load" groups(1) warps(1)
//       CHECK:       pipe.fill %[[KS]]
//       CHECK:       pipe.fill %[[Q0]]
//  CHECK-NEXT:         cache(evict_first)
//       CHECK:       pipe.fill %[[Q1]]
//       CHECK:       scf.for
//       CHECK:         pipe.fill %[[KS]]
//       CHECK:         pipe.fill %[[VS]]
//       CHECK:       pipe.fill %[[VS]]
//   CHECK-NOT:       pipe.fill

//       CHECK:   pipe.role "multiply" groups(2) warps(4) registers({{[0-9]+}}) (%[[GROUP:.*]]) {
//       CHECK:     pipe.work_loop
//       CHECK:       %[[Q:.*]] = pipe.wait %[[QS:.*]][%[[QC:.*]]] :
// The first step has nothing to run beside.
//       CHECK:       pipe.mma_async
//   CHECK-NOT:       pipe.take_turn
//       CHECK:       scf.for
//       CHECK:         pipe.clear
//       CHECK:         pipe.clear
//       CHECK:       scf.for
//       CHECK:         %[[IS_LAST:.*]] = arith.cmpi eq
//       CHECK:         %[[K:.*]] = pipe.wait %[[KS]]
//  CHECK-NEXT:         pipe.take_turn %[[TURN]] by %[[GROUP]]
//  CHECK-NEXT:         %[[EARLY:.*]] = pipe.mma_async %[[Q]], %[[K]] contract(1, 1)
//  CHECK-NEXT:         %[[V:.*]] = pipe.wait %[[VS]]
//  CHECK-NEXT:         %[[LATE:.*]] = pipe.mma_async %[[BEFORE:.*]], %[[V]], %{{.*}} contract(1, 0)
//  CHECK-NEXT:         pipe.pass_turn %[[TURN]] by %[[GROUP]]
//  CHECK-NEXT:         %[[S:.*]] = pipe.mma_wait %[[EARLY]] pending(1)
//  CHECK-NEXT:         pipe.release %[[KS]]
//       CHECK:         pipe.release %[[QS]][%[[QC]]] if %[[IS_LAST]]
//  CHECK-NEXT:         %[[R:.*]] = arith.maximumf %[[S]]
//  CHECK-NEXT:         %[[ACC:.*]] = pipe.mma_wait %[[LATE]] pending(0)
//  CHECK-NEXT:         pipe.release %[[VS]]
//       CHECK:         %[[P:.*]] = arith.truncf %[[R]]
//  CHECK-NEXT:         scf.yield %[[P]], %[[ACC]]
// The last one's product with `v`.
//       CHECK:       pipe.wait %[[VS]]
//       CHECK:       pipe.mma_async
//       CHECK:       pipe.mma_wait %{{.*}} pending(0)
//       CHECK:       pipe.release %[[VS]]
//       CHECK:       pipe.stage
//       CHECK:       pipe.bulk_store

// NVVM-LABEL: llvm.func @chained(
//       NVVM:   wgmma.mma_async
tile.program @chained(
    %q: !narrow {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !narrow {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %v: !wide {tile.name = "v", tile.access = "read", tile.shape = ["M", 128]},
    %o: !wide {tile.name = "o", tile.access = "write", tile.shape = ["P", 128]},
    %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %rest = arith.subi %P, %p : index
  %rows = arith.minsi %rest, %c128 : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %qt = tile.load %q[#box](%p, %c0) valid(%rows, %c64) : !narrow -> tensor<128x64xbf16>
  %sum = tile.sweep(%c0 to %M full) by 128 carry(%zero : tensor<128x128xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x128xf32>):
    %kt = tile.load %k[#box](%m, %c0) valid(%count, %c64) : !narrow -> tensor<128x64xbf16>
    %s = tile.dot %qt, %kt, %zero maps [affine_map<(p, m, e) -> (p, e)>,
        affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
        : tensor<128x64xbf16>, tensor<128x64xbf16>, tensor<128x128xf32>
    %relu = arith.maximumf %s, %zero : tensor<128x128xf32>
    %w = arith.truncf %relu : tensor<128x128xf32> to tensor<128x128xbf16>
    %vt = tile.load %v[#box](%m, %c0) valid(%count, %c128) : !wide -> tensor<128x128xbf16>
    %next = tile.dot %w, %vt, %acc maps [affine_map<(p, f, m) -> (p, m)>,
        affine_map<(p, f, m) -> (m, f)>, affine_map<(p, f, m) -> (p, f)>]
        : tensor<128x128xbf16>, tensor<128x128xbf16>, tensor<128x128xf32>
    tile.yield %next : tensor<128x128xf32>
  } merge {
  ^bb0(%x: tensor<128x128xf32>, %y: tensor<128x128xf32>):
    %xy = arith.addf %x, %y : tensor<128x128xf32>
    tile.yield %xy : tensor<128x128xf32>
  }
  %out = arith.truncf %sum : tensor<128x128xf32> to tensor<128x128xbf16>
  tile.store %out, %o[#box](%p, %c0) valid(%rows, %c128)
      : tensor<128x128xbf16>, !wide
}
