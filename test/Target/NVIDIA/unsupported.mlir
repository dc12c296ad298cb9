// RUN: attn-opt %s --split-input-file --convert-pipe-to-nvvm --verify-diagnostics

// What Hopper cannot run is refused at the op that asks for it.

#wrong = #pipe.fragment<registers = [2 x d1 by 1, 8 x d1 by 8, 2 x d0 by 8],
                        lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #wrong>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @other_fragment(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    // expected-error @below {{expects the accumulator's fragment on this target to be #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8]}}
    %t = pipe.mma_async %a, %a contract(1, 1) : !slot, !slot -> !pipe.token<!tile>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!tile>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8, 2 x d0 by 64],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<128x64xf32, #s>
!slot = !pipe.shared<128x64xbf16, swizzle = 128>
!other = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @rows(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  %others = pipe.ring readers(1) : !pipe.ring<1 x !other>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    %b = pipe.wait %others[%c] : !pipe.ring<1 x !other>
    // expected-error @below {{expects an accumulator of f32, 64 rows and a multiple of 8 columns up to 256 on this target}}
    %t = pipe.mma_async %a, %b contract(1, 1) : !slot, !other -> !pipe.token<!tile>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!tile>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 64>
pipe.kernel @swizzle(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    // expected-error @below {{expects tiles in shared memory with elements of 16 bits, a swizzle of 128 bytes and one part}}
    %t = pipe.mma_async %a, %a contract(1, 1) : !slot, !slot -> !pipe.token<!tile>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!tile>
  }
}

// -----

pipe.kernel @odd_registers(%n: i32 {pipe.name = "n"}) {
  // expected-error @below {{expects registers in multiples of 8 from 24 to 256, but got 100}}
  pipe.role "multiply" groups(1) warps(4) registers(100) (%group) {
  }
}

// -----

pipe.kernel @two_warps(%n: i32 {pipe.name = "n"}) {
  // expected-error @below {{expects groups of 1 or 4 warps, but got 2}}
  pipe.role "multiply" groups(1) warps(2) registers(104) (%group) {
  }
}

// -----

// expected-error @below {{expects roles of at most 65536 registers in all, but got 67584}}
pipe.kernel @registers(%n: i32 {pipe.name = "n"}) {
  // expected-note @below {{load takes 128 threads of 48}}
  pipe.role "load" groups(1) warps(1) registers(48) (%group) {
  }
  // expected-note @below {{multiply takes 256 threads of 240}}
  pipe.role "multiply" groups(2) warps(4) registers(240) (%group) {
  }
}

// -----

// expected-error @below {{expects at most 1024 threads, but its roles have 1152}}
pipe.kernel @threads(%n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(9) warps(4) registers(24) (%group) {
  }
}

// -----

// expected-error @below {{expects at most 232448 bytes of shared memory, but got 263168}}
pipe.kernel @shared(%n: i32 {pipe.name = "n"}) {
  // expected-note @below {{262144 bytes are here}}
  %ring = pipe.ring readers(1) : !pipe.ring<8 x !pipe.shared<128x128xbf16, swizzle = 128>>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
  }
}

// -----

!slot = !pipe.shared<264x64xbf16, swizzle = 128>
pipe.kernel @box(%x: !pipe.global<?x?xbf16> {pipe.name = "x", pipe.access = "read", pipe.shape = ["M", "N"]}) {
  %zero = arith.constant 0 : i32
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %ring[%c] as %slot : !pipe.ring<1 x !slot> {
      // expected-error @below {{expects copies of at most 256 rows on this target, but got 264}}
      pipe.load %x[%zero, %zero] -> %slot : !pipe.global<?x?xbf16> -> !slot
    }
  }
}

// -----

pipe.kernel @turns(%n: i32 {pipe.name = "n"}) {
  %a = pipe.turn : !pipe.turn<8>
  // expected-error @below {{expects at most 15 groups in all turns, one named barrier each, but got more}}
  %b = pipe.turn : !pipe.turn<8>
  pipe.role "multiply" groups(1) warps(4) registers(24) (%group) {
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @turns_and_clears(%n: i32 {pipe.name = "n"}) {
  %turn = pipe.turn : !pipe.turn<13>
  %ring = pipe.ring readers(3) : !pipe.ring<1 x !slot>
  // expected-error @below {{expects at most 15 groups in all turns and roles with pipe.each or pipe.clear, one named barrier each, but got more}}
  pipe.role "clear" groups(3) warps(4) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    pipe.clear %a from %n : !slot
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
pipe.kernel @exact_exponentials(%x: f32 {pipe.name = "x"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %t = pipe.splat %x : f32 -> tensor<64x64xf32, #s>
    // expected-error @below {{expects fastmath<afn> on this target, which has an approximate instruction only}}
    %e = math.exp2 %t : tensor<64x64xf32, #s>
    %h = arith.truncf %e : tensor<64x64xf32, #s> to tensor<64x64xbf16, #s>
    // expected-error @below {{expects elements of 32 bits on this target}}
    %n = arith.negf %h : tensor<64x64xbf16, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
pipe.kernel @exact_tangents(%x: f32 {pipe.name = "x"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %t = pipe.splat %x : f32 -> tensor<64x64xf32, #s>
    // expected-error @below {{expects fastmath<afn> on this target, which has an approximate instruction only}}
    %e = math.tanh %t : tensor<64x64xf32, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#t = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [8 x d0 by 1, 4 x d1 by 2], warps = [4 x d0 by 16]>
!o = !pipe.global<?x?xbf16>
pipe.kernel @stores(%o: !o {pipe.name = "o", pipe.access = "write", pipe.shape = ["M", "N"]}, %x: f32 {pipe.name = "x"}) {
  %zero = arith.constant 0 : i32
  %staging = pipe.shared_tile : !pipe.shared<64x64xf32, swizzle = 128, parts = 4>
  %whole = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %f = pipe.splat %x : f32 -> tensor<64x64xf32, #s>
    // expected-error @below {{expects elements of 16 bits, a swizzle of 128 bytes and, on this target, the fragment}}
    pipe.stage %f -> %staging : tensor<64x64xf32, #s> -> !pipe.shared<64x64xf32, swizzle = 128, parts = 4>
    %h = arith.truncf %f : tensor<64x64xf32, #s> to tensor<64x64xbf16, #s>
    // expected-error @below {{expects a tile of 4 parts, one a warp}}
    pipe.bulk_store %whole -> %o[%zero, %zero] : !pipe.shared<64x64xbf16, swizzle = 128> -> !o
    // expected-error @below {{expects elements of 16 bits as pairs of neighbouring columns and an even number of columns}}
    pipe.store %h -> %o[%zero, %zero] : tensor<64x64xbf16, #s> -> !o
    // expected-error @below {{expects a free move of elements of 32 bits on this target, but got cost shuffle}}
    %moved = pipe.relayout %f cost(shuffle) : tensor<64x64xf32, #s> -> tensor<64x64xf32, #t>
  }
}

// -----

pipe.kernel @points_of_two_warps(%n: i32 {pipe.name = "n"}) {
  pipe.role "threads" groups(1) warps(2) registers(128) (%group) {
    // expected-error @below {{expects a role of groups of 4 warps on this target}}
    pipe.each %i in %n {
    }
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
pipe.kernel @constant_accumulator(%n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %r[%c] : !pipe.ring<1 x !slot>
    %zeros = arith.constant dense<0.0> : !tile
    // expected-error @below {{expects an accumulator that was computed; leave it out for zero, and add other constants after}}
    %p = pipe.mma_async %a, %a, %zeros contract(1, 0) : !slot, !slot, !tile -> !token
    %v = pipe.mma_wait %p pending(0) : !token
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
pipe.kernel @accumulator_used_twice(%n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %r[%c] : !pipe.ring<1 x !slot>
    %p = pipe.mma_async %a, %a contract(1, 0) : !slot, !slot -> !token
    %v = pipe.mma_wait %p pending(0) : !token
    // expected-note @below {{it is used here}}
    // expected-error @below {{expects an accumulator that nothing else uses, as the product writes over its registers}}
    %q = pipe.mma_async %a, %a, %v contract(1, 0) : !slot, !slot, !tile -> !token
    %w = pipe.mma_wait %q pending(0) : !token
    // expected-note @below {{and here}}
    %sum = arith.addf %v, %w : !tile
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 32 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x256xf32, #s>
!left = !pipe.shared<64x64xbf16, swizzle = 128>
!right = !pipe.shared<64x256xbf16, swizzle = 128>
!token = !pipe.token<!tile>
pipe.kernel @registers(%n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !pipe.ring<1 x !left>
  %t = pipe.ring readers(1) : !pipe.ring<1 x !right>
  // expected-note @below {{the role is here}}
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %r[%c] : !pipe.ring<1 x !left>
    %b = pipe.wait %t[%c] : !pipe.ring<1 x !right>
    // expected-note @below {{128 registers hold this '!pipe.token<}}
    %p = pipe.mma_async %a, %b contract(1, 0) : !left, !right -> !token
    // expected-error @below {{expects tiles of at most 224 registers of a thread here, the role's 240 without 16 for addresses, but they take 256; use smaller tiles or more groups}}
    // expected-note @below {{128 registers hold this '!pipe.token<}}
    %q = pipe.mma_async %a, %b contract(1, 0) : !left, !right -> !token
    %v = pipe.mma_wait %p pending(1) : !token
    %w = pipe.mma_wait %q pending(0) : !token
    %sum = arith.addf %v, %w : !tile
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
pipe.kernel @narrow_splat(%f: bf16 {pipe.name = "f"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    // expected-error @below {{expects elements of 32 bits on this target, but got}}
    %t = pipe.splat %f : bf16 -> tensor<64x64xbf16, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xf32, swizzle = 128>
pipe.kernel @element(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    // expected-error @below {{expects elements of bf16 or f16 on this target, but got 'f32'}}
    %t = pipe.mma_async %a, %a contract(1, 1) : !slot, !slot -> !pipe.token<tensor<64x64xf32, #s>>
    %v = pipe.mma_wait %t pending(0) : !pipe.token<tensor<64x64xf32, #s>>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<8x64xbf16, swizzle = 128>
pipe.kernel @depth(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    // expected-error @below {{expects a contracted size that is a multiple of 16, but got 8}}
    %t = pipe.mma_async %a, %a contract(0, 0) : !slot, !slot -> !pipe.token<tensor<64x64xf32, #s>>
    %v = pipe.mma_wait %t pending(0) : !pipe.token<tensor<64x64xf32, #s>>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @part_of_depth(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    // expected-error @below {{expects a contracted size that is a multiple of 16, but got 40}}
    %t = pipe.mma_async %a, %a contract(1, 1) depth 40 : !slot, !slot -> !pipe.token<tensor<64x64xf32, #s>>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<tensor<64x64xf32, #s>>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [2 x d1 by 1, 8 x d1 by 8, 2 x d0 by 8],
                        lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<tensor<64x64xf32, #s>>
pipe.kernel @left(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    %l = arith.constant dense<1.0> : tensor<64x64xbf16, #s>
    // expected-error @below {{expects a left side in registers to be contracted along dimension 1}}
    %t = pipe.mma_async %l, %a contract(0, 0) : tensor<64x64xbf16, #s>, !slot -> !token
    %v = pipe.mma_wait %t pending(0) : !token
    %m = arith.constant dense<1.0> : tensor<64x64xbf16, #other>
    // expected-error @below {{expects the left side's fragment on this target to be #pipe.fragment<}}
    %u = pipe.mma_async %m, %a contract(1, 0) : tensor<64x64xbf16, #other>, !slot -> !token
    %w = pipe.mma_wait %u pending(0) : !token
  }
}

// -----

#s = #pipe.fragment<registers = [4 x d1 by 3, 1 x d0 by 1], lanes = [3 x d1 by 1, 8 x d0 by 1],
                    warps = [4 x d0 by 8]>
pipe.kernel @lanes_of_three(
    %y: !pipe.global<?x12xf32> {pipe.name = "y", pipe.access = "write", pipe.shape = ["P", 12]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %f = arith.constant 1.0 : f32
    %t = pipe.splat %f : f32 -> tensor<32x12xf32, #s>
    // expected-error @below {{expects lanes and warps counted in powers of 2, but got}}
    pipe.store %t -> %y[%n, %n] : tensor<32x12xf32, #s> -> !pipe.global<?x12xf32>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1], lanes = [32 x d0 by 1], warps = []>
pipe.kernel @constant_of_several(%n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    // expected-error @below {{expects one value for all elements of a tile on this target, but got several}}
    %t = arith.constant dense<[0.0, 1.0]> : tensor<2xf32, #pipe.slice<0, #s>>
  }
}

// -----

!slot = !pipe.shared<8x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot, cluster>
pipe.kernel @rows_of_a_cluster(
    %x: !pipe.global<?x64xbf16> {pipe.name = "x", pipe.access = "read", pipe.shape = ["P", 64]},
    %n: i32 {pipe.name = "n"}) cluster(2) {
  %ring = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %ring[%c] as %s : !ring {
      // expected-error @below {{expects copies of a multiple of 8 rows from a multiple of 8 on for each of the cluster's 2 blocks, but got}}
      pipe.load %x[%n, %n] -> %s : !pipe.global<?x64xbf16> -> !slot
    }
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
pipe.kernel @two_meetings(%n: i32 {pipe.name = "n"}) {
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %item : i32
  }
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %t = arith.constant dense<0.0> : !tile
    // expected-note @below {{the other is here}}
    %first, %x = pipe.meet %work[%n, %n] (%t : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      pipe.yield %a : !tile
    }
    // expected-error @below {{expects to be the only one of its kernel on this target, as parts of items have one place each}}
    %second, %y = pipe.meet %work[%n, %n] (%t : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      pipe.yield %a : !tile
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
pipe.kernel @engines_of_four_warps(
    %a: !pipe.global<?x64xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %r = pipe.ring readers(1) : !ring
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects a role of 1 warp on this target, where engines copy, but got 4}}
    pipe.fill %r[%c] as %s : !ring {
      pipe.load %a[%zero, %zero] -> %s : !pipe.global<?x64xbf16> -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>
pipe.kernel @rings_passed_on(
    %a: !pipe.global<?x64xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    // expected-error @below {{expects to pass no ring on; use the kernel's rings themselves, or choose one by arith.select}}
    %own = scf.for %i = %zero to %one step %one iter_args(%x = %r) -> (!ring) : i32 {
      // expected-error @below {{expects to pass no ring on}}
      scf.yield %x : !ring
    }
    pipe.fill %own[%c] as %s : !ring {
      pipe.load %a[%zero, %zero] -> %s : !pipe.global<?x64xbf16> -> !slot
    }
  }
}

// -----

!table = !pipe.global<?x?xi32>
pipe.kernel @pages_beyond_lanes(
    %table: !table {pipe.name = "table", pipe.access = "read", pipe.shape = ["B", "W"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    // expected-error @below {{expects at most 32 pages, one for each lane of a warp, but got 33}}
    %pages = pipe.pages %table[%g] at %n every 16 of 16 : <?x?xi32> -> <33>
  }
}
