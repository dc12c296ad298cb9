// One case a reason why ranks with layouts have no schedule.
// RUN: attn-opt %s --schedule-tiles --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<512x64xbf16>
// A step has half of a box.
tile.program @half_a_box(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = [512, 64]},
    %k: !t {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %from: index {tile.name = "from"},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128)
    attributes {static_extents = {M = 512}, layouts = {M = #tile.layout<[16, 32] by [8, 16]>}} {
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %c512 full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: it is no box of 128 points of a rank with a layout}}
    %y = tile.load %k[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<512x64xbf16>
// Steps begin where the caller says.
tile.program @anywhere(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = [512, 64]},
    %k: !t {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %from: index {tile.name = "from"},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128)
    attributes {static_extents = {M = 512}, layouts = {M = #tile.layout<[16, 32] by [4, 16]>}} {
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%from to %c512 full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: it may begin inside of a box of a rank with a layout}}
    %y = tile.load %k[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<512x64xbf16>
// Rows of a panel in shared memory come by eights.
tile.program @short_runs(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = [512, 64]},
    %k: !t {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %from: index {tile.name = "from"},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128)
    attributes {static_extents = {M = 512}, layouts = {M = #tile.layout<[16, 32] by [16, 4]>}} {
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %c512 full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: copies of runs of a box have a multiple of 8 points, but these have 4}}
    %y = tile.load %k[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<512x64xbf16>
// A warp group's 64 rows are half of a run.
tile.program @long_runs(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %k: !t {tile.name = "k", tile.access = "read", tile.shape = [512, 64]}) space(%p = "P" by 128)
    attributes {static_extents = {P = 512}, layouts = {P = #tile.layout<[4, 128] by [1, 128]>}} {
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %c512 full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    // expected-error @below {{has no schedule for sm_90a: runs of a box have a divisor of 64 rows, but these have 128}}
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %k[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
// A bias is read point by point.
tile.program @points(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %bias: memref<?x512xf32> {tile.name = "bias", tile.access = "read", tile.shape = ["P", "M"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128)
    attributes {static_extents = {M = 512}, layouts = {M = #tile.layout<[16, 32] by [4, 16]>}} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    // expected-error @below {{has no schedule for sm_90a: products alone read tensors of ranks with layouts}}
    %b = tile.load %bias[#box](%p, %m) : memref<?x512xf32> -> tensor<128x64xf32>
    %sum = arith.addf %next, %b : tensor<128x64xf32>
    tile.yield %sum : tensor<128x64xf32>
  }
}
