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
