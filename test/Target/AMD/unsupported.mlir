// RUN: attn-opt %s --split-input-file --convert-pipe-to-rocdl=target=gfx942 --verify-diagnostics

// What these GPUs cannot run is refused at the op that asks for it.

!slot = !pipe.shared<64x64xbf16, swizzle = 128>
// expected-error @below {{expects blocks without clusters, as gfx942 has none, but got clusters of 2; use cluster=1}}
pipe.kernel @cluster(%n: i32 {pipe.name = "n"}) cluster(2) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(256) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
  }
}

// -----

!slot = !pipe.shared<128x128xbf16, swizzle = 128>
// expected-error @below {{expects at most 65536 bytes of shared memory, but got 132096}}
pipe.kernel @shared(%n: i32 {pipe.name = "n"}) {
  // expected-note @below {{131072 bytes are here}}
  %ring = pipe.ring readers(1) : !pipe.ring<4 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(256) (%group) {
    %c = pipe.cursor : !pipe.cursor<4>
    %a = pipe.wait %ring[%c] : !pipe.ring<4 x !slot>
  }
}

// -----

// Hopper's accumulator.
#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!acc = tensor<64x64xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
pipe.kernel @fragment(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(256) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %ring[%c] : !pipe.ring<1 x !slot>
    // expected-error @below {{expects the accumulator's fragment on this target to be #pipe.fragment<registers = [16 x d1 by 1, 1 x d1 by 64], lanes = [16 x d0 by 1, 4 x d1 by 16], warps = [4 x d0 by 16]>, but got}}
    %t = pipe.mma_async %a, %a contract(1, 1) : !slot, !slot -> !pipe.token<!acc>
    %x = pipe.mma_wait %t pending(0) : !pipe.token<!acc>
  }
}

// -----

// A wave's lanes copy 16 rows of 64 bytes at once.
!slot = !pipe.shared<32x64xi8, swizzle = 64>
!ring = !pipe.ring<1 x !slot>
pipe.kernel @rows_of_copies(
    %a: !pipe.global<?x64xi8> {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %xs = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(256) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %xs[%c] as %slot : !ring {
      // expected-error @below {{expects copies of a multiple of 16 rows from a multiple of 16 on, but got 8 from 0 on}}
      pipe.load %a[%zero, %zero] -> %slot rows [0, 8] : !pipe.global<?x64xi8> -> !slot
      pipe.load %a[%zero, %zero] -> %slot rows [8, 24] : !pipe.global<?x64xi8> -> !slot
    }
  }
}
