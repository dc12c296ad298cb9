// RUN: attn-opt %s --convert-pipe-to-nvvm=target=sm_80 --verify-diagnostics --mlir-print-op-on-diagnostic=false

#low = #pipe.fragment<registers = [2 x d1 by 1, 4 x d1 by 8],
                      lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 8]>
#wide = #pipe.fragment<registers = [32 x d1 by 1, 1 x d1 by 128],
                       lanes = [4 x d1 by 32, 8 x d0 by 1], warps = [4 x d0 by 8]>
#joined = #pipe.fragment<registers = [8 x d1 by 1],
                         lanes = [4 x d1 by 8, 8 x d0 by 1], warps = [4 x d1 by 32]>
!left = tensor<32x128xbf16, #wide>
!scores = tensor<32x32xf32, #low>
!weights = tensor<32x32xbf16, #low>
!sums = tensor<32x128xf32, #wide>
!whole = tensor<8x128xf32, #joined>
!rows = tensor<32xf32, #pipe.slice<1, #low>>
!few = tensor<8xf32, #pipe.slice<1, #joined>>
!keys = !pipe.shared<128x128xf8E4M3FN, swizzle = 128>
pipe.kernel @sm_80(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !keys>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %k = pipe.wait %ring[%c] : !pipe.ring<1 x !keys>
    %w = arith.constant dense<1.0> : !weights
    // expected-error @below {{expects products without shares on this target}}
    %t = pipe.mma_async %w, %k contract(1, 0) shares(4) : !weights, !keys -> !pipe.token<!sums>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!sums>
  }
}
