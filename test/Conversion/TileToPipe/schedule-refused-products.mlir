// One case a reason why the products of a program have no schedule.
// RUN: attn-opt %s --schedule-tiles --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

!t = memref<?x64xbf16>
// expected-error @below {{has no schedule for sm_90a: it has 0 sweeps}}
tile.program @no_sweep(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
}

// -----

!t = memref<?x64xbf16>
// expected-error @below {{has no schedule for sm_90a: it has 2 sweeps}}
tile.program @two_sweeps(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  tile.sweep(%c0 to %P full) by 64 step {
  ^bb0(%m: index, %count: index):
    tile.yield
  }
  tile.sweep(%c0 to %P full) by 64 step {
  ^bb0(%m: index, %count: index):
    tile.yield
  }
}

// -----

!t = memref<?x64xbf16>
tile.program @no_products(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  // expected-error @below {{has no schedule for sm_90a: its step has no products}}
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %next = arith.addf %acc, %acc : tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
!t = memref<?x64xbf16>
tile.program @result_of_one_dimension(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[affine_map<(d0)[s0] -> (s0, d0)>](%m) : !t -> tensor<64xbf16>
    %none = arith.constant dense<0.0> : tensor<128xf32>
    // expected-error @below {{has no schedule for sm_90a: its result is no matrix}}
    %s = tile.dot %x, %y, %none maps [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (k)>, affine_map<(m, k) -> (m)>]
        : tensor<128x64xbf16>, tensor<64xbf16>, tensor<128xf32>
    tile.yield %acc : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
!t = memref<?x64xbf16>
tile.program @rows_of_two_kinds(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %other = arith.constant dense<0.0> : tensor<64x64xf32>
    // expected-error @below {{has no schedule for sm_90a: the rows of its result are not those of the others}}
    %s = tile.dot %y, %y, %other maps [#mk, #nk, #mn]
        : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @rows_96(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 96) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<96x64xf32>
  // expected-error @below {{has no schedule for sm_90a: its products have 96 rows, but groups multiply 64 each and there are at most 3}}
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<96x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<96x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<96x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<96x64xbf16>, tensor<64x64xbf16>, tensor<96x64xf32>
    tile.yield %next : tensor<96x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @rows_256(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 256) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<256x64xf32>
  // expected-error @below {{has no schedule for sm_90a: its products have 256 rows, but groups multiply 64 each and there are at most 3}}
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<256x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<256x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<256x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<256x64xbf16>, tensor<64x64xbf16>, tensor<256x64xf32>
    tile.yield %next : tensor<256x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
// expected-error @below {{has no schedule for sm_90a: no coordinate has tiles of the 128 rows of its products}}
tile.program @rows_of_no_coordinate(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%c0, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

!t = memref<?x64xbf16>
tile.program @side_of_three_dimensions(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[affine_map<(d0, d1, d2)[s0] -> (d0 + s0, d1 + d2)>](%p) : !t -> tensor<128x8x8xbf16>
    %y = tile.load %a[affine_map<(d0, d1, d2)[s0] -> (d0 + d1 + s0, d2)>](%m) : !t -> tensor<8x8x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: one of its sides is no matrix}}
    %next = tile.dot %x, %y, %acc maps [affine_map<(m, n, j, k) -> (m, j, k)>,
        affine_map<(m, n, j, k) -> (j, k, n)>, affine_map<(m, n, j, k) -> (m, n)>]
        : tensor<128x8x8xbf16>, tensor<8x8x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @columns_of_no_granule(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x12xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x12xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x12xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x12xbf16>
    // expected-error @below {{has no schedule for sm_90a: its result has 12 columns, but a product has a multiple of 8 up to 256}}
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x12xbf16>, tensor<128x12xf32>
    tile.yield %next : tensor<128x12xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @too_many_columns(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x264xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x264xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x264xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x264xbf16>
    // expected-error @below {{has no schedule for sm_90a: its result has 264 columns, but a product has a multiple of 8 up to 256}}
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x264xbf16>, tensor<128x264xf32>
    tile.yield %next : tensor<128x264xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
!f = memref<?x64xf32>
tile.program @wide_elements(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: !f {tile.name = "b", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %b[#box](%p, %c0) : !f -> tensor<128x64xf32>
    %y = tile.load %b[#box](%m, %c0) : !f -> tensor<64x64xf32>
    // expected-error @below {{has no schedule for sm_90a: its elements have no 16 bits}}
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xf32>, tensor<64x64xf32>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @computed_right_side(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %z = arith.addf %y, %y : tensor<64x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: its right side is computed, not loaded}}
    %next = tile.dot %x, %z, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
!t = memref<?x64xbf16>
tile.program @depth_of_a_computed_side(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 24 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<24x64xbf16>
    %none = arith.constant dense<0.0> : tensor<128x24xf32>
    %s = tile.dot %x, %y, %none maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<24x64xbf16>, tensor<128x24xf32>
    %w = arith.truncf %s : tensor<128x24xf32> to tensor<128x24xbf16>
    %v = tile.load %a[#box](%m, %c0) : !t -> tensor<24x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: its left side, which is computed, is not contracted along columns that are a multiple of 16}}
    %next = tile.dot %w, %v, %acc maps [#mk, #kn, #mn]
        : tensor<128x24xbf16>, tensor<24x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
!t = memref<?x64xbf16>
// Products of 48 terms would take eight more columns of the tensor.
tile.program @terms_of_parts_of_rows(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x40xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x40xbf16>
    // expected-error @below {{has no schedule for sm_90a: its sums have 40 terms, which are no multiple of 16 and no whole rows of its tensors}}
    %next = tile.dot %x, %y, %acc maps [#mk, #nk, #mn]
        : tensor<128x40xbf16>, tensor<64x40xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
!b = memref<?x40xbf16>
// There are 40 rows in a slot.
tile.program @terms_along_columns(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: !b {tile.name = "b", tile.access = "read", tile.shape = ["P", 40]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 40 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %b[#box](%p, %c0) : !b -> tensor<128x40xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<40x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: its sums have 40 terms, which are no multiple of 16 and no whole rows of its tensors}}
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x40xbf16>, tensor<40x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @tile_that_others_read(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: its tile is read by products and by other ops}}
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %z = arith.addf %y, %y : tensor<64x64xbf16>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
// Every other row of the tensor.
tile.program @no_box(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: it is no box of the last two dimensions of a tensor of at most 5}}
    %y = tile.load %a[affine_map<(d0, d1)[s0] -> (d0 * 2 + s0, d1)>](%m) : !t -> tensor<64x64xbf16>
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
tile.program @padded(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: bulk copies give zero beyond the extents}}
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c64) pad 1.0 : bf16 : !t -> tensor<64x64xbf16>
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
// The tensor has 64 columns.
tile.program @points_inside_of_a_tensor(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c32 = arith.constant 32 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: it leaves out points inside of its tensor, which bulk copies do not}}
    %y = tile.load %a[#box](%m, %c0) valid(%count, %c32) : !t -> tensor<64x64xbf16>
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
tile.program @rest_of_another_tile(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %next_tile = arith.addi %p, %c128 : index
  %rest = arith.subi %P, %next_tile : index
  %rows = arith.minsi %rest, %c128 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    // expected-error @below {{has no schedule for sm_90a: it leaves out points inside of its tensor, which bulk copies do not}}
    %x = tile.load %a[#box](%p, %c0) valid(%rows, %c64) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
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
tile.program @rows_of_a_copy(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 12 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x12xbf16>
    // expected-error @below {{has no schedule for sm_90a: its tile has no multiple of 8 rows up to 256}}
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<12x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x12xbf16>, tensor<12x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#km = affine_map<(m, n, k) -> (k, m)>
!t = memref<?x64xbf16>
tile.program @rows_along_the_last_dimension(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    // expected-error @below {{has no schedule for sm_90a: the program's rows run along the tensor's last dimension}}
    %x = tile.load %a[#box](%m, %p) : !t -> tensor<64x128xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#km, #kn, #mn]
        : tensor<64x128xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @sweep_along_the_last_dimension(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c128 = arith.constant 128 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    // expected-error @below {{has no schedule for sm_90a: the swept rank runs along the tensor's last dimension}}
    %x = tile.load %a[#box](%p, %m) valid(%c128, %count) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
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
#nk = affine_map<(m, n, k) -> (n, k)>
!t = memref<?x64xbf16>
// Keys that are their own values.
tile.program @tile_of_two_turns(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: products of two turns of the loop read its tile}}
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zero maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %w = arith.truncf %s : tensor<128x64xf32> to tensor<128x64xbf16>
    %next = tile.dot %w, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
!t = memref<?x64xbf16>
tile.program @three_products(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zero maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %w = arith.truncf %s : tensor<128x64xf32> to tensor<128x64xbf16>
    %v = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %t = tile.dot %w, %v, %zero maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %u = arith.truncf %t : tensor<128x64xf32> to tensor<128x64xbf16>
    %z = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: it takes what a product of products gives}}
    %next = tile.dot %u, %z, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
!t = memref<?x64xbf16>
tile.program @late_sum(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zero maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %w = arith.truncf %s : tensor<128x64xf32> to tensor<128x64xbf16>
    %v = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %t = tile.dot %w, %v, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %z = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: it is added to another product of its turn}}
    %next = tile.dot %w, %z, %t maps [#mk, #kn, #mn]
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
tile.program @early_sum(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %b = arith.addf %acc, %acc : tensor<128x64xf32>
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: it is added to what its step computes}}
    %next = tile.dot %x, %y, %b maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
!t = memref<?x64xbf16>
tile.program @early_after_late(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %b = arith.negf %acc : tensor<128x64xf32>
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    // expected-error @below {{has no schedule for sm_90a: it needs what the late products of the step before give}}
    %s = tile.dot %x, %y, %b maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %w = arith.truncf %s : tensor<128x64xf32> to tensor<128x64xbf16>
    %v = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %w, %v, %acc maps [#mk, #kn, #mn]
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
tile.program @product_outside(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
  %x = arith.truncf %r : tensor<128x64xf32> to tensor<128x64xbf16>
  %y = arith.constant dense<1.0> : tensor<64x64xbf16>
  // expected-error @below {{has no schedule for sm_90a: it stands outside of the sweep}}
  %q = tile.dot %x, %y, %r maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
}
