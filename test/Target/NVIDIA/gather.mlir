// RUN: attn-opt %s --convert-pipe-to-nvvm --canonicalize --cse | FileCheck %s
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s --check-prefix=PTX

// What groups of warps read at coordinates of their own, and what they tell each
// other of it.

#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                    lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
#wide = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 2 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!ints = tensor<64x8xi32, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!lines = !pipe.global<?xf32>
!bias = !pipe.global<?x?xbf16>

// Four elements of a thread, each behind the comparison of its coordinates with
// the extents. A register holds zero beyond, else the 16 bits, which are widened.
// CHECK-LABEL: llvm.func @gather(
//       CHECK:   arith.cmpi ult
//       CHECK:   arith.muli %{{.*}} : i64
//       CHECK:   %[[INSIDE:.*]] = arith.andi %{{.*}} : i1
//       CHECK:   %[[WORD:.*]] = llvm.inline_asm "{ mov.b32 $0, 0; @$2 ld.global.nc.u16 $0, [$1]; }", "=&r,l,b" %{{.*}}, %[[INSIDE]] :
//  CHECK-NEXT:   %[[HALF:.*]] = arith.trunci %[[WORD]] : i32 to i16
//  CHECK-NEXT:   %[[NARROW:.*]] = arith.bitcast %[[HALF]] : i16 to bf16
//  CHECK-NEXT:   arith.extf %[[NARROW]] : bf16 to f32
// CHECK-COUNT-3: ld.global.nc.u16
//   CHECK-NOT:   ld.global.nc

// PTX-LABEL: .entry gather(
// PTX-COUNT-4: ld.global.nc.u16
// PTX-NOT:     ld.global.nc
// PTX:         ret;
pipe.kernel @gather(
    %b: !bias {pipe.name = "b", pipe.access = "read", pipe.shape = ["P", "M"]},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %rows = pipe.coord 0 : !ints
    %columns = pipe.coord 1 : !ints
    %x = pipe.gather %b[%rows, %columns] : !bias[!ints, !ints] -> !tile
    %top = pipe.row_reduce maxnum %x : !tile -> !row
    pipe.store %top -> %m[%c0] : !row -> !lines
  }
}

// Elements of 16 bits stay so, two a register: each by a load of its own,
// CHECK-LABEL: llvm.func @gather_pairs(
//       CHECK:   %[[LOW:.*]] = llvm.inline_asm {{.*}}ld.global.nc.u16
//       CHECK:   %[[HIGH:.*]] = llvm.inline_asm {{.*}}ld.global.nc.u16
//       CHECK:   %[[SHIFTED:.*]] = arith.shli %[[HIGH]], %c16_i32
//       CHECK:   arith.ori %[[LOW]], %[[SHIFTED]]
// CHECK-COUNT-2: ld.global.nc.u16
//   CHECK-NOT:   ld.global.nc
pipe.kernel @gather_pairs(
    %b: !bias {pipe.name = "b", pipe.access = "read", pipe.shape = ["P", "M"]},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %rows = pipe.coord 0 : !ints
    %columns = pipe.coord 1 : !ints
    %x = pipe.gather %b[%rows, %columns] : !bias[!ints, !ints] -> tensor<64x8xbf16, #s>
    %wide = arith.extf %x : tensor<64x8xbf16, #s> to !tile
    %top = pipe.row_reduce maxnum %wide : !tile -> !row
    pipe.store %top -> %m[%c0] : !row -> !lines
  }
}

// or eight by one whose four words are registers as they are.
// CHECK-LABEL: llvm.func @gather_chunks_of_pairs(
// CHECK-COUNT-2: ld.relaxed.gpu.global.v4.b32
//   CHECK-NOT:   ld.
//   CHECK-NOT:   arith.shrui
//       CHECK:   llvm.bitcast %{{.*}} : i32 to vector<2xbf16>
//       CHECK:   llvm.return
#long = #pipe.fragment<registers = [16 x d1 by 1], lanes = [4 x d1 by 16, 8 x d0 by 1], warps = [4 x d0 by 8]>
!places = tensor<32x64xi32, #long>
!line = tensor<32xi32, #pipe.slice<1, #long>>
pipe.kernel @gather_chunks_of_pairs(
    %q: !pipe.global<?x64xbf16> {pipe.name = "q", pipe.access = "read", pipe.shape = ["P", 64]},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %row = pipe.coord 0 : !line
    %rows = pipe.broadcast %row : !line -> !places
    %columns = pipe.coord 1 : !places
    %x = pipe.gather %q[%rows, %columns] : !pipe.global<?x64xbf16>[!places, !places] -> tensor<32x64xbf16, #long>
    %wide = arith.extf %x : tensor<32x64xbf16, #long> to tensor<32x64xf32, #long>
    %top = pipe.row_reduce maxnum %wide : tensor<32x64xf32, #long> -> tensor<32xf32, #pipe.slice<1, #long>>
    pipe.store %top -> %m[%c0] : tensor<32xf32, #pipe.slice<1, #long>> -> !lines
  }
}

// Of a line a thread has two elements, of 32 bits, as they are.
// CHECK-LABEL: llvm.func @gather_a_line(
// CHECK-COUNT-2: ld.global.nc.u32
//   CHECK-NOT:   ld.global.nc
//   CHECK-NOT:   arith.extf
//       CHECK:   llvm.return
pipe.kernel @gather_a_line(
    %l: !lines {pipe.name = "l", pipe.access = "read", pipe.shape = ["P"]},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %rows = pipe.coord 0 : tensor<64xi32, #pipe.slice<1, #s>>
    %x = pipe.gather %l[%rows] : !lines[tensor<64xi32, #pipe.slice<1, #s>>] -> !row
    pipe.store %x -> %m[%c0] : !row -> !lines
  }
}

// The thread's part of a coordinate is converted once; to it each register adds
// a constant.
// CHECK-LABEL: llvm.func @coordinate_as_a_float(
//       CHECK:   %[[START:.*]] = arith.sitofp
//   CHECK-NOT:   arith.sitofp
//       CHECK:   arith.addf %[[START]], %cst
//   CHECK-NOT:   arith.sitofp
//       CHECK:   llvm.return

// PTX-LABEL: .entry coordinate_as_a_float(
// PTX:         cvt.rn.f32.s32
// PTX-NOT:     cvt.rn.f32.s32
// PTX:         ret;
pipe.kernel @coordinate_as_a_float(
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %columns = pipe.coord 1 : !ints
    %x = arith.sitofp %columns : !ints to !tile
    %top = pipe.row_reduce maxnum %x : !tile -> !row
    pipe.store %top -> %m[%c0] : !row -> !lines
  }
}

!slot = !pipe.shared<8x128xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>

// A lane's bits of both its rows are a word, two for the eight columns here. It
// is joined with those of the lanes that have other rows (4, 8, 16 further on),
// then four lanes of each warp write theirs to shared memory, where all threads
// of both groups find those of all eight warps. A row that no bit names is 128
// bytes in each of two panels, 16 at a time. Nobody goes on before all is written.
// CHECK-LABEL: llvm.func @clear_unset(
//   CHECK-DAG:   %[[ZEROS:.*]] = arith.constant dense<0> : vector<4xi32>
//       CHECK:   nvvm.setmaxregister decrease 160
//       CHECK:   %[[LOW:.*]] = arith.ori %{{.*}} : i1
//       CHECK:   arith.extui %[[LOW]] : i1 to i32
//       CHECK:   %[[HIGH:.*]] = arith.ori %{{.*}} : i1
//       CHECK:   arith.select %[[HIGH]], %c2_i32, %c0_i32
//       CHECK:   nvvm.shfl.sync bfly {{.*}}, %c4_i32, %c31_i32
//       CHECK:   nvvm.shfl.sync bfly {{.*}}, %c8_i32, %c31_i32
//       CHECK:   %[[LAST:.*]] = nvvm.shfl.sync bfly %{{[^,]*}}, %[[WORD:.*]], %c16_i32, %c31_i32
//       CHECK:   %[[ALL:.*]] = arith.ori %[[WORD]], %[[LAST]]
//       CHECK:   %[[IS_WRITER:.*]] = arith.cmpi ult, %{{.*}}, %c4_i32
//       CHECK:   scf.if %[[IS_WRITER]] {
//       CHECK:     llvm.store %[[ALL]], %{{.*}} : i32, !llvm.ptr<3>
//       CHECK:   nvvm.barrier id = %[[ID:.*]] number_of_threads = %c256_i32
//       CHECK:   %[[IS_ROW:.*]] = arith.cmpi ult, %{{.*}}, %c8_i32
//       CHECK:   scf.if %[[IS_ROW]] {
// CHECK-COUNT-8:   llvm.load {{.*}} -> i32
//   CHECK-NOT:     llvm.load
//       CHECK:     %[[IS_UNSET:.*]] = arith.cmpi eq, %{{.*}}, %c0_i32
//       CHECK:     scf.if %[[IS_UNSET]] {
// CHECK-COUNT-16:    llvm.store %[[ZEROS]], %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
//   CHECK-NOT:       llvm.store
//       CHECK:   nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
//  CHECK-NEXT:   nvvm.barrier id = %[[ID]] number_of_threads = %c256_i32
//   CHECK-NOT:   nvvm.barrier
pipe.kernel @clear_unset(%end: i32 {pipe.name = "end"}) {
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  %ring = pipe.ring readers(2) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %c = pipe.cursor : !pipe.cursor<1>
    pipe.fill %ring[%c] as %slot : !ring {
    }
  }
  pipe.role "two" groups(2) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %c = pipe.cursor : !pipe.cursor<1>
    %columns = pipe.coord 1 : !ints
    %rows = pipe.coord 0 : !ints
    %last = pipe.splat %end : i32 -> !ints
    %ends = arith.addi %rows, %last : !ints
    %bits = arith.cmpi slt, %columns, %ends : !ints
    %x = pipe.wait %ring[%c] : !ring
    pipe.clear_unset %x by %bits : !slot, tensor<64x8xi1, #s>
    pipe.release %ring[%c] : !ring
  }
}

!table = !pipe.global<?x?xf32, strided>

// What the registers have in common of an address is there once; strides are in
// bytes. A register's part of a difference of coordinates is a constant that is
// added last. Points whose rows and columns are both 8 further are on the same
// diagonal: of the eight of a thread there are six loads.
// CHECK-LABEL: llvm.func @gather_of_a_difference(
//       CHECK:   %[[SHARED:.*]] = arith.subi %{{.*}}, %{{.*}} : i32
//   CHECK-DAG:   arith.addi %[[SHARED]], %c-1_i32 : i32
//   CHECK-DAG:   arith.addi %[[SHARED]], %c8_i32 : i32
//   CHECK-DAG:   arith.addi %[[SHARED]], %c7_i32 : i32
//   CHECK-DAG:   arith.addi %[[SHARED]], %c-8_i32 : i32
//   CHECK-DAG:   arith.addi %[[SHARED]], %c-9_i32 : i32
//   CHECK-NOT:   arith.addi
//       CHECK:   %[[HEAD:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, i8
//       CHECK:   %[[STRIDE:.*]] = arith.muli %{{.*}}, %c4_i64 : i64
//       CHECK:   %[[OFFSET:.*]] = arith.muli %{{.*}}, %[[STRIDE]] : i64
// CHECK-COUNT-6: llvm.getelementptr %[[HEAD]][%{{.*}}] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, i8
//   CHECK-NOT:   llvm.getelementptr %[[HEAD]]
//       CHECK:   llvm.return

// PTX-LABEL: .entry gather_of_a_difference(
// PTX-COUNT-6: ld.global.nc.u32
// PTX-NOT:     ld.global.nc
// PTX:         ret;
!diagonals = tensor<64x16xi32, #wide>
!points = tensor<64x16xf32, #wide>
pipe.kernel @gather_of_a_difference(
    %t: !table {pipe.name = "t", pipe.access = "read", pipe.shape = ["H", "N"]},
    %h: i32 {pipe.name = "h"},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %rows = pipe.coord 0 : !diagonals
    %columns = pipe.coord 1 : !diagonals
    %at = arith.subi %rows, %columns : !diagonals
    %x = pipe.gather %t[%h, %at] : !table[i32, !diagonals] -> !points
    %top = pipe.row_reduce maxnum %x : !points -> !row
    pipe.store %top -> %m[%c0] : !row -> !lines
  }
}

// Of a sum, those on one diagonal the other way.
// CHECK-LABEL: llvm.func @gather_of_a_sum(
//       CHECK:   %[[ROW:.*]] = arith.addi %{{.*}}, %{{.*}} : i32
//       CHECK:   %[[SUM:.*]] = arith.addi %[[ROW]], %{{.*}} : i32
//   CHECK-DAG:   arith.addi %[[SUM]], %c1_i32 : i32
//   CHECK-DAG:   arith.addi %[[SUM]], %c8_i32 : i32
//   CHECK-DAG:   arith.addi %[[SUM]], %c9_i32 : i32
//   CHECK-DAG:   arith.addi %[[SUM]], %c16_i32 : i32
//   CHECK-DAG:   arith.addi %[[SUM]], %c17_i32 : i32
//   CHECK-NOT:   arith.addi
// CHECK-COUNT-6: ld.global.nc
//   CHECK-NOT:   ld.global.nc
//       CHECK:   llvm.return
pipe.kernel @gather_of_a_sum(
    %t: !table {pipe.name = "t", pipe.access = "read", pipe.shape = ["H", "N"]},
    %h: i32 {pipe.name = "h"},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %rows = pipe.coord 0 : !diagonals
    %columns = pipe.coord 1 : !diagonals
    %at = arith.addi %rows, %columns : !diagonals
    %x = pipe.gather %t[%h, %at] : !table[i32, !diagonals] -> !points
    %top = pipe.row_reduce maxnum %x : !points -> !row
    pipe.store %top -> %m[%c0] : !row -> !lines
  }
}

// A coordinate that is cut to the tensor's is compared with nothing: whether the
// tensor has entries is asked once.
// CHECK-LABEL: llvm.func @gather_of_a_cut_coordinate(
//   CHECK-NOT:   arith.cmpi ult
//       CHECK:   %[[HAS:.*]] = arith.cmpi ne, %{{.*}}, %c0_i32 : i32
//   CHECK-NOT:   arith.cmpi
//   CHECK-NOT:   arith.andi
// CHECK-COUNT-2: llvm.inline_asm "{{.*}}ld.global.nc{{.*}} %{{.*}}, %[[HAS]] :
//   CHECK-NOT:   ld.global.nc
//       CHECK:   llvm.return

// One that may be negative is, and one that may be the extent.
// CHECK-LABEL: llvm.func @gather_of_half_cut_coordinates(
//   CHECK-NOT:   arith.cmpi ne
// CHECK-COUNT-2: ld.global.nc
//   CHECK-NOT:   arith.cmpi ne
// CHECK-COUNT-2: ld.global.nc
//   CHECK-NOT:   arith.cmpi ne
//       CHECK:   llvm.return
pipe.kernel @gather_of_a_cut_coordinate(
    %l: !lines {pipe.name = "l", pipe.access = "read", pipe.shape = ["P"]},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %n = pipe.dim %l, 0 : !lines
  %last = arith.subi %n, %c1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %columns = pipe.coord 1 : !ints
    %zeros = pipe.splat %c0 : i32 -> !ints
    %lasts = pipe.splat %last : i32 -> !ints
    %positive = arith.maxsi %columns, %zeros : !ints
    %at = arith.minsi %positive, %lasts : !ints
    %x = pipe.gather %l[%at] : !lines[!ints] -> !tile
    %top = pipe.row_reduce maxnum %x : !tile -> !row
    pipe.store %top -> %m[%c0] : !row -> !lines
  }
}

pipe.kernel @gather_of_half_cut_coordinates(
    %l: !lines {pipe.name = "l", pipe.access = "read", pipe.shape = ["P"]},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %n = pipe.dim %l, 0 : !lines
  %last = arith.subi %n, %c1 : i32
  %more = arith.addi %n, %c1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %columns = pipe.coord 1 : tensor<8xi32, #pipe.slice<0, #s>>
    %zeros = pipe.splat %c0 : i32 -> tensor<8xi32, #pipe.slice<0, #s>>
    %lasts = pipe.splat %last : i32 -> tensor<8xi32, #pipe.slice<0, #s>>
    %ends = pipe.splat %more : i32 -> tensor<8xi32, #pipe.slice<0, #s>>
    %positive = arith.maxsi %columns, %zeros : tensor<8xi32, #pipe.slice<0, #s>>
    %below = arith.minsi %columns, %lasts : tensor<8xi32, #pipe.slice<0, #s>>
    %at = arith.minsi %positive, %ends : tensor<8xi32, #pipe.slice<0, #s>>
    %x = pipe.gather %l[%below] : !lines[tensor<8xi32, #pipe.slice<0, #s>>] -> tensor<8xf32, #pipe.slice<0, #s>>
    %y = pipe.gather %l[%at] : !lines[tensor<8xi32, #pipe.slice<0, #s>>] -> tensor<8xf32, #pipe.slice<0, #s>>
    %sum = arith.addf %x, %y : tensor<8xf32, #pipe.slice<0, #s>>
    %wide = pipe.broadcast %sum : tensor<8xf32, #pipe.slice<0, #s>> -> !tile
    %top = pipe.row_reduce maxnum %wide : !tile -> !row
    pipe.store %top -> %m[%c0] : !row -> !lines
  }
}

// Elements and their coordinates are there where they are used: beside a tile of
// 128 registers, as many of each fit the 160 of the role.
// CHECK-LABEL: llvm.func @gather_beside_a_tile(
//       CHECK:   ld.global.nc
#wider = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 32 x d1 by 8],
                        lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
pipe.kernel @gather_beside_a_tile(
    %t: !table {pipe.name = "t", pipe.access = "read", pipe.shape = ["H", "N"]},
    %h: i32 {pipe.name = "h"},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %rows = pipe.coord 0 : tensor<64x256xi32, #wider>
    %columns = pipe.coord 1 : tensor<64x256xi32, #wider>
    %tile = arith.sitofp %columns : tensor<64x256xi32, #wider> to tensor<64x256xf32, #wider>
    %at = arith.subi %rows, %columns : tensor<64x256xi32, #wider>
    %x = pipe.gather %t[%h, %at] : !table[i32, tensor<64x256xi32, #wider>] -> tensor<64x256xf32, #wider>
    %sum = arith.mulf %tile, %x : tensor<64x256xf32, #wider>
    %top = pipe.row_reduce maxnum %sum : tensor<64x256xf32, #wider> -> !row
    pipe.store %top -> %m[%c0] : !row -> !lines
  }
}

// Integers of other widths become those of 32 bits.
// CHECK-LABEL: llvm.func @gather_integers(
//       CHECK:   %[[BYTE:.*]] = arith.trunci %{{.*}} : i32 to i8
//  CHECK-NEXT:   arith.extsi %[[BYTE]] : i8 to i32
//       CHECK:   arith.trunci %{{.*}} : i64 to i32
// PTX-LABEL: .entry gather_integers(
// PTX-DAG:     ld.global.nc.u8
// PTX-DAG:     ld.global.nc.u64
!numbers = tensor<64xi32, #pipe.slice<1, #s>>
pipe.kernel @gather_integers(
    %bytes: !pipe.global<?xi8> {pipe.name = "bytes", pipe.access = "read", pipe.shape = ["P"]},
    %words: !pipe.global<?xi64> {pipe.name = "words", pipe.access = "read", pipe.shape = ["P"]},
    %m: !lines {pipe.name = "m", pipe.access = "write", pipe.shape = ["P"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %work = pipe.work items(%c1) : !pipe.work<single>
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %item = pipe.first_item %work : !pipe.work<single>
    %rows = pipe.coord 0 : !numbers
    %x = pipe.gather %bytes[%rows] : !pipe.global<?xi8>[!numbers] -> !numbers
    %y = pipe.gather %words[%rows] : !pipe.global<?xi64>[!numbers] -> !numbers
    %sum = arith.addi %x, %y : !numbers
    %float = arith.sitofp %sum : !numbers to !row
    pipe.store %float -> %m[%c0] : !row -> !lines
  }
}
