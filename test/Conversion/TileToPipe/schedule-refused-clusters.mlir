// One case a reason why tiles of rows have no schedule in clusters.
// RUN: attn-opt %s --schedule-tiles=cluster=2 --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
// As many steps as there are rows before.
tile.program @steps_of_rows(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  // expected-error @below {{has no schedule for sm_90a: blocks of a cluster take one step together, but its steps depend on the program's rows}}
  %r = tile.sweep(%c0 to %p full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#plane = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
!u = memref<?x?x64xbf16>
// Each tile of rows has a plane of its own.
tile.program @tiles_of_rows(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: !u {tile.name = "b", tile.access = "read", tile.shape = ["H", "M", 64]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %H: index {tile.extent = "H"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %h = arith.divui %p, %c128 : index
  %r = tile.sweep(%c0 to %M full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: blocks of a cluster fetch one tile together, but it depends on the program's rows}}
    %y = tile.load %b[#plane](%h, %m, %c0) valid(%count, %c64) : !u -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#plane = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
!u = memref<?x24x64xbf16>
// 24 rows are no two copies of whole patterns.
tile.program @odd_shares(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: !u {tile.name = "b", tile.access = "read", tile.shape = ["H", 24, 64]},
    %P: index {tile.extent = "P"}, %H: index {tile.extent = "H"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x24xf32>
  %c24 = arith.constant 24 : index
  %c64 = arith.constant 64 : index
  %r = tile.sweep(%c0 to %H full) by 1 carry(%zero : tensor<128x24xf32>) step {
  ^bb0(%h: index, %count: index, %acc: tensor<128x24xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: blocks of a cluster share copies of a multiple of 16 rows, but these have 24}}
    %y = tile.load %b[#plane](%h, %c0, %c0) valid(%c24, %c64) : !u -> tensor<24x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<24x64xbf16>, tensor<128x24xf32>
    tile.yield %next : tensor<128x24xf32>
  }
}
