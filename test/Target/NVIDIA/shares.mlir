// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s

// Each warp reads the rows of its share, 16 bytes a lane, widens them and
// multiplies; a warp at a time releases the slot, once no lane reads it any more.
// What two rows have side by side are a product's pairs.
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
!ring = !pipe.ring<1 x !keys>
// CHECK-LABEL: llvm.func @products(
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c1_i32
//       CHECK:   nvvm.mbarrier.init %{{.*}}, %c4_i32
// 8 rows of 128 bytes, of which a lane has two chunks.
//       CHECK:   %[[WORDS:.*]] = llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
//       CHECK:   %[[WORD:.*]] = llvm.extractelement %[[WORDS]][%c0_i32 : i32]
//       CHECK:   %[[WIDE:.*]] = llvm.inline_asm {{.*}}cvt.rn.f16x2.e4m3x2{{.*}} %[[WORD]]
//       CHECK:   %[[FIRST:.*]] = llvm.extractvalue %[[WIDE]][0]
//       CHECK:   %[[SECOND:.*]] = llvm.extractvalue %[[WIDE]][1]
//       CHECK:   llvm.inline_asm {{.*}}"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {{.*}}, %c0_i32, %{{.*}}, %c0_i32, %[[FIRST]], %[[SECOND]] :
//       CHECK:   "llvm.nvvm.prmt"(%[[X:.*]], %[[Y:.*]], %c20800_i32)
//       CHECK:   mma.sync
//       CHECK:   nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>
//       CHECK:   nvvm.bar.warp.sync
//       CHECK:   mbarrier.arrive
pipe.kernel @products(%o: !pipe.global<?x128xf32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["M", 128]}) {
  %zero = arith.constant 0 : i32
  %ring = pipe.ring readers(1) : !ring
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %q = arith.constant dense<1.0> : !left
    %k = pipe.wait %ring[%c] : !ring
    %t = pipe.mma_async %q, %k contract(1, 1) shares(4) : !left, !keys -> !pipe.token<!scores>
    %s = pipe.mma_wait %t pending(0) : !pipe.token<!scores>
    %w = arith.truncf %s : !scores to !weights
    %u = pipe.mma_async %w, %k contract(1, 0) shares(4) : !weights, !keys -> !pipe.token<!sums>
    %r = pipe.mma_wait %u pending(0) : !pipe.token<!sums>
    pipe.release %ring[%c] : !ring
    pipe.store %r -> %o[%zero, %zero] : !sums -> !pipe.global<?x128xf32>
  }
}

// A warp's number is the share's: it is no part of a row's coordinate, and so
// many times 32 of a column's.
// CHECK-LABEL: llvm.func @coordinates(
//       CHECK:   %[[LANE:.*]] = arith.andi %{{.*}}, %c31_i32
//       CHECK:   %[[WARP:.*]] = arith.andi %{{.*}}, %c3_i32
//       CHECK:   %[[SHIFTED:.*]] = arith.shrui %[[LANE]], %c2_i32
//       CHECK:   %[[ROW:.*]] = arith.andi %[[SHIFTED]], %c7_i32
//       CHECK:   st.global{{.*}} %{{.*}}, %[[ROW]], %{{.*}} :
//       CHECK:   arith.muli %[[WARP]], %c32_i32
pipe.kernel @coordinates(%o: !pipe.global<?x128xi32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["M", 128]}) {
  %zero = arith.constant 0 : i32
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %row = pipe.coord 0 shares(4) : tensor<32x32xi32, #low>
    pipe.store %row -> %o[%zero, %zero] : tensor<32x32xi32, #low> -> !pipe.global<?x128xi32>
    %column = pipe.coord 1 shares(4) : tensor<32x32xi32, #low>
    pipe.store %column -> %o[%zero, %zero] : tensor<32x32xi32, #low> -> !pipe.global<?x128xi32>
  }
}

// Keys of one page ask for it once: of 16 keys a page two, of 64 each second warp
// has another one, which is that of all its keys.
// CHECK-LABEL: llvm.func @pages(
//       CHECK:   %[[WARP:.*]] = arith.andi %{{.*}}, %c3_i32
//       CHECK:   %[[PAGE:.*]] = arith.muli %[[WARP]], %c2_i32
//       CHECK:   arith.addi %[[PAGE]], %c1_i32
// CHECK-COUNT-2: ld.global.nc.u32
//   CHECK-NOT:   ld.global.nc.u32
//       CHECK:   arith.divui %[[WARP]], %c2_i32
//       CHECK:   ld.global.nc.u32
//   CHECK-NOT:   ld.global.nc.u32
//       CHECK:   llvm.return
pipe.kernel @pages(%table: !pipe.global<?xi32> {pipe.name = "table", pipe.access = "read", pipe.shape = ["N"]},
    %o: !pipe.global<?x128xi32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["M", 128]}) {
  %zero = arith.constant 0 : i32
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %column = pipe.coord 1 shares(4) : tensor<32x32xi32, #low>
    %c16 = arith.constant dense<16> : tensor<32x32xi32, #low>
    %small = arith.divui %column, %c16 : tensor<32x32xi32, #low>
    %x = pipe.gather %table[%small] : !pipe.global<?xi32>[tensor<32x32xi32, #low>] -> tensor<32x32xi32, #low>
    pipe.store %x -> %o[%zero, %zero] : tensor<32x32xi32, #low> -> !pipe.global<?x128xi32>
    %c64 = arith.constant dense<64> : tensor<32x32xi32, #low>
    %large = arith.divui %column, %c64 : tensor<32x32xi32, #low>
    %y = pipe.gather %table[%large] : !pipe.global<?xi32>[tensor<32x32xi32, #low>] -> tensor<32x32xi32, #low>
    pipe.store %y -> %o[%zero, %zero] : tensor<32x32xi32, #low> -> !pipe.global<?x128xi32>
  }
}

// Warps write what they have, meet, and read their columns of each share.
// CHECK-LABEL: llvm.func @split(
//       CHECK:   nvvm.barrier
//       CHECK:   llvm.store %{{.*}} : f32, !llvm.ptr<3>
//       CHECK:   nvvm.barrier
//       CHECK:   llvm.load %{{.*}} : !llvm.ptr<3> -> f32
//   CHECK-NOT:   nvvm.barrier
//       CHECK:   llvm.return
pipe.kernel @split(%o: !pipe.global<?x128xf32> {pipe.name = "o", pipe.access = "write", pipe.shape = ["M", 128]}) {
  %zero = arith.constant 0 : i32
  pipe.role "multiply" groups(1) warps(4) registers(240) (%group) {
    %m = arith.constant dense<1.0> : !rows
    %y = arith.constant dense<2.0> : !sums
    %r:8 = pipe.split %m, %y into 4
        : !rows, !sums -> !few, !whole, !few, !whole, !few, !whole, !few, !whole
    %x = arith.addf %r#1, %r#7 : !whole
    pipe.store %x -> %o[%zero, %zero] : !whole -> !pipe.global<?x128xf32>
  }
}
