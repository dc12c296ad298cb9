// Sweeps whose steps are those of all rows of a tile, or of a call, are refused.
// RUN: attn-opt %s --tile-order-steps --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

// Where rows of documents begin depends on the documents before them.
tile.program @table(
    %first: memref<?xindex> {tile.name = "first", tile.access = "read", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 64) attributes {invariant} {
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %begin = memref.load %first[%p] : memref<?xindex>
  // expected-error @below {{expects steps of an invariant program to begin where coordinates and scalars say, but got segments that begin where a table says of the rows of a tile, which is elsewhere in another call; leave 'invariant' or that bound out}}
  %r = tile.sweep(%begin to %P partial) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
}

// -----

// So it does where a tile has one row.
tile.program @table_of_one_row(
    %first: memref<?xindex> {tile.name = "first", tile.access = "read", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}, %H: index {tile.extent = "H"})
    space(%h = "H" by 1, %p = "P" by 1) attributes {invariant} {
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<1xf32>
  %next = arith.addi %p, %c1 : index
  %begin = memref.load %first[%next] : memref<?xindex>
  // expected-error @below {{but got segments that begin where a table says of the rows of a tile}}
  %r = tile.sweep(%begin to %P partial) by 64 carry(%zero : tensor<1xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<1xf32>):
    tile.yield %acc : tensor<1xf32>
  }
}

// -----

tile.program @located(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects steps of an invariant program to lie between bounds, in the call or in each run of it, but got located segments, which are those of all rows of a tile; leave 'invariant' out}}
  %r = tile.sweep(%c0 to %P partial at {
  ^bb0(%i: index):
    %base = arith.muli %i, %c64 : index
    tile.yield %base, %c64 : index, index
  }) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
}

// -----

// Which steps of a run come first depends on what all rows of a tile see whole.
tile.program @classes(%S: index {tile.extent = "S"}, %P: index {tile.extent = "P"})
    space(%p = "P" by 64) attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c1024 = arith.constant 1024 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %sums:2 = tile.sum below %S {
  ^bb0(%run: index):
    tile.yield %run, %run : index, index
  }
  // expected-error @below {{in the call or in each run of it, but got located segments}}
  %r = tile.sweep(%c0 to %sums#0 partial at {
  ^bb0(%i: index):
    %run, %rest = tile.locate %i below %S {
    ^bb0(%own: index):
      tile.yield %own : index
    }
    %first = arith.muli %run, %c1024 : index
    %within = arith.muli %rest, %c64 : index
    %base = arith.addi %first, %within : index
    tile.yield %base, %c64 : index, index
  }, %c0 to %sums#1 partial at {
  ^bb0(%i: index):
    %run, %rest = tile.locate %i below %S {
    ^bb0(%own: index):
      tile.yield %own : index
    }
    %first = arith.muli %run, %c1024 : index
    %within = arith.muli %rest, %c64 : index
    %base = arith.addi %first, %within : index
    tile.yield %base, %c64 : index, index
  }) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
}

// -----

// Where a run's first step begins depends on the rows.
tile.program @begins(%S: index {tile.extent = "S"}, %P: index {tile.extent = "P"})
    space(%p = "P" by 16) attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c1024 = arith.constant 1024 : index
  %zero = arith.constant dense<0.0> : tensor<16xf32>
  // expected-error @below {{in the call or in each run of it, but got located segments}}
  %r = tile.sweep(%c0 to %S partial at {
  ^bb0(%i: index):
    %run, %rest = tile.locate %i below %S {
    ^bb0(%own: index):
      tile.yield %own : index
    }
    %first = arith.muli %run, %c1024 : index
    %within = arith.muli %rest, %c64 : index
    %from = arith.addi %p, %within : index
    %base = arith.addi %first, %from : index
    tile.yield %base, %c64 : index, index
  }) by 64 carry(%zero : tensor<16xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<16xf32>):
    tile.yield %acc : tensor<16xf32>
  }
}

// -----

// Where a run's first step begins depends on where the run is.
tile.program @moves(%S: index {tile.extent = "S"}, %P: index {tile.extent = "P"})
    space(%p = "P" by 64) attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c1024 = arith.constant 1024 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{in the call or in each run of it, but got located segments}}
  %r = tile.sweep(%c0 to %S partial at {
  ^bb0(%i: index):
    %run, %rest = tile.locate %i below %S {
    ^bb0(%own: index):
      tile.yield %own : index
    }
    %first = arith.muli %run, %c1024 : index
    %moved = arith.muli %run, %c32 : index
    %within = arith.muli %rest, %c64 : index
    %from = arith.addi %moved, %within : index
    %base = arith.addi %first, %from : index
    tile.yield %base, %c64 : index, index
  }) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
}
