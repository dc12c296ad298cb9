// One case a constraint, named after it.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects argument #0 of type 'index' to have a tile.name or a tile.extent}}
tile.program @program_c1(%n: index) space() {
}

// -----

// expected-error @below {{expects arguments of distinct names, but got "N" twice}}
tile.program @program_c1_twice(%n: index {tile.extent = "N"}, %m: f32 {tile.name = "N"}) space() {
}

// -----

// expected-error @below {{expects argument #0 to have tile.access "read", "write", "update" or "workspace", but got "both"}}
tile.program @program_c2(%x: memref<?xf32> {tile.name = "x", tile.access = "both", tile.shape = [4]}) space() {
}

// -----

// expected-error @below {{to have a tile.shape with one entry a dimension, but got [4, 4]}}
tile.program @program_c2_rank(%x: memref<?xf32> {tile.name = "x", tile.access = "read", tile.shape = [4, 4]}) space() {
}

// -----

// expected-error @below {{expects the tile.shape of argument #0 to name extents of the program, but got "N"}}
tile.program @program_c2_name(%x: memref<?xf32> {tile.name = "x", tile.access = "read", tile.shape = ["N"]}) space() {
}

// -----

// expected-error @below {{expects the tile.most of argument #0 to bound extents of its tile.shape [4] by positive integers, but got {G = 8 : i64}}}
tile.program @program_c2_most_rank(%x: memref<?xf32> {tile.name = "x", tile.access = "read", tile.shape = [4], tile.most = {G = 8}}) space() {
}

// -----

// expected-error @below {{by positive integers, but got {N = 0 : i64}}}
tile.program @program_c2_most(%x: memref<?xf32> {tile.name = "x", tile.access = "read", tile.shape = ["N"], tile.most = {N = 0}}, %n: index {tile.extent = "N"}) space() {
}

// -----

// expected-error @below {{expects a coordinate along an extent of the program, but got "M"}}
tile.program @program_c3(%n: index {tile.extent = "N"}) space(%i = "M" by 4) {
}

// -----

// expected-error @below {{expects a positive tile of "N", but got 0}}
tile.program @program_c3_tile(%n: index {tile.extent = "N"}) space(%i = "N" by 0) {
}

// -----

// expected-error @below {{expects a body of 2 arguments (its own and one a coordinate), but got 1}}
"tile.program"() <{sym_name = "program_c4", function_type = (index) -> (), space_ranks = ["N"], space_tiles = array<i64: 1>, arg_attrs = [{tile.extent = "N"}]}> ({
^bb0(%n: index):
  "tile.yield"() : () -> ()
}) : () -> ()

// -----

func.func @load_c1(%x: memref<?x?xf32>, %i: index) {
  // expected-error @below {{expects a map of 1 dims, 1 symbols and 2 results}}
  %t = tile.load %x[affine_map<(d0)[s0] -> (d0 + s0)>](%i) : memref<?x?xf32> -> tensor<4xf32>
  return
}

// -----

func.func @load_c2(%x: memref<?x?xf32>, %i: index) {
  // expected-error @below {{expects no valid count or one a dimension of 'tensor<4x4xf32>', but got 1}}
  %t = tile.load %x[affine_map<(d0, d1) -> (d0, d1)>]() valid(%i) : memref<?x?xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @load_c3(%x: memref<?xf32>) {
  // expected-error @below {{expects the tile and its source to have one element type, but got 'tensor<4xbf16>' and 'memref<?xf32>'}}
  %t = tile.load %x[affine_map<(d0) -> (d0)>]() : memref<?xf32> -> tensor<4xbf16>
  return
}

// -----

func.func @load_c4(%x: memref<?xf32>, %w: tensor<8xi1>) {
  // expected-error @below {{expects 'where' along a dimension of 'tensor<4xf32>', but got 'tensor<8xi1>' along 0}}
  %t = tile.load %x[affine_map<(d0) -> (d0)>]() where(%w along 0 : tensor<8xi1>) : memref<?xf32> -> tensor<4xf32>
  return
}

// -----

func.func @load_c4_along(%x: memref<?xf32>) {
  // expected-error @below {{expects a dimension along which a tile of 'where' runs and such a tile, but got one of the two}}
  %t = "tile.load"(%x) <{map = affine_map<(d0) -> (d0)>, along = 0 : i64, operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 0, 0>}> : (memref<?xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @load_c3_pad(%x: memref<?xf32>) {
  // expected-error @below {{expects a pad of the tile's element type, but got 0 : i32 and 'tensor<4xf32>'}}
  %t = tile.load %x[affine_map<(d0) -> (d0)>]() pad 0 : i32 : memref<?xf32> -> tensor<4xf32>
  return
}

// -----

func.func @store_c1(%t: tensor<4xf32>, %x: memref<?x?xf32>) {
  // expected-error @below {{expects a map of 1 dims, 0 symbols and 2 results}}
  tile.store %t, %x[affine_map<(d0) -> (d0)>]() : tensor<4xf32>, memref<?x?xf32>
  return
}

// -----

func.func @coord_c1(%i: index) {
  // expected-error @below {{expects a tile of static shape, but got 'tensor<?xindex>'}}
  %t = tile.coord %i : tensor<?xindex>
  return
}

// -----

func.func @dot_c1(%a: tensor<4x8xf32>, %c: tensor<4x4xf32>) {
  // expected-error @below {{expects map #1 to be a projected permutation of 3 dims to the dimensions of 'tensor<4x8xf32>'}}
  %t = tile.dot %a, %a, %c maps [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j)>, affine_map<(i, j, k) -> (i, j)>] : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x4xf32>
  return
}

// -----

func.func @dot_c2(%a: tensor<4x8xf32>, %b: tensor<4x9xf32>, %c: tensor<4x4xf32>) {
  // expected-error @below {{expects d2 to have one extent in all operands, but got 8 and 9}}
  %t = tile.dot %a, %b, %c maps [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>] : tensor<4x8xf32>, tensor<4x9xf32>, tensor<4x4xf32>
  return
}

// -----

func.func @dot_c3(%a: tensor<4x8xf32>, %b: tensor<4x8xbf16>, %c: tensor<4x4xf32>) {
  // expected-error @below {{expects lhs and rhs of one element type, f32, bf16 or f16, but got 'f32' and 'bf16'}}
  %t = tile.dot %a, %b, %c maps [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>] : tensor<4x8xf32>, tensor<4x8xbf16>, tensor<4x4xf32>
  return
}

// -----

func.func @reduce_c1(%a: tensor<4x8xf32>) {
  // expected-error @below {{expects dims of 'tensor<4x8xf32>' in increasing order, but got [2]}}
  %t = tile.reduce add %a dims [2] : tensor<4x8xf32>
  return
}

// -----

func.func @reduce_c2(%a: tensor<4x8xf32>) {
  // expected-error @below {{expects an integer tile to reduce by 'or', but got 'tensor<4x8xf32>'}}
  %t = tile.reduce or %a dims [1] : tensor<4x8xf32>
  return
}

// -----

func.func @broadcast_c1(%a: tensor<4xf32>) {
  // expected-error @below {{expects dims of 'tensor<4x8xf32>' in increasing order, but got [1, 0]}}
  %t = tile.broadcast %a dims [1, 0] : tensor<4xf32> to tensor<4x8xf32>
  return
}

// -----

func.func @broadcast_c2(%a: tensor<4xf32>) {
  // expected-error @below {{expects to broadcast 'tensor<8xf32>', but got 'tensor<4xf32>'}}
  %t = tile.broadcast %a dims [0] : tensor<4xf32> to tensor<4x8xf32>
  return
}

// -----

func.func @transpose_c1(%a: tensor<4x8xf32>) {
  // expected-error @below {{expects a permutation of the dims of 'tensor<4x8xf32>', but got [1, 1]}}
  %t = tile.transpose %a [1, 1] : tensor<4x8xf32>
  return
}

// -----

func.func @mask_c1(%a: tensor<4x8xf32>, %i: index) {
  // expected-error @below {{expects one base a dimension of 'tensor<4x8xf32>', but got 1}}
  %t = tile.mask %a empty 0.0 : f32 at(%i) {
  ^bb0(%p: index):
    %c = arith.cmpi sge, %p, %i : index
    tile.yield %c : i1
  } : tensor<4x8xf32>
  return
}

// -----

func.func @mask_c2(%a: tensor<4xf32>, %i: index) {
  // expected-error @below {{expects a predicate of 1 'index' arguments, but got 'i64'}}
  %t = tile.mask %a empty 0.0 : f32 at(%i) {
  ^bb0(%p: i64):
    %c = arith.constant true
    tile.yield %c : i1
  } : tensor<4xf32>
  return
}

// -----

func.func @mask_c2_yield(%a: tensor<4xf32>, %i: index) {
  // expected-error @below {{expects the predicate to yield one 'i1'}}
  %t = tile.mask %a empty 0.0 : f32 at(%i) {
  ^bb0(%p: index):
    tile.yield %p : index
  } : tensor<4xf32>
  return
}

// -----

func.func @mask_c3(%a: tensor<4xf32>, %i: index) {
  // expected-error @below {{expects empty of the tile's element type, but got 0 : i32 and 'tensor<4xf32>'}}
  %t = tile.mask %a empty 0 : i32 at(%i) {
  ^bb0(%p: index):
    %c = arith.constant true
    tile.yield %c : i1
  } : tensor<4xf32>
  return
}

// -----

func.func @sweep_c1(%i: index) {
  // expected-error @below {{expects a positive tile, but got 0}}
  tile.sweep(%i to %i full) by 0 step {
  ^bb0(%b: index, %n: index):
    tile.yield
  }
  return
}

// -----

func.func @sweep_c1_class(%i: index) {
  // expected-error @below {{expects a segment's class to be 'full' or 'partial', but got 'empty'}}
  tile.sweep(%i to %i empty) by 4 step {
  ^bb0(%b: index, %n: index):
    tile.yield
  }
  return
}

// -----

func.func @sweep_c2(%i: index, %a: tensor<4xf32>) {
  // expected-error @below {{expects step to take ('index', 'index', 'tensor<4xf32>'), but got ('index', 'index')}}
  %r = tile.sweep(%i to %i full) by 4 carry(%a : tensor<4xf32>) step {
  ^bb0(%b: index, %n: index):
    tile.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @sweep_c2_yield(%i: index, %a: tensor<4xf32>) {
  // expected-error @below {{expects step to yield ('tensor<4xf32>'), but got ()}}
  %r = tile.sweep(%i to %i full) by 4 carry(%a : tensor<4xf32>) step {
  ^bb0(%b: index, %n: index, %c: tensor<4xf32>):
    tile.yield
  }
  return
}

// -----

func.func @sweep_c3(%i: index, %a: tensor<4xf32>) {
  // expected-error @below {{expects merge to take ('tensor<4xf32>', 'tensor<4xf32>'), but got ('tensor<4xf32>')}}
  %r = tile.sweep(%i to %i full) by 4 carry(%a : tensor<4xf32>) step {
  ^bb0(%b: index, %n: index, %c: tensor<4xf32>):
    tile.yield %c : tensor<4xf32>
  } merge {
  ^bb0(%c: tensor<4xf32>):
    tile.yield %c : tensor<4xf32>
  }
  return
}

// -----

func.func @sweep_c6(%i: index, %a: tensor<4xi32>) {
  // expected-error @below {{expects a merge where it is exact, but has none}}
  %r = tile.sweep(%i to %i full) by 4 carry(%a : tensor<4xi32>) exact step {
  ^bb0(%b: index, %n: index, %c: tensor<4xi32>):
    tile.yield %c : tensor<4xi32>
  }
  return
}

// -----

func.func @if_any_c1(%a: tensor<4xi32>) {
  // expected-error @below {{expects a line of i1, but got 'tensor<4xi32>'}}
  %r = tile.if_any %a : tensor<4xi32> else(%a : tensor<4xi32>) {
    tile.yield %a : tensor<4xi32>
  }
  return
}

// -----

func.func @if_any_c1_tile(%a: tensor<4x8xi1>) {
  // expected-error @below {{expects a line of i1, but got 'tensor<4x8xi1>'}}
  %r = tile.if_any %a : tensor<4x8xi1> else(%a : tensor<4x8xi1>) {
    tile.yield %a : tensor<4x8xi1>
  }
  return
}

// -----

func.func @if_any_c1_rows(%a: tensor<4xi1>, %b: tensor<4xi32>, %c: tensor<8x4xi32>) {
  // expected-error @below {{expects tiles of 4 rows, but got 'tensor<8x4xi32>'}}
  %r:2 = tile.if_any %a : tensor<4xi1> else(%b, %c : tensor<4xi32>, tensor<8x4xi32>) {
    tile.yield %b, %c : tensor<4xi32>, tensor<8x4xi32>
  }
  return
}

// -----

func.func @if_any_c2(%a: tensor<4xi1>, %b: tensor<4xi32>) {
  // expected-error @below {{expects its region to take nothing and to yield ('tensor<4xi32>')}}
  %r = tile.if_any %a : tensor<4xi1> else(%b : tensor<4xi32>) {
    tile.yield %a : tensor<4xi1>
  }
  return
}

// -----

func.func @if_any_c2_arguments(%a: tensor<4xi1>, %b: tensor<4xi32>) {
  // expected-error @below {{expects its region to take nothing and to yield ('tensor<4xi32>')}}
  %r = tile.if_any %a : tensor<4xi1> else(%b : tensor<4xi32>) {
  ^bb0(%c: tensor<4xi32>):
    tile.yield %c : tensor<4xi32>
  }
  return
}

// -----

// expected-error @below {{expects slots and a cluster of 1 to 16 and a split of 0 to 15, but got slots = 2, cluster = 17 and split = 0}}
tile.program @schedule_c1() space() attributes {schedule = #tile.schedule<cluster = 17>} {
}

// -----

// expected-error @below {{expects one to three axes, each with a positive extent and box, but got extents [4, 4] and boxes [2]}}
tile.program @layout_c1() space() attributes {layouts = {P = #tile.layout<[4, 4] by [2]>}} {
}

// -----

// expected-error @below {{expects a #tile.layout with the points of rank "P", whose extent is 8, but got #tile.layout<[4, 4] by[2, 2]>}}
tile.program @program_c6() space(%p = "P" by 4)
    attributes {static_extents = {P = 8}, layouts = {P = #tile.layout<[4, 4] by [2, 2]>}} {
}

// -----

// expected-error @below {{expects a #tile.layout with the points of rank "P", whose extent is not static, but got #tile.layout<[4, 4] by[2, 2]>}}
tile.program @program_c6_dynamic(%n: index {tile.extent = "P"}) space(%p = "P" by 4)
    attributes {layouts = {P = #tile.layout<[4, 4] by [2, 2]>}} {
}
