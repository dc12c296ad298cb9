// RUN: attn-opt %s --schedule-tiles --canonicalize --cse | FileCheck %s

// Of eight rows and elements of 8 bits nobody widens slots: all warps of a group
// have the rows, in registers, and multiply a quarter of a step's keys each. Their
// carries come together by the sweep's merge.
#rows = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#row = affine_map<(d0)[s0] -> (d0 + s0)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x64xbf16>
!k = memref<?x64xi8>
!t = memref<?xf32>
!o = memref<?x64xf32>
// CHECK-LABEL: pipe.kernel @shares(
//  CHECK-SAME:   %[[Q:[a-z0-9]+]]: !pipe.global<?x64xbf16> {{{.*}}pipe.name = "q"
//   CHECK-NOT:   bf16, swizzle
//   CHECK-DAG:   %[[KEYS:.*]] = pipe.ring readers(1) : <2 x !pipe.shared<64x64xi8, swizzle = 64>>
//       CHECK:   pipe.role "load" groups(1) warps(1)
//   CHECK-NOT:   pipe.role "widen
//       CHECK:   pipe.role "multiply" groups(1) warps(4)
// They are read before their item begins, in pairs.
//       CHECK:     %[[FIRST:.*]] = pipe.gather %[[Q]]{{.*}} -> tensor<32x64xbf16, #{{.*}}<registers = [16 x d1 by 1, 1 x d1 by 64], lanes = [4 x d1 by 16, 8 x d0 by 1], warps = [4 x d0 by 8]>>
//       CHECK:     pipe.work_loop {{.*}} = %[[FIRST]])
// Its rows are brought to f16 by a power of 2 each.
//       CHECK:     %[[READ:.*]] = arith.extf %{{.*}} : tensor<32x64xbf16, {{.*}} to tensor<32x64xf32
//       CHECK:     pipe.row_reduce maxnum
//       CHECK:     %[[UP:.*]] = math.exp2
//       CHECK:     %[[FACTOR:.*]] = pipe.broadcast %[[UP]]
//       CHECK:     %[[SCALED:.*]] = arith.mulf %[[READ]], %[[FACTOR]]
//       CHECK:     %[[DOWN:.*]] = math.exp2
//       CHECK:     %[[LEFT:.*]] = arith.truncf %[[SCALED]] {{.*}} to tensor<32x64xf16
//       CHECK:     %[[BACK:.*]] = pipe.broadcast %[[DOWN]]
//       CHECK:     scf.for
//       CHECK:       %[[SLOT:.*]] = pipe.wait %[[KEYS]]
//       CHECK:       %[[TOKEN:.*]] = pipe.mma_async %[[LEFT]], %[[SLOT]] contract(1, 1) shares(4)
//       CHECK:       pipe.mma_async %{{.*}}, %{{.*}}, %{{.*}} contract(1, 0) shares(4) : tensor<32x16xbf16
//       CHECK:       %[[PRODUCT:.*]] = pipe.mma_wait %[[TOKEN]]
//       CHECK:       %[[SCORES:.*]] = arith.mulf %[[PRODUCT]], %[[BACK]]
// What tokens have is read where a warp's keys are.
//       CHECK:       %[[TOKENS:.*]] = pipe.gather %{{.*}} -> tensor<32x16xf32
//       CHECK:       %[[EXIST:.*]] = arith.select %{{.*}}, %[[TOKENS]]
//       CHECK:       arith.mulf %[[SCORES]], %[[EXIST]]
// Those of the next item are on their way while warps bring their shares together.
//       CHECK:     %[[ITEM:.*]] = pipe.next_item
//       CHECK:     %[[EXISTS:.*]] = arith.cmpi sge, %[[ITEM]]
//       CHECK:     %[[NEXT:.*]] = scf.if %[[EXISTS]]
//       CHECK:       pipe.gather %[[Q]]{{.*}} -> tensor<32x64xbf16
//       CHECK:     %[[RUNS:.*]]:8 = pipe.split %{{.*}}, %{{.*}} into 4
//       CHECK:     arith.addf %[[RUNS]]#0, %[[RUNS]]#2
//       CHECK:     pipe.store %{{.*}} : tensor<8x64xf32, #{{.*}}<registers = [4 x d1 by 1], lanes = [4 x d1 by 4, 8 x d0 by 1], warps = [4 x d1 by 16]>>
//       CHECK:     pipe.yield %[[ITEM]], {{.*}}, %[[NEXT]] :
tile.program @shares(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %t: !t {tile.name = "t", tile.access = "read", tile.shape = ["M"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %l: !t {tile.name = "l", tile.access = "write", tile.shape = ["P"]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%first = "P" by 8) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %none = arith.constant dense<0.0> : tensor<8x64xf32>
  %line = arith.constant dense<0.0> : tensor<8xf32>
  %rest = arith.subi %p, %first : index
  %valid = arith.minsi %rest, %c8 : index
  %x = tile.load %q[#rows](%first) valid(%valid, %c64) : !q -> tensor<8x64xbf16>
  %a:2 = tile.sweep(%c0 to %m full) by 64
      carry(%line, %none : tensor<8xf32>, tensor<8x64xf32>) step {
  ^bb0(%key: index, %count: index, %sum: tensor<8xf32>, %acc: tensor<8x64xf32>):
    %y = tile.load %k[#rows](%key) valid(%count, %c64) : !k -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<8x64xbf16>, tensor<64x64xbf16>, tensor<8x64xf32>
    %u = tile.load %t[#row](%key) valid(%count) : !t -> tensor<64xf32>
    %v = tile.broadcast %u dims [0] : tensor<64xf32> to tensor<8x64xf32>
    %scaled = arith.mulf %s, %v : tensor<8x64xf32>
    %here = tile.reduce add %scaled dims [1] : tensor<8x64xf32>
    %next_sum = arith.addf %sum, %here : tensor<8xf32>
    %w = arith.truncf %scaled : tensor<8x64xf32> to tensor<8x64xbf16>
    %z = tile.load %k[#rows](%key) valid(%count, %c64) : !k -> tensor<64x64xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<8x64xbf16>, tensor<64x64xbf16>, tensor<8x64xf32>
    tile.yield %next_sum, %next : tensor<8xf32>, tensor<8x64xf32>
  } merge {
  ^bb0(%sa: tensor<8xf32>, %xa: tensor<8x64xf32>, %sb: tensor<8xf32>, %xb: tensor<8x64xf32>):
    %both = arith.addf %sa, %sb : tensor<8xf32>
    %all = arith.addf %xa, %xb : tensor<8x64xf32>
    tile.yield %both, %all : tensor<8xf32>, tensor<8x64xf32>
  }
  tile.store %a#1, %o[#rows](%first) valid(%valid, %c64) : tensor<8x64xf32>, !o
  tile.store %a#0, %l[#row](%first) valid(%valid) : tensor<8xf32>, !t
}
