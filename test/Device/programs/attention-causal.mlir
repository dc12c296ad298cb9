// RUN: attn-opt %s | attn-opt --nvidia-pipeline > %t

// Causal attention, bottom-right, D = 128: the loop of attention-full.mlir, with
// work that goes from long tiles to short ones to whichever block is free.
//
// The first product of a tile is started together with the last one of the tile
// before, so that the tile's end costs no idle tensor cores. Heads come in
// sections whose keys and values fit the L2 cache; within a section the longest
// tiles come first. Of the blocks of keys, taken from the last to the first,
// those that the diagonal or the end of the keys cuts are masked.

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
!rowwhere = tensor<64xi32, #row>
!part = tensor<64xf32, #part>

!heads = !pipe.global<?x?x128xbf16>
!q_slot = !pipe.shared<64x128xbf16, swizzle = 128>
!kv_slot = !pipe.shared<128x128xbf16, swizzle = 128>
!q_ring = !pipe.ring<1 x !q_slot, message>
!kv_ring = !pipe.ring<2 x !kv_slot>
!staging = !pipe.shared<64x128xbf16, swizzle = 128, parts = 4>

pipe.kernel @attention_causal(
    %q: !heads {pipe.name = "q", pipe.access = "read", pipe.shape = ["H", "P", 128]},
    %k: !heads {pipe.name = "k", pipe.access = "read", pipe.shape = ["H", "M", 128]},
    %v: !heads {pipe.name = "v", pipe.access = "read", pipe.shape = ["H", "M", 128]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 128]},
    %lse: !pipe.global<?x?xf32> {pipe.name = "lse", pipe.access = "write", pipe.shape = ["H", "P"]},
    %scale: f32 {pipe.name = "scale"},
    %section: i32 {pipe.name = "section"}) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %none_left = arith.constant -1 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %c255 = arith.constant 255 : i32
  %heads = pipe.dim %q, 0 : !heads
  %queries = pipe.dim %q, 1 : !heads
  %keys = pipe.dim %k, 1 : !heads
  // Query row r sees the keys up to r + shift.
  %shift = arith.subi %keys, %queries : i32
  %row_tiles = arith.ceildivui %queries, %c128 : i32
  %last_tile = arith.subi %row_tiles, %one : i32
  %key_tiles = arith.ceildivui %keys, %c128 : i32
  // A row without keys still gets its zeros, from one block that is all masked.
  %key_blocks = arith.maxui %key_tiles, %one : i32
  %section_items = arith.muli %section, %row_tiles : i32
  %items = arith.muli %row_tiles, %heads : i32
  %log2e = arith.constant 1.44269504 : f32
  %c = arith.mulf %scale, %log2e : f32

  %work = pipe.work items(%items) : !pipe.work<dynamic>
  %turn = pipe.turn : !pipe.turn<2>
  %q0 = pipe.ring readers(1) : !q_ring
  %q1 = pipe.ring readers(1) : !q_ring
  %ks = pipe.ring readers(2) : !kv_ring
  %vs = pipe.ring readers(2) : !kv_ring
  %out0 = pipe.shared_tile : !staging
  %out1 = pipe.shared_tile : !staging

  // Queries carry the number of their item, -1 after the last.
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %first = pipe.first_item %work : !pipe.work<dynamic>
    %qc0 = pipe.cursor : !pipe.cursor<1>
    %c0 = pipe.cursor : !pipe.cursor<2>
    %sec_f = arith.divui %first, %section_items : i32
    %in_f = arith.remui %first, %section_items : i32
    %head_a_f = arith.muli %sec_f, %section : i32
    %rest_f = arith.subi %heads, %head_a_f : i32
    %width_f = arith.minui %rest_f, %section : i32
    %rank_f = arith.divui %in_f, %width_f : i32
    %head_b_f = arith.remui %in_f, %width_f : i32
    %head_f = arith.addi %head_a_f, %head_b_f : i32
    %tile_f = arith.subi %last_tile, %rank_f : i32
    %row_f = arith.muli %tile_f, %c128 : i32
    %seen_f = arith.addi %row_f, %shift : i32
    %end_f = arith.addi %seen_f, %c255 : i32
    %end_c_f = arith.maxsi %end_f, %c128 : i32
    %reach_f = arith.divui %end_c_f, %c128 : i32
    %blocks_f = arith.minui %reach_f, %key_blocks : i32
    %last_f = arith.subi %blocks_f, %one : i32
    %row_f1 = arith.addi %row_f, %c64 : i32
    %last_key_f = arith.muli %last_f, %c128 : i32
    pipe.fill %q0[%qc0] as %slot message(%first) : !q_ring {
      pipe.load %q[%head_f, %row_f, %zero] -> %slot cache(evict_first) : !heads -> !q_slot
    }
    pipe.fill %q1[%qc0] as %slot message(%first) : !q_ring {
      pipe.load %q[%head_f, %row_f1, %zero] -> %slot cache(evict_first) : !heads -> !q_slot
    }
    pipe.fill %ks[%c0] as %slot : !kv_ring {
      pipe.load %k[%head_f, %last_key_f, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
    }
    %qc1 = pipe.advance %qc0 : !pipe.cursor<1>
    %c1 = pipe.advance %c0 : !pipe.cursor<2>
    pipe.work_loop %item = %first
        iter_args(%head = %head_f, %last = %last_f, %qc = %qc1, %kc = %c1, %vc = %c0)
        -> (i32, i32, !pipe.cursor<1>, !pipe.cursor<2>, !pipe.cursor<2>) {
      %next = pipe.next_item %work after %item : !pipe.work<dynamic>
      %kc_l, %vc_l = scf.for %i = %zero to %last step %one
          iter_args(%kci = %kc, %vci = %vc) -> (!pipe.cursor<2>, !pipe.cursor<2>) : i32 {
        %b = arith.subi %last, %i : i32
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
      %more = arith.cmpi sge, %next, %zero : i32
      %head_next, %last_next = scf.if %more -> (i32, i32) {
        %sec_n = arith.divui %next, %section_items : i32
        %in_n = arith.remui %next, %section_items : i32
        %head_a_n = arith.muli %sec_n, %section : i32
        %rest_n = arith.subi %heads, %head_a_n : i32
        %width_n = arith.minui %rest_n, %section : i32
        %rank_n = arith.divui %in_n, %width_n : i32
        %head_b_n = arith.remui %in_n, %width_n : i32
        %head_n = arith.addi %head_a_n, %head_b_n : i32
        %tile_n = arith.subi %last_tile, %rank_n : i32
        %row_n = arith.muli %tile_n, %c128 : i32
        %seen_n = arith.addi %row_n, %shift : i32
        %end_n = arith.addi %seen_n, %c255 : i32
        %end_c_n = arith.maxsi %end_n, %c128 : i32
        %reach_n = arith.divui %end_c_n, %c128 : i32
        %blocks_n = arith.minui %reach_n, %key_blocks : i32
        %last_n = arith.subi %blocks_n, %one : i32
        %row_n1 = arith.addi %row_n, %c64 : i32
        %last_key_n = arith.muli %last_n, %c128 : i32
        pipe.fill %ks[%kc_l] as %slot : !kv_ring {
          pipe.load %k[%head_n, %last_key_n, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
        }
        pipe.fill %vs[%vc_l] as %slot : !kv_ring {
          pipe.load %v[%head, %zero, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
        }
        pipe.fill %q0[%qc] as %slot message(%next) : !q_ring {
          pipe.load %q[%head_n, %row_n, %zero] -> %slot cache(evict_first) : !heads -> !q_slot
        }
        pipe.fill %q1[%qc] as %slot message(%next) : !q_ring {
          pipe.load %q[%head_n, %row_n1, %zero] -> %slot cache(evict_first) : !heads -> !q_slot
        }
        scf.yield %head_n, %last_n : i32, i32
      } else {
        pipe.fill %vs[%vc_l] as %slot : !kv_ring {
          pipe.load %v[%head, %zero, %zero] -> %slot cache(evict_last) : !heads -> !kv_slot
        }
        pipe.fill %q0[%qc] as %slot message(%none_left) : !q_ring {
        }
        pipe.fill %q1[%qc] as %slot message(%none_left) : !q_ring {
        }
        scf.yield %zero, %zero : i32, i32
      }
      %qcn = pipe.advance %qc : !pipe.cursor<1>
      %kcn = pipe.advance %kc_l : !pipe.cursor<2>
      %vcn = pipe.advance %vc_l : !pipe.cursor<2>
      pipe.yield %next, %head_next, %last_next, %qcn, %kcn, %vcn
        : i32, i32, i32, !pipe.cursor<1>, !pipe.cursor<2>, !pipe.cursor<2>
    }
  }

  pipe.role "multiply" groups(2) warps(4) registers(240) (%group) {
    %is_first = arith.cmpi eq, %group, %zero : i32
    %qs = arith.select %is_first, %q0, %q1 : !q_ring
    %os = arith.select %is_first, %out0, %out1 : !staging
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
    %in_tile = pipe.coord 0 : !rowwhere
    %last_of_keys = arith.subi %keys, %one : i32
    %last_key_line = pipe.splat %last_of_keys : i32 -> !rowwhere
    %my_row = arith.muli %group, %c64 : i32

    // The first block of the first tile.
    %first = pipe.first_item %work : !pipe.work<dynamic>
    %sec_f = arith.divui %first, %section_items : i32
    %in_f = arith.remui %first, %section_items : i32
    %head_a_f = arith.muli %sec_f, %section : i32
    %rest_f = arith.subi %heads, %head_a_f : i32
    %width_f = arith.minui %rest_f, %section : i32
    %rank_f = arith.divui %in_f, %width_f : i32
    %head_b_f = arith.remui %in_f, %width_f : i32
    %head_f = arith.addi %head_a_f, %head_b_f : i32
    %tile_f = arith.subi %last_tile, %rank_f : i32
    %row_f = arith.muli %tile_f, %c128 : i32
    %seen_f = arith.addi %row_f, %shift : i32
    %end_f = arith.addi %seen_f, %c255 : i32
    %end_c_f = arith.maxsi %end_f, %c128 : i32
    %reach_f = arith.divui %end_c_f, %c128 : i32
    %blocks_f = arith.minui %reach_f, %key_blocks : i32
    %last_f = arith.subi %blocks_f, %one : i32
    %clear_f = arith.addi %seen_f, %one : i32
    %clear_c_f = arith.maxsi %clear_f, %zero : i32
    %clear_k_f = arith.minui %clear_c_f, %keys : i32
    %clear_b_f = arith.divui %clear_k_f, %c128 : i32
    %full_f = arith.minui %clear_b_f, %last_f : i32
    %masked_f = arith.subi %last_f, %full_f : i32
    %qc_f = pipe.cursor : !pipe.cursor<1>
    %c_f = pipe.cursor : !pipe.cursor<2>
    %q_slot_f = pipe.wait %qs[%qc_f] : !q_ring
    %k_slot_f = pipe.wait %ks[%c_f] : !kv_ring
    %t_f = pipe.mma_async %q_slot_f, %k_slot_f contract(1, 1)
      : !q_slot, !kv_slot -> !pipe.token<!tile>
    %s_f = pipe.mma_wait %t_f pending(0) : !pipe.token<!tile>
    pipe.release %ks[%c_f] : !kv_ring
    %only_f = arith.cmpi eq, %last_f, %zero : i32
    pipe.release %qs[%qc_f] if %only_f : !q_ring
    %kc_f = pipe.advance %c_f : !pipe.cursor<2>
    %mine_f = arith.addi %seen_f, %my_row : i32
    %first_key_f = arith.muli %last_f, %c128 : i32
    %mine_line_f = pipe.splat %mine_f : i32 -> !rowwhere
    %reach_line_f = arith.addi %in_tile, %mine_line_f : !rowwhere
    %visible_line_f = arith.minsi %reach_line_f, %last_key_line : !rowwhere
    %first_line_f = pipe.splat %first_key_f : i32 -> !rowwhere
    %limit_line_f = arith.subi %visible_line_f, %first_line_f : !rowwhere
    %limit_f = pipe.broadcast %limit_line_f : !rowwhere -> !where
    %visible_f = arith.cmpi sle, %column, %limit_f : !where
    %sm_f = arith.select %visible_f, %s_f, %empty : !bits, !tile
    %m_f = pipe.row_reduce maxnum %sm_f : !tile -> !row
    %m_none_f = arith.cmpf oeq, %m_f, %none : !row
    %m_safe_f = arith.select %m_none_f, %zeros, %m_f : !rowbits, !row
    %m_c_f = arith.mulf %m_safe_f, %c_row fastmath<contract> : !row
    %m_neg_f = arith.negf %m_c_f : !row
    %m_tile_f = pipe.broadcast %m_neg_f : !row -> !tile
    %x_f = math.fma %sm_f, %c_tile, %m_tile_f : !tile
    %e_f = math.exp2 %x_f fastmath<afn> : !tile
    %l_f = pipe.row_reduce add %e_f : !tile -> !part
    %p_f = arith.truncf %e_f : !tile to !half

    pipe.work_loop %item = %first
        iter_args(%p = %p_f, %m = %m_f, %l = %l_f, %qc = %qc_f, %kc = %kc_f, %vc = %c_f,
                  %q_slot = %q_slot_f, %head = %head_f, %row = %row_f, %seen = %seen_f,
                  %last = %last_f, %masked = %masked_f, %full = %full_f)
        -> (!half, !row, !part, !pipe.cursor<1>, !pipe.cursor<2>, !pipe.cursor<2>, !q_slot, i32, i32, i32, i32, i32, i32) {
      %o_a, %p_a, %m_a, %l_a, %kc_a, %vc_a = scf.for %i1 = %zero to %masked step %one
          iter_args(%o1 = %no_output, %p1 = %p, %m1 = %m, %l1 = %l, %kc1 = %kc, %vc1 = %vc)
          -> (!tile, !half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>) : i32 {
        %from1 = arith.subi %last, %one : i32
        %k_slot1 = pipe.wait %ks[%kc1] : !kv_ring
        pipe.take_turn %turn by %group : !pipe.turn<2>
        %ts1 = pipe.mma_async %q_slot, %k_slot1 contract(1, 1)
          : !q_slot, !kv_slot -> !pipe.token<!tile>
        %v_slot1 = pipe.wait %vs[%vc1] : !kv_ring
        %to1 = pipe.mma_async %p1, %v_slot1, %o1 contract(1, 0)
          : !half, !kv_slot, !tile -> !pipe.token<!tile>
        pipe.pass_turn %turn by %group : !pipe.turn<2>
        %s1 = pipe.mma_wait %ts1 pending(1) : !pipe.token<!tile>
        pipe.release %ks[%kc1] : !kv_ring
        %block1 = arith.subi %from1, %i1 : i32
        %is_last1 = arith.cmpi eq, %block1, %zero : i32
        pipe.release %qs[%qc] if %is_last1 : !q_ring
        %mine1 = arith.addi %seen, %my_row : i32
        %first_key1 = arith.muli %block1, %c128 : i32
        %mine_line1 = pipe.splat %mine1 : i32 -> !rowwhere
        %reach_line1 = arith.addi %in_tile, %mine_line1 : !rowwhere
        %visible_line1 = arith.minsi %reach_line1, %last_key_line : !rowwhere
        %first_line1 = pipe.splat %first_key1 : i32 -> !rowwhere
        %limit_line1 = arith.subi %visible_line1, %first_line1 : !rowwhere
        %limit1 = pipe.broadcast %limit_line1 : !rowwhere -> !where
        %visible1 = arith.cmpi sle, %column, %limit1 : !where
        %sm1 = arith.select %visible1, %s1, %empty : !bits, !tile
        %m1n = pipe.row_reduce maxnum %sm1 init %m1 : !tile, !row -> !row
        %m_none1 = arith.cmpf oeq, %m1n, %none : !row
        %m_safe1 = arith.select %m_none1, %zeros, %m1n : !rowbits, !row
        %dm1 = arith.subf %m1, %m_safe1 fastmath<contract> : !row
        %dmc1 = arith.mulf %dm1, %c_row fastmath<contract> : !row
        %alpha1 = math.exp2 %dmc1 fastmath<afn> : !row
        %mc1 = arith.mulf %m_safe1, %c_row fastmath<contract> : !row
        %m_neg1 = arith.negf %mc1 : !row
        %m_tile1 = pipe.broadcast %m_neg1 : !row -> !tile
        %x1 = math.fma %sm1, %c_tile, %m_tile1 : !tile
        %e1 = math.exp2 %x1 fastmath<afn> : !tile
        %sum1 = pipe.row_reduce add %e1 : !tile -> !part
        %alpha_part1 = pipe.broadcast %alpha1 : !row -> !part
        %l1n = math.fma %l1, %alpha_part1, %sum1 : !part
        %ow1 = pipe.mma_wait %to1 pending(0) : !pipe.token<!tile>
        pipe.release %vs[%vc1] : !kv_ring
        %p1n = arith.truncf %e1 : !tile to !half
        %alpha_tile1 = pipe.broadcast %alpha1 : !row -> !tile
        %o1n = arith.mulf %ow1, %alpha_tile1 fastmath<contract> : !tile
        %kc1n = pipe.advance %kc1 : !pipe.cursor<2>
        %vc1n = pipe.advance %vc1 : !pipe.cursor<2>
        scf.yield %o1n, %p1n, %m1n, %l1n, %kc1n, %vc1n
          : !tile, !half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>
      }
      %o_b, %p_b, %m_b, %l_b, %kc_b, %vc_b = scf.for %i2 = %zero to %full step %one
          iter_args(%o2 = %o_a, %p2 = %p_a, %m2 = %m_a, %l2 = %l_a, %kc2 = %kc_a, %vc2 = %vc_a)
          -> (!tile, !half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>) : i32 {
        %from2 = arith.subi %full, %one : i32
        %k_slot2 = pipe.wait %ks[%kc2] : !kv_ring
        pipe.take_turn %turn by %group : !pipe.turn<2>
        %ts2 = pipe.mma_async %q_slot, %k_slot2 contract(1, 1)
          : !q_slot, !kv_slot -> !pipe.token<!tile>
        %v_slot2 = pipe.wait %vs[%vc2] : !kv_ring
        %to2 = pipe.mma_async %p2, %v_slot2, %o2 contract(1, 0)
          : !half, !kv_slot, !tile -> !pipe.token<!tile>
        pipe.pass_turn %turn by %group : !pipe.turn<2>
        %s2 = pipe.mma_wait %ts2 pending(1) : !pipe.token<!tile>
        pipe.release %ks[%kc2] : !kv_ring
        %block2 = arith.subi %from2, %i2 : i32
        %is_last2 = arith.cmpi eq, %block2, %zero : i32
        pipe.release %qs[%qc] if %is_last2 : !q_ring
        %m2n = pipe.row_reduce maxnum %s2 init %m2 : !tile, !row -> !row
        %dm2 = arith.subf %m2, %m2n fastmath<contract> : !row
        %dmc2 = arith.mulf %dm2, %c_row fastmath<contract> : !row
        %alpha2 = math.exp2 %dmc2 fastmath<afn> : !row
        %mc2 = arith.mulf %m2n, %c_row fastmath<contract> : !row
        %m_neg2 = arith.negf %mc2 : !row
        %m_tile2 = pipe.broadcast %m_neg2 : !row -> !tile
        %x2 = math.fma %s2, %c_tile, %m_tile2 : !tile
        %e2 = math.exp2 %x2 fastmath<afn> : !tile
        %sum2 = pipe.row_reduce add %e2 : !tile -> !part
        %alpha_part2 = pipe.broadcast %alpha2 : !row -> !part
        %l2n = math.fma %l2, %alpha_part2, %sum2 : !part
        %ow2 = pipe.mma_wait %to2 pending(0) : !pipe.token<!tile>
        pipe.release %vs[%vc2] : !kv_ring
        %p2n = arith.truncf %e2 : !tile to !half
        %alpha_tile2 = pipe.broadcast %alpha2 : !row -> !tile
        %o2n = arith.mulf %ow2, %alpha_tile2 fastmath<contract> : !tile
        %kc2n = pipe.advance %kc2 : !pipe.cursor<2>
        %vc2n = pipe.advance %vc2 : !pipe.cursor<2>
        scf.yield %o2n, %p2n, %m2n, %l2n, %kc2n, %vc2n
          : !tile, !half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>
      }

      %qc_n = pipe.advance %qc : !pipe.cursor<1>
      %q_slot_n = pipe.wait %qs[%qc_n] : !q_ring
      %next = pipe.message %qs[%qc_n] : !q_ring
      %more = arith.cmpi sge, %next, %zero : i32
      %r:11 = scf.if %more -> (!half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>,
                               i32, i32, i32, i32, i32, i32) {
        // The next tile's first block of scores, this tile's last of values.
        %sec_n = arith.divui %next, %section_items : i32
        %in_n = arith.remui %next, %section_items : i32
        %head_a_n = arith.muli %sec_n, %section : i32
        %rest_n = arith.subi %heads, %head_a_n : i32
        %width_n = arith.minui %rest_n, %section : i32
        %rank_n = arith.divui %in_n, %width_n : i32
        %head_b_n = arith.remui %in_n, %width_n : i32
        %head_n = arith.addi %head_a_n, %head_b_n : i32
        %tile_n = arith.subi %last_tile, %rank_n : i32
        %row_n = arith.muli %tile_n, %c128 : i32
        %seen_n = arith.addi %row_n, %shift : i32
        %end_n = arith.addi %seen_n, %c255 : i32
        %end_c_n = arith.maxsi %end_n, %c128 : i32
        %reach_n = arith.divui %end_c_n, %c128 : i32
        %blocks_n = arith.minui %reach_n, %key_blocks : i32
        %last_n = arith.subi %blocks_n, %one : i32
        %clear_n = arith.addi %seen_n, %one : i32
        %clear_c_n = arith.maxsi %clear_n, %zero : i32
        %clear_k_n = arith.minui %clear_c_n, %keys : i32
        %clear_b_n = arith.divui %clear_k_n, %c128 : i32
        %full_n = arith.minui %clear_b_n, %last_n : i32
        %masked_n = arith.subi %last_n, %full_n : i32
        %k_slot_n = pipe.wait %ks[%kc_b] : !kv_ring
        pipe.take_turn %turn by %group : !pipe.turn<2>
        %ts_n = pipe.mma_async %q_slot_n, %k_slot_n contract(1, 1)
          : !q_slot, !kv_slot -> !pipe.token<!tile>
        %v_slot_n = pipe.wait %vs[%vc_b] : !kv_ring
        %to_n = pipe.mma_async %p_b, %v_slot_n, %o_b contract(1, 0)
          : !half, !kv_slot, !tile -> !pipe.token<!tile>
        pipe.pass_turn %turn by %group : !pipe.turn<2>
        %s_n = pipe.mma_wait %ts_n pending(1) : !pipe.token<!tile>
        pipe.release %ks[%kc_b] : !kv_ring
        %only_n = arith.cmpi eq, %last_n, %zero : i32
        pipe.release %qs[%qc_n] if %only_n : !q_ring
        %l_all_n = pipe.lane_reduce add %l_b : !part -> !row
        %is_empty_n = arith.cmpf oeq, %l_all_n, %zeros : !row
        %inverse_n = arith.divf %ones, %l_all_n fastmath<arcp> : !row
        %factor_n = arith.select %is_empty_n, %zeros, %inverse_n : !rowbits, !row
        %log_l_n = math.log2 %l_all_n fastmath<afn> : !row
        %m_scaled_n = arith.mulf %m_b, %c_row fastmath<contract> : !row
        %lse2_n = arith.addf %m_scaled_n, %log_l_n fastmath<contract> : !row
        %lse_n_n = arith.mulf %lse2_n, %ln2s fastmath<contract> : !row
        %lse_row_n = arith.select %is_empty_n, %none, %lse_n_n : !rowbits, !row
        %mine_n = arith.addi %seen_n, %my_row : i32
        %first_key_n = arith.muli %last_n, %c128 : i32
        %mine_line_n = pipe.splat %mine_n : i32 -> !rowwhere
        %reach_line_n = arith.addi %in_tile, %mine_line_n : !rowwhere
        %visible_line_n = arith.minsi %reach_line_n, %last_key_line : !rowwhere
        %first_line_n = pipe.splat %first_key_n : i32 -> !rowwhere
        %limit_line_n = arith.subi %visible_line_n, %first_line_n : !rowwhere
        %limit_n = pipe.broadcast %limit_line_n : !rowwhere -> !where
        %visible_n = arith.cmpi sle, %column, %limit_n : !where
        %sm_n = arith.select %visible_n, %s_n, %empty : !bits, !tile
        %m_n = pipe.row_reduce maxnum %sm_n : !tile -> !row
        %m_none_n = arith.cmpf oeq, %m_n, %none : !row
        %m_safe_n = arith.select %m_none_n, %zeros, %m_n : !rowbits, !row
        %m_c_n = arith.mulf %m_safe_n, %c_row fastmath<contract> : !row
        %m_neg_n = arith.negf %m_c_n : !row
        %m_tile_n = pipe.broadcast %m_neg_n : !row -> !tile
        %x_n = math.fma %sm_n, %c_tile, %m_tile_n : !tile
        %e_n = math.exp2 %x_n fastmath<afn> : !tile
        %l_n = pipe.row_reduce add %e_n : !tile -> !part
        %ow_n = pipe.mma_wait %to_n pending(0) : !pipe.token<!tile>
        pipe.release %vs[%vc_b] : !kv_ring
        %factor_tile_n = pipe.broadcast %factor_n : !row -> !tile
        %on_n = arith.mulf %ow_n, %factor_tile_n fastmath<contract> : !tile
        %oh_n = arith.truncf %on_n : !tile to !half
        %out_row_n = arith.addi %row, %my_row : i32
        pipe.store %lse_row_n -> %lse[%head, %out_row_n] : !row -> !pipe.global<?x?xf32>
        pipe.stage %oh_n -> %os : !half -> !staging
        pipe.bulk_store %os -> %o[%head, %out_row_n, %zero] : !staging -> !heads
        %p_n = arith.truncf %e_n : !tile to !half
        %kc_n = pipe.advance %kc_b : !pipe.cursor<2>
        %vc_n = pipe.advance %vc_b : !pipe.cursor<2>
        scf.yield %p_n, %m_n, %l_n, %kc_n, %vc_n, %head_n, %row_n, %seen_n, %last_n, %masked_n, %full_n
          : !half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>, i32, i32, i32, i32, i32, i32
      } else {
        %v_slot_l = pipe.wait %vs[%vc_b] : !kv_ring
        %to_l = pipe.mma_async %p_b, %v_slot_l, %o_b contract(1, 0)
          : !half, !kv_slot, !tile -> !pipe.token<!tile>
        %l_all_l = pipe.lane_reduce add %l_b : !part -> !row
        %is_empty_l = arith.cmpf oeq, %l_all_l, %zeros : !row
        %inverse_l = arith.divf %ones, %l_all_l fastmath<arcp> : !row
        %factor_l = arith.select %is_empty_l, %zeros, %inverse_l : !rowbits, !row
        %log_l_l = math.log2 %l_all_l fastmath<afn> : !row
        %m_scaled_l = arith.mulf %m_b, %c_row fastmath<contract> : !row
        %lse2_l = arith.addf %m_scaled_l, %log_l_l fastmath<contract> : !row
        %lse_n_l = arith.mulf %lse2_l, %ln2s fastmath<contract> : !row
        %lse_row_l = arith.select %is_empty_l, %none, %lse_n_l : !rowbits, !row
        %ow_l = pipe.mma_wait %to_l pending(0) : !pipe.token<!tile>
        pipe.release %vs[%vc_b] : !kv_ring
        %factor_tile_l = pipe.broadcast %factor_l : !row -> !tile
        %on_l = arith.mulf %ow_l, %factor_tile_l fastmath<contract> : !tile
        %oh_l = arith.truncf %on_l : !tile to !half
        %out_row_l = arith.addi %row, %my_row : i32
        pipe.store %lse_row_l -> %lse[%head, %out_row_l] : !row -> !pipe.global<?x?xf32>
        pipe.stage %oh_l -> %os : !half -> !staging
        pipe.bulk_store %os -> %o[%head, %out_row_l, %zero] : !staging -> !heads
        scf.yield %p_b, %m_b, %l_b, %kc_b, %vc_b, %head, %row, %seen, %last, %masked, %full
          : !half, !row, !part, !pipe.cursor<2>, !pipe.cursor<2>, i32, i32, i32, i32, i32, i32
      }
      pipe.yield %next, %r#0, %r#1, %r#2, %qc_n, %r#3, %r#4, %q_slot_n, %r#5, %r#6, %r#7, %r#8, %r#9, %r#10
        : i32, !half, !row, !part, !pipe.cursor<1>, !pipe.cursor<2>, !pipe.cursor<2>, !q_slot, i32, i32, i32, i32, i32, i32
    }
  }
}
