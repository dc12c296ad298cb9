// RUN: attn-opt %s --tile-fold-scales | FileCheck %s

#tile = affine_map<(d0, d1)[s0] -> (d0 + s0, d1)>
#line = affine_map<(d0)[s0] -> (d0 + s0)>
!matrix = memref<?x8xf32, strided<[?, ?], offset: ?>>
!lines = memref<?xf32, strided<[?], offset: ?>>

// Of a softmax is left, at each point, one product with a sum and one
// exponential: the scale comes out of the mask and of the maximum, and joins
// log2(e) in the difference.
// CHECK-LABEL: tile.program @softmax
//  CHECK-SAME:   %[[SCALE:[a-z0-9]+]]: f32 {tile.name = "scale", tile.positive}
//       CHECK:   %[[X:.*]] = tile.load
//   CHECK-NOT:   arith.mulf %[[X]]
//       CHECK:   %[[M:.*]] = tile.mask %[[X]] empty 0xFF800000
//       CHECK:   %[[TOP:.*]] = tile.reduce max %[[M]] dims [1]
//       CHECK:   %[[FACTOR:.*]] = arith.mulf %[[SCALE]], %{{.*}} : f32
//       CHECK:   %[[LINE:.*]] = tile.broadcast %[[FACTOR]] dims [0] : f32 to tensor<4xf32>
//       CHECK:   %[[MAX:.*]] = arith.mulf %[[TOP]], %[[LINE]]
//       CHECK:   %[[LESS:.*]] = arith.negf %[[MAX]]
//       CHECK:   %[[OFFSET:.*]] = tile.broadcast %[[LESS]] dims [1]
//       CHECK:   %[[SAME:.*]] = arith.mulf %[[SCALE]], %{{.*}} : f32
//       CHECK:   %[[FACTORS:.*]] = tile.broadcast %[[SAME]] dims [0, 1]
//       CHECK:   %[[FMA:.*]] = math.fma %[[M]], %[[FACTORS]], %[[OFFSET]]
//       CHECK:   %[[W:.*]] = math.exp2 %[[FMA]] : tensor<4x8xf32>
//   CHECK-NOT:   math.exp
//       CHECK:   tile.store %[[W]]
tile.program @softmax(
    %x: !matrix {tile.name = "x", tile.access = "read", tile.shape = ["P", 8]},
    %y: !matrix {tile.name = "y", tile.access = "write", tile.shape = ["P", 8]},
    %P: index {tile.extent = "P"},
    %scale: f32 {tile.name = "scale", tile.positive}) space(%p = "P" by 4) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[#tile](%p) : !matrix -> tensor<4x8xf32>
  %scales = tile.broadcast %scale dims [0, 1] : f32 to tensor<4x8xf32>
  %s = arith.mulf %t, %scales : tensor<4x8xf32>
  %m = tile.mask %s empty 0xFF800000 : f32 at(%p, %c0) {
  ^bb0(%i: index, %j: index):
    %c = arith.cmpi sle, %j, %i : index
    tile.yield %c : i1
  } : tensor<4x8xf32>
  %max = tile.reduce max %m dims [1] : tensor<4x8xf32>
  %maxs = tile.broadcast %max dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %d = arith.subf %m, %maxs : tensor<4x8xf32>
  %w = math.exp %d : tensor<4x8xf32>
  tile.store %w, %y[#tile](%p) : tensor<4x8xf32>, !matrix
}

// A factor that may be negative makes a maximum of a minimum: it stays inside of
// both the mask and the reduction.
// CHECK-LABEL: tile.program @not_positive
//       CHECK:   %[[X:.*]] = tile.load
//       CHECK:   %[[S:.*]] = arith.mulf %[[X]], %{{.*}} : tensor<4x8xf32>
//       CHECK:   %[[M:.*]] = tile.mask %[[S]] empty
//       CHECK:   %[[R:.*]] = tile.reduce max %[[M]]
//       CHECK:   tile.store %[[R]]
tile.program @not_positive(
    %x: !matrix {tile.name = "x", tile.access = "read", tile.shape = ["P", 8]},
    %y: !lines {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"},
    %scale: f32 {tile.name = "scale"}) space(%p = "P" by 4) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[#tile](%p) : !matrix -> tensor<4x8xf32>
  %scales = tile.broadcast %scale dims [0, 1] : f32 to tensor<4x8xf32>
  %s = arith.mulf %t, %scales : tensor<4x8xf32>
  %m = tile.mask %s empty 0xFF800000 : f32 at(%p, %c0) {
  ^bb0(%i: index, %j: index):
    %c = arith.cmpi sle, %j, %i : index
    tile.yield %c : i1
  } : tensor<4x8xf32>
  %max = tile.reduce max %m dims [1] : tensor<4x8xf32>
  tile.store %max, %y[#line](%p) : tensor<4xf32>, !lines
}

// Constants are looked at: 0.5 comes out of a minimum, -0.5 and 0 do not, and
// nothing comes out of a sum, where the order of roundings would change.
// CHECK-LABEL: tile.program @extrema
//       CHECK:   %[[X:.*]] = tile.load
//       CHECK:   %[[NEG:.*]] = arith.mulf %[[X]], %{{.*}} : tensor<4x8xf32>
//       CHECK:   %[[ZERO:.*]] = arith.mulf %[[X]], %{{.*}} : tensor<4x8xf32>
//       CHECK:   %[[HALF:.*]] = arith.mulf %[[X]], %{{.*}} : tensor<4x8xf32>
//       CHECK:   %[[MIN:.*]] = tile.reduce min %[[X]]
//       CHECK:   arith.mulf %[[MIN]], %{{.*}} : tensor<4xf32>
//       CHECK:   tile.reduce min %[[NEG]]
//       CHECK:   tile.reduce max %[[ZERO]]
//       CHECK:   tile.reduce add %[[HALF]]
tile.program @extrema(
    %x: !matrix {tile.name = "x", tile.access = "read", tile.shape = ["P", 8]},
    %y: !lines {tile.name = "y", tile.access = "write", tile.shape = ["P"]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 4) {
  %t = tile.load %x[#tile](%p) : !matrix -> tensor<4x8xf32>
  %negative = arith.constant dense<-0.5> : tensor<4x8xf32>
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %half = arith.constant dense<0.5> : tensor<4x8xf32>
  %tn = arith.mulf %t, %negative : tensor<4x8xf32>
  %tz = arith.mulf %t, %zero : tensor<4x8xf32>
  %th = arith.mulf %half, %t : tensor<4x8xf32>
  %a = tile.reduce min %th dims [1] : tensor<4x8xf32>
  %b = tile.reduce min %tn dims [1] : tensor<4x8xf32>
  %c = tile.reduce max %tz dims [1] : tensor<4x8xf32>
  %d = tile.reduce add %th dims [1] : tensor<4x8xf32>
  %ab = arith.addf %a, %b : tensor<4xf32>
  %abc = arith.addf %ab, %c : tensor<4xf32>
  %abcd = arith.addf %abc, %d : tensor<4xf32>
  tile.store %abcd, %y[#line](%p) : tensor<4xf32>, !lines
}

// What a factor does to an empty value other than an infinity is not looked at.
// CHECK-LABEL: tile.program @mask_of_zero
//       CHECK:   %[[S:.*]] = arith.mulf
//       CHECK:   %[[M:.*]] = tile.mask %[[S]] empty 0.0
//       CHECK:   tile.store %[[M]]
tile.program @mask_of_zero(
    %x: !matrix {tile.name = "x", tile.access = "read", tile.shape = ["P", 8]},
    %y: !matrix {tile.name = "y", tile.access = "write", tile.shape = ["P", 8]},
    %P: index {tile.extent = "P"},
    %scale: f32 {tile.name = "scale", tile.positive}) space(%p = "P" by 4) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[#tile](%p) : !matrix -> tensor<4x8xf32>
  %scales = tile.broadcast %scale dims [0, 1] : f32 to tensor<4x8xf32>
  %s = arith.mulf %t, %scales : tensor<4x8xf32>
  %m = tile.mask %s empty 0.0 : f32 at(%p, %c0) {
  ^bb0(%i: index, %j: index):
    %c = arith.cmpi sle, %j, %i : index
    tile.yield %c : i1
  } : tensor<4x8xf32>
  tile.store %m, %y[#tile](%p) : tensor<4x8xf32>, !matrix
}

// A line is inverted once a row; a quotient by a tile, which would be no
// cheaper, stays.
// CHECK-LABEL: tile.program @quotients
//       CHECK:   %[[X:.*]] = tile.load {{.*}} -> tensor<4x8xf32>
//       CHECK:   %[[L:.*]] = tile.load {{.*}} -> tensor<4xf32>
//       CHECK:   %[[I:.*]] = arith.divf %{{.*}}, %[[L]] : tensor<4xf32>
//       CHECK:   %[[B:.*]] = tile.broadcast %[[I]] dims [1]
//       CHECK:   %[[Q:.*]] = arith.mulf %[[X]], %[[B]] : tensor<4x8xf32>
//       CHECK:   %[[R:.*]] = arith.divf %[[Q]], %[[X]] : tensor<4x8xf32>
//       CHECK:   tile.store %[[R]]
tile.program @quotients(
    %x: !matrix {tile.name = "x", tile.access = "read", tile.shape = ["P", 8]},
    %l: !lines {tile.name = "l", tile.access = "read", tile.shape = ["P"]},
    %y: !matrix {tile.name = "y", tile.access = "write", tile.shape = ["P", 8]},
    %P: index {tile.extent = "P"}) space(%p = "P" by 4) {
  %t = tile.load %x[#tile](%p) : !matrix -> tensor<4x8xf32>
  %line = tile.load %l[#line](%p) : !lines -> tensor<4xf32>
  %lines = tile.broadcast %line dims [1] : tensor<4xf32> to tensor<4x8xf32>
  %q = arith.divf %t, %lines : tensor<4x8xf32>
  %r = arith.divf %q, %t : tensor<4x8xf32>
  tile.store %r, %y[#tile](%p) : tensor<4x8xf32>, !matrix
}

// exp and log of tiles go to base 2, and two factors of a product are one; those
// of scalars are no tile's.
// CHECK-LABEL: tile.program @bases
//       CHECK:   %[[S:.*]] = math.exp %{{.*}} : f32
//       CHECK:   %[[X:.*]] = tile.load
//       CHECK:   %[[FACTOR:.*]] = arith.mulf %[[S]], %{{.*}} : f32
//       CHECK:   %[[FACTORS:.*]] = tile.broadcast %[[FACTOR]] dims [0, 1]
//       CHECK:   %[[U:.*]] = arith.mulf %[[X]], %[[FACTORS]]
//       CHECK:   %[[E:.*]] = math.exp2 %[[U]]
//       CHECK:   %[[L:.*]] = math.log2 %[[E]] : tensor<4x8xf32>
//       CHECK:   %[[R:.*]] = arith.mulf %[[L]], %{{.*}} : tensor<4x8xf32>
//       CHECK:   tile.store %[[R]]
tile.program @bases(
    %x: !matrix {tile.name = "x", tile.access = "read", tile.shape = ["P", 8]},
    %y: !matrix {tile.name = "y", tile.access = "write", tile.shape = ["P", 8]},
    %P: index {tile.extent = "P"},
    %scale: f32 {tile.name = "scale"}) space(%p = "P" by 4) {
  %f = math.exp %scale : f32
  %t = tile.load %x[#tile](%p) : !matrix -> tensor<4x8xf32>
  %scales = tile.broadcast %f dims [0, 1] : f32 to tensor<4x8xf32>
  %s = arith.mulf %t, %scales : tensor<4x8xf32>
  %e = math.exp %s : tensor<4x8xf32>
  %r = math.log %e : tensor<4x8xf32>
  tile.store %r, %y[#tile](%p) : tensor<4x8xf32>, !matrix
}

// The factor of a difference with a tile is no line's, and stays.
// CHECK-LABEL: tile.program @difference_of_tiles
//       CHECK:   %[[D:.*]] = arith.subf
//       CHECK:   %[[S:.*]] = arith.mulf %[[D]]
//   CHECK-NOT:   math.fma
//       CHECK:   tile.store %[[S]]
tile.program @difference_of_tiles(
    %x: !matrix {tile.name = "x", tile.access = "read", tile.shape = ["P", 8]},
    %y: !matrix {tile.name = "y", tile.access = "write", tile.shape = ["P", 8]},
    %P: index {tile.extent = "P"},
    %scale: f32 {tile.name = "scale"}) space(%p = "P" by 4) {
  %t = tile.load %x[#tile](%p) : !matrix -> tensor<4x8xf32>
  %u = arith.mulf %t, %t : tensor<4x8xf32>
  %scales = tile.broadcast %scale dims [0, 1] : f32 to tensor<4x8xf32>
  %d = arith.subf %t, %u : tensor<4x8xf32>
  %s = arith.mulf %d, %scales : tensor<4x8xf32>
  tile.store %s, %y[#tile](%p) : tensor<4x8xf32>, !matrix
}
