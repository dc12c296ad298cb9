// Sweeps whose steps are those of all rows of a tile are refused.
// RUN: attn-opt %s --tile-order-steps --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

tile.program @window(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects steps of an invariant program to follow each other from 0 on, but got segments that begin where the rows of a tile begin to see points; leave 'invariant' or that bound out}}
  %r = tile.sweep(%p to %P partial) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
}

// -----

tile.program @holes(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects steps of an invariant program to follow each other from 0 on}}
  %r = tile.sweep(%c0 to %c64 partial, %p to %P full) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
}

// -----

tile.program @located(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects steps of an invariant program to follow each other from 0 on, but got located segments, which are those of all rows of a tile; leave 'invariant' out}}
  %r = tile.sweep(%c0 to %P partial at {
  ^bb0(%i: index):
    %base = arith.muli %i, %c64 : index
    tile.yield %base, %c64 : index, index
  }) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<64xf32>):
    tile.yield %acc : tensor<64xf32>
  }
}
