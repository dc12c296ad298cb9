// RUN: attn-opt %s | attn-opt --nvidia-pipeline > %t

// O = (A B^T C) E, three chained products that keep what lies between them in
// registers: a tile of A B^T is the left side of the product with C, and the sum
// over all tiles is the left side of the product with E. One tile a block, one
// group.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>

!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!token = !pipe.token<!tile>

!matrix = !pipe.global<?x64xbf16>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!one = !pipe.ring<1 x !slot>
!three = !pipe.ring<3 x !slot>
!staging = !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>

pipe.kernel @chained_gemms(
    %a: !matrix {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", 64]},
    %b: !matrix {pipe.name = "b", pipe.access = "read", pipe.shape = ["N", 64]},
    %c: !matrix {pipe.name = "c", pipe.access = "read", pipe.shape = ["N", 64]},
    %e: !matrix {pipe.name = "e", pipe.access = "read", pipe.shape = ["K", 64]},
    %o: !matrix {pipe.name = "o", pipe.access = "write", pipe.shape = ["M", 64]}) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %c64 = arith.constant 64 : i32
  %rows = pipe.dim %a, 0 : !matrix
  %length = pipe.dim %b, 0 : !matrix
  %items = arith.ceildivui %rows, %c64 : i32
  %steps = arith.ceildivui %length, %c64 : i32

  %work = pipe.work items(%items) : !pipe.work<single>
  %as = pipe.ring readers(1) : !one
  %es = pipe.ring readers(1) : !one
  %bs = pipe.ring readers(1) : !three
  %cs = pipe.ring readers(1) : !three
  %out = pipe.shared_tile : !staging

  pipe.role "load" groups(1) warps(1) registers(40) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %row = arith.muli %item, %c64 : i32
    %only = pipe.cursor : !pipe.cursor<1>
    %first = pipe.cursor : !pipe.cursor<3>
    pipe.fill %as[%only] as %slot : !one {
      pipe.load %a[%row, %zero] -> %slot : !matrix -> !slot
    }
    %end = scf.for %i = %zero to %steps step %one
        iter_args(%at = %first) -> (!pipe.cursor<3>) : i32 {
      %k = arith.muli %i, %c64 : i32
      pipe.fill %bs[%at] as %slot : !three {
        pipe.load %b[%k, %zero] -> %slot : !matrix -> !slot
      }
      pipe.fill %cs[%at] as %slot : !three {
        pipe.load %c[%k, %zero] -> %slot : !matrix -> !slot
      }
      %after = pipe.advance %at : !pipe.cursor<3>
      scf.yield %after : !pipe.cursor<3>
    }
    pipe.fill %es[%only] as %slot : !one {
      pipe.load %e[%zero, %zero] -> %slot : !matrix -> !slot
    }
  }

  pipe.role "multiply" groups(1) warps(4) registers(200) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %row = arith.muli %item, %c64 : i32
    %f0 = arith.constant 0.0 : f32
    %zeros = pipe.splat %f0 : f32 -> !tile
    %only = pipe.cursor : !pipe.cursor<1>
    %first = pipe.cursor : !pipe.cursor<3>
    %a_slot = pipe.wait %as[%only] : !one
    %sum, %end = scf.for %i = %zero to %steps step %one
        iter_args(%acc = %zeros, %at = %first) -> (!tile, !pipe.cursor<3>) : i32 {
      %b_slot = pipe.wait %bs[%at] : !three
      %t1 = pipe.mma_async %a_slot, %b_slot contract(1, 1) : !slot, !slot -> !token
      %s = pipe.mma_wait %t1 pending(0) : !token
      pipe.release %bs[%at] : !three
      %p = arith.truncf %s : !tile to !half
      %c_slot = pipe.wait %cs[%at] : !three
      %t2 = pipe.mma_async %p, %c_slot, %acc contract(1, 0) : !half, !slot, !tile -> !token
      %acc1 = pipe.mma_wait %t2 pending(0) : !token
      pipe.release %cs[%at] : !three
      %after = pipe.advance %at : !pipe.cursor<3>
      scf.yield %acc1, %after : !tile, !pipe.cursor<3>
    }
    pipe.release %as[%only] : !one
    %narrow = arith.truncf %sum : !tile to !half
    %e_slot = pipe.wait %es[%only] : !one
    %t3 = pipe.mma_async %narrow, %e_slot contract(1, 0) : !half, !slot -> !token
    %r = pipe.mma_wait %t3 pending(0) : !token
    pipe.release %es[%only] : !one
    %result = arith.truncf %r : !tile to !half
    pipe.stage %result -> %out : !half -> !staging
    pipe.bulk_store %out -> %o[%row, %zero] : !staging -> !matrix
  }
}
