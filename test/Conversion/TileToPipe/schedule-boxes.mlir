// RUN: attn-opt %s --schedule-tiles --canonicalize --cse --split-input-file | FileCheck %s

// A canvas of 16 x 32 whose rows of the program are boxes of 8 x 16 and whose keys
// boxes of 4 x 16: a copy a run of 16 points, 32 points from the next.
#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<512x64xbf16>
!o = memref<512x64xf32>
// CHECK-LABEL: pipe.kernel @boxes(
//  CHECK-SAME:   pipe.shape = [512, 64]
//       CHECK:   pipe.work items(%c4_i32)
//       CHECK:   pipe.role "load"
//       CHECK:     pipe.load %{{.*}}[%c0_i32, %c0_i32] -> %{{.*}} rows [0, 16]
//  CHECK-NEXT:     pipe.load %{{.*}}[%c32_i32, %c0_i32] -> %{{.*}} rows [16, 16]
//  CHECK-NEXT:     pipe.load %{{.*}}[%c64_i32, %c0_i32] -> %{{.*}} rows [32, 16]
//  CHECK-NEXT:     pipe.load %{{.*}}[%c96_i32, %c0_i32] -> %{{.*}} rows [48, 16]
// A box of rows is 16 points to the right of the last one or 8 lines below it.
//       CHECK:     %[[BOX:.*]] = arith.divui %{{.*}}, %c128_i32
//       CHECK:     %[[COLUMN:.*]] = arith.remui %[[BOX]], %c2_i32
//       CHECK:     %[[LINE:.*]] = arith.divui %[[BOX]], %c2_i32
//       CHECK:     %[[RIGHT:.*]] = arith.muli %[[COLUMN]], %c16_i32
//       CHECK:     %[[DOWN:.*]] = arith.muli %[[LINE]], %c256_i32
//       CHECK:     %[[FIRST:.*]] = arith.addi %[[DOWN]], %[[RIGHT]]
//       CHECK:     pipe.load %{{.*}}[%[[FIRST]], %c0_i32] -> %{{.*}} rows [0, 16]
// The other group's rows are the four runs that follow.
//       CHECK:     %[[LOWER:.*]] = arith.addi %{{.*}}, %c128_i32
//       CHECK:     pipe.load %{{.*}}[%[[LOWER]], %c0_i32] -> %{{.*}} rows [0, 16]
//       CHECK:   pipe.role "multiply"
// A row's place on the canvas: of its number 16 to a line of a box.
//       CHECK:     %[[ROW:.*]] = pipe.coord 0 : tensor<64xi32
//       CHECK:     arith.remui %{{.*}}, %{{.*}} : tensor<64xi32
//       CHECK:     arith.divui %{{.*}}, %{{.*}} : tensor<64xi32
//       CHECK:     pipe.store %{{.*}} rows(%{{.*}} : tensor<64xi32
tile.program @boxes(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %k: !t {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]})
    space(%p = "P" by 128)
    attributes {static_extents = {M = 512, P = 512},
                layouts = {M = #tile.layout<[16, 32] by [4, 16]>, P = #tile.layout<[16, 32] by [8, 16]>}} {
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %zeros = arith.constant dense<0.0> : tensor<128x64xf32>
  %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
  %r = tile.sweep(%c0 to %c512 full) by 64 carry(%zeros : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %y = tile.load %k[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %v = tile.load %k[#box](%m, %c0) : !t -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zeros maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %w = arith.truncf %s : tensor<128x64xf32> to tensor<128x64xbf16>
    %next = tile.dot %w, %v, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  }
  tile.store %r, %o[#box](%p, %c0) : tensor<128x64xf32>, !o
}

// -----

// Steps that are located are sent by the role that finds them, and rows that a
// line leaves out are cleared one by one, by their places alone.
#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!t = memref<?x64xbf16>
!o = memref<?x64xf32>
// CHECK-LABEL: pipe.kernel @sent(
//       CHECK:   %[[KEYS:.*]] = pipe.ring readers(2) : <2 x !pipe.shared<64x64xbf16, swizzle = 128>, messages = 2>
//       CHECK:   %[[VALUES:.*]] = pipe.ring readers(2) : <2 x !pipe.shared<64x64xbf16, swizzle = 128>>
//       CHECK:   pipe.role "load"
//       CHECK:     pipe.fill %[[KEYS]]{{.*}} message(%{{.*}}, %{{.*}})
//       CHECK:   pipe.role "multiply"
//   CHECK-NOT:     arith.muli %{{.*}}, %c3_i32
//       CHECK:     %[[BASE:.*]] = pipe.message %[[KEYS]]
//       CHECK:     %[[COUNT:.*]] = pipe.message %[[KEYS]]{{.*}} number 1
//       CHECK:     %[[SLOT:.*]] = pipe.wait %[[VALUES]]
//       CHECK:     pipe.each %[[ROW:.*]] in %c64_i32 {
//       CHECK:       %[[KEY:.*]] = arith.addi %[[BASE]], %[[ROW]]
//       CHECK:       %[[SEEN:.*]] = arith.cmpi sge, %[[KEY]], %{{.*}}
//       CHECK:       %[[THERE:.*]] = arith.cmpi slt, %[[ROW]], %[[COUNT]]
//       CHECK:       %[[KEPT:.*]] = arith.andi %[[SEEN]], %[[THERE]]
//       CHECK:       %[[GONE:.*]] = arith.xori %[[KEPT]], %true
//       CHECK:       pipe.clear_row %[[SLOT]][%[[ROW]]] if %[[GONE]]
tile.program @sent(
    %a: !t {tile.name = "a", tile.access = "read", tile.shape = ["P", 64]},
    %k: !t {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %v: !t {tile.name = "v", tile.access = "read", tile.shape = ["M", 64]},
    %o: !o {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %from: index {tile.name = "from"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c64 = arith.constant 64 : index
  %zeros = arith.constant dense<0.0> : tensor<128x64xf32>
  %x = tile.load %a[#box](%p, %c0) : !t -> tensor<128x64xbf16>
  %r = tile.sweep(%c0 to %M partial at {
  ^bb0(%i: index):
    %base = arith.muli %i, %c3 : index
    tile.yield %base, %c64 : index, index
  }) by 64 carry(%zeros : tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>):
    %y = tile.load %k[#box](%m, %c0) valid(%count, %c64) : !t -> tensor<64x64xbf16>
    %s = tile.dot %x, %y, %zeros maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %masked = tile.mask %s empty 0.0 : f32 at(%p, %m) valid(%P, %count) {
    ^bb0(%i: index, %j: index):
      %c = arith.cmpi sge, %j, %i : index
      tile.yield %c : i1
    } : tensor<128x64xf32>
    %seen = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %key = arith.addi %m, %i : index
      %c = arith.cmpi sge, %key, %from : index
      tile.yield %c : i1
    } : tensor<64xi1>
    %z = tile.load %v[#box](%m, %c0) valid(%count, %c64) where(%seen along 0 : tensor<64xi1>) : !t -> tensor<64x64xbf16>
    %w = arith.truncf %masked : tensor<128x64xf32> to tensor<128x64xbf16>
    %next = tile.dot %w, %z, %acc maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %next : tensor<128x64xf32>
  } merge {
  ^bb0(%b: tensor<128x64xf32>, %c: tensor<128x64xf32>):
    %sum = arith.addf %b, %c : tensor<128x64xf32>
    tile.yield %sum : tensor<128x64xf32>
  }
  tile.store %r, %o[#box](%p, %c0) : tensor<128x64xf32>, !o
}
