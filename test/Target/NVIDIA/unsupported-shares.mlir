// RUN: attn-opt %s --split-input-file --convert-pipe-to-nvvm --verify-diagnostics --mlir-print-op-on-diagnostic=false

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
#left = #pipe.fragment<registers = [8 x d1 by 1], lanes = [4 x d1 by 8, 8 x d0 by 1],
                       warps = [4 x d0 by 8]>
// What warps multiply is in registers.
pipe.kernel @shared_left(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !keys>
  %lefts = pipe.ring readers(1) : !pipe.ring<1 x !pipe.shared<32x128xbf16, swizzle = 128>>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %k = pipe.wait %ring[%c] : !pipe.ring<1 x !keys>
    %q = pipe.wait %lefts[%c] : !pipe.ring<1 x !pipe.shared<32x128xbf16, swizzle = 128>>
    // expected-error @below {{expects a left side of 16 bits in registers and an accumulator of f32, of 32 rows or twice as many each on this target, but got}}
    %t = pipe.mma_async %q, %k contract(1, 1) shares(4)
        : !pipe.shared<32x128xbf16, swizzle = 128>, !keys -> !pipe.token<!scores>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!scores>
  }
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
#left = #pipe.fragment<registers = [8 x d1 by 1], lanes = [4 x d1 by 8, 8 x d0 by 1],
                       warps = [4 x d0 by 8]>
pipe.kernel @other_panels(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !pipe.shared<128x128xf8E4M3FN, swizzle = 64>>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %k = pipe.wait %ring[%c] : !pipe.ring<1 x !pipe.shared<128x128xf8E4M3FN, swizzle = 64>>
    %q = arith.constant dense<1.0> : !left
    // expected-error @below {{expects 4 shares of a multiple of 16 rows of elements of 8 bits, in panels of 128 columns, or else 64, with a swizzle of as many bytes, but got 4 of}}
    %t = pipe.mma_async %q, %k contract(1, 1) shares(4)
        : !left, !pipe.shared<128x128xf8E4M3FN, swizzle = 64> -> !pipe.token<!scores>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!scores>
  }
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
#left = #pipe.fragment<registers = [8 x d1 by 1], lanes = [4 x d1 by 8, 8 x d0 by 1],
                       warps = [4 x d0 by 8]>
pipe.kernel @other_left(%n: i32 {pipe.name = "n"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !keys>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %k = pipe.wait %ring[%c] : !pipe.ring<1 x !keys>
    %w = arith.constant dense<1.0> : tensor<32x32xbf16, #left>
    // expected-error @below {{expects the left side's fragment on this target to be #pipe.fragment<registers = [2 x d1 by 1, 4 x d1 by 8]}}
    %t = pipe.mma_async %w, %k contract(1, 0) shares(4)
        : tensor<32x32xbf16, #left>, !keys -> !pipe.token<!sums>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!sums>
  }
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
#left = #pipe.fragment<registers = [8 x d1 by 1], lanes = [4 x d1 by 8, 8 x d0 by 1],
                       warps = [4 x d0 by 8]>
pipe.kernel @handed_on(%n: i32 {pipe.name = "n"}, %first: i1 {pipe.name = "first"}) {
  %ring = pipe.ring readers(1) : !pipe.ring<1 x !keys>
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %k = pipe.wait %ring[%c] : !pipe.ring<1 x !keys>
    %w = arith.constant dense<1.0> : !weights
    // expected-error @below {{expects a product of shares to be waited for where it is started on this target}}
    %t = pipe.mma_async %w, %k contract(1, 0) shares(4) : !weights, !keys -> !pipe.token<!sums>
    %u = scf.if %first -> !pipe.token<!sums> {
      scf.yield %t : !pipe.token<!sums>
    } else {
      scf.yield %t : !pipe.token<!sums>
    }
    %s = pipe.mma_wait %u pending(0) : !pipe.token<!sums>
  }
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
#left = #pipe.fragment<registers = [8 x d1 by 1], lanes = [4 x d1 by 8, 8 x d0 by 1],
                       warps = [4 x d0 by 8]>
pipe.kernel @other_warps(%n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    // expected-error @below {{expects each warp to have one of the shares of the rows on this target, but got}}
    %c = pipe.coord 0 shares(2) : tensor<32x32xi32, #low>
  }
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
#left = #pipe.fragment<registers = [8 x d1 by 1], lanes = [4 x d1 by 8, 8 x d0 by 1],
                       warps = [4 x d0 by 8]>
pipe.kernel @several_groups(%n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(2) warps(4) registers(200) (%group) {
    %m = arith.constant dense<1.0> : !rows
    // expected-error @below {{expects a role of one group of 4 warps on this target}}
    %r:4 = pipe.split %m into 4 : !rows -> !few, !few, !few, !few
  }
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
#left = #pipe.fragment<registers = [8 x d1 by 1], lanes = [4 x d1 by 8, 8 x d0 by 1],
                       warps = [4 x d0 by 8]>
pipe.kernel @narrow_split(%n: i32 {pipe.name = "n"}) {
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %m = arith.constant dense<1.0> : !left
    // expected-error @below {{expects elements of 32 bits on this target, but got}}
    %r:4 = pipe.split %m into 4 : !left -> tensor<8x128xbf16, #joined>, tensor<8x128xbf16, #joined>,
                                          tensor<8x128xbf16, #joined>, tensor<8x128xbf16, #joined>
  }
}
