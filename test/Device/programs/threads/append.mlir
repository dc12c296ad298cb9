// Writes new tokens' keys (or values) into a cache at the slots that a scheduler
// chose; a token with a negative slot is dropped.
//
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s
// CHECK: .entry append(

#row = affine_map<(d)[t, h] -> (t, h, d)>

tile.program @append(
    %new: memref<?x?x128xbf16, strided<[?, ?, ?], offset: ?>>
        {tile.name = "new", tile.access = "read", tile.shape = ["T", "H", 128]},
    %slots: memref<?xi64, strided<[?], offset: ?>>
        {tile.name = "slots", tile.access = "read", tile.shape = ["T"]},
    %cache: memref<?x?x128xbf16, strided<[?, ?, ?], offset: ?>>
        {tile.name = "cache", tile.access = "write", tile.shape = ["S", "H", 128]},
    %tokens: index {tile.extent = "T"}, %heads: index {tile.extent = "H"},
    %numSlots: index {tile.extent = "S"})
    space(%t = "T" by 1, %h = "H" by 1) {
  %slot = memref.load %slots[%t] : memref<?xi64, strided<[?], offset: ?>>
  %at = arith.index_cast %slot : i64 to index
  %c0 = arith.constant 0 : index
  %c128 = arith.constant 128 : index
  %exists = arith.cmpi sge, %at, %c0 : index
  %count = arith.select %exists, %c128, %c0 : index
  %row = tile.load %new[#row](%t, %h)
      : memref<?x?x128xbf16, strided<[?, ?, ?], offset: ?>> -> tensor<128xbf16>
  tile.store %row, %cache[#row](%at, %h) valid(%count)
      : tensor<128xbf16>, memref<?x?x128xbf16, strided<[?, ?, ?], offset: ?>>
}
