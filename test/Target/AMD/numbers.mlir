// RUN: attn-opt %s --amd-pipeline=target=gfx942 | mlir-translate --mlir-to-llvmir | llc -O3 -mtriple=amdgcn-amd-amdhsa -mcpu=gfx942 | FileCheck %s

// Approximate functions are one instruction each. A row's maximum is one of the
// lane's registers and of those of the other lanes of its row: 32 and 16 further
// on.

#s = #pipe.fragment<registers = [4 x d1 by 1, 1 x d1 by 16],
                    lanes = [16 x d0 by 1, 4 x d1 by 4], warps = [4 x d0 by 16]>
!tile = tensor<64x16xf32, #s>
!places = tensor<64x16xi32, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>

// CHECK-LABEL: {{^}}functions:
// CHECK-COUNT-4: v_exp_f32
//   CHECK-NOT: v_exp_f32
//       CHECK: ds_bpermute_b32
//       CHECK: ds_swizzle_b32 {{.*}}swizzle(SWAP,16)
//       CHECK: v_log_f32
//       CHECK: v_rcp_f32
//       CHECK: global_store_dwordx4
//   CHECK-NOT: global_store
//       CHECK: .vgpr_spill_count: 0
pipe.kernel @functions(
    %b: !pipe.global<?x16xf32> {pipe.name = "b", pipe.access = "write", pipe.shape = ["M", 16]}) {
  %zero = arith.constant 0 : i32
  pipe.role "multiply" groups(1) warps(4) registers(128) (%group) {
    %places = pipe.coord 1 : !places
    %x = arith.sitofp %places : !places to !tile
    %e = math.exp2 %x fastmath<afn> : !tile
    %m = pipe.row_reduce maxnum %e : !tile -> !row
    %l = math.log2 %m fastmath<afn> : !row
    %all = pipe.broadcast %l : !row -> !tile
    %q = arith.divf %x, %all fastmath<arcp> : !tile
    pipe.store %q -> %b[%zero, %zero] : !tile -> !pipe.global<?x16xf32>
  }
}
