// RUN: attn-opt %s --split-input-file --verify-diagnostics

func.func @mask_c4_dimensions(%a: tensor<4x8xf32>, %w: tensor<4xindex>, %i: index) {
  // expected-error @below {{expects one dimension a tile of 'with', but got 0 for 1}}
  %t = "tile.mask"(%a, %i, %i, %w) <{empty = 0.0 : f32, along = array<i64>,
      operandSegmentSizes = array<i32: 1, 2, 0, 1>}> ({
  ^bb0(%p: index, %k: index, %e: index):
    %c = arith.constant true
    tile.yield %c : i1
  }) : (tensor<4x8xf32>, index, index, tensor<4xindex>) -> tensor<4x8xf32>
  return
}

// -----

func.func @mask_c4(%a: tensor<4x8xf32>, %w: tensor<4xindex>, %i: index) {
  // expected-error @below {{expects a tile of rank 1 along a dimension of 'tensor<4x8xf32>', but got 'tensor<4xindex>' along 1}}
  %t = tile.mask %a empty 0.0 : f32 at(%i, %i) with(%w along [1] : tensor<4xindex>) {
  ^bb0(%p: index, %k: index, %e: index):
    %c = arith.constant true
    tile.yield %c : i1
  } : tensor<4x8xf32>
  return
}

// -----

func.func @mask_c2_element(%a: tensor<4x8xf32>, %w: tensor<4xi32>, %i: index) {
  // expected-error @below {{expects argument #2 of the predicate to be an element of 'tensor<4xi32>', but got 'index'}}
  %t = tile.mask %a empty 0.0 : f32 at(%i, %i) with(%w along [0] : tensor<4xi32>) {
  ^bb0(%p: index, %k: index, %e: index):
    %c = arith.constant true
    tile.yield %c : i1
  } : tensor<4x8xf32>
  return
}

// -----

func.func @generate_c1(%i: index) {
  // expected-error @below {{expects a tile of rank 1, but got 'tensor<4x8xindex>'}}
  %t = tile.generate at(%i) {
  ^bb0(%p: index):
    tile.yield %p : index
  } : tensor<4x8xindex>
  return
}

// -----

func.func @generate_c2(%i: index) {
  // expected-error @below {{expects a region of one 'index' argument, but got ('i32')}}
  %t = tile.generate at(%i) {
  ^bb0(%p: i32):
    tile.yield %p : i32
  } : tensor<4xi32>
  return
}

// -----

func.func @generate_c2_yield(%i: index) {
  // expected-error @below {{expects a region that yields an element of 'tensor<4xi32>'}}
  %t = tile.generate at(%i) {
  ^bb0(%p: index):
    tile.yield %p : index
  } : tensor<4xi32>
  return
}

// -----

func.func @element_c1(%t: memref<?x?xi32>, %i: index) {
  // expected-error @below {{expects 2 coordinates of 'memref<?x?xi32>', but got 1}}
  %a = tile.element %t[%i] empty 0 : i32 : memref<?x?xi32>
  return
}

// -----

func.func @element_c2(%t: memref<?xi32>, %i: index) {
  // expected-error @below {{expects empty of the table's element type, but got 0.000000e+00 : f32 and 'memref<?xi32>'}}
  %a = tile.element %t[%i] empty 0.0 : f32 : memref<?xi32>
  return
}

// -----

func.func @gather_c1(%t: memref<?x?xi32>, %at: tensor<4xindex>) {
  // expected-error @below {{expects 2 coordinates of 'memref<?x?xi32>', but got 1}}
  %a = tile.gather %t[%at] empty 0 : i32 : memref<?x?xi32>[tensor<4xindex>] -> tensor<4xi32>
  return
}

// -----

func.func @gather_c1_shape(%t: memref<?x?xi32>, %i: index, %at: tensor<8xindex>) {
  // expected-error @below {{expects coordinate #1 to be 'index' or 'tensor<4xindex>', but got 'tensor<8xindex>'}}
  %a = tile.gather %t[%i, %at] empty 0 : i32 : memref<?x?xi32>[index, tensor<8xindex>] -> tensor<4xi32>
  return
}

// -----

func.func @gather_c1_element(%t: memref<?xi32>, %at: tensor<4xi32>) {
  // expected-error @below {{expects coordinate #0 to be 'index' or 'tensor<4xindex>', but got 'tensor<4xi32>'}}
  %a = tile.gather %t[%at] empty 0 : i32 : memref<?xi32>[tensor<4xi32>] -> tensor<4xi32>
  return
}

// -----

func.func @gather_c2(%t: memref<?xbf16>, %at: tensor<4xindex>) {
  // expected-error @below {{expects elements of the table, but got 'tensor<4xf32>' and 'memref<?xbf16>'}}
  %a = tile.gather %t[%at] empty 0.0 : bf16 : memref<?xbf16>[tensor<4xindex>] -> tensor<4xf32>
  return
}

// -----

func.func @gather_c2_empty(%t: memref<?xbf16>, %at: tensor<4xindex>) {
  // expected-error @below {{expects empty of the table's element type, but got 0.000000e+00 : f32 and 'memref<?xbf16>'}}
  %a = tile.gather %t[%at] empty 0.0 : f32 : memref<?xbf16>[tensor<4xindex>] -> tensor<4xbf16>
  return
}

// -----

func.func @extrema_c1(%t: memref<?x?xi32>, %i: index) {
  // expected-error @below {{expects a first and a last coordinate for each dimension, but got 2 and 1}}
  %a, %b = tile.extrema %t[%i, %i to %i] empty 0 : memref<?x?xi32>
  return
}

// -----

func.func @extrema_c1_rank(%t: memref<?x?xi32>, %i: index) {
  // expected-error @below {{expects 2 coordinates of 'memref<?x?xi32>', but got 1}}
  %a, %b = tile.extrema %t[%i to %i] empty 0 : memref<?x?xi32>
  return
}

// -----

func.func @extrema_c2(%t: memref<?xf32>, %i: index) {
  // expected-error @below {{expects a table of integers, but got 'memref<?xf32>'}}
  %a, %b = tile.extrema %t[%i to %i] empty 0 : memref<?xf32>
  return
}

// -----

func.func @entry_c1(%t: memref<?xi32>, %i: index) {
  // expected-error @below {{expects 0 coordinates of 'memref<?xi32>', but got 1}}
  %a = tile.entry %t[%i] from %i at %i : memref<?xi32>
  return
}

// -----

func.func @entry_c2(%t: memref<?xf32>, %i: index) {
  // expected-error @below {{expects a table of integers, but got 'memref<?xf32>'}}
  %a = tile.member %i in %t[] from %i to %i : memref<?xf32>
  return
}

// -----

func.func @sweep_c5(%i: index) {
  // expected-error @below {{expects a locator to take ('index'), but got ('index', 'index')}}
  tile.sweep(%i to %i full at {
  ^bb0(%t: index, %u: index):
    tile.yield %t, %u : index, index
  }) by 4 step {
  ^bb0(%b: index, %n: index):
    tile.yield
  }
  return
}

// -----

func.func @sweep_c5_yield(%i: index) {
  // expected-error @below {{expects a locator to yield ('index', 'index'), but got ('index')}}
  tile.sweep(%i to %i full at {
  ^bb0(%t: index):
    tile.yield %t : index
  }) by 4 step {
  ^bb0(%b: index, %n: index):
    tile.yield
  }
  return
}
