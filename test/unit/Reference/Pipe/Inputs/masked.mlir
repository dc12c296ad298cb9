// For each head, o = relu(s) v, z its row sums and t its row maxima, where s = q k^T at keys up
// to `shift` behind their row, and -inf elsewhere. How many steps a tile of rows
// has depends on where it is.
#box = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
#line = affine_map<(d0)[s0, s1] -> (s0, d0 + s1)>
!matrix = memref<?x?x64xbf16, strided<[?, ?, ?], offset: ?>>
!lines = memref<?x?xf32, strided<[?, ?], offset: ?>>
tile.program @masked(
    %q: !matrix {tile.name = "q", tile.access = "read", tile.shape = ["H", "P", 64]},
    %k: !matrix {tile.name = "k", tile.access = "read", tile.shape = ["H", "M", 64]},
    %v: !matrix {tile.name = "v", tile.access = "read", tile.shape = ["H", "M", 64]},
    %o: !matrix {tile.name = "o", tile.access = "write", tile.shape = ["H", "P", 64]},
    %z: !lines {tile.name = "z", tile.access = "write", tile.shape = ["H", "P"]},
    %t: !lines {tile.name = "t", tile.access = "write", tile.shape = ["H", "P"]},
    %H: index {tile.extent = "H"}, %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"},
    %shift: index {tile.name = "shift"})
    space(%h = "H" by 1, %p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %step = arith.constant $STEP : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %rest = arith.subi %P, %p : index
  %rows = arith.minsi %rest, %c128 : index
  %least = arith.addi %p, %shift : index
  %first = arith.addi %least, %c1 : index
  %first_low = arith.maxsi %first, %c0 : index
  %first_keys = arith.minsi %first_low, %M : index
  %whole = arith.divui %first_keys, %step : index
  %seen_by_all = arith.muli %whole, %step : index
  %last = arith.addi %first, %rows : index
  %last_low = arith.maxsi %last, %seen_by_all : index
  %keys = arith.minsi %last_low, %M : index
  %none = arith.constant dense<0.0> : tensor<128xf32>
  %lowest = arith.constant dense<0xFF800000> : tensor<128xf32>
  %zero = arith.constant dense<0.0> : tensor<128x$STEPxf32>
  %start = arith.constant dense<0.0> : tensor<128x64xf32>
  %qt = tile.load %q[#box](%h, %p, %c0) valid(%rows, %c64) : !matrix -> tensor<128x64xbf16>
  %r:3 = tile.sweep(%c0 to %seen_by_all full, %seen_by_all to %keys partial) by $STEP
      carry(%start, %none, %lowest : tensor<128x64xf32>, tensor<128xf32>, tensor<128xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<128x64xf32>, %sum: tensor<128xf32>, %top: tensor<128xf32>):
    %kt = tile.load %k[#box](%h, %m, %c0) valid(%count, %c64) : !matrix -> tensor<$STEPx64xbf16>
    %s = tile.dot %qt, %kt, %zero maps [affine_map<(p, m, e) -> (p, e)>,
        affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
        : tensor<128x64xbf16>, tensor<$STEPx64xbf16>, tensor<128x$STEPxf32>
    %seen = tile.mask %s empty 0xFF800000 : f32 at(%p, %m) valid(%rows, %count) {
    ^bb0(%i: index, %j: index):
      %back = arith.subi %j, %i : index
      %c = arith.cmpi sle, %back, %shift : index
      tile.yield %c : i1
    } : tensor<128x$STEPxf32>
    %own = tile.reduce max %seen dims [1] : tensor<128x$STEPxf32>
    %next_top = arith.maximumf %top, %own : tensor<128xf32>
    %relu = arith.maximumf %seen, %zero : tensor<128x$STEPxf32>
    %part = tile.reduce add %relu dims [1] : tensor<128x$STEPxf32>
    %next_sum = arith.addf %sum, %part : tensor<128xf32>
    %w = arith.truncf %relu : tensor<128x$STEPxf32> to tensor<128x$STEPxbf16>
    %vt = tile.load %v[#box](%h, %m, %c0) valid(%count, %c64) : !matrix -> tensor<$STEPx64xbf16>
    %next = tile.dot %w, %vt, %acc maps [affine_map<(p, f, m) -> (p, m)>,
        affine_map<(p, f, m) -> (m, f)>, affine_map<(p, f, m) -> (p, f)>]
        : tensor<128x$STEPxbf16>, tensor<$STEPx64xbf16>, tensor<128x64xf32>
    tile.yield %next, %next_sum, %next_top : tensor<128x64xf32>, tensor<128xf32>, tensor<128xf32>
  } merge {
  ^bb0(%oa: tensor<128x64xf32>, %za: tensor<128xf32>, %ta: tensor<128xf32>,
       %ob: tensor<128x64xf32>, %zb: tensor<128xf32>, %tb: tensor<128xf32>):
    %oc = arith.addf %oa, %ob : tensor<128x64xf32>
    %zc = arith.addf %za, %zb : tensor<128xf32>
    %tc = arith.maximumf %ta, %tb : tensor<128xf32>
    tile.yield %oc, %zc, %tc : tensor<128x64xf32>, tensor<128xf32>, tensor<128xf32>
  }
  %out = arith.truncf %r#0 : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %o[#box](%h, %p, %c0) valid(%rows, %c64) : tensor<128x64xbf16>, !matrix
  tile.store %r#1, %z[#line](%h, %p) valid(%rows) : tensor<128xf32>, !lines
  tile.store %r#2, %t[#line](%h, %p) valid(%rows) : tensor<128xf32>, !lines
}
