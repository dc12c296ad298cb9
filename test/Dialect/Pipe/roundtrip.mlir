// Every op, type and attribute in the custom, the generic and the bytecode form.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#half = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#thin = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8, 1 x d0 by 1],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x128xf32, #s>
!narrow = tensor<64x128xbf16, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!part = tensor<64xf32, #pipe.slice<1, #s, partial>>
!token = !pipe.token<!tile>
!keys = !pipe.shared<128x128xbf16, swizzle = 128>
!staging = !pipe.shared<64x128xbf16, swizzle = 128, parts = 4>
!ring = !pipe.ring<2 x !keys, message, cluster>
!cursor = !pipe.cursor<2>
!heads = !pipe.global<?x?x128xbf16>
!lines = !pipe.global<?x?xf32>

// CHECK-LABEL: pipe.kernel @every_op(
// CHECK-SAME: !pipe.global<?x?xf32, strided> {pipe.access = "workspace", pipe.name = "w", pipe.shape = ["H", "P"]}
// CHECK-SAME: cluster(2)
pipe.kernel @every_op(
    %k: !heads {pipe.name = "k", pipe.access = "read", pipe.shape = ["H", "P", 128]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "P", 128]},
    %l: !lines {pipe.name = "l", pipe.access = "write", pipe.shape = ["H", "P"]},
    %w: !pipe.global<?x?xf32, strided> {pipe.name = "w", pipe.access = "workspace", pipe.shape = ["H", "P"]},
    %n: i32 {pipe.name = "n"}, %scale: f32 {pipe.name = "scale"}) cluster(2) {
  // CHECK: pipe.dim %{{.*}}, 1 : <?x?x128xbf16>
  %p = pipe.dim %k, 1 : !heads
  // CHECK: pipe.work items(%{{.*}}) : <dynamic>
  %work = pipe.work items(%p) : !pipe.work<dynamic>
  // CHECK: pipe.ring readers(2) : <2 x !pipe.shared<128x128xbf16, swizzle = 128>, message, cluster>
  %r = pipe.ring readers(2) : !ring
  // CHECK: pipe.shared_tile : <64x128xbf16, swizzle = 128, parts = 4>
  %t = pipe.shared_tile : !staging
  // CHECK: pipe.array : <4x4xf32>
  %a = pipe.array : !pipe.array<4x4xf32>
  // CHECK: pipe.turn : <2>
  %turn = pipe.turn : !pipe.turn<2>
  // CHECK: pipe.role "load" groups(1) warps(1) registers(24)
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    // CHECK: pipe.first_item %{{.*}} : <dynamic>
    %first = pipe.first_item %work : !pipe.work<dynamic>
    // CHECK: pipe.block_in_cluster
    %rank = pipe.block_in_cluster
    // CHECK: pipe.cursor : <2>
    %c0 = pipe.cursor : !cursor
    // CHECK: pipe.work_loop %[[ITEM:.*]] = %{{.*}} iter_args(%[[C:.*]] = %{{.*}}) -> !pipe.cursor<2> {
    %c = pipe.work_loop %item = %first iter_args(%c = %c0) -> (!cursor) {
      // CHECK: pipe.fill %{{.*}}[%[[C]]] as %[[SLOT:.*]] message(%[[ITEM]]) : !pipe.ring
      pipe.fill %r[%c] as %slot message(%item) : !ring {
        // CHECK: pipe.load %{{.*}} -> %[[SLOT]] cache(evict_first) : <?x?x128xbf16>
        pipe.load %k[%rank, %item, %n] -> %slot cache(evict_first) : !heads -> !keys
      }
      // CHECK: pipe.advance %[[C]] : <2>
      %c1 = pipe.advance %c : !cursor
      // CHECK: pipe.next_item %{{.*}} after %[[ITEM]] : <dynamic>
      %next = pipe.next_item %work after %item : !pipe.work<dynamic>
      // CHECK: pipe.yield %{{.*}}, %{{.*}} : i32, !pipe.cursor<2>
      pipe.yield %next, %c1 : i32, !cursor
    }
  }
  // CHECK: pipe.role "compute" groups(2) warps(4) registers(240) (%[[GROUP:.*]]) {
  pipe.role "compute" groups(2) warps(4) registers(240) (%group) {
    %c = pipe.cursor : !cursor
    // CHECK: pipe.wait %{{.*}}[%{{.*}}] : <2 x
    %slot = pipe.wait %r[%c] : !ring
    // CHECK: pipe.clear %{{.*}} from %{{.*}} : <128x128xbf16, swizzle = 128>
    pipe.clear %slot from %n : !keys
    %bits = arith.constant dense<true> : tensor<64x128xi1, #s>
    // CHECK: pipe.clear_unset %{{.*}} by %{{.*}} : <128x128xbf16, swizzle = 128>, tensor<64x128xi1,
    pipe.clear_unset %slot by %bits : !keys, tensor<64x128xi1, #s>
    // CHECK: pipe.message %{{.*}}[%{{.*}}] : <2 x
    %item = pipe.message %r[%c] : !ring
    // CHECK: pipe.take_turn %{{.*}} by %[[GROUP]] : <2>
    pipe.take_turn %turn by %group : !pipe.turn<2>
    %zeros = arith.constant dense<0.0> : !tile
    %lhs = arith.constant dense<1.0> : !narrow
    // CHECK: %[[ONE:.*]] = pipe.mma_async %{{.*}}, %{{.*}}, %{{.*}} contract(1, 0) :
    %one = pipe.mma_async %lhs, %slot, %zeros contract(1, 0) : !narrow, !keys, !tile -> !token
    // CHECK: %[[TWO:.*]] = pipe.mma_async %{{.*}}, %{{.*}}, %[[ONE]] contract(1, 1) :
    %two = pipe.mma_async %lhs, %slot, %one contract(1, 1) : !narrow, !keys, !token -> !token
    // CHECK: pipe.mma_async %{{.*}}, %{{.*}} contract(1, 0) depth 96 :
    %three = pipe.mma_async %lhs, %slot contract(1, 0) depth 96 : !narrow, !keys -> !pipe.token<tensor<64x64xf32, #half>>
    // CHECK: pipe.pass_turn %{{.*}} by %[[GROUP]] : <2>
    pipe.pass_turn %turn by %group : !pipe.turn<2>
    // CHECK: pipe.mma_wait %{{.*}} pending(0) : <tensor<64x64xf32
    %left = pipe.mma_wait %three pending(0) : !pipe.token<tensor<64x64xf32, #half>>
    // CHECK: pipe.mma_retire %[[TWO]] pending(1)
    %old = pipe.mma_retire %two pending(1) : !token
    // CHECK: pipe.mma_wait %{{.*}} pending(0)
    %v = pipe.mma_wait %old pending(0) : !token
    // CHECK: pipe.release %{{.*}}[%{{.*}}] : <2 x
    pipe.release %r[%c] : !ring
    %yes = arith.constant true
    // CHECK: pipe.release %{{.*}}[%{{.*}}] if %{{.*}} : <2 x
    pipe.release %r[%c] if %yes : !ring
    // CHECK: pipe.row_reduce maxnum %{{.*}} : {{.*}} -> tensor<64xf32, #pipe.slice<1, {{.*}}>
    %m = pipe.row_reduce maxnum %v : !tile -> !row
    // CHECK: pipe.row_reduce maximum %{{.*}} init %{{.*}} :
    %top = pipe.row_reduce maximum %left init %m : tensor<64x64xf32, #half>, !row -> !row
    // CHECK: pipe.row_reduce add %{{.*}} : {{.*}} -> tensor<64xf32, #pipe.slice<1, {{.*}}, partial>
    %sum = pipe.row_reduce add %v : !tile -> !part
    // CHECK: pipe.row_reduce add %{{.*}} init %{{.*}} :
    %more = pipe.row_reduce add %v init %sum : !tile, !part -> !part
    // CHECK: pipe.lane_reduce add %{{.*}} :
    %all = pipe.lane_reduce add %more : !part -> !row
    // CHECK: pipe.broadcast %{{.*}} :
    %b = pipe.broadcast %all : !row -> !tile
    %few = arith.cmpf olt, %m, %all : !row
    // CHECK: pipe.if_any %{{.*}} : tensor<64xi1, #pipe.slice<1, {{.*}}>> else(%{{.*}}, %[[M:.*]] : tensor<64x128xf32, {{.*}}>, tensor<64xf32, {{.*}}>) {
    %some:2 = pipe.if_any %few : tensor<64xi1, #pipe.slice<1, #s>> else(%b, %m : !tile, !row) {
      %twice = arith.addf %b, %b : !tile
      // CHECK: pipe.yield %{{.*}}, %[[M]] : tensor<64x128xf32, {{.*}}>, tensor<64xf32,
      pipe.yield %twice, %m : !tile, !row
    }
    // CHECK: pipe.splat %{{.*}} : f32 ->
    %scales = pipe.splat %scale : f32 -> !tile
    // CHECK: %[[COLUMNS:.*]] = pipe.coord 1 : tensor<64x128xi32
    %columns = pipe.coord 1 : tensor<64x128xi32, #s>
    // CHECK: pipe.gather %{{.*}}[%{{.*}}, %{{.*}}, %[[COLUMNS]]] : <?x?x128xbf16>[i32, i32, tensor<64x128xi32, {{.*}}>] -> tensor<64x128xf32,
    %wide = pipe.gather %k[%n, %n, %columns] : !heads[i32, i32, tensor<64x128xi32, #s>] -> !tile
    // CHECK: pipe.coord 0 : tensor<64xi32, #pipe.slice<1,
    %rows = pipe.coord 0 : tensor<64xi32, #pipe.slice<1, #s>>
    // CHECK: pipe.gather %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] : <?x?x128xbf16>[i32, tensor<64xi32, #pipe.slice<1, {{.*}}>>, i32] -> tensor<64xf32, #pipe.slice<1,
    %line = pipe.gather %k[%n, %rows, %n] : !heads[i32, tensor<64xi32, #pipe.slice<1, #s>>, i32] -> !row
    // CHECK: pipe.columns %{{.*}} from 64 :
    %right = pipe.columns %b from 64 : !tile -> tensor<64x64xf32, #half>
    // CHECK: pipe.relayout %{{.*}} cost(free) :
    %same = pipe.relayout %b cost(free) : !tile -> tensor<64x128xf32, #thin>
    // CHECK: pipe.stage %{{.*}} -> %{{.*}} :
    pipe.stage %lhs -> %t : !narrow -> !staging
    // CHECK: pipe.bulk_store %{{.*}} -> %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] :
    pipe.bulk_store %t -> %o[%n, %n, %n] : !staging -> !heads
    // CHECK: pipe.store %{{.*}} -> %{{.*}}[%{{.*}}, %{{.*}}] :
    pipe.store %all -> %l[%n, %n] : !row -> !lines
  }
  pipe.role "threads" groups(1) warps(4) registers(128) (%group) {
    // CHECK: pipe.each %[[I:.*]], %[[J:.*]] in %{{.*}}, %{{.*}} {
    pipe.each %i, %j in %n, %n {
      // CHECK: %[[E:.*]] = pipe.get %{{.*}}[%[[I]], %[[J]]] : !pipe.global<?x?xf32, strided>
      %e = pipe.get %w[%i, %j] : !pipe.global<?x?xf32, strided>
      // CHECK: pipe.put %[[E]] -> %{{.*}}[%[[J]], %[[I]]] : !pipe.array<4x4xf32>
      pipe.put %e -> %a[%j, %i] : !pipe.array<4x4xf32>
    }
    // CHECK: pipe.get %{{.*}} : !pipe.array<4x4xf32>
    %e = pipe.get %a[%group, %group] : !pipe.array<4x4xf32>
  }
}

// CHECK: !pipe.work<single>, !pipe.work<persistent>, !pipe.work<split>
func.func private @kinds(!pipe.work<single>, !pipe.work<persistent>, !pipe.work<split>)

// A slot filled by copies of its parts, two messages, rows that are cleared one
// by one and rows that lie anywhere.
#boxed = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!boxes = !pipe.ring<2 x !pipe.shared<16x64xbf16, swizzle = 128>, messages = 2>
!points = !pipe.global<?x64xbf16>
!values = !pipe.global<?x64xf32>
!registers = tensor<64x64xf32, #boxed>
!numbers = tensor<64xi32, #pipe.slice<1, #boxed>>
// CHECK-LABEL: pipe.kernel @boxes(
pipe.kernel @boxes(
    %k: !points {pipe.name = "k", pipe.access = "read", pipe.shape = ["M", 64]},
    %o: !values {pipe.name = "o", pipe.access = "write", pipe.shape = ["P", 64]},
    %n: i32 {pipe.name = "n"}) {
  // CHECK: pipe.ring readers(1) : <2 x !pipe.shared<16x64xbf16, swizzle = 128>, messages = 2>
  %r = pipe.ring readers(1) : !boxes
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    // CHECK: pipe.fill %{{.*}}[%{{.*}}] as %[[SLOT:.*]] message(%[[N:.*]], %[[N]]) :
    pipe.fill %r[%c] as %s message(%n, %n) : !boxes {
      // CHECK: pipe.load %{{.*}} -> %[[SLOT]] rows [0, 8] : <?x64xbf16>
      pipe.load %k[%n, %n] -> %s rows [0, 8] : !points -> !pipe.shared<16x64xbf16, swizzle = 128>
      // CHECK: pipe.load %{{.*}} -> %[[SLOT]] rows [8, 8] cache(evict_last) : <?x64xbf16>
      pipe.load %k[%n, %n] -> %s rows [8, 8] cache(evict_last) : !points -> !pipe.shared<16x64xbf16, swizzle = 128>
    }
  }
  pipe.role "multiply" groups(1) warps(4) registers(128) (%g) {
    %c = pipe.cursor : !pipe.cursor<2>
    %s = pipe.wait %r[%c] : !boxes
    // CHECK: pipe.message %{{.*}}[%{{.*}}] : <2 x
    %base = pipe.message %r[%c] : !boxes
    // CHECK: %[[COUNT:.*]] = pipe.message %{{.*}}[%{{.*}}] number 1 : <2 x
    %count = pipe.message %r[%c] number 1 : !boxes
    %size = arith.constant 16 : i32
    pipe.each %row in %size {
      %beyond = arith.cmpi sge, %row, %count : i32
      // CHECK: pipe.clear_row %{{.*}}[%{{.*}}] if %{{.*}} : <16x64xbf16, swizzle = 128>
      pipe.clear_row %s[%row] if %beyond : !pipe.shared<16x64xbf16, swizzle = 128>
    }
    %x = arith.constant dense<0.0> : !registers
    %rows = pipe.coord 0 : !numbers
    // CHECK: pipe.store %{{.*}} -> %{{.*}}[%{{.*}}, %{{.*}}] rows(%{{.*}} : tensor<64xi32, #pipe.slice<1,
    pipe.store %x -> %o[%base, %n] rows(%rows : !numbers) : !registers -> !values
  }
}

// Rows of two dimensions of a tensor, and lines of them.
#packed = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!packedRing = !pipe.ring<1 x !pipe.shared<64x64xbf16, swizzle = 128>>
!packedHeads = !pipe.global<?x?x?x64xbf16>
!packedLines = !pipe.global<?x?x?xf32>
!packedTile = tensor<64x64xbf16, #packed>
!packedLine = tensor<64xf32, #pipe.slice<1, #packed>>
// CHECK-LABEL: pipe.kernel @packed(
pipe.kernel @packed(
    %q: !packedHeads {pipe.name = "q", pipe.access = "read", pipe.shape = ["H", "G", "P", 64]},
    %o: !packedHeads {pipe.name = "o", pipe.access = "write", pipe.shape = ["H", "G", "P", 64]},
    %l: !packedLines {pipe.name = "l", pipe.access = "write", pipe.shape = ["P", "H", "G"]},
    %n: i32 {pipe.name = "n"}) {
  %r = pipe.ring readers(1) : !packedRing
  %t = pipe.shared_tile : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
  pipe.role "load" groups(1) warps(1) registers(24) (%g) {
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %r[%c] as %s : !packedRing {
      // CHECK: pipe.load %{{.*}} -> %{{.*}} packed <8 of 1 in 2> cache(evict_first) : <?x?x?x64xbf16>
      pipe.load %q[%n, %n, %n, %n] -> %s packed <8 of 1 in 2> cache(evict_first) : !packedHeads -> !pipe.shared<64x64xbf16, swizzle = 128>
    }
  }
  pipe.role "multiply" groups(1) warps(4) registers(128) (%g) {
    %x = arith.constant dense<0.0> : !packedTile
    %y = arith.constant dense<0.0> : !packedLine
    pipe.stage %x -> %t : !packedTile -> !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
    // CHECK: pipe.bulk_store %{{.*}} -> %{{.*}}[%{{.*}}] packed <8 of 1 in 2> :
    pipe.bulk_store %t -> %o[%n, %n, %n, %n] packed <8 of 1 in 2> : !pipe.shared<64x64xbf16, swizzle = 128, parts = 4> -> !packedHeads
    // CHECK: pipe.store %{{.*}} -> %{{.*}}[%{{.*}}] packed <8 of 1 in 2> :
    pipe.store %x -> %o[%n, %n, %n, %n] packed <8 of 1 in 2> : !packedTile -> !packedHeads
    // CHECK: pipe.store %{{.*}} -> %{{.*}}[%{{.*}}] packed <8 of 2 in 0> :
    pipe.store %y -> %l[%n, %n, %n] packed <8 of 2 in 0> : !packedLine -> !packedLines
  }
}
