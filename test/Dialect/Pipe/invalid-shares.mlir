// RUN: attn-opt %s --split-input-file --verify-diagnostics --mlir-print-op-on-diagnostic=false

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
func.func @mma_async_c1(%w: !weights, %k: !pipe.shared<256x128xf8E4M3FN, swizzle = 128>) {
  // expected-error @below {{expects equal sizes of the contracted dimensions, but got 32 and 64}}
  %s = pipe.mma_async %w, %k contract(1, 0) shares(4)
      : !weights, !pipe.shared<256x128xf8E4M3FN, swizzle = 128> -> !pipe.token<!sums>
  return
}

// -----

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
func.func @mma_async_c2(%q: !left, %k: !keys) {
  // expected-error @below {{expects an accumulator of 32 x 32 with a fragment, but got}}
  %s = pipe.mma_async %q, %k contract(1, 1) shares(4) : !left, !keys -> !pipe.token<!sums>
  return
}

// -----

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
func.func @mma_async_c4(%q: !left, %k: !pipe.shared<128x128xf16, swizzle = 128>) {
  // expected-error @below {{expects equal element types, or right ones of 8 bits and left ones of 16, but got 'bf16' and 'f16'}}
  %s = pipe.mma_async %q, %k contract(1, 1) shares(4)
      : !left, !pipe.shared<128x128xf16, swizzle = 128> -> !pipe.token<!scores>
  return
}

// -----

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
func.func @mma_async_c5(%q: !left, %k: !keys) {
  // expected-error @below {{expects shares that divide the rows of both sides, of which the left side's are kept, and no depth, but got 5 of}}
  %s = pipe.mma_async %q, %k contract(1, 1) shares(5) : !left, !keys -> !pipe.token<!scores>
  return
}

// -----

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
func.func @coord_c2() {
  // expected-error @below {{expects shares that divide the rows of a tile or a line of rows, but got 4 for}}
  %c = pipe.coord 1 shares(4) : tensor<32xi32, #pipe.slice<0, #low>>
  return
}

// -----

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
func.func @split_c1(%m: !rows) {
  // expected-error @below {{expects 4 results for each of 1 values, but got 2}}
  %r:2 = pipe.split %m into 4 : !rows -> !few, !few
  return
}

// -----

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
func.func @split_c1_types(%m: !rows) {
  // expected-error @below {{expects one type of all runs of a value, but got}}
  %r:4 = pipe.split %m into 4 : !rows -> !few, !few, !rows, !few
  return
}

// -----

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
func.func @split_c1_rows(%m: !rows) {
  // expected-error @below {{expects rows that are a multiple of 3, but got}}
  %r:3 = pipe.split %m into 3 : !rows -> !few, !few, !few
  return
}

// -----

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
func.func @split_c2(%y: !sums) {
  // expected-error @below {{expects 16 rows of 'tensor<32x128xf32,}}
  %r:2 = pipe.split %y into 2 : !sums -> !whole, !whole
  return
}

// -----

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
func.func @split_c2_partial(%m: tensor<32xf32, #pipe.slice<1, #low, partial>>) {
  // expected-error @below {{a tile or a complete line of rows, but got}}
  %r:4 = pipe.split %m into 4
      : tensor<32xf32, #pipe.slice<1, #low, partial>> -> !few, !few, !few, !few
  return
}
