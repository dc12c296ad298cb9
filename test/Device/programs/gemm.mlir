// RUN: attn-opt %s | attn-opt --nvidia-pipeline > %t

// C = max(alpha A B^T, 0): a matrix product with an epilogue, in tiles of
// 128 x 256. Two groups multiply 64 rows each; a product is in flight while the
// slots of the one before are released.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 32 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#h = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>

!acc = tensor<64x256xf32, #s>
!token = !pipe.token<!acc>
!wide = tensor<64x256xbf16, #s>
!half = tensor<64x128xbf16, #h>

!matrix = !pipe.global<?x?xbf16>
!a_slot = !pipe.shared<64x64xbf16, swizzle = 128>
!b_slot = !pipe.shared<256x64xbf16, swizzle = 128>
!a_ring = !pipe.ring<4 x !a_slot>
!b_ring = !pipe.ring<4 x !b_slot>
!staging = !pipe.shared<64x128xbf16, swizzle = 128, parts = 4>

pipe.kernel @gemm(
    %a: !matrix {pipe.name = "a", pipe.access = "read", pipe.shape = ["M", "K"]},
    %b: !matrix {pipe.name = "b", pipe.access = "read", pipe.shape = ["N", "K"]},
    %c: !matrix {pipe.name = "c", pipe.access = "write", pipe.shape = ["M", "N"]},
    %alpha: f32 {pipe.name = "alpha"}) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %c256 = arith.constant 256 : i32
  // Neighbouring items share rows of A and columns of B that fit the L2 cache.
  %section = arith.constant 16 : i32
  %rows = pipe.dim %a, 0 : !matrix
  %columns = pipe.dim %b, 0 : !matrix
  %depth = pipe.dim %a, 1 : !matrix
  %row_tiles = arith.ceildivui %rows, %c128 : i32
  %column_tiles = arith.ceildivui %columns, %c256 : i32
  %depth_tiles = arith.ceildivui %depth, %c64 : i32
  %items = arith.muli %row_tiles, %column_tiles : i32
  %section_items = arith.muli %section, %column_tiles : i32
  %steps = arith.maxui %depth_tiles, %one : i32

  %work = pipe.work items(%items) : !pipe.work<persistent>
  %a0 = pipe.ring readers(1) : !a_ring
  %a1 = pipe.ring readers(1) : !a_ring
  %bs = pipe.ring readers(2) : !b_ring
  %out0 = pipe.shared_tile : !staging
  %out1 = pipe.shared_tile : !staging

  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %first = pipe.first_item %work : !pipe.work<persistent>
    %c0 = pipe.cursor : !pipe.cursor<4>
    pipe.work_loop %item = %first iter_args(%cursor = %c0) -> (!pipe.cursor<4>) {
      %sec = arith.divui %item, %section_items : i32
      %in = arith.remui %item, %section_items : i32
      %top = arith.muli %sec, %section : i32
      %rest = arith.subi %row_tiles, %top : i32
      %height = arith.minui %rest, %section : i32
      %down = arith.remui %in, %height : i32
      %column_tile = arith.divui %in, %height : i32
      %row_tile = arith.addi %top, %down : i32
      %row0 = arith.muli %row_tile, %c128 : i32
      %row1 = arith.addi %row0, %c64 : i32
      %column = arith.muli %column_tile, %c256 : i32
      %end = scf.for %i = %zero to %steps step %one
          iter_args(%at = %cursor) -> (!pipe.cursor<4>) : i32 {
        %k = arith.muli %i, %c64 : i32
        pipe.fill %a0[%at] as %slot : !a_ring {
          pipe.load %a[%row0, %k] -> %slot : !matrix -> !a_slot
        }
        pipe.fill %bs[%at] as %slot : !b_ring {
          pipe.load %b[%column, %k] -> %slot : !matrix -> !b_slot
        }
        pipe.fill %a1[%at] as %slot : !a_ring {
          pipe.load %a[%row1, %k] -> %slot : !matrix -> !a_slot
        }
        %after = pipe.advance %at : !pipe.cursor<4>
        scf.yield %after : !pipe.cursor<4>
      }
      %next = pipe.next_item %work after %item : !pipe.work<persistent>
      pipe.yield %next, %end : i32, !pipe.cursor<4>
    }
  }

  pipe.role "multiply" groups(2) warps(4) registers(240) (%group) {
    %is_first = arith.cmpi eq, %group, %zero : i32
    %as = arith.select %is_first, %a0, %a1 : !a_ring
    %out = arith.select %is_first, %out0, %out1 : !staging
    %my_row = arith.muli %group, %c64 : i32
    %f0 = arith.constant 0.0 : f32
    %zeros = pipe.splat %f0 : f32 -> !acc
    %alphas = pipe.splat %alpha : f32 -> !acc
    %first = pipe.first_item %work : !pipe.work<persistent>
    %c0 = pipe.cursor : !pipe.cursor<4>
    pipe.work_loop %item = %first iter_args(%cursor = %c0) -> (!pipe.cursor<4>) {
      %a_first = pipe.wait %as[%cursor] : !a_ring
      %b_first = pipe.wait %bs[%cursor] : !b_ring
      %t_first = pipe.mma_async %a_first, %b_first contract(1, 1) : !a_slot, !b_slot -> !token
      %second = pipe.advance %cursor : !pipe.cursor<4>
      %token, %end, %last = scf.for %i = %one to %steps step %one
          iter_args(%t = %t_first, %at = %second, %before = %cursor)
          -> (!token, !pipe.cursor<4>, !pipe.cursor<4>) : i32 {
        %a_slot = pipe.wait %as[%at] : !a_ring
        %b_slot = pipe.wait %bs[%at] : !b_ring
        %t1 = pipe.mma_async %a_slot, %b_slot, %t contract(1, 1)
          : !a_slot, !b_slot, !token -> !token
        %t2 = pipe.mma_retire %t1 pending(1) : !token
        pipe.release %as[%before] : !a_ring
        pipe.release %bs[%before] : !b_ring
        %after = pipe.advance %at : !pipe.cursor<4>
        scf.yield %t2, %after, %at : !token, !pipe.cursor<4>, !pipe.cursor<4>
      }
      %sum = pipe.mma_wait %token pending(0) : !token
      pipe.release %as[%last] : !a_ring
      pipe.release %bs[%last] : !b_ring
      %scaled = arith.mulf %sum, %alphas fastmath<contract> : !acc
      %cut = arith.maximumf %scaled, %zeros : !acc
      %narrow = arith.truncf %cut : !acc to !wide

      %sec = arith.divui %item, %section_items : i32
      %in = arith.remui %item, %section_items : i32
      %top = arith.muli %sec, %section : i32
      %rest = arith.subi %row_tiles, %top : i32
      %height = arith.minui %rest, %section : i32
      %down = arith.remui %in, %height : i32
      %column_tile = arith.divui %in, %height : i32
      %row_tile = arith.addi %top, %down : i32
      %tile_row = arith.muli %row_tile, %c128 : i32
      %row = arith.addi %tile_row, %my_row : i32
      %column0 = arith.muli %column_tile, %c256 : i32
      %column1 = arith.addi %column0, %c128 : i32
      %left = pipe.columns %narrow from 0 : !wide -> !half
      pipe.stage %left -> %out : !half -> !staging
      pipe.bulk_store %out -> %c[%row, %column0] : !staging -> !matrix
      %right = pipe.columns %narrow from 128 : !wide -> !half
      pipe.stage %right -> %out : !half -> !staging
      pipe.bulk_store %out -> %c[%row, %column1] : !staging -> !matrix
      %next = pipe.next_item %work after %item : !pipe.work<persistent>
      pipe.yield %next, %end : i32, !pipe.cursor<4>
    }
  }
}
