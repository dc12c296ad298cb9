// RUN: attn-opt %s --split-input-file --schedule-tiles --canonicalize --cse | FileCheck %s

// What stands around the sweep of warps that share out keys. Of other columns than
// keys each warp has all: their numbers have no shares.
// CHECK-LABEL: pipe.kernel @mask_before(
//       CHECK:   %[[COLUMN:.*]] = pipe.coord 1 : tensor<32x64xi32
//       CHECK:   arith.cmpi slt, %[[COLUMN]], %{{.*}} : tensor<32x64xi32
//       CHECK:   pipe.row_reduce maxnum
#rows = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#row = affine_map<(d0)[s0] -> (d0 + s0)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x64xf32>
!k = memref<?x64xi8>
!t = memref<?xf32>
!o = memref<?x64xf32>
tile.program @mask_before(
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
  %x = tile.load %q[#rows](%first) valid(%valid, %c64) : !q -> tensor<8x64xf32>
  %xm = tile.mask %x empty 0.0 : f32 at(%first, %c0) {
  ^bb0(%pp: index, %ee: index):
    %c50 = arith.constant 50 : index
    %ok = arith.cmpi slt, %ee, %c50 : index
    tile.yield %ok : i1
  } : tensor<8x64xf32>
  %a:2 = tile.sweep(%c0 to %m full) by 64
      carry(%line, %none : tensor<8xf32>, tensor<8x64xf32>) step {
  ^bb0(%key: index, %count: index, %sum: tensor<8xf32>, %acc: tensor<8x64xf32>):
    %y = tile.load %k[#rows](%key) valid(%count, %c64) : !k -> tensor<64x64xf32>
    %s = tile.dot %xm, %y, %none maps [#mk, #nk, #mn]
        : tensor<8x64xf32>, tensor<64x64xf32>, tensor<8x64xf32>
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

// -----

// A line that merging takes is read again as rows are held then.
// CHECK-LABEL: pipe.kernel @line_of_merge(
//       CHECK:   %[[LINE:.*]] = pipe.gather %{{.*}} -> tensor<8xf32
//       CHECK:   %[[RUNS:.*]]:8 = pipe.split
//       CHECK:   arith.mulf %[[RUNS]]#2, %[[LINE]]
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
tile.program @line_of_merge(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %t: !t {tile.name = "t", tile.access = "read", tile.shape = ["M"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %l0: !t {tile.name = "l0", tile.access = "read", tile.shape = ["P"]},
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
  %li = tile.load %l0[#row](%first) valid(%valid) : !t -> tensor<8xf32>
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
    %sc = arith.mulf %sb, %li : tensor<8xf32>
    %both = arith.addf %sa, %sc : tensor<8xf32>
    %all = arith.addf %xa, %xb : tensor<8x64xf32>
    tile.yield %both, %all : tensor<8xf32>, tensor<8x64xf32>
  }
  tile.store %a#1, %o[#rows](%first) valid(%valid, %c64) : tensor<8x64xf32>, !o
  tile.store %a#0, %l[#row](%first) valid(%valid) : tensor<8xf32>, !t
}
