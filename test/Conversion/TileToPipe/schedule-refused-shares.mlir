// One case a reason why warps share out no keys.
// RUN: attn-opt %s --schedule-tiles --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

#rows = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x64xbf16>
!k = memref<?x64xbf16>
tile.program @of_16_bits(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%first = "P" by 8) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %cd = arith.constant 64 : index
  %none = arith.constant dense<0.0> : tensor<8x64xf32>
  %zeros = arith.constant dense<0.0> : tensor<8x64xf32>
  %rest = arith.subi %p, %first : index
  %valid = arith.minsi %rest, %c8 : index
  %x = tile.load %q[#rows](%first) valid(%valid, %cd) : !q -> tensor<8x64xbf16>
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zeros : tensor<8x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<8x64xf32>):
  // expected-error @below {{has no schedule for sm_90a: warps that share out keys multiply elements of 8 bits}}
    %y = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<8x64xbf16>, tensor<64x64xbf16>, tensor<8x64xf32>
    %w = arith.truncf %s : tensor<8x64xf32> to tensor<8x64xbf16>
    %z = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<64x64xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<8x64xbf16>, tensor<64x64xbf16>, tensor<8x64xf32>
    tile.yield %next : tensor<8x64xf32>
  } merge {
  ^bb0(%xa: tensor<8x64xf32>, %xb: tensor<8x64xf32>):
    %all = arith.addf %xa, %xb : tensor<8x64xf32>
    tile.yield %all : tensor<8x64xf32>
  }
}

// -----

#rows = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x64xbf16>
!k = memref<?x64xi8>
tile.program @without_merge(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%first = "P" by 8) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %cd = arith.constant 64 : index
  %none = arith.constant dense<0.0> : tensor<8x64xf32>
  %zeros = arith.constant dense<0.0> : tensor<8x64xf32>
  %rest = arith.subi %p, %first : index
  %valid = arith.minsi %rest, %c8 : index
  %x = tile.load %q[#rows](%first) valid(%valid, %cd) : !q -> tensor<8x64xbf16>
  // expected-error @below {{has no schedule for sm_90a: blocks that do parts of its steps cannot combine them, as it has no merge}}
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zeros : tensor<8x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<8x64xf32>):
    %y = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<8x64xbf16>, tensor<64x64xbf16>, tensor<8x64xf32>
    %w = arith.truncf %s : tensor<8x64xf32> to tensor<8x64xbf16>
    %z = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<64x64xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<8x64xbf16>, tensor<64x64xbf16>, tensor<8x64xf32>
    tile.yield %next : tensor<8x64xf32>
  }
}

// -----

#rows = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x80xbf16>
!k = memref<?x80xi8>
tile.program @narrow_rows(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 80]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 80]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%first = "P" by 8) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %cd = arith.constant 80 : index
  %none = arith.constant dense<0.0> : tensor<8x64xf32>
  %zeros = arith.constant dense<0.0> : tensor<8x80xf32>
  %rest = arith.subi %p, %first : index
  %valid = arith.minsi %rest, %c8 : index
  %x = tile.load %q[#rows](%first) valid(%valid, %cd) : !q -> tensor<8x80xbf16>
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zeros : tensor<8x80xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<8x80xf32>):
  // expected-error @below {{has no schedule for sm_90a: warps that share out keys take a multiple of 32 of them and of 64 columns, but these are 64 and 80}}
    %y = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<64x80xbf16>
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<8x80xbf16>, tensor<64x80xbf16>, tensor<8x64xf32>
    %w = arith.truncf %s : tensor<8x64xf32> to tensor<8x64xbf16>
    %z = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<64x80xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<8x64xbf16>, tensor<64x80xbf16>, tensor<8x80xf32>
    tile.yield %next : tensor<8x80xf32>
  } merge {
  ^bb0(%xa: tensor<8x80xf32>, %xb: tensor<8x80xf32>):
    %all = arith.addf %xa, %xb : tensor<8x80xf32>
    tile.yield %all : tensor<8x80xf32>
  }
}

// -----

#rows = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x64xbf16>
!k = memref<?x64xi8>
tile.program @few_keys(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%first = "P" by 8) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %cd = arith.constant 64 : index
  %none = arith.constant dense<0.0> : tensor<8x16xf32>
  %zeros = arith.constant dense<0.0> : tensor<8x64xf32>
  %rest = arith.subi %p, %first : index
  %valid = arith.minsi %rest, %c8 : index
  %x = tile.load %q[#rows](%first) valid(%valid, %cd) : !q -> tensor<8x64xbf16>
  %a = tile.sweep(%c0 to %m full) by 16 carry(%zeros : tensor<8x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<8x64xf32>):
  // expected-error @below {{has no schedule for sm_90a: warps that share out keys take a multiple of 32 of them and of 64 columns, but these are 16 and 64}}
    %y = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<16x64xbf16>
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<8x64xbf16>, tensor<16x64xbf16>, tensor<8x16xf32>
    %w = arith.truncf %s : tensor<8x16xf32> to tensor<8x16xbf16>
    %z = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<16x64xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<8x16xbf16>, tensor<16x64xbf16>, tensor<8x64xf32>
    tile.yield %next : tensor<8x64xf32>
  } merge {
  ^bb0(%xa: tensor<8x64xf32>, %xb: tensor<8x64xf32>):
    %all = arith.addf %xa, %xb : tensor<8x64xf32>
    tile.yield %all : tensor<8x64xf32>
  }
}
