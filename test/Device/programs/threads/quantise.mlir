// Codes of 8 bits and one scale a row: code = round(x / scale), with
// scale = max |x| / 127, ties to even. A row of zeros has scale 0 and codes 0.
//
// RUN: attn-compile %s --target=sm_90a --emit=ptx | FileCheck %s
// CHECK: .entry quantise(

#tile = affine_map<(r, d)[r0] -> (r + r0, d)>
#line = affine_map<(r)[r0] -> (r + r0)>

tile.program @quantise(
    %x: memref<?x128xbf16, strided<[?, ?], offset: ?>>
        {tile.name = "x", tile.access = "read", tile.shape = ["R", 128]},
    %codes: memref<?x128xi8, strided<[?, ?], offset: ?>>
        {tile.name = "codes", tile.access = "write", tile.shape = ["R", 128]},
    %scales: memref<?xf32, strided<[?], offset: ?>>
        {tile.name = "scales", tile.access = "write", tile.shape = ["R"]},
    %rows: index {tile.extent = "R"}) space(%r = "R" by 16) {
  %c16 = arith.constant 16 : index
  %c128 = arith.constant 128 : index
  %rest = arith.subi %rows, %r : index
  %count = arith.minsi %rest, %c16 : index
  %narrow = tile.load %x[#tile](%r) valid(%count, %c128)
      : memref<?x128xbf16, strided<[?, ?], offset: ?>> -> tensor<16x128xbf16>
  %wide = arith.extf %narrow : tensor<16x128xbf16> to tensor<16x128xf32>
  %size = math.absf %wide : tensor<16x128xf32>
  %largest = tile.reduce max %size dims [1] : tensor<16x128xf32>
  %limit = arith.constant dense<127.0> : tensor<16xf32>
  %scale = arith.divf %largest, %limit : tensor<16xf32>
  %zero = arith.constant dense<0.0> : tensor<16xf32>
  %one = arith.constant dense<1.0> : tensor<16xf32>
  %empty = arith.cmpf oeq, %scale, %zero : tensor<16xf32>
  %divisor = arith.select %empty, %one, %scale : tensor<16xi1>, tensor<16xf32>
  %divisors = tile.broadcast %divisor dims [1] : tensor<16xf32> to tensor<16x128xf32>
  %ratio = arith.divf %wide, %divisors : tensor<16x128xf32>
  %rounded = math.roundeven %ratio : tensor<16x128xf32>
  %code = arith.fptosi %rounded : tensor<16x128xf32> to tensor<16x128xi8>
  tile.store %code, %codes[#tile](%r) valid(%count, %c128)
      : tensor<16x128xi8>, memref<?x128xi8, strided<[?, ?], offset: ?>>
  tile.store %scale, %scales[#line](%r) valid(%count)
      : tensor<16xf32>, memref<?xf32, strided<[?], offset: ?>>
}
