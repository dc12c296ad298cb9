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
  // expected-error @below {{has no schedule for sm_90a: warps that share out keys take a multiple of 64 of them and of 64 columns, but these are 64 and 80}}
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
  // expected-error @below {{has no schedule for sm_90a: warps that share out keys take a multiple of 64 of them and of 64 columns, but these are 16 and 64}}
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

// -----

#rows = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!k = memref<?x64xi8>
tile.program @without_scores(
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%first = "P" by 8) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %cd = arith.constant 64 : index
  %ones = arith.constant dense<1.0> : tensor<8x64xf32>
  %zeros = arith.constant dense<0.0> : tensor<8x64xf32>
  // expected-error @below {{has no schedule for sm_90a: warps share out the keys of scores, but its step has no product of what was loaded}}
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zeros : tensor<8x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<8x64xf32>):
    %s = tile.mask %ones empty 0.0 : f32 at(%first, %key) valid(%c8, %count) {
    ^bb0(%row: index, %column: index):
      %before = arith.cmpi sle, %column, %row : index
      tile.yield %before : i1
    } : tensor<8x64xf32>
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
#row = affine_map<(d0)[s0] -> (d0 + s0)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x64xbf16>
!k = memref<?x64xi8>
!t = memref<?xf32>
!o = memref<?x64xf32>
tile.program @reduced_after(
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
  // expected-error @below {{has no schedule for sm_90a: warps that share out keys reduce no rows after the sweep}}
  %fin = tile.reduce add %a#1 dims [1] : tensor<8x64xf32>
  tile.store %fin, %l[#row](%first) valid(%valid) : tensor<8xf32>, !t
}

// -----

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
tile.program @narrow_left(
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
  %xt = arith.truncf %xm : tensor<8x64xf32> to tensor<8x64xbf16>
  %a:2 = tile.sweep(%c0 to %m full) by 64
      carry(%line, %none : tensor<8xf32>, tensor<8x64xf32>) step {
  ^bb0(%key: index, %count: index, %sum: tensor<8xf32>, %acc: tensor<8x64xf32>):
    %y = tile.load %k[#rows](%key) valid(%count, %c64) : !k -> tensor<64x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: its left side is computed, but not of f32}}
    %s = tile.dot %xt, %y, %none maps [#mk, #nk, #mn]
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

// -----

#rows = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x56xbf16>
!k = memref<?x56xi8>
tile.program @of_56_terms(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 56]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 56]},
    %p: index {tile.extent = "P"}, %m: index {tile.extent = "M"})
    space(%first = "P" by 8) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %cd = arith.constant 56 : index
  %none = arith.constant dense<0.0> : tensor<8x64xf32>
  %zeros = arith.constant dense<0.0> : tensor<8x56xf32>
  %rest = arith.subi %p, %first : index
  %valid = arith.minsi %rest, %c8 : index
  %x = tile.load %q[#rows](%first) valid(%valid, %cd) : !q -> tensor<8x56xbf16>
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zeros : tensor<8x56xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<8x56xf32>):
    %y = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<64x56xbf16>
    // expected-error @below {{has no schedule for sm_90a: its sums have 56 terms, of which warps that share out keys take 16 at a time}}
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<8x56xbf16>, tensor<64x56xbf16>, tensor<8x64xf32>
    %w = arith.truncf %s : tensor<8x64xf32> to tensor<8x64xbf16>
    %z = tile.load %k[#rows](%key) valid(%count, %cd) : !k -> tensor<64x56xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<8x64xbf16>, tensor<64x56xbf16>, tensor<8x56xf32>
    tile.yield %next : tensor<8x56xf32>
  } merge {
  ^bb0(%xa: tensor<8x56xf32>, %xb: tensor<8x56xf32>):
    %all = arith.addf %xa, %xb : tensor<8x56xf32>
    tile.yield %all : tensor<8x56xf32>
  }
}
