// Carries whose parts do not add up alike in any order are refused.
// RUN: attn-opt %s --tile-exact-sums=stream=true --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

tile.program @no_merge(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects a merge, by which parts of an invariant stream come together; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>):
    tile.yield %c0 : tensor<64xf32>
  }
}

// -----

tile.program @whole_numbers(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %zero = arith.constant dense<0> : tensor<64xi32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #0 has no rows of f32; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%zero : tensor<64xi32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xi32>):
    tile.yield %c0 : tensor<64xi32>
  } merge {
  ^bb0(%a0: tensor<64xi32>, %b0: tensor<64xi32>):
    %s = arith.addi %a0, %b0 : tensor<64xi32>
    tile.yield %s : tensor<64xi32>
  }
}

// -----

tile.program @narrow(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<64xbf16>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #0 has no rows of f32; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%zero : tensor<64xbf16>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xbf16>):
    tile.yield %c0 : tensor<64xbf16>
  } merge {
  ^bb0(%a0: tensor<64xbf16>, %b0: tensor<64xbf16>):
    %s = arith.addf %a0, %b0 : tensor<64xbf16>
    tile.yield %s : tensor<64xbf16>
  }
}

// -----

tile.program @no_rows(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  %point = arith.constant dense<0.0> : tensor<f32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #1 has no rows of f32; leave 'invariant' or the stream of steps out}}
  %r:2 = tile.sweep(%first to %P partial) by 64 carry(%zero, %point : tensor<64xf32>, tensor<f32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>, %c1: tensor<f32>):
    tile.yield %c0, %c1 : tensor<64xf32>, tensor<f32>
  } merge {
  ^bb0(%a0: tensor<64xf32>, %a1: tensor<f32>, %b0: tensor<64xf32>, %b1: tensor<f32>):
    %s = arith.addf %a0, %b0 : tensor<64xf32>
    %t = arith.addf %a1, %b1 : tensor<f32>
    tile.yield %s, %t : tensor<64xf32>, tensor<f32>
  }
}

// -----

tile.program @rank3(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<64x4x4xf32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #0 has no rows of f32; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%zero : tensor<64x4x4xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64x4x4xf32>):
    tile.yield %c0 : tensor<64x4x4xf32>
  } merge {
  ^bb0(%a0: tensor<64x4x4xf32>, %b0: tensor<64x4x4xf32>):
    %s = arith.addf %a0, %b0 : tensor<64x4x4xf32>
    tile.yield %s : tensor<64x4x4xf32>
  }
}

// -----

tile.program @product(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #0 is neither a maximum nor a sum of two sides, as they are or each times a power that makes up for its maximum; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>):
    tile.yield %c0 : tensor<64xf32>
  } merge {
  ^bb0(%a0: tensor<64xf32>, %b0: tensor<64xf32>):
    %s = arith.mulf %a0, %b0 : tensor<64xf32>
    tile.yield %s : tensor<64xf32>
  }
}

// -----

tile.program @one_side(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #0 is neither a maximum nor a sum of two sides, as they are or each times a power that makes up for its maximum; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>):
    tile.yield %c0 : tensor<64xf32>
  } merge {
  ^bb0(%a0: tensor<64xf32>, %b0: tensor<64xf32>):
    %s = arith.addf %a0, %a0 : tensor<64xf32>
    tile.yield %s : tensor<64xf32>
  }
}

// -----

tile.program @from_one(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<64xf32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #0 is neither a maximum nor a sum of two sides, as they are or each times a power that makes up for its maximum; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%one : tensor<64xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>):
    tile.yield %c0 : tensor<64xf32>
  } merge {
  ^bb0(%a0: tensor<64xf32>, %b0: tensor<64xf32>):
    %s = arith.addf %a0, %b0 : tensor<64xf32>
    tile.yield %s : tensor<64xf32>
  }
}

// -----

tile.program @maximum_of_three(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %ninf = arith.constant dense<0xFF800000> : tensor<64xf32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #0 is neither a maximum nor a sum of two sides, as they are or each times a power that makes up for its maximum; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%ninf : tensor<64xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>):
    %m = arith.maximumf %c0, %one : tensor<64xf32>
    tile.yield %m : tensor<64xf32>
  } merge {
  ^bb0(%a0: tensor<64xf32>, %b0: tensor<64xf32>):
    %m = arith.maximumf %a0, %b0 : tensor<64xf32>
    %t = arith.maximumf %m, %one : tensor<64xf32>
    tile.yield %t : tensor<64xf32>
  }
}

// -----

tile.program @maximum_from_zero(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #0 is neither a maximum nor a sum of two sides, as they are or each times a power that makes up for its maximum; leave 'invariant' or the stream of steps out}}
  %r = tile.sweep(%first to %P partial) by 64 carry(%zero : tensor<64xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>):
    %m = arith.maximumf %c0, %one : tensor<64xf32>
    tile.yield %m : tensor<64xf32>
  } merge {
  ^bb0(%a0: tensor<64xf32>, %b0: tensor<64xf32>):
    %m = arith.maximumf %a0, %b0 : tensor<64xf32>
    tile.yield %m : tensor<64xf32>
  }
}

// -----

tile.program @powers_of_two_bases(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %ninf = arith.constant dense<0xFF800000> : tensor<64xf32>
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #1 is neither a maximum nor a sum of two sides, as they are or each times a power that makes up for its maximum; leave 'invariant' or the stream of steps out}}
  %r:2 = tile.sweep(%first to %P partial) by 64 carry(%ninf, %zero : tensor<64xf32>, tensor<64xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>, %c1: tensor<64xf32>):
    %m = arith.maximumf %c0, %one : tensor<64xf32>
    %d = arith.subf %c0, %m : tensor<64xf32>
    %f = math.exp %d : tensor<64xf32>
    %l = arith.mulf %c1, %f : tensor<64xf32>
    %s = arith.addf %l, %one : tensor<64xf32>
    tile.yield %m, %s : tensor<64xf32>, tensor<64xf32>
  } merge {
  ^bb0(%a0: tensor<64xf32>, %a1: tensor<64xf32>, %b0: tensor<64xf32>, %b1: tensor<64xf32>):
    %m = arith.maximumf %a0, %b0 : tensor<64xf32>
    %da = arith.subf %a0, %m : tensor<64xf32>
    %db = arith.subf %b0, %m : tensor<64xf32>
    %fa = math.exp %da : tensor<64xf32>
    %fb = math.exp2 %db : tensor<64xf32>
    %la = arith.mulf %a1, %fa : tensor<64xf32>
    %lb = arith.mulf %b1, %fb : tensor<64xf32>
    %s = arith.addf %la, %lb : tensor<64xf32>
    tile.yield %m, %s : tensor<64xf32>, tensor<64xf32>
  }
}

// -----

tile.program @powers_of_the_other_side(%P: index {tile.extent = "P"}) space(%p = "P" by 64)
    attributes {invariant} {
  %first = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %ninf = arith.constant dense<0xFF800000> : tensor<64xf32>
  %zero = arith.constant dense<0.0> : tensor<64xf32>
  // expected-error @below {{expects carries whose parts add up alike in any order, but carry #1 is neither a maximum nor a sum of two sides, as they are or each times a power that makes up for its maximum; leave 'invariant' or the stream of steps out}}
  %r:2 = tile.sweep(%first to %P partial) by 64 carry(%ninf, %zero : tensor<64xf32>, tensor<64xf32>) step {
  ^bb0(%base: index, %n: index, %c0: tensor<64xf32>, %c1: tensor<64xf32>):
    %m = arith.maximumf %c0, %one : tensor<64xf32>
    %d = arith.subf %c0, %m : tensor<64xf32>
    %f = math.exp2 %d : tensor<64xf32>
    %l = arith.mulf %c1, %f : tensor<64xf32>
    %s = arith.addf %l, %one : tensor<64xf32>
    tile.yield %m, %s : tensor<64xf32>, tensor<64xf32>
  } merge {
  ^bb0(%a0: tensor<64xf32>, %a1: tensor<64xf32>, %b0: tensor<64xf32>, %b1: tensor<64xf32>):
    %m = arith.maximumf %a0, %b0 : tensor<64xf32>
    %da = arith.subf %b0, %m : tensor<64xf32>
    %db = arith.subf %a0, %m : tensor<64xf32>
    %fa = math.exp2 %da : tensor<64xf32>
    %fb = math.exp2 %db : tensor<64xf32>
    %la = arith.mulf %a1, %fa : tensor<64xf32>
    %lb = arith.mulf %b1, %fb : tensor<64xf32>
    %s = arith.addf %la, %lb : tensor<64xf32>
    tile.yield %m, %s : tensor<64xf32>, tensor<64xf32>
  }
}
