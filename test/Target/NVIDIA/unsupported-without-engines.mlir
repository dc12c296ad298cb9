// RUN: attn-opt %s --split-input-file --convert-pipe-to-nvvm=target=sm_80 --verify-diagnostics

// What a GPU without engines cannot run is refused at the op that asks for it,
// with what to use instead.

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
// expected-error @below {{expects blocks without clusters, as sm_80 has none, but got clusters of 2; use cluster=1}}
pipe.kernel @cluster(%n: i32 {pipe.name = "n"}) cluster(2) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(248) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xbf16, #s>
!staging = !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
pipe.kernel @bulk_store(
    %c: !pipe.global<?x?xbf16> {pipe.name = "c", pipe.access = "write", pipe.shape = ["M", "N"]}) {
  %zero = arith.constant 0 : i32
  %out = pipe.shared_tile : !staging
  pipe.role "multiply" groups(1) warps(4) registers(248) (%group) {
    %x = arith.constant dense<1.0> : !tile
    // expected-error @below {{expects a target with bulk copies, but sm_80 has none; use pipe.store}}
    pipe.stage %x -> %out : !tile -> !staging
    // expected-error @below {{expects a target with bulk copies, but sm_80 has none; use pipe.store}}
    pipe.bulk_store %out -> %c[%zero, %zero] : !staging -> !pipe.global<?x?xbf16>
  }
}

// -----

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>
pipe.kernel @rows_of_copies(
    %a: !pipe.global<?x64xbf16> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(168) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %xs[%c] as %slot : !ring {
      // expected-error @below {{expects copies of a multiple of 8 rows from a multiple of 8 on, but got 60 from 0 on}}
      pipe.load %a[%zero, %zero] -> %slot rows [0, 60] : !pipe.global<?x64xbf16> -> !slot
      pipe.load %a[%zero, %zero] -> %slot rows [60, 4] : !pipe.global<?x64xbf16> -> !slot
    }
  }
}

// -----

!slot = !pipe.shared<64x32xi8, swizzle = 32>
!ring = !pipe.ring<1 x !slot>
pipe.kernel @swizzle(
    %a: !pipe.global<?x32xi8> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 32]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(168) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    // expected-error @below {{expects slots with a swizzle of at least 64 bytes on this target, but got}}
    pipe.fill %xs[%c] as %slot : !ring {
      pipe.load %a[%zero, %zero] -> %slot : !pipe.global<?x32xi8> -> !slot
    }
  }
}

// -----

// All threads have equally many registers.

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @registers(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
  }
  // expected-error @below {{expects at most 168 registers of a thread, which all 384 threads have on this target, but got 240; use smaller tiles or fewer groups}}
  pipe.role "multiply" groups(2) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
  }
}
