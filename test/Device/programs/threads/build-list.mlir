// The ascending numbers of the tiles of a row whose flag is not 0, and their
// count: the runtime list of a sparse mask. Entries beyond the count are -1.
//
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s
// CHECK: .entry build_list(

#one = affine_map<()[r, m] -> (r, m)>
#entry = affine_map<()[r, n] -> (r, n)>
#line = affine_map<()[r] -> (r)>

tile.program @build_list(
    %flags: memref<?x?xi8, strided<[?, ?], offset: ?>>
        {tile.name = "flags", tile.access = "read", tile.shape = ["R", "M"]},
    %list: memref<?x?xi32, strided<[?, ?], offset: ?>>
        {tile.name = "list", tile.access = "write", tile.shape = ["R", "M"]},
    %counts: memref<?xi32, strided<[?], offset: ?>>
        {tile.name = "counts", tile.access = "write", tile.shape = ["R"]},
    %tiles: index {tile.extent = "M"}, %rows: index {tile.extent = "R"}) space(%r = "R" by 1) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0> : tensor<i32>
  %step = arith.constant dense<1> : tensor<i32>
  %none = arith.constant dense<-1> : tensor<i32>
  %n = tile.sweep(%c0 to %tiles full) by 1 carry(%zero : tensor<i32>) step {
  ^bb0(%m: index, %valid: index, %n0: tensor<i32>):
    %flag = memref.load %flags[%r, %m] : memref<?x?xi8, strided<[?, ?], offset: ?>>
    %clear = arith.constant 0 : i8
    %isSet = arith.cmpi ne, %flag, %clear : i8
    %at = tensor.extract %n0[] : tensor<i32>
    %place = arith.index_cast %at : i32 to index
    scf.if %isSet {
      %number = arith.index_cast %m : index to i32
      %entry = tile.broadcast %number dims [] : i32 to tensor<i32>
      tile.store %entry, %list[#entry](%r, %place)
          : tensor<i32>, memref<?x?xi32, strided<[?, ?], offset: ?>>
    }
    %increment = arith.extui %isSet : i1 to i32
    %more = tile.broadcast %increment dims [] : i32 to tensor<i32>
    %n1 = arith.addi %n0, %more : tensor<i32>
    tile.yield %n1 : tensor<i32>
  }
  tile.store %n, %counts[#line](%r)
      : tensor<i32>, memref<?xi32, strided<[?], offset: ?>>
  %count = tensor.extract %n[] : tensor<i32>
  %first = arith.index_cast %count : i32 to index
  %end = tile.sweep(%first to %tiles full) by 1 carry(%zero : tensor<i32>) step {
  ^bb0(%m: index, %valid: index, %same: tensor<i32>):
    tile.store %none, %list[#entry](%r, %m)
        : tensor<i32>, memref<?x?xi32, strided<[?, ?], offset: ?>>
    tile.yield %same : tensor<i32>
  }
}
