// One case a reason why packed rows have no schedule.
// RUN: attn-opt %s --schedule-tiles --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

// A group has no whole width.
#rows = affine_map<(d0, d1)[s0] -> ((d0 + s0) mod 128, (d0 + s0) floordiv 128, d1)>
#box = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x?x64xbf16>
!k = memref<?x64xbf16>
tile.program @wide(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["G", "P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %m: index {tile.extent = "M"}, %p: index {tile.extent = "P"}, %g: index {tile.extent = "G"},
    %r: index {tile.extent = "R", tile.value = ["mul", "P", 8]}) space(%row = "R" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<128x64xf32>):
    // expected-error @below {{has no schedule for sm_90a: packed rows have a width that divides 64, but this one is 128}}
    %x = tile.load %q[#rows](%row) : !q -> tensor<128x64xbf16>
    %y = tile.load %k[#box](%key) : !k -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

// The first row is none of the first head.
#rows = affine_map<(d0, d1)[s0] -> ((d0 + s0 + 4) mod 8, (d0 + s0 + 4) floordiv 8, d1)>
#box = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x?x64xbf16>
!k = memref<?x64xbf16>
tile.program @inside(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["G", "P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %m: index {tile.extent = "M"}, %p: index {tile.extent = "P"}, %g: index {tile.extent = "G"},
    %r: index {tile.extent = "R", tile.value = ["mul", "P", 8]}) space(%row = "R" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<128x64xf32>):
    // expected-error @below {{has no schedule for sm_90a: its packed rows may begin inside of a width}}
    %x = tile.load %q[#rows](%row) : !q -> tensor<128x64xbf16>
    %y = tile.load %k[#box](%key) : !k -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

// What the sweep moves.
#rows = affine_map<(d0, d1)[s0] -> ((d0 + s0) mod 8, (d0 + s0) floordiv 8, d1)>
#box = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x64xbf16>
!k = memref<?x?x64xbf16>
tile.program @keys(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["G", "M", 64]},
    %m: index {tile.extent = "M"}, %p: index {tile.extent = "P"}, %g: index {tile.extent = "G"},
    %r: index {tile.extent = "R", tile.value = ["mul", "P", 8]}) space(%row = "R" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %q[#box](%row) : !q -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: packed rows are those of the program}}
    %y = tile.load %k[#rows](%key) : !k -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

// Columns do not run along a packed dimension.
#rows = affine_map<(d0, d1)[s0] -> ((d0 + s0) mod 8, d1, (d0 + s0) floordiv 8)>
#box = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!q = memref<?x?x64xbf16>
!k = memref<?x64xbf16>
tile.program @columns(
    %q: !q {tile.name = "q", tile.access = "read", tile.shape = ["G", "P", 64]},
    %k: !k {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %m: index {tile.extent = "M"}, %p: index {tile.extent = "P"}, %g: index {tile.extent = "G"},
    %r: index {tile.extent = "R", tile.value = ["mul", "P", 8]}) space(%row = "R" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %a = tile.sweep(%c0 to %m full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%key: index, %count: index, %acc: tensor<128x64xf32>):
    // expected-error @below {{has no schedule for sm_90a: it is no box of the last two dimensions of a tensor of at most 5}}
    %x = tile.load %q[#rows](%row) : !q -> tensor<128x64xbf16>
    %y = tile.load %k[#box](%key) : !k -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}
