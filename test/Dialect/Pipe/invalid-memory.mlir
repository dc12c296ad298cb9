// One case a constraint, named after it: rings, copies, stores and threads.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @cursor_of_ring(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<3>
    // expected-error @below {{cursor and ring have equal numbers of slots}}
    %s = "pipe.wait"(%r, %c) : (!ring, !pipe.cursor<3>) -> !slot
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @fill_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<3>
    // expected-error @below {{cursor and ring have equal numbers of slots}}
    "pipe.fill"(%r, %c) ({
    ^bb0(%s: !slot):
      "pipe.yield"() : () -> ()
    }) : (!ring, !pipe.cursor<3>) -> ()
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @fill_c2(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects as many messages as the ring's fillings carry, but got 1 for '!pipe.ring<2 x}}
    pipe.fill %r[%c] as %s message(%n) : !ring {
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @fill_c2_none(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %m = pipe.ring readers(1) : !pipe.ring<2 x !slot, message>
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects as many messages as the ring's fillings carry, but got 0 for}}
    pipe.fill %m[%c] as %s : !pipe.ring<2 x !slot, message> {
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @fill_body(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects a body with one argument, the slot}}
    "pipe.fill"(%r, %c) ({
      "pipe.yield"() : () -> ()
    }) : (!ring, !pipe.cursor<2>) -> ()
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @fill_c4(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %r[%c] as %s : !ring {
      // expected-error @below {{expects to stand outside of pipe.fill, which holds copies and arithmetic only}}
      pipe.release %r[%c] : !ring
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @wait_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{slot has the type of the ring's slots}}
    %s = "pipe.wait"(%r, %c) : (!ring, !pipe.cursor<2>) -> !pipe.shared<8x64xbf16, swizzle = 128>
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @message_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<3>
    // expected-error @below {{cursor and ring have equal numbers of slots}}
    %s = "pipe.message"(%r, %c) : (!ring, !pipe.cursor<3>) -> i32
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @message_c2(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects a message that the ring's fillings carry, but got number 0 of '!pipe.ring<2 x}}
    %s = pipe.message %r[%c] : !ring
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @release_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<3>
    // expected-error @below {{cursor and ring have equal numbers of slots}}
    "pipe.release"(%r, %c) : (!ring, !pipe.cursor<3>) -> ()
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @ring_readers(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  // expected-error @below {{attribute 'readers' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %r = pipe.ring readers(0) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @clear_c1(%n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !pipe.ring<2 x !slot>
  pipe.role "read" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %s = pipe.wait %r[%c] : !pipe.ring<2 x !slot>
    // expected-error @below {{expects a role of several warps, but got one of one}}
    pipe.clear %s from %n : !slot
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 4 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @clear_unset_c1(%n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !pipe.ring<2 x !slot>
  pipe.role "read" groups(1) warps(4) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %s = pipe.wait %r[%c] : !pipe.ring<2 x !slot>
    %bits = arith.constant dense<true> : tensor<64x32xi1, #s>
    // expected-error @below {{expects bits with a column for each row of '!pipe.shared<64x64xbf16, swizzle = 128>', but got 'tensor<64x32xi1}}
    pipe.clear_unset %s by %bits : !slot, tensor<64x32xi1, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @clear_unset_c1(%n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !pipe.ring<2 x !slot>
  pipe.role "read" groups(1) warps(4) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %s = pipe.wait %r[%c] : !pipe.ring<2 x !slot>
    %bits = arith.constant dense<1> : tensor<64x64xi32, #s>
    // expected-error @below {{expects bits with a column for each row of '!pipe.shared<64x64xbf16, swizzle = 128>', but got 'tensor<64x64xi32}}
    pipe.clear_unset %s by %bits : !slot, tensor<64x64xi32, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [1 x d0 by 1]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @clear_unset_c2(%n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !pipe.ring<2 x !slot>
  pipe.role "read" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %s = pipe.wait %r[%c] : !pipe.ring<2 x !slot>
    %bits = arith.constant dense<true> : tensor<16x64xi1, #s>
    // expected-error @below {{expects a role of several warps, but got one of one}}
    pipe.clear_unset %s by %bits : !slot, tensor<16x64xi1, #s>
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @load_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %r[%c] as %s : !ring {
      // expected-error @below {{expects one index a dimension of '!pipe.global<?x?x64xbf16>', which has at least 2, but got 2}}
      pipe.load %x[%n, %n] -> %s : !heads -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @load_c2(%x: !pipe.global<?x?xf32> {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P"]},
                     %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %r[%c] as %s : !ring {
      // expected-error @below {{expects equal element types, but got 'f32' and 'bf16'}}
      pipe.load %x[%n, %n] -> %s : !pipe.global<?x?xf32> -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @load_c3(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %other = pipe.wait %r[%c] : !ring
    pipe.fill %r[%c] as %s : !ring {
      // expected-error @below {{expects to load into the slot of the enclosing pipe.fill}}
      pipe.load %x[%n, %n, %n] -> %other : !heads -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @fill_c3_threads(%x: !pipe.global<?x?xbf16, strided> {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P"]},
                     %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  // expected-note @below {{the role is here}}
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects to stand in a role of several warps, whose threads copy, but got 1}}
    pipe.fill %r[%c] as %s : !ring {
      pipe.load %x[%n, %n] -> %s : !pipe.global<?x?xbf16, strided> -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
pipe.kernel @fill_c3_both(%x: !pipe.global<?x?xbf16, strided> {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P"]},
                          %y: !pipe.global<?x?xbf16> {pipe.name = "y", pipe.access = "read", pipe.shape = ["H", "P"]},
                          %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(4) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects copies from `strided` tensors or from others, but got both}}
    pipe.fill %r[%c] as %s : !ring {
      pipe.load %x[%n, %n] -> %s rows [0, 32] : !pipe.global<?x?xbf16, strided> -> !slot
      pipe.load %y[%n, %n] -> %s rows [32, 32] : !pipe.global<?x?xbf16> -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot, cluster>
pipe.kernel @fill_c5(%x: !pipe.global<?x?xbf16, strided> {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P"]},
                     %n: i32 {pipe.name = "n"}) cluster(2) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(4) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects a ring that no cluster shares where threads copy, but got}}
    pipe.fill %r[%c] as %s : !ring {
      pipe.load %x[%n, %n] -> %s : !pipe.global<?x?xbf16, strided> -> !slot
    }
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @stage_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %v = arith.constant dense<0.0> : tensor<64x64xf32, #s>
    // expected-error @below {{expects equal shapes and elements, but got}}
    pipe.stage %v -> %t : tensor<64x64xf32, #s> -> !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @stage_c2(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 2>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %v = arith.constant dense<0.0> : tensor<64x64xbf16, #s>
    // expected-error @below {{expects as many parts as the fragment has warps, 4, but got 2}}
    pipe.stage %v -> %t : tensor<64x64xbf16, #s> -> !pipe.shared<64x64xbf16, swizzle = 128, parts = 2>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @bulk_store_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    // expected-error @below {{expects one index a dimension of '!pipe.global<?x?x64xbf16>', which has at least 2, but got 1}}
    pipe.bulk_store %t -> %o[%n] : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4> -> !heads
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @bulk_store_c2(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %t = pipe.shared_tile : !pipe.shared<64x64xf32, swizzle = 128, parts = 4>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    // expected-error @below {{expects equal element types, but got 'bf16' and 'f32'}}
    pipe.bulk_store %t -> %o[%n, %n, %n] : !pipe.shared<64x64xf32, swizzle = 128, parts = 4> -> !heads
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @bulk_store_c3(%o: !pipe.global<?x?xbf16, strided> {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P"]},
                           %n: i32 {pipe.name = "n"}) {
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    // expected-error @below {{expects a tensor whose last stride is 1, but got}}
    pipe.bulk_store %t -> %o[%n, %n] : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4> -> !pipe.global<?x?xbf16, strided>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @store_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %v = arith.constant dense<0.0> : tensor<64x64xbf16, #s>
    // expected-error @below {{expects one index a dimension of '!pipe.global<?x?x64xbf16>', which has at least 2, but got 2}}
    pipe.store %v -> %o[%n, %n] : tensor<64x64xbf16, #s> -> !heads
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @store_c2(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %v = arith.constant dense<0.0> : tensor<64x64xf32, #s>
    // expected-error @below {{expects equal element types, but got 'bf16' and 'f32'}}
    pipe.store %v -> %o[%n, %n, %n] : tensor<64x64xf32, #s> -> !heads
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
pipe.kernel @store_c3(%o: !pipe.global<?xf32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["P"]},
                      %n: i32 {pipe.name = "n"}) {
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %v = arith.constant dense<0.0> : tensor<64xf32, #pipe.slice<1, #s, partial>>
    // expected-error @below {{; combine it by pipe.lane_reduce first}}
    pipe.store %v -> %o[%n] : tensor<64xf32, #pipe.slice<1, #s, partial>> -> !pipe.global<?xf32>
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @each_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    // expected-error @below {{expects one argument of type i32 for each extent, and at least one, but got 1 for 2}}
    pipe.each %i in %n, %n {
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @each_c1_none(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    // expected-error @below {{expects one argument of type i32 for each extent, and at least one, but got 0 for 0}}
    "pipe.each"() ({
      "pipe.yield"() : () -> ()
    }) : () -> ()
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @each_c2(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    // expected-note @below {{which is here}}
    pipe.each %i in %n {
      // expected-error @below {{expects not to stand in a pipe.each, whose points only get and put elements}}
      pipe.each %j in %n {
      }
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @get_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    // expected-error @below {{expects one index for each of 2 dimensions, but got 1}}
    %e = pipe.get %a[%n] : !pipe.array<4x4xf32>
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @get_c1_global(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    // expected-error @below {{expects one index for each of 3 dimensions, but got 1}}
    %e = pipe.get %x[%n] : !heads
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @get_type(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    // expected-error @below {{result is an element of the source}}
    %e = "pipe.get"(%a, %n, %n) : (!pipe.array<4x4xf32>, i32, i32) -> f64
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @put_c1(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    %f = arith.constant 1.0 : f32
    pipe.each %i in %n {
      // expected-error @below {{expects one index for each of 2 dimensions, but got 3}}
      pipe.put %f -> %a[%i, %i, %i] : !pipe.array<4x4xf32>
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @put_c2(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %a = pipe.array : !pipe.array<4x4xf32>
  pipe.role "threads" groups(1) warps(4) registers(128) (%g) {
    %f = arith.constant 1.0 : f32
    // expected-error @below {{expects to stand in a pipe.each, so that one thread does it}}
    pipe.put %f -> %a[%n, %n] : !pipe.array<4x4xf32>
  }
}

// -----

#columns = #pipe.fragment<registers = [2 x d1 by 1, 8 x d0 by 8, 2 x d1 by 8],
                          lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d1 by 16]>
pipe.kernel @stage_c2_warps() {
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %v = arith.constant dense<0.0> : tensor<64x64xbf16, #columns>
    // expected-error @below {{expects each warp to hold consecutive rows, but got}}
    pipe.stage %v -> %t : tensor<64x64xbf16, #columns> -> !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @fill_c6_twice(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %r[%c] as %s : !ring {
      pipe.load %x[%n, %n, %n] -> %s rows [0, 32] : !heads -> !slot
      // expected-error @below {{expects rows that no other copy fills, but got array<i64: 31, 33>}}
      pipe.load %x[%n, %n, %n] -> %s rows [31, 33] : !heads -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @fill_c6_gap(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // expected-error @below {{expects copies that fill all rows of the slot, but none fills row 32}}
    pipe.fill %r[%c] as %s : !ring {
      pipe.load %x[%n, %n, %n] -> %s rows [0, 32] : !heads -> !slot
      pipe.load %x[%n, %n, %n] -> %s rows [40, 24] : !heads -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @load_c4(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %r[%c] as %s : !ring {
      // expected-error @below {{expects the first row and the number of rows, of the slot's 64, but got array<i64: 32, 40>}}
      pipe.load %x[%n, %n, %n] -> %s rows [32, 40] : !heads -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
pipe.kernel @clear_row_c1(%n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "multiply" groups(1) warps(4) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %s = pipe.wait %r[%c] : !ring
    %true = arith.constant true
    // expected-error @below {{expects to stand in a pipe.each, so that one thread does it}}
    pipe.clear_row %s[%n] if %true : !slot
  }
}

// -----

#acc = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #acc>
!columns = tensor<64xi32, #pipe.slice<0, #acc>>
!matrix = !pipe.global<?x64xf32>
pipe.kernel @store_c4(
    %o: !matrix {pipe.name = "o", pipe.access = "write", pipe.shape = ["P", 64]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(1) warps(4) registers(128) (%g) {
    %x = arith.constant dense<0.0> : !tile
    %rows = arith.constant dense<0> : !columns
    // expected-error @below {{expects rows of i32 that are held as the rows of}}
    pipe.store %x -> %o[%n, %n] rows(%rows : !columns) : !tile -> !matrix
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @load_c5_width(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %r[%c] as %s : !ring {
      // expected-error @below {{expects rows packed by a power of 2, of which their number is a multiple, in two of the first 2 dimensions}}
      pipe.load %x[%n, %n, %n] -> %s packed <6 of 0 in 1> : !heads -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @load_c5_dims(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %r[%c] as %s : !ring {
      // expected-error @below {{in two of the first 2 dimensions of '!pipe.global<?x?x64xbf16>', but got #pipe.packing<8 of 0 in 2> for 64 rows}}
      pipe.load %x[%n, %n, %n] -> %s packed <8 of 0 in 2> : !heads -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<2 x !slot, cluster>
!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @load_c5_cluster(
    %x: !heads {pipe.name = "x", pipe.access = "read", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    pipe.fill %r[%c] as %s : !ring {
      // expected-error @below {{expects packed rows in a ring that no cluster shares, but got}}
      pipe.load %x[%n, %n, %n] -> %s packed <8 of 0 in 1> : !heads -> !slot
    }
  }
}

// -----

!heads = !pipe.global<?x?x64xbf16>
pipe.kernel @bulk_store_c4(
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    // expected-error @below {{expects rows packed by a power of 2, of which their number is a multiple}}
    pipe.bulk_store %t -> %o[%n, %n, %n] packed <128 of 0 in 1> : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4> -> !heads
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!heads = !pipe.global<?x?x64xbf16>
!numbers = tensor<64xi32, #pipe.slice<1, #s>>
pipe.kernel @store_c5(
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 64]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %v = arith.constant dense<0.0> : tensor<64x64xbf16, #s>
    %rows = pipe.coord 0 : !numbers
    // expected-error @below {{expects rows that are packed or named one by one, but got both}}
    pipe.store %v -> %o[%n, %n, %n] rows(%rows : !numbers) packed <8 of 0 in 1> : tensor<64x64xbf16, #s> -> !heads
  }
}
