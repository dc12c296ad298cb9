// RUN: attn-opt %s --split-input-file --convert-tile-to-pipe --verify-diagnostics

// expected-error @below {{expects a tensor with rank 'P', whose extent a program for a GPU needs}}
tile.program @extent_of_no_tensor(
    %x: memref<4xf32, strided<[?], offset: ?>>
        {tile.name = "x", tile.access = "read", tile.shape = [4]},
    %p: index {tile.extent = "P"}) space(%i = "P" by 1) {
}

// -----

tile.program @constant_of_several(
    %y: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %p: index {tile.extent = "P"}) space(%i = "P" by 2) {
  // expected-error @below {{expects a constant tile of one value on this target}}
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  tile.store %c, %y[affine_map<(d)[p] -> (d + p)>](%i)
      : tensor<2xf32>, memref<?xf32, strided<[?], offset: ?>>
}

// -----

tile.program @wide_index(
    %y: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %p: index {tile.extent = "P"}) space(%i = "P" by 2) {
  // expected-error @below {{expects an index of 32 bits on this target, but got 4294967296}}
  %c = arith.constant 4294967296 : index
}

// -----

tile.program @branch_with_results(
    %y: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %p: index {tile.extent = "P"}) space(%i = "P" by 2) {
  %c = arith.cmpi slt, %i, %p : index
  %f = arith.constant dense<1.0> : tensor<2xf32>
  // expected-error @below {{expects no results in a program for threads}}
  %t = scf.if %c -> tensor<2xf32> {
    scf.yield %f : tensor<2xf32>
  } else {
    scf.yield %f : tensor<2xf32>
  }
}

// -----

tile.program @loop(
    %y: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %p: index {tile.extent = "P"}) space(%i = "P" by 2) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error @below {{expects arithmetic on scalars, tile ops or scf.if in a program for a GPU}}
  scf.for %k = %c0 to %p step %c1 {
  }
}

// -----

tile.program @foreign_tile(
    %y: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %p: index {tile.extent = "P"}) space(%i = "P" by 2) {
  // expected-error @below {{expects a tile op or an elementwise one in a program for threads}}
  %t = tensor.empty() : tensor<2xf32>
  tile.store %t, %y[affine_map<(d)[p] -> (d + p)>](%i)
      : tensor<2xf32>, memref<?xf32, strided<[?], offset: ?>>
}

// -----

// Beyond a tensor threads read zeros.
!t = memref<?x?xf32, strided<[?, ?], offset: ?>>
#rows = affine_map<(d0)[s0] -> ((d0 + s0) mod 8, (d0 + s0) floordiv 8)>
tile.program @packed_pad(
    %x: !t {tile.name = "x", tile.access = "read", tile.shape = ["G", "P"]},
    %y: !t {tile.name = "y", tile.access = "write", tile.shape = ["G", "P"]},
    %g: index {tile.extent = "G"}, %p: index {tile.extent = "P"},
    %r: index {tile.extent = "R", tile.value = ["mul", "P", 8]}) space(%row = "R" by 8) {
  // expected-error @below {{expects a tensor of packed rows that is empty where it is zero}}
  %t = tile.load %x[#rows](%row) pad -1.0 : f32 clips : !t -> tensor<8xf32>
  tile.store %t, %y[#rows](%row) clips : tensor<8xf32>, !t
}

// -----

// expected-error @below {{expects extents that are products or quotients of others in a program for a GPU, but got ["min", "P", 8]}}
tile.program @extent_of_others(
    %y: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %p: index {tile.extent = "P"},
    %r: index {tile.extent = "R", tile.value = ["min", "P", 8]}) space(%i = "R" by 2) {
  %t = arith.constant dense<0.0> : tensor<2xf32>
  tile.store %t, %y[affine_map<(d)[p] -> (d + p)>](%i)
      : tensor<2xf32>, memref<?xf32, strided<[?], offset: ?>>
}
