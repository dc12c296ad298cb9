// One case a reason why rows of slots that a mask leaves out have no schedule.
// RUN: attn-opt %s --schedule-tiles --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
// Of which columns are set no group knows.
tile.program @rows_by_a_constant(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %seen = arith.constant dense<true> : tensor<64xi1>
    // expected-error @below {{has no schedule for sm_90a: groups find the rows of a slot that are there by a mask of the step only}}
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) where(%seen along 0 : tensor<64xi1>) : !t -> tensor<64x64xbf16>
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
// A row is there if some row of the program sees it, not if all do.
tile.program @rows_that_all_see(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %all = arith.constant dense<true> : tensor<128x64xi1>
    %see = tile.mask %all empty false at(%p, %m) {
    ^bb0(%i: index, %j: index):
      %c = arith.cmpi sle, %j, %i : index
      tile.yield %c : i1
    } : tensor<128x64xi1>
    %seen = tile.reduce and %see dims [0] : tensor<128x64xi1>
    // expected-error @below {{has no schedule for sm_90a: groups find the rows of a slot that are there by a mask of the step only}}
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) where(%seen along 0 : tensor<64xi1>) : !t -> tensor<64x64xbf16>
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
// Beyond the mask nothing is set.
tile.program @rows_of_an_inverted_mask(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %all = arith.constant dense<false> : tensor<128x64xi1>
    %see = tile.mask %all empty false at(%p, %m) {
    ^bb0(%i: index, %j: index):
      %c = arith.cmpi sle, %j, %i : index
      tile.yield %c : i1
    } : tensor<128x64xi1>
    %seen = tile.reduce or %see dims [0] : tensor<128x64xi1>
    // expected-error @below {{has no schedule for sm_90a: groups find the rows of a slot that are there by a mask of the step only}}
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) where(%seen along 0 : tensor<64xi1>) : !t -> tensor<64x64xbf16>
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
// The mask is set beyond the step's count, where the tile has to be zero.
tile.program @rows_beyond_the_step(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %all = arith.constant dense<true> : tensor<128x64xi1>
    %see = tile.mask %all empty false at(%p, %m) {
    ^bb0(%i: index, %j: index):
      %c = arith.cmpi sle, %j, %i : index
      tile.yield %c : i1
    } : tensor<128x64xi1>
    %seen = tile.reduce or %see dims [0] : tensor<128x64xi1>
    // expected-error @below {{has no schedule for sm_90a: groups find the rows of a slot that are there by a mask of the step only}}
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) where(%seen along 0 : tensor<64xi1>) : !t -> tensor<64x64xbf16>
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
// The first product starts before a mask is computed.
tile.program @rows_of_the_first_product(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %all = arith.constant dense<true> : tensor<128x64xi1>
    %see = tile.mask %all empty false at(%p, %m) valid(%c128, %count) {
    ^bb0(%i: index, %j: index):
      %c = arith.cmpi sle, %j, %i : index
      tile.yield %c : i1
    } : tensor<128x64xi1>
    %seen = tile.reduce or %see dims [0] : tensor<128x64xi1>
    // expected-error @below {{has no schedule for sm_90a: its mask is not there before products read its tile}}
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) where(%seen along 0 : tensor<64xi1>) : !t -> tensor<64x64xbf16>
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
// No step clears a slot that stays for all of them.
tile.program @rows_of_a_tile_that_stays(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %all = arith.constant dense<true> : tensor<128x64xi1>
  %points = tile.mask %all empty false at(%p, %c0) {
  ^bb0(%i: index, %j: index):
    %c = arith.cmpi sle, %j, %i : index
    tile.yield %c : i1
  } : tensor<128x64xi1>
  %seen = tile.reduce or %points dims [0] : tensor<128x64xi1>
  // expected-error @below {{has no schedule for sm_90a: groups find the rows of a slot that are there by a mask of the step only}}
  %y = tile.load %a[#box](%c0, %c0) where(%seen along 0 : tensor<64xi1>) : !t -> tensor<64x64xbf16>
  %r = tile.sweep(%c0 to %P partial) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}
