// One case a reason why what is read point by point has no schedule.
// RUN: attn-opt %s --schedule-tiles --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @diagonals(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: memref<?x?xbf16> {tile.name = "b", tile.access = "read", tile.shape = ["P", "P"]},
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
  // expected-error @below {{has no schedule for sm_90a: its points do not follow each other along dimensions}}
  %d = tile.load %b[affine_map<(d0, d1)[s0] -> (d0 + d1 + s0, d1)>](%p) : memref<?x?xbf16> -> tensor<128x64xbf16>
  %f = arith.extf %d : tensor<128x64xbf16> to tensor<128x64xf32>
  %s = arith.addf %r, %f : tensor<128x64xf32>
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @every_other_point(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: memref<?x?xbf16> {tile.name = "b", tile.access = "read", tile.shape = ["P", "P"]},
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
  // expected-error @below {{has no schedule for sm_90a: its points do not follow each other along dimensions}}
  %d = tile.load %b[affine_map<(d0, d1)[s0] -> (d0 * 2 + s0, d1)>](%p) : memref<?x?xbf16> -> tensor<128x64xbf16>
  %f = arith.extf %d : tensor<128x64xbf16> to tensor<128x64xf32>
  %s = arith.addf %r, %f : tensor<128x64xf32>
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @points_that_a_mask_leaves_out(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: memref<?x?xbf16> {tile.name = "b", tile.access = "read", tile.shape = ["P", "P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %seen = arith.constant dense<true> : tensor<64xi1>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    // expected-error @below {{has no schedule for sm_90a: it leaves points out by a mask}}
    %d = tile.load %b[#box](%p, %m) where(%seen along 1 : tensor<64xi1>) : memref<?x?xbf16> -> tensor<128x64xbf16>
    %f = arith.extf %d : tensor<128x64xbf16> to tensor<128x64xf32>
    %s = arith.addf %next, %f : tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
// Points behind the step's count would be zero.
tile.program @points_that_no_mask_hides(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: memref<?x?xbf16> {tile.name = "b", tile.access = "read", tile.shape = ["P", "P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c128 = arith.constant 128 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    // expected-error @below {{has no schedule for sm_90a: no mask hides its points beyond the valid ones}}
    %d = tile.load %b[#box](%p, %m) valid(%c128, %count) pad 1.000000e+00 : bf16 : memref<?x?xbf16> -> tensor<128x64xbf16>
    %f = arith.extf %d : tensor<128x64xbf16> to tensor<128x64xf32>
    %s = arith.addf %next, %f : tensor<128x64xf32>
    %o = tile.reduce add %s dims [1] : tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
// Behind the tensor's end there are zeros.
tile.program @padded_points(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %b: memref<?x?xbf16> {tile.name = "b", tile.access = "read", tile.shape = ["P", "P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %c128 = arith.constant 128 : index
  %c64 = arith.constant 64 : index
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %rest = arith.subi %P, %m : index
    %columns = arith.minsi %rest, %c64 : index
    // expected-error @below {{has no schedule for sm_90a: no mask hides its points beyond the valid ones}}
    %d = tile.load %b[#box](%p, %m) valid(%c128, %columns) pad 1.0 : bf16 : memref<?x?xbf16> -> tensor<128x64xbf16>
    %f = arith.extf %d : tensor<128x64xbf16> to tensor<128x64xf32>
    %s = arith.addf %next, %f : tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @lists_in_a_predicate(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %l: memref<?x?xi32> {tile.name = "l", tile.access = "read", tile.shape = ["P", "P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    // expected-error @below {{has no schedule for sm_90a: its predicate runs through lists at every point}}
    %k = tile.mask %next empty 0.0 : f32 at(%p, %m) {
    ^bb0(%i: index, %j: index):
      %c = tile.member %j in %l[%i] from %c0 to %P : memref<?x?xi32>
      tile.yield %c : i1
    } : tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @lists_in_a_line(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %l: memref<?x?xi32> {tile.name = "l", tile.access = "read", tile.shape = ["P", "P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %r = tile.sweep(%c0 to %P full) by 64 carry(%zero : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
    %y = tile.load %a[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %next = tile.dot %x, %y, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    // expected-error @below {{has no schedule for sm_90a: its points run through lists of their own}}
    %g = tile.generate at(%p) {
    ^bb0(%i: index):
      %e = tile.entry %l[%i] from %c0 at %m : memref<?x?xi32>
      tile.yield %e : index
    } : tensor<128xindex>
    tile.yield %next : tensor<128x64xf32>
  }
}

// -----

#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
tile.program @table_behind_the_second_product(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %l: memref<?xf32> {tile.name = "l", tile.access = "read", tile.shape = ["P"]},
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
    %next = tile.dot %w, %v, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %n = arith.fptosi %next : tensor<128x64xf32> to tensor<128x64xi32>
    %at = arith.index_cast %n : tensor<128x64xi32> to tensor<128x64xindex>
    // expected-error @below {{has no schedule for sm_90a: it stands behind the second product}}
    %b = tile.gather %l[%at] empty 0.0 : f32 : memref<?xf32>[tensor<128x64xindex>] -> tensor<128x64xf32>
    %sum = arith.addf %next, %b : tensor<128x64xf32>
    tile.yield %sum : tensor<128x64xf32>
  }
}
