// Exponents that the rewriting of a sum would get wrong: of powers that a step or a
// merge takes otherwise than of the rows' maximum.
// RUN: attn-opt %s --tile-exact-sums=stream=true --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

// A step's power is of one more than the maximum, a merge's of it.
!line = tensor<64xf32>
tile.program @offset(%P: index {tile.extent = "P"}) space(%p = "P" by 64) attributes {invariant} {
  %first = arith.constant 0 : index
  %one = arith.constant dense<1.0> : !line
  %x = arith.constant dense<3.3> : !line
  %ninf = arith.constant dense<0xFF800000> : !line
  %zero = arith.constant dense<0.0> : !line
  // expected-error @below {{is neither a maximum nor a sum of two sides}}
  %r:2 = tile.sweep(%first to %P partial) by 64 carry(%ninf, %zero : !line, !line) step {
  ^bb0(%base: index, %n: index, %c0: !line, %c1: !line):
    %m = arith.maximumf %c0, %x : !line
    %c0p = arith.addf %c0, %one : !line
    %mp = arith.addf %m, %one : !line
    %d = arith.subf %c0p, %mp : !line
    %f = math.exp %d : !line
    %l = arith.mulf %c1, %f : !line
    %xd = arith.subf %x, %mp : !line
    %w = math.exp %xd : !line
    %s = arith.addf %l, %w : !line
    tile.yield %m, %s : !line, !line
  } merge {
  ^bb0(%a0: !line, %a1: !line, %b0: !line, %b1: !line):
    %m = arith.maximumf %a0, %b0 : !line
    %da = arith.subf %a0, %m : !line
    %db = arith.subf %b0, %m : !line
    %fa = math.exp %da : !line
    %fb = math.exp %db : !line
    %la = arith.mulf %a1, %fa : !line
    %lb = arith.mulf %b1, %fb : !line
    %s = arith.addf %la, %lb : !line
    tile.yield %m, %s : !line, !line
  }
}

// -----

// A merge takes powers of what one side alone has.
!line = tensor<64xf32>
tile.program @dangle(%P: index {tile.extent = "P"}) space(%p = "P" by 64) attributes {invariant} {
  %first = arith.constant 0 : index
  %x = arith.constant dense<3.3> : !line
  %ninf = arith.constant dense<0xFF800000> : !line
  %zero = arith.constant dense<0.0> : !line
  // expected-error @below {{is neither a maximum nor a sum of two sides}}
  %r:2 = tile.sweep(%first to %P partial) by 64 carry(%ninf, %zero : !line, !line) step {
  ^bb0(%base: index, %n: index, %c0: !line, %c1: !line):
    %m = arith.maximumf %c0, %x : !line
    %d = arith.subf %c0, %m : !line
    %f = math.exp %d : !line
    %l = arith.mulf %c1, %f : !line
    %s = arith.addf %l, %x : !line
    tile.yield %m, %s : !line, !line
  } merge {
  ^bb0(%a0: !line, %a1: !line, %b0: !line, %b1: !line):
    %m = arith.maximumf %a0, %b0 : !line
    %g = arith.mulf %a1, %a1 : !line
    %ta = arith.addf %g, %a0 : !line
    %tb = arith.addf %g, %b0 : !line
    %to = arith.addf %g, %m : !line
    %da = arith.subf %ta, %to : !line
    %db = arith.subf %tb, %to : !line
    %fa = math.exp %da : !line
    %fb = math.exp %db : !line
    %la = arith.mulf %a1, %fa : !line
    %lb = arith.mulf %b1, %fb : !line
    %s = arith.addf %la, %lb : !line
    tile.yield %m, %s : !line, !line
  }
}

// -----

// Each column has a maximum.
!line = tensor<64xf32>
!tile = tensor<64x64xf32>
tile.program @cols(%P: index {tile.extent = "P"}) space(%p = "P" by 64) attributes {invariant} {
  %first = arith.constant 0 : index
  %x = arith.constant dense<3.3> : !tile
  %ninf = arith.constant dense<0xFF800000> : !line
  %zero = arith.constant dense<0.0> : !tile
  // expected-error @below {{is neither a maximum nor a sum of two sides}}
  %r:2 = tile.sweep(%first to %P partial) by 64 carry(%ninf, %zero : !line, !tile) step {
  ^bb0(%base: index, %n: index, %c0: !line, %c1: !tile):
    %xm = tile.reduce max %x dims [0] : !tile
    %m = arith.maximumf %c0, %xm : !line
    %d = arith.subf %c0, %m : !line
    %f = math.exp %d : !line
    %fs = tile.broadcast %f dims [0] : !line to !tile
    %l = arith.mulf %c1, %fs : !tile
    %ms = tile.broadcast %m dims [0] : !line to !tile
    %xd = arith.subf %x, %ms : !tile
    %w = math.exp %xd : !tile
    %s = arith.addf %l, %w : !tile
    tile.yield %m, %s : !line, !tile
  } merge {
  ^bb0(%a0: !line, %a1: !tile, %b0: !line, %b1: !tile):
    %m = arith.maximumf %a0, %b0 : !line
    %da = arith.subf %a0, %m : !line
    %db = arith.subf %b0, %m : !line
    %fa = math.exp %da : !line
    %fb = math.exp %db : !line
    %fas = tile.broadcast %fa dims [0] : !line to !tile
    %fbs = tile.broadcast %fb dims [0] : !line to !tile
    %la = arith.mulf %a1, %fas : !tile
    %lb = arith.mulf %b1, %fbs : !tile
    %s = arith.addf %la, %lb : !tile
    tile.yield %m, %s : !line, !tile
  }
}

// -----

// A negative maximum counts as 0 in a step.
!line = tensor<64xf32>
tile.program @guard(%P: index {tile.extent = "P"}) space(%p = "P" by 64) attributes {invariant} {
  %first = arith.constant 0 : index
  %x = arith.constant dense<3.3> : !line
  %ninf = arith.constant dense<0xFF800000> : !line
  %zero = arith.constant dense<0.0> : !line
  // expected-error @below {{is neither a maximum nor a sum of two sides}}
  %r:2 = tile.sweep(%first to %P partial) by 64 carry(%ninf, %zero : !line, !line) step {
  ^bb0(%base: index, %n: index, %c0: !line, %c1: !line):
    %m = arith.maximumf %c0, %x : !line
    %k = arith.cmpf olt, %m, %zero : !line
    %to = arith.select %k, %zero, %m : tensor<64xi1>, !line
    %d = arith.subf %c0, %to : !line
    %f = math.exp %d : !line
    %l = arith.mulf %c1, %f : !line
    %xd = arith.subf %x, %to : !line
    %w = math.exp %xd : !line
    %s = arith.addf %l, %w : !line
    tile.yield %m, %s : !line, !line
  } merge {
  ^bb0(%a0: !line, %a1: !line, %b0: !line, %b1: !line):
    %m = arith.maximumf %a0, %b0 : !line
    %k = arith.cmpf olt, %m, %zero : !line
    %to = arith.select %k, %zero, %m : tensor<64xi1>, !line
    %da = arith.subf %a0, %to : !line
    %db = arith.subf %b0, %to : !line
    %fa = math.exp %da : !line
    %fb = math.exp %db : !line
    %la = arith.mulf %a1, %fa : !line
    %lb = arith.mulf %b1, %fb : !line
    %s = arith.addf %la, %lb : !line
    tile.yield %m, %s : !line, !line
  }
}

// -----

// Two sums have powers of two bases.
!line = tensor<64xf32>
tile.program @bases(%P: index {tile.extent = "P"}) space(%p = "P" by 64) attributes {invariant} {
  %first = arith.constant 0 : index
  %x = arith.constant dense<3.3> : !line
  %ninf = arith.constant dense<0xFF800000> : !line
  %zero = arith.constant dense<0.0> : !line
  // expected-error @below {{has powers of an exponent that its step uses otherwise, or with another base}}
  %r:3 = tile.sweep(%first to %P partial) by 64 carry(%ninf, %zero, %zero : !line, !line, !line) step {
  ^bb0(%base: index, %n: index, %c0: !line, %c1: !line, %c2: !line):
    %m = arith.maximumf %c0, %x : !line
    %d = arith.subf %c0, %m : !line
    %f = math.exp %d : !line
    %g = math.exp2 %d : !line
    %l = arith.mulf %c1, %f : !line
    %k = arith.mulf %c2, %g : !line
    %xd = arith.subf %x, %m : !line
    %w = math.exp %xd : !line
    %v = math.exp2 %xd : !line
    %s = arith.addf %l, %w : !line
    %t = arith.addf %k, %v : !line
    tile.yield %m, %s, %t : !line, !line, !line
  } merge {
  ^bb0(%a0: !line, %a1: !line, %a2: !line, %b0: !line, %b1: !line, %b2: !line):
    %m = arith.maximumf %a0, %b0 : !line
    %da = arith.subf %a0, %m : !line
    %db = arith.subf %b0, %m : !line
    %fa = math.exp %da : !line
    %fb = math.exp %db : !line
    %ga = math.exp2 %da : !line
    %gb = math.exp2 %db : !line
    %la = arith.mulf %a1, %fa : !line
    %lb = arith.mulf %b1, %fb : !line
    %ka = arith.mulf %a2, %ga : !line
    %kb = arith.mulf %b2, %gb : !line
    %s = arith.addf %la, %lb : !line
    %t = arith.addf %ka, %kb : !line
    tile.yield %m, %s, %t : !line, !line, !line
  }
}

// -----

// The maximum is one of what another carry is.
!line = tensor<64xf32>
tile.program @max2(%P: index {tile.extent = "P"}) space(%p = "P" by 64) attributes {invariant} {
  %first = arith.constant 0 : index
  %x = arith.constant dense<3.3> : !line
  %ninf = arith.constant dense<0xFF800000> : !line
  %zero = arith.constant dense<0.0> : !line
  // expected-error @below {{has powers of an exponent that its step uses otherwise, or with another base}}
  %r:3 = tile.sweep(%first to %P partial) by 64 carry(%ninf, %zero, %ninf : !line, !line, !line) step {
  ^bb0(%base: index, %n: index, %c0: !line, %c1: !line, %c2: !line):
    %m = arith.maximumf %c0, %x : !line
    %d = arith.subf %c0, %m : !line
    %f = math.exp %d : !line
    %l = arith.mulf %c1, %f : !line
    %xd = arith.subf %x, %m : !line
    %w = math.exp %xd : !line
    %s = arith.addf %l, %w : !line
    %t = arith.maximumf %c2, %m : !line
    tile.yield %m, %s, %t : !line, !line, !line
  } merge {
  ^bb0(%a0: !line, %a1: !line, %a2: !line, %b0: !line, %b1: !line, %b2: !line):
    %m = arith.maximumf %a0, %b0 : !line
    %m2 = arith.maximumf %a2, %b2 : !line
    %da = arith.subf %a0, %m : !line
    %db = arith.subf %b0, %m : !line
    %fa = math.exp %da : !line
    %fb = math.exp %db : !line
    %la = arith.mulf %a1, %fa : !line
    %lb = arith.mulf %b1, %fb : !line
    %s = arith.addf %la, %lb : !line
    tile.yield %m, %s, %m2 : !line, !line, !line
  }
}
