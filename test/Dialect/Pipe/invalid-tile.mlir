// One case a constraint, named after it: products, lines and layouts.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c1(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects to contract dimensions 0 or 1, but got 2 and 0}}
  %p = pipe.mma_async %slot, %slot contract(2, 0) : !slot, !slot -> !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c1_sizes(%a: !slot, %b: !pipe.shared<128x64xbf16, swizzle = 128>) {
  // expected-error @below {{expects equal sizes of the contracted dimensions, but got 64 and 128}}
  %p = pipe.mma_async %a, %b contract(1, 0) : !slot, !pipe.shared<128x64xbf16, swizzle = 128> -> !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c1_depth(%a: !slot, %b: !pipe.shared<128x64xbf16, swizzle = 128>) {
  // expected-error @below {{expects contracted dimensions of at least depth 80, but got 64 and 128}}
  %p = pipe.mma_async %a, %b contract(1, 0) depth 80 : !slot, !pipe.shared<128x64xbf16, swizzle = 128> -> !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c1_depth_rhs(%a: !pipe.shared<64x128xbf16, swizzle = 128>, %b: !slot) {
  // expected-error @below {{expects contracted dimensions of at least depth 80, but got 128 and 64}}
  %p = pipe.mma_async %a, %b contract(1, 0) depth 80 : !pipe.shared<64x128xbf16, swizzle = 128>, !slot -> !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c1_no_depth(%a: !slot) {
  // expected-error @below {{attribute 'depth' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %p = pipe.mma_async %a, %a contract(1, 0) depth 0 : !slot, !slot -> !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c2(%a: !pipe.shared<128x64xbf16, swizzle = 128>, %b: !slot) {
  // expected-error @below {{expects an accumulator of 128 x 64 with a fragment, but got}}
  %p = pipe.mma_async %a, %b contract(1, 0) : !pipe.shared<128x64xbf16, swizzle = 128>, !slot -> !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c2_wide(%a: !slot) {
  // expected-error @below {{expects an accumulator of 64 x 64 with a fragment, but got}}
  %p = pipe.mma_async %a, %a contract(1, 0) : !slot, !slot -> !pipe.token<tensor<64x128xf32, #wide>>
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c3(%a: !slot, %acc: tensor<64x128xf32, #wide>) {
  // expected-error @below {{expects to accumulate onto}}
  %p = pipe.mma_async %a, %a, %acc contract(1, 0) : !slot, !slot, tensor<64x128xf32, #wide> -> !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_async_c4(%a: !slot, %b: !pipe.shared<64x64xf16, swizzle = 128>) {
  // expected-error @below {{expects equal element types, or right ones of 8 bits and left ones of 16, but got 'bf16' and 'f16'}}
  %p = pipe.mma_async %a, %b contract(1, 0) : !slot, !pipe.shared<64x64xf16, swizzle = 128> -> !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_wait_c1(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  %p = pipe.mma_async %slot, %slot contract(1, 0) : !slot, !slot -> !token
  // expected-error @below {{result is the token's accumulator}}
  %v = "pipe.mma_wait"(%p) <{pending = 0 : i64}> : (!token) -> !half
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_wait_c2(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-note @below {{the token's product is here}}
  %p = pipe.mma_async %slot, %slot contract(1, 0) : !slot, !slot -> !token
  // expected-error @below {{expects at most 0 pending products, as many as are started after the token's, but got 1}}
  %v = pipe.mma_wait %p pending(1) : !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_wait_pending(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  %p = pipe.mma_async %slot, %slot contract(1, 0) : !slot, !slot -> !token
  // expected-error @below {{attribute 'pending' failed to satisfy constraint}}
  %v = pipe.mma_wait %p pending(-1) : !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @mma_retire_c1(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  %p = pipe.mma_async %slot, %slot contract(1, 0) : !slot, !slot -> !token
  // expected-error @below {{attribute 'pending' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %v = pipe.mma_retire %p pending(0) : !token
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @row_reduce_c1(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects a slice of the tile's fragment with its elements, but got}}
  %r = pipe.row_reduce add %h : !half -> !row
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @row_reduce_c1_spread(%t: !tile) {
  // expected-error @below {{expects a slice of the tile's fragment with its elements, but got}}
  %r = pipe.row_reduce add %t : !tile -> tensor<64xf32, #pipe.slice<1, #other>>
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @row_reduce_c1_width(%t: !tile) {
  // expected-error @below {{expects a slice of the tile's fragment with its elements, but got}}
  %r = pipe.row_reduce add %t : !tile -> tensor<128xf32, #pipe.slice<0, #wide>>
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @row_reduce_c2_spread(%t: !tile, %init: tensor<64xf32, #pipe.slice<1, #other>>) {
  // expected-error @below {{expects a slice of the tile's fragment with its elements, but got}}
  %r = pipe.row_reduce maximum %t init %init : !tile, tensor<64xf32, #pipe.slice<1, #other>> -> !row
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @row_reduce_c2_dim(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  %column = arith.constant dense<0.0> : !column
  // expected-error @below {{expects an initial value along dimension 1, but got 0}}
  %r = pipe.row_reduce maxnum %t init %column : !tile, !column -> !row
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @row_reduce_c2_complete(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects a complete initial value for a complete result; combine it by pipe.lane_reduce first}}
  %r = pipe.row_reduce add %t init %part : !tile, !part -> !row
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @row_reduce_c2_sum(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects a partial initial value for a partial sum: a complete one would be counted once a lane}}
  %r = pipe.row_reduce add %t init %row : !tile, !row -> !part
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @lane_reduce_c1(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects a partial line, but got}}
  %r = pipe.lane_reduce add %row : !row -> !row
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @lane_reduce_c1_result(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects a result of}}
  %r = pipe.lane_reduce add %part : !part -> !part
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @broadcast_c1(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{; combine it by pipe.lane_reduce first}}
  %r = pipe.broadcast %part : !part -> !tile
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @broadcast_c2(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{or a tile that spreads its lines alike, but got}}
  %r = pipe.broadcast %row : !row -> tensor<64x64xf32, #other>
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!part = tensor<64xi1, #pipe.slice<1, #s, partial>>
func.func @if_any_c1(%some: !part, %t: !tile) {
  // expected-error @below {{expects a complete line of i1, but got 'tensor<64xi1,}}
  %r = pipe.if_any %some : !part else(%t : !tile) {
    pipe.yield %t : !tile
  }
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!row = tensor<64xi32, #pipe.slice<1, #s>>
func.func @if_any_c1_element(%some: !row, %t: !tile) {
  // expected-error @below {{expects a complete line of i1, but got 'tensor<64xi32,}}
  %r = pipe.if_any %some : !row else(%t : !tile) {
    pipe.yield %t : !tile
  }
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!row = tensor<64xi1, #pipe.slice<1, #s>>
func.func @if_any_c2(%some: !row, %t: !tile) {
  // expected-error @below {{expects its region to take nothing and to yield ('tensor<64x64xf32,}}
  %r = pipe.if_any %some : !row else(%t : !tile) {
    pipe.yield %some : !row
  }
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!row = tensor<64xi1, #pipe.slice<1, #s>>
func.func @if_any_c2_arguments(%some: !row, %t: !tile) {
  // expected-error @below {{expects its region to take nothing and to yield ('tensor<64x64xf32,}}
  %r = pipe.if_any %some : !row else(%t : !tile) {
  ^bb0(%u: !tile):
    pipe.yield %u : !tile
  }
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!row = tensor<64xi1, #pipe.slice<1, #s>>
!lines = !pipe.global<?x?xf32>
func.func @if_any_c3(%some: !row, %t: !tile, %o: !lines, %n: i32) {
  %r = pipe.if_any %some : !row else(%t : !tile) {
    // expected-error @below {{has effects, but a warp may do it alone in a 'pipe.if_any'}}
    pipe.store %t -> %o[%n, %n] : !tile -> !lines
    pipe.yield %t : !tile
  }
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @splat_c1(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  %i = arith.constant 0 : i32
  // expected-error @below {{expects a scalar of 'f32', but got 'i32'}}
  %r = pipe.splat %i : i32 -> !tile
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @coord_c1(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects a dimension of the result, but got 2 for}}
  %r = pipe.coord 2 : tensor<64x64xi32, #s>
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @coord_c1_line(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects a dimension of the result, but got 1 for}}
  %r = pipe.coord 1 : tensor<64xi32, #pipe.slice<1, #s>>
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @coord_c1_element(%t: !tile, %h: !half, %row: !row, %part: !part, %slot: !slot) {
  // expected-error @below {{expects elements of i32, but got 'f32'}}
  %r = pipe.coord 0 : !tile
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!source = !pipe.global<?x?xbf16>
pipe.kernel @gather_c1(
    %x: !source {pipe.name = "x", pipe.access = "read", pipe.shape = ["P", "M"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %columns = pipe.coord 1 : tensor<64x64xi32, #s>
    %line = pipe.coord 0 : tensor<64xi32, #pipe.slice<1, #s>>
    // expected-error @below {{expects one index a dimension of '!pipe.global<?x?xbf16>', but got 1}}
    %v = pipe.gather %x[%columns] : !source[tensor<64x64xi32, #s>] -> tensor<64x64xf32, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!source = !pipe.global<?x?xbf16>
pipe.kernel @gather_c1(
    %x: !source {pipe.name = "x", pipe.access = "read", pipe.shape = ["P", "M"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %columns = pipe.coord 1 : tensor<64x64xi32, #s>
    %line = pipe.coord 0 : tensor<64xi32, #pipe.slice<1, #s>>
    // expected-error @below {{expects indices of i32 or 'tensor<64x64xi32}}
    %v = pipe.gather %x[%line, %columns] : !source[tensor<64xi32, #pipe.slice<1, #s>>, tensor<64x64xi32, #s>] -> tensor<64x64xf32, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!source = !pipe.global<?x?xf32>
pipe.kernel @gather_c2(
    %x: !source {pipe.name = "x", pipe.access = "read", pipe.shape = ["P", "M"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %columns = pipe.coord 1 : tensor<64x64xi32, #s>
    %line = pipe.coord 0 : tensor<64xi32, #pipe.slice<1, #s>>
    // expected-error @below {{expects elements of 'f32' or, of narrower floats, f32, of integers, i32, but got 'bf16'}}
    %v = pipe.gather %x[%n, %columns] : !source[i32, tensor<64x64xi32, #s>] -> tensor<64x64xbf16, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!source = !pipe.global<?x?xi32>
pipe.kernel @gather_c2(
    %x: !source {pipe.name = "x", pipe.access = "read", pipe.shape = ["P", "M"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %columns = pipe.coord 1 : tensor<64x64xi32, #s>
    %line = pipe.coord 0 : tensor<64xi32, #pipe.slice<1, #s>>
    // expected-error @below {{expects elements of 'i32' or, of narrower floats, f32, of integers, i32, but got 'f32'}}
    %v = pipe.gather %x[%n, %columns] : !source[i32, tensor<64x64xi32, #s>] -> tensor<64x64xf32, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!source = !pipe.global<?x?xf32>
pipe.kernel @gather_c3(
    %x: !source {pipe.name = "x", pipe.access = "write", pipe.shape = ["P", "M"]},
    %n: i32 {pipe.name = "n"}) {
  pipe.role "compute" groups(1) warps(4) registers(240) (%g) {
    %columns = pipe.coord 1 : tensor<64x64xi32, #s>
    // expected-error @below {{expects a tensor that the kernel only reads, but its access is "write"}}
    %v = pipe.gather %x[%n, %columns] : !source[i32, tensor<64x64xi32, #s>] -> tensor<64x64xf32, #s>
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @columns_c1(%t: !tile, %h: !half) {
  // expected-error @below {{expects the tile's rows and elements, but got}}
  %c = pipe.columns %t from 0 : !tile -> !half
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @columns_c1_range(%t: !tile, %h: !half) {
  // expected-error @below {{expects columns of the tile's 64, but got 64 from 8}}
  %c = pipe.columns %t from 8 : !tile -> !tile
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @columns_c2(%t: !tile, %h: !half) {
  // expected-error @below {{expects each lane to keep its elements, but got}}
  %c = pipe.columns %t from 0 : !tile -> tensor<64x64xf32, #other>
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @relayout_c1(%t: !tile, %h: !half) {
  // expected-error @below {{expects equal shapes and elements, but got}}
  %c = pipe.relayout %t cost(free) : !tile -> !half
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#other = #pipe.fragment<registers = [32 x d1 by 1, 1 x d0 by 1],
                        lanes = [2 x d1 by 32, 16 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!half = tensor<64x64xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!column = tensor<64xf32, #pipe.slice<0, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
func.func @relayout_c2(%t: !tile, %h: !half) {
  // expected-error @below {{expects cost shuffle between these fragments, but got free}}
  %c = pipe.relayout %t cost(free) : !tile -> tensor<64x64xf32, #other>
  return
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
pipe.kernel @token_c1(%n: i32 {pipe.name = "n"}, %more: i1 {pipe.name = "more"}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %r[%c] : !pipe.ring<1 x !slot>
    %p = pipe.mma_async %a, %a contract(1, 0) : !slot, !slot -> !token
    // expected-note @below {{the other use is here}}
    %q = pipe.mma_async %a, %a, %p contract(1, 0) : !slot, !slot, !token -> !token
    // expected-error @below {{expects a product in flight that nothing else uses; wait for it, and use its accumulator twice}}
    %t = pipe.mma_async %a, %a, %p contract(1, 0) : !slot, !slot, !token -> !token
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
pipe.kernel @token_c1_branches_are_fine(%n: i32 {pipe.name = "n"}, %more: i1 {pipe.name = "more"}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %r[%c] : !pipe.ring<1 x !slot>
    %p = pipe.mma_async %a, %a contract(1, 0) : !slot, !slot -> !token
    %q = scf.if %more -> !token {
      %t = pipe.mma_async %a, %a, %p contract(1, 0) : !slot, !slot, !token -> !token
      scf.yield %t : !token
    } else {
      scf.yield %p : !token
    }
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
pipe.kernel @token_c2(%n: i32 {pipe.name = "n"}, %more: i1 {pipe.name = "more"}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %r[%c] : !pipe.ring<1 x !slot>
    %p = pipe.mma_async %a, %a contract(1, 0) : !slot, !slot -> !token
    %q = pipe.mma_async %a, %a contract(1, 0) : !slot, !slot -> !token
    // expected-error @below {{expects no product in flight: it can be handed on, not chosen; wait for it first}}
    %t = arith.select %more, %p, %q : !token
  }
}

// -----

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x64xf32, #s>
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!token = !pipe.token<!tile>
pipe.kernel @token_c3(%n: i32 {pipe.name = "n"}, %more: i1 {pipe.name = "more"}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r = pipe.ring readers(1) : !pipe.ring<1 x !slot>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    %a = pipe.wait %r[%c] : !pipe.ring<1 x !slot>
    %p = pipe.mma_async %a, %a contract(1, 0) : !slot, !slot -> !token
    %q = pipe.mma_async %a, %a contract(1, 0) : !slot, !slot -> !token
    // expected-note @below {{the loop is here}}
    %v, %w = scf.for %i = %c0 to %n step %c1 iter_args(%t = %p, %u = %q) -> (!token, !token) : i32 {
      %x = pipe.mma_async %a, %a, %u contract(1, 0) : !slot, !slot, !token -> !token
      // expected-error @below {{expects the product in flight at place 0 to stay there, but got that of place 1; wait for both, and exchange their accumulators}}
      scf.yield %x, %t : !token, !token
    }
  }
}
