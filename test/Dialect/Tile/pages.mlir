// RUN: attn-opt %s --split-input-file --verify-diagnostics | FileCheck %s

!pages = memref<?x?x16x8xf32, strided<[?, ?, ?, ?], offset: ?>>
!table = memref<?x?xi32, strided<[?, ?], offset: ?>>
!o = memref<?x?x?x8xf32, strided<[?, ?, ?, ?], offset: ?>>

// CHECK-LABEL: tile.program @copy(
// CHECK: tile.load %{{.*}}[#{{.*}}](%{{.*}}) through %{{.*}}(%{{.*}}) from %{{.*}} by <16 along 0> : memref<?x?xi32, {{.*}}> valid(%{{.*}}, %{{.*}}) : memref<?x?x16x8xf32, {{.*}}> -> tensor<32x8xf32>
tile.program @copy(
    %k: !pages {tile.name = "k", tile.access = "read", tile.shape = ["k_pages", "H", 16, 8]},
    %table: !table {tile.name = "pages", tile.access = "read", tile.shape = ["B", "pages_width"]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["B", "H", "M", 8]},
    %B: index {tile.extent = "B"}, %H: index {tile.extent = "H"}, %M: index {tile.extent = "M"},
    %N: index {tile.extent = "k_pages"}, %W: index {tile.extent = "pages_width"})
    space(%b = "B" by 1, %h = "H" by 1, %m = "M" by 32) {
  %c8 = arith.constant 8 : index
  %count = arith.subi %M, %m : index
  %t = tile.load %k[affine_map<(d0, d1)[s0, s1, s2] -> (s1, s0, s2, d1)>](%h)
      through %table(%b) from %m by <16 along 0> : !table
      valid(%count, %c8) : !pages -> tensor<32x8xf32>
  tile.store %t, %o[affine_map<(d0, d1)[s0, s1, s2] -> (s0, s1, d0 + s2, d1)>](%b, %h, %m)
      valid(%count, %c8) : tensor<32x8xf32>, !o
}

// -----

tile.program @table(
    %k: memref<?x16xf32> {tile.name = "k", tile.access = "read", tile.shape = ["k_pages", 16]},
    %table: memref<?x?xi32> {tile.name = "pages", tile.access = "read", tile.shape = ["B", "W"]},
    %B: index {tile.extent = "B"}, %M: index {tile.extent = "M"},
    %N: index {tile.extent = "k_pages"}, %W: index {tile.extent = "W"})
    space(%m = "M" by 32) {
  // expected-error @below {{expects a table of integers with an index for each dimension but the last, but got 'memref<?x?xi32>' and 0}}
  %t = tile.load %k[affine_map<(d0)[s0, s1] -> (s0, s1)>]() through %table() from %m by <16 along 0>
      : memref<?x?xi32> : memref<?x16xf32> -> tensor<32xf32>
}

// -----

tile.program @uses_dim(
    %k: memref<?x16xf32> {tile.name = "k", tile.access = "read", tile.shape = ["k_pages", 16]},
    %table: memref<?xi32> {tile.name = "pages", tile.access = "read", tile.shape = ["W"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "k_pages"},
    %W: index {tile.extent = "W"})
    space(%m = "M" by 32) {
  // expected-error @below {{expects pages along a dimension of 'tensor<32xf32>' that the map does not use}}
  %t = tile.load %k[affine_map<(d0)[s0, s1] -> (s0, d0 + s1)>]() through %table() from %m by <16 along 0>
      : memref<?xi32> : memref<?x16xf32> -> tensor<32xf32>
}

// -----

tile.program @place(
    %k: memref<?x16xf32> {tile.name = "k", tile.access = "read", tile.shape = ["k_pages", 16]},
    %table: memref<?xi32> {tile.name = "pages", tile.access = "read", tile.shape = ["W"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "k_pages"},
    %W: index {tile.extent = "W"})
    space(%m = "M" by 32) {
  // expected-error @below {{expects the page and the place to be the coordinates of one dimension each}}
  %t = tile.load %k[affine_map<(d0)[s0, s1] -> (s0, s0)>]() through %table() from %m by <16 along 0>
      : memref<?xi32> : memref<?x16xf32> -> tensor<32xf32>
}

// -----

// expected-error @below {{expects pages of at least one position along a dimension, but got 0 along 1}}
#none = #tile.pages<0 along 1>
