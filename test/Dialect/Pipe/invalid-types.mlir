// One case a constraint, named after it: types and fragments.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects digits of 2 dimensions, but got one of d2}}
func.func private @fragment_c1_dim(tensor<4x8xf32, #pipe.fragment<registers = [4 x d2 by 1], lanes = [8 x d1 by 1], warps = [4 x d0 by 1]>>)

// -----

// expected-error @below {{expects digits of positive size and stride, but got size 4 and stride 0}}
func.func private @fragment_c1_stride(tensor<4x8xf32, #pipe.fragment<registers = [4 x d0 by 0], lanes = [8 x d1 by 1], warps = []>>)

// -----

// expected-error @below {{expects the digits of d0 to hold each element once, but got stride 2 where 1 elements are covered}}
func.func private @fragment_c2_gap(tensor<4x8xf32, #pipe.fragment<registers = [4 x d0 by 2], lanes = [8 x d1 by 1], warps = []>>)

// -----

// expected-error @below {{expects the digits of d1 to cover 8 elements, but they cover more}}
func.func private @fragment_c2_more(tensor<4x8xf32, #pipe.fragment<registers = [4 x d0 by 1], lanes = [16 x d1 by 1], warps = []>>)

// -----

// expected-error @below {{expects the digits of d1 to cover 8 elements, but they cover 4}}
func.func private @fragment_c2_fewer(tensor<4x8xf32, #pipe.fragment<registers = [4 x d0 by 1], lanes = [4 x d1 by 1], warps = []>>)

// -----

#f = #pipe.fragment<registers = [4 x d0 by 1], lanes = [8 x d1 by 1], warps = []>
// expected-error @below {{expects a slice to have 1 dimension, but got 2}}
func.func private @slice_c1(tensor<4x8xf32, #pipe.slice<1, #f>>)

// -----

#f = #pipe.fragment<registers = [4 x d0 by 1], lanes = [8 x d1 by 1], warps = []>
// expected-error @below {{expects a slice along dimension 0 or 1, but got 2}}
func.func private @slice_c1_dim(tensor<4xf32, #pipe.slice<2, #f>>)

// -----

#f = #pipe.fragment<registers = [4 x d0 by 1], lanes = [8 x d1 by 1], warps = []>
// expected-error @below {{expects a slice of its parent's 4 elements along d0, but got 8}}
func.func private @slice_c2(tensor<8xf32, #pipe.slice<1, #f>>)

// -----

// expected-error @below {{expects at least one dimension}}
func.func private @global(!pipe.global<f32>)

// -----

// expected-error @below {{expects 2 dimensions, but got 1}}
func.func private @shared_c1(!pipe.shared<64xf32, swizzle = 128>)

// -----

// expected-error @below {{expects positive sizes, but got 0 and 64}}
func.func private @shared_c1_size(!pipe.shared<0x64xbf16, swizzle = 128>)

// -----

// expected-error @below {{expects elements of 1, 2 or 4 bytes, but got 'f64'}}
func.func private @shared_c1_element(!pipe.shared<64x64xf64, swizzle = 128>)

// -----

// expected-error @below {{expects a swizzle of 32, 64 or 128 bytes, but got 16}}
func.func private @shared_c2(!pipe.shared<64x64xbf16, swizzle = 16>)

// -----

// expected-error @below {{expects rows that are a multiple of the swizzle's 128 bytes, but got rows of 64}}
func.func private @shared_c2_row(!pipe.shared<64x32xbf16, swizzle = 128>)

// -----

// expected-error @below {{expects parts of a multiple of 8 rows, but got 64 rows in 16 parts}}
func.func private @shared_c3(!pipe.shared<64x64xbf16, swizzle = 128, parts = 16>)

// -----

// expected-error @below {{expects at least 1 slot, but got 0}}
func.func private @ring_c1(!pipe.ring<0 x !pipe.shared<64x64xbf16, swizzle = 128>>)

// -----

// expected-error @below {{expects slots of one part, but got 4}}
func.func private @ring_parts(!pipe.ring<1 x !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>>)

// -----

// expected-error @below {{expects message, messages or cluster, each kind once, but got message}}
func.func private @ring_flags(!pipe.ring<1 x !pipe.shared<64x64xbf16, swizzle = 128>, message, message>)

// -----

// expected-error @below {{expects at least one dimension}}
func.func private @array_c1(!pipe.array<f32>)

// -----

// expected-error @below {{expects positive sizes, but got 0}}
func.func private @array_c1_size(!pipe.array<0xf32>)

// -----

// expected-error @below {{expects integers or floats of at most 64 bits, but got 'index'}}
func.func private @array_c2(!pipe.array<4xindex>)

// -----

// expected-error @below {{expects at most 4 messages a filling, but got 5}}
!ring = !pipe.ring<2 x !pipe.shared<64x64xbf16, swizzle = 128>, messages = 5>
func.func private @ring_c2(!ring)
