// RUN: attn-opt %s --schedule-tiles --canonicalize --cse | FileCheck %s

// Elements of 8 bits that products take wider get two rings: copies fill slots of
// bytes, and a role between the two fills two slots of 16 bits.
#box = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x64xbf16>
!k = memref<?x64xi8>
!o = memref<?x64xf32>
// CHECK-LABEL: pipe.kernel @widened(
//  CHECK-SAME:   %[[K:[a-z0-9]+]]: !pipe.global<?x64xi8> {{{.*}}pipe.name = "k"
//   CHECK-DAG:   pipe.ring readers(1) : <1 x !pipe.shared<64x64xbf16, swizzle = 128>>
//   CHECK-DAG:   %[[BYTES:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<32x64xi8, swizzle = 64>>
//   CHECK-DAG:   %[[HALVES:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<32x64xbf16, swizzle = 128>>
//       CHECK:   pipe.role "load" groups(1) warps(1)
//       CHECK:     pipe.load %[[K]][%{{.*}}, %c0_i32] -> %{{.*}} : <?x64xi8> -> <32x64xi8, swizzle = 64>
//       CHECK:   pipe.role "widen" groups(1) warps(4) registers(96)
//       CHECK:     scf.for
//       CHECK:       %[[SLOT:.*]] = pipe.wait %[[BYTES]][%[[AT:.*]]]
//  CHECK-NEXT:       pipe.fill %[[HALVES]][%{{.*}}] as %[[WIDE:.*]] :
//  CHECK-NEXT:         pipe.widen %[[SLOT]] -> %[[WIDE]] : <32x64xi8, swizzle = 64> -> <32x64xbf16, swizzle = 128>
//       CHECK:       pipe.release %[[BYTES]][%[[AT]]]
//       CHECK:   pipe.role "multiply" groups(1) warps(4)
//       CHECK:     %[[READ:.*]] = pipe.wait %[[HALVES]]
//       CHECK:     pipe.mma_async %{{.*}}, %[[READ]]
tile.program @widened(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%row = "P" by 64) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %none = arith.constant dense<0.0> : tensor<64x32xf32>
  %zeros = arith.constant dense<0.0> : tensor<64x64xf32>
  %rest = arith.subi %p, %row : index
  %valid = arith.minsi %rest, %c64 : index
  %x = tile.load %q[#box](%row) valid(%valid, %c64) : !q -> tensor<64x64xbf16>
  %a = tile.sweep(%c0 to %m full) by 32 carry(%zeros : tensor<64x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<64x64xf32>):
    %y = tile.load %k[#box](%key) valid(%count, %c64) : !k -> tensor<32x64xbf16>
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<64x64xbf16>, tensor<32x64xbf16>, tensor<64x32xf32>
    %w = arith.truncf %s : tensor<64x32xf32> to tensor<64x32xbf16>
    %z = tile.load %k[#box](%key) valid(%count, %c64) : !k -> tensor<32x64xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<64x32xbf16>, tensor<32x64xbf16>, tensor<64x64xf32>
    tile.yield %next : tensor<64x64xf32>
  }
  tile.store %a, %o[#box](%row) valid(%valid, %c64) : tensor<64x64xf32>, !o
}

// Of tiles of few rows, what early products take one role widens, and what late
// ones take another.
// CHECK-LABEL: pipe.kernel @few(
//       CHECK:   %[[EARLY_BYTES:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<32x64xi8, swizzle = 64>>
//       CHECK:   %[[EARLY:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<32x64xbf16, swizzle = 128>>
//       CHECK:   %[[LATE_BYTES:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<32x64xi8, swizzle = 64>>
//       CHECK:   %[[LATE:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<32x64xbf16, swizzle = 128>>
//       CHECK:   pipe.role "widen_early" groups(1) warps(4) registers(96)
//       CHECK:     pipe.wait %[[EARLY_BYTES]]
//  CHECK-NEXT:     pipe.fill %[[EARLY]]
//   CHECK-NOT:     %[[LATE_BYTES]]
//       CHECK:   pipe.role "widen_late" groups(1) warps(4) registers(96)
//       CHECK:     pipe.wait %[[LATE_BYTES]]
//  CHECK-NEXT:     pipe.fill %[[LATE]]
//   CHECK-NOT:     %[[EARLY_BYTES]]
//       CHECK:   pipe.role "multiply" groups(1) warps(4) registers(232)
tile.program @few(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%row = "P" by 32) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c32 = arith.constant 32 : index
  %none = arith.constant dense<0.0> : tensor<32x32xf32>
  %zeros = arith.constant dense<0.0> : tensor<32x64xf32>
  %rest = arith.subi %p, %row : index
  %valid = arith.minsi %rest, %c32 : index
  %x = tile.load %q[#box](%row) valid(%valid, %c64) : !q -> tensor<32x64xbf16>
  %a = tile.sweep(%c0 to %m full) by 32 carry(%zeros : tensor<32x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<32x64xf32>):
    %y = tile.load %k[#box](%key) valid(%count, %c64) : !k -> tensor<32x64xbf16>
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<32x64xbf16>, tensor<32x64xbf16>, tensor<32x32xf32>
    %w = arith.truncf %s : tensor<32x32xf32> to tensor<32x32xbf16>
    %z = tile.load %k[#box](%key) valid(%count, %c64) : !k -> tensor<32x64xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<32x32xbf16>, tensor<32x64xbf16>, tensor<32x64xf32>
    tile.yield %next : tensor<32x64xf32>
  }
  tile.store %a, %o[#box](%row) valid(%valid, %c64) : tensor<32x64xf32>, !o
}
