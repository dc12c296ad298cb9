// RUN: attn-opt %s | attn-opt | FileCheck %s

// Products of which each warp has a share, coordinates in them, and rows that
// come together.
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
// CHECK-LABEL: func @shares(
//       CHECK:   pipe.mma_async %{{.*}}, %{{.*}} contract(1, 1) shares(4) : tensor<32x128xbf16, #{{.*}}>, <128x128xf8E4M3FN, swizzle = 128> -> <tensor<32x32xf32, #{{.*}}>>
//       CHECK:   pipe.mma_async %{{.*}}, %{{.*}}, %{{.*}} contract(1, 0) shares(4) :
//       CHECK:   pipe.coord 0 shares(4) : tensor<32xi32
//       CHECK:   pipe.coord 1 shares(4) : tensor<32x32xi32
//       CHECK:   %{{.*}}:8 = pipe.split %{{.*}}, %{{.*}} into 4 : tensor<32xf32, #{{.*}}>, tensor<32x128xf32, #{{.*}}> -> tensor<8xf32,
func.func @shares(%q: !left, %k: !keys, %w: !weights, %acc: !sums, %m: !rows) {
  %s = pipe.mma_async %q, %k contract(1, 1) shares(4) : !left, !keys -> !pipe.token<!scores>
  %x = pipe.mma_wait %s pending(0) : !pipe.token<!scores>
  %o = pipe.mma_async %w, %k, %acc contract(1, 0) shares(4)
      : !weights, !keys, !sums -> !pipe.token<!sums>
  %y = pipe.mma_wait %o pending(0) : !pipe.token<!sums>
  %row = pipe.coord 0 shares(4) : tensor<32xi32, #pipe.slice<1, #low>>
  %key = pipe.coord 1 shares(4) : tensor<32x32xi32, #low>
  %r:8 = pipe.split %m, %y into 4
      : !rows, !sums -> !few, !whole, !few, !whole, !few, !whole, !few, !whole
  return
}
