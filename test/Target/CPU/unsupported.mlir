// What the CPU lowering refuses says what it expects.
// RUN: attn-opt %s --split-input-file --verify-diagnostics --convert-tile-to-vector

tile.program @nested(%n: index {tile.extent = "N"}) space() {
  tile.sweep(%n to %n full) by 4 step {
  ^bb0(%b: index, %c: index):
    // expected-error @below {{expects to be directly in a program, but is in the step of another sweep}}
    tile.sweep(%n to %n full) by 4 step {
    ^bb0(%b1: index, %c1: index):
      tile.yield
    }
    tile.yield
  }
}

// -----

tile.program @constant_of_many(
    %y: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = [4]}) space() {
  // expected-error @below {{expects a constant tile of one value on a CPU, but got 'tensor<4xf32>' of several}}
  %t = arith.constant dense<[0.0, 1.0, 2.0, 3.0]> : tensor<4xf32>
  tile.store %t, %y[affine_map<(d0) -> (d0)>]() : tensor<4xf32>, memref<?xf32, strided<[?], offset: ?>>
}

// -----

tile.program @unknown_op(
    %y: memref<?xf32, strided<[?], offset: ?>>
      {tile.name = "y", tile.access = "write", tile.shape = [4]}) space() {
  %t = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error @below {{has no lowering to vectors: expects ops of arith and math on tiles, or of the tile dialect}}
  %c = scf.execute_region -> tensor<4xf32> {
    scf.yield %t : tensor<4xf32>
  }
  tile.store %c, %y[affine_map<(d0) -> (d0)>]() : tensor<4xf32>, memref<?xf32, strided<[?], offset: ?>>
}

// -----

// expected-error @below {{expects scalar 'n' of a type that a manifest has, but got 'i7'}}
tile.program @scalar_type(%n: i7 {tile.name = "n"}) space() {
}

// -----

tile.program @first(%n: i32 {tile.name = "n"}) space() {
}
// expected-error @below {{expects argument 'n' to be the same in all programs, but got f32 and i32}}
tile.program @second(%n: f32 {tile.name = "n"}) space() {
}

// -----

// Of 8 heads there may be fewer.
!t = memref<?x?xf32, strided<[?, ?], offset: ?>>
#rows = affine_map<(d0)[s0] -> ((d0 + s0) mod 8, (d0 + s0) floordiv 8)>
tile.program @clipped_load(
    %x: !t {tile.name = "x", tile.access = "read", tile.shape = ["G", "P"]},
    %y: !t {tile.name = "y", tile.access = "write", tile.shape = ["G", "P"]},
    %g: index {tile.extent = "G"}, %p: index {tile.extent = "P"},
    %r: index {tile.extent = "R", tile.value = ["mul", "P", 8]})
    space(%row = "R" by 8) {
  // expected-error @below {{expects points inside of its tensor on a CPU, but packed rows have more; bind the inner rank's extent to the width, or leave the ranks apart}}
  %t = tile.load %x[#rows](%row) clips : !t -> tensor<8xf32>
  tile.store %t, %y[#rows](%row) clips : tensor<8xf32>, !t
}

// -----

!t = memref<?x?xf32, strided<[?, ?], offset: ?>>
#rows = affine_map<(d0)[s0] -> ((d0 + s0) mod 8, (d0 + s0) floordiv 8)>
tile.program @clipped_store(
    %y: !t {tile.name = "y", tile.access = "write", tile.shape = ["G", "P"]},
    %g: index {tile.extent = "G"}, %p: index {tile.extent = "P"},
    %r: index {tile.extent = "R", tile.value = ["mul", "P", 8]})
    space(%row = "R" by 8) {
  %t = arith.constant dense<0.0> : tensor<8xf32>
  // expected-error @below {{expects points inside of its tensor on a CPU, but packed rows have more}}
  tile.store %t, %y[#rows](%row) clips : tensor<8xf32>, !t
}
