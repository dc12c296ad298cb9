// RUN: attn-opt %s | attn-opt --nvidia-pipeline > %t

// Attention over all keys, D = 128, as the fastest known Hopper loop runs it:
// one role loads, two groups of four warps multiply, 64 query rows each. The
// groups take turns at the tensor cores, and a group's own exponentials overlap
// its product with the values of the block before.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#row = #pipe.slice<1, #s>
#part = #pipe.slice<1, #s, partial>

!tile = tensor<64x128xf32, #s>
!half = tensor<64x128xbf16, #s>
!where = tensor<64x128xi32, #s>
!bits = tensor<64x128xi1, #s>
!row = tensor<64xf32, #row>
!rowbits = tensor<64xi1, #row>
!part = tensor<64xf32, #part>

!heads = !pipe.global<?x?x128xbf16>
!q_slot = !pipe.shared<64x128xbf16, swizzle = 128>
!kv_slot = !pipe.shared<128x128xbf16, swizzle = 128>
!q_ring = !pipe.ring<1 x !q_slot>
!kv_ring = !pipe.ring<2 x !kv_slot>
!staging = !pipe.shared<64x128xbf16, swizzle = 128, parts = 4>

pipe.kernel @attention_full(
    %q: !heads {pipe.name = "q", pipe.access = "read", pipe.shape = ["H", "P", 128]},
    %k: !heads {pipe.name = "k", pipe.access = "read", pipe.shape = ["H", "M", 128]},
    %v: !heads {pipe.name = "v", pipe.access = "read", pipe.shape = ["H", "M", 128]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 128]},
    %lse: !pipe.global<?x?xf32> {pipe.name = "lse", pipe.access = "write", pipe.shape = ["H", "P"]},
    %scale: f32 {pipe.name = "scale"}) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %heads = pipe.dim %q, 0 : !heads
  %queries = pipe.dim %q, 1 : !heads
  %keys = pipe.dim %k, 1 : !heads
  %row_tiles = arith.ceildivui %queries, %c128 : i32
  %key_tiles = arith.ceildivui %keys, %c128 : i32
  // A row without keys still gets its zeros, from one block that is all masked.
  %blocks = arith.maxui %key_tiles, %one : i32
  %last_block = arith.subi %blocks, %one : i32
  %items = arith.muli %row_tiles, %heads : i32
  %log2e = arith.constant 1.44269504 : f32
  %c = arith.mulf %scale, %log2e : f32

  %work = pipe.work items(%items) : !pipe.work<persistent>
  %turn = pipe.turn : !pipe.turn<2>
  %q0 = pipe.ring readers(1) : !q_ring
  %q1 = pipe.ring readers(1) : !q_ring
  %ks = pipe.ring readers(2) : !kv_ring
  %vs = pipe.ring readers(2) : !kv_ring
  %o0 = pipe.shared_tile : !staging
  %o1 = pipe.shared_tile : !staging

  // Per item: the last keys, the queries, then keys one block ahead of values.
  // The next item's last keys come before this item's first values.
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %first = pipe.first_item %work : !pipe.work<persistent>
    %qc0 = pipe.cursor : !pipe.cursor<1>
    %c0 = pipe.cursor : !pipe.cursor<2>
    %head0 = arith.divui %first, %row_tiles : i32
    %tile0 = arith.remui %first, %row_tiles : i32
    %row0 = arith.muli %tile0, %c128 : i32
    %row1 = arith.addi %row0, %c64 : i32
    %last_key = arith.muli %last_block, %c128 : i32
    pipe.fill %q0[%qc0] as %slot : !q_ring {
      pipe.load %q[%head0, %row0, %zero] -> %slot cache(evict_first) : !heads -> !q_slot
    }
    pipe.fill %q1[%qc0] as %slot : !q_ring {
      pipe.load %q[%head0, %row1, %zero] -> %slot cache(evict_first) : !heads -> !q_slot
    }
    pipe.fill %ks[%c0] as %slot : !kv_ring {
      pipe.load %k[%head0, %last_key, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
    }
    %qc1 = pipe.advance %qc0 : !pipe.cursor<1>
    %c1 = pipe.advance %c0 : !pipe.cursor<2>
    pipe.work_loop %item = %first iter_args(%head = %head0, %qc = %qc1, %kc = %c1, %vc = %c0)
        -> (i32, !pipe.cursor<1>, !pipe.cursor<2>, !pipe.cursor<2>) {
      %kc_l, %vc_l = scf.for %i = %zero to %last_block step %one
          iter_args(%kci = %kc, %vci = %vc) -> (!pipe.cursor<2>, !pipe.cursor<2>) : i32 {
        %b = arith.subi %last_block, %i : i32
        %v_row = arith.muli %b, %c128 : i32
        %k_row = arith.subi %v_row, %c128 : i32
        pipe.fill %ks[%kci] as %slot : !kv_ring {
          pipe.load %k[%head, %k_row, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
        }
        pipe.fill %vs[%vci] as %slot : !kv_ring {
          pipe.load %v[%head, %v_row, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
        }
        %kcn = pipe.advance %kci : !pipe.cursor<2>
        %vcn = pipe.advance %vci : !pipe.cursor<2>
        scf.yield %kcn, %vcn : !pipe.cursor<2>, !pipe.cursor<2>
      }
      %next = pipe.next_item %work after %item : !pipe.work<persistent>
      %more = arith.cmpi sge, %next, %zero : i32
      %head_n = arith.divui %next, %row_tiles : i32
      %tile_n = arith.remui %next, %row_tiles : i32
      %row_n = arith.muli %tile_n, %c128 : i32
      %row_n1 = arith.addi %row_n, %c64 : i32
      scf.if %more {
        pipe.fill %ks[%kc_l] as %slot : !kv_ring {
          pipe.load %k[%head_n, %last_key, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
        }
      }
      pipe.fill %vs[%vc_l] as %slot : !kv_ring {
        pipe.load %v[%head, %zero, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
      }
      scf.if %more {
        pipe.fill %q0[%qc] as %slot : !q_ring {
          pipe.load %q[%head_n, %row_n, %zero] -> %slot cache(evict_first) : !heads -> !q_slot
        }
        pipe.fill %q1[%qc] as %slot : !q_ring {
          pipe.load %q[%head_n, %row_n1, %zero] -> %slot cache(evict_first) : !heads -> !q_slot
        }
      }
      %qcn = pipe.advance %qc : !pipe.cursor<1>
      %kcn = pipe.advance %kc_l : !pipe.cursor<2>
      %vcn = pipe.advance %vc_l : !pipe.cursor<2>
      pipe.yield %next, %head_n, %qcn, %kcn, %vcn
        : i32, i32, !pipe.cursor<1>, !pipe.cursor<2>, !pipe.cursor<2>
    }
  }

  pipe.role "multiply" groups(2) warps(4) registers(240) (%group) {
    %is_first = arith.cmpi eq, %group, %zero : i32
    %qs = arith.select %is_first, %q0, %q1 : !q_ring
    %os = arith.select %is_first, %o0, %o1 : !staging
    %minus_inf = arith.constant 0xFF800000 : f32
    %f0 = arith.constant 0.0 : f32
    %f1 = arith.constant 1.0 : f32
    %ln2 = arith.constant 0.69314718 : f32
    %empty = pipe.splat %minus_inf : f32 -> !tile
    %none = pipe.splat %minus_inf : f32 -> !row
    %zeros = pipe.splat %f0 : f32 -> !row
    %ones = pipe.splat %f1 : f32 -> !row
    %ln2s = pipe.splat %ln2 : f32 -> !row
    %c_row = pipe.splat %c : f32 -> !row
    %c_tile = pipe.splat %c : f32 -> !tile
    %no_output = pipe.splat %f0 : f32 -> !tile
    %column = pipe.coord 1 : !where
    %last_key = arith.muli %last_block, %c128 : i32
    %left = arith.subi %keys, %last_key : i32
    %limit = pipe.splat %left : i32 -> !where
    %my_row = arith.muli %group, %c64 : i32

    %first = pipe.first_item %work : !pipe.work<persistent>
    %qc0 = pipe.cursor : !pipe.cursor<1>
    %c0 = pipe.cursor : !pipe.cursor<2>
    pipe.work_loop %item = %first iter_args(%qc = %qc0, %kc0 = %c0, %vc0 = %c0)
        -> (!pipe.cursor<1>, !pipe.cursor<2>, !pipe.cursor<2>) {
      // The last block of keys: the only one that may have a tail to mask.
      %q_slot = pipe.wait %qs[%qc] : !q_ring
      %k_last = pipe.wait %ks[%kc0] : !kv_ring
      %t0 = pipe.mma_async %q_slot, %k_last contract(1, 1)
        : !q_slot, !kv_slot -> !pipe.token<!tile>
      %s0 = pipe.mma_wait %t0 pending(0) : !pipe.token<!tile>
      pipe.release %ks[%kc0] : !kv_ring
      %only = arith.cmpi eq, %last_block, %zero : i32
      pipe.release %qs[%qc] if %only : !q_ring
      %kc1 = pipe.advance %kc0 : !pipe.cursor<2>
      %visible = arith.cmpi slt, %column, %limit : !where
      %s0m = arith.select %visible, %s0, %empty : !bits, !tile
      %m0 = pipe.row_reduce maxnum %s0m : !tile -> !row
      %m0_none = arith.cmpf oeq, %m0, %none : !row
      %m0_safe = arith.select %m0_none, %zeros, %m0 : !rowbits, !row
      %m0_c = arith.mulf %m0_safe, %c_row fastmath<contract> : !row
      %m0_neg = arith.negf %m0_c : !row
      %m0_tile = pipe.broadcast %m0_neg : !row -> !tile
      %x0 = math.fma %s0m, %c_tile, %m0_tile : !tile
      %e0 = math.exp2 %x0 fastmath<afn> : !tile
      %l0 = pipe.row_reduce add %e0 : !tile -> !part
      %p0 = arith.truncf %e0 : !tile to !half

      %o_l, %p_l, %m_l, %l_l, %kc_l, %vc_l = scf.for %i = %zero to %last_block step %one
          iter_args(%oi = %no_output, %p = %p0, %m = %m0, %l = %l0, %kc = %kc1, %vc = %vc0)
          -> (!tile, !half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>) : i32 {
        %k_slot = pipe.wait %ks[%kc] : !kv_ring
        pipe.take_turn %turn by %group : !pipe.turn<2>
        %ts = pipe.mma_async %q_slot, %k_slot contract(1, 1)
          : !q_slot, !kv_slot -> !pipe.token<!tile>
        %v_slot = pipe.wait %vs[%vc] : !kv_ring
        %to = pipe.mma_async %p, %v_slot, %oi contract(1, 0)
          : !half, !kv_slot, !tile -> !pipe.token<!tile>
        pipe.pass_turn %turn by %group : !pipe.turn<2>
        %s = pipe.mma_wait %ts pending(1) : !pipe.token<!tile>
        pipe.release %ks[%kc] : !kv_ring
        %i1 = arith.addi %i, %one : i32
        %is_last = arith.cmpi eq, %i1, %last_block : i32
        pipe.release %qs[%qc] if %is_last : !q_ring
        %m1 = pipe.row_reduce maxnum %s init %m : !tile, !row -> !row
        %dm = arith.subf %m, %m1 fastmath<contract> : !row
        %dmc = arith.mulf %dm, %c_row fastmath<contract> : !row
        %alpha = math.exp2 %dmc fastmath<afn> : !row
        %mc = arith.mulf %m1, %c_row fastmath<contract> : !row
        %m_neg = arith.negf %mc : !row
        %m_tile = pipe.broadcast %m_neg : !row -> !tile
        %x = math.fma %s, %c_tile, %m_tile : !tile
        %e = math.exp2 %x fastmath<afn> : !tile
        %sum = pipe.row_reduce add %e : !tile -> !part
        %alpha_part = pipe.broadcast %alpha : !row -> !part
        %l1 = math.fma %l, %alpha_part, %sum : !part
        %ow = pipe.mma_wait %to pending(0) : !pipe.token<!tile>
        pipe.release %vs[%vc] : !kv_ring
        %p1 = arith.truncf %e : !tile to !half
        %alpha_tile = pipe.broadcast %alpha : !row -> !tile
        %o1s = arith.mulf %ow, %alpha_tile fastmath<contract> : !tile
        %kcn = pipe.advance %kc : !pipe.cursor<2>
        %vcn = pipe.advance %vc : !pipe.cursor<2>
        scf.yield %o1s, %p1, %m1, %l1, %kcn, %vcn
          : !tile, !half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>
      }

      %v_last = pipe.wait %vs[%vc_l] : !kv_ring
      %tl = pipe.mma_async %p_l, %v_last, %o_l contract(1, 0)
        : !half, !kv_slot, !tile -> !pipe.token<!tile>
      %l_all = pipe.lane_reduce add %l_l : !part -> !row
      %is_empty = arith.cmpf oeq, %l_all, %zeros : !row
      %inverse = arith.divf %ones, %l_all fastmath<arcp> : !row
      %factor = arith.select %is_empty, %zeros, %inverse : !rowbits, !row
      %log_l = math.log2 %l_all fastmath<afn> : !row
      %m_c = arith.mulf %m_l, %c_row fastmath<contract> : !row
      %lse2 = arith.addf %m_c, %log_l fastmath<contract> : !row
      %lse_n = arith.mulf %lse2, %ln2s fastmath<contract> : !row
      %lse_row = arith.select %is_empty, %none, %lse_n : !rowbits, !row
      %ol = pipe.mma_wait %tl pending(0) : !pipe.token<!tile>
      pipe.release %vs[%vc_l] : !kv_ring
      %factor_tile = pipe.broadcast %factor : !row -> !tile
      %on = arith.mulf %ol, %factor_tile fastmath<contract> : !tile
      %oh = arith.truncf %on : !tile to !half
      %head = arith.divui %item, %row_tiles : i32
      %row_tile = arith.remui %item, %row_tiles : i32
      %tile_row = arith.muli %row_tile, %c128 : i32
      %row = arith.addi %tile_row, %my_row : i32
      pipe.store %lse_row -> %lse[%head, %row] : !row -> !pipe.global<?x?xf32>
      pipe.stage %oh -> %os : !half -> !staging
      pipe.bulk_store %os -> %o[%head, %row, %zero] : !staging -> !heads

      %next = pipe.next_item %work after %item : !pipe.work<persistent>
      %qcn = pipe.advance %qc : !pipe.cursor<1>
      %vcn = pipe.advance %vc_l : !pipe.cursor<2>
      pipe.yield %next, %qcn, %kc_l, %vcn
        : i32, !pipe.cursor<1>, !pipe.cursor<2>, !pipe.cursor<2>
    }
  }
}
