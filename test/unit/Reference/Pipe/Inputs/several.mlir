// Two early and two late products: with x = q k^T + slope (m - p) and y = q l^T,
// o = relu(x y) v and u = max(x, y) w. Rows of v and w are stored as columns.
#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
#turned = affine_map<(d0, d1)[s0, s1] -> (d1 + s1, d0 + s0)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
!matrix = memref<?x64xbf16, strided<[?, ?], offset: ?>>
!columns = memref<64x?xbf16, strided<[?, ?], offset: ?>>
tile.program @several(
    %q: !matrix {tile.name = "q", tile.access = "read", tile.shape = ["P", 64]},
    %k: !matrix {tile.name = "k", tile.access = "read", tile.shape = ["M", 64]},
    %l: !matrix {tile.name = "l", tile.access = "read", tile.shape = ["M", 64]},
    %v: !columns {tile.name = "v", tile.access = "read", tile.shape = [64, "M"]},
    %w: !columns {tile.name = "w", tile.access = "read", tile.shape = [64, "M"]},
    %o: !matrix {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %u: !matrix {tile.name = "u", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %slope: f32 {tile.name = "slope"}) space(%p = "P" by 128) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %rest = arith.subi %P, %p : index
  %rows = arith.minsi %rest, %c128 : index
  %zero = arith.constant dense<0.0> : tensor<128x64xf32>
  %slopes = tile.broadcast %slope dims [0, 1] : f32 to tensor<128x64xf32>
  %qt = tile.load %q[#box](%p, %c0) valid(%rows, %c64) : !matrix -> tensor<128x64xbf16>
  %pi = tile.coord %p : tensor<128xindex>
  %pn = arith.index_cast %pi : tensor<128xindex> to tensor<128xi32>
  %pf = arith.sitofp %pn : tensor<128xi32> to tensor<128xf32>
  %pb = tile.broadcast %pf dims [1] : tensor<128xf32> to tensor<128x64xf32>
  %r:2 = tile.sweep(%c0 to %M full) by 64
      carry(%zero, %zero : tensor<128x64xf32>, tensor<128x64xf32>) step {
  ^bb0(%m: index, %count: index, %oa: tensor<128x64xf32>, %ua: tensor<128x64xf32>):
    %rest_m = arith.subi %M, %m : index
    %keys = arith.minsi %rest_m, %c64 : index
    %kt = tile.load %k[#box](%m, %c0) valid(%count, %c64) : !matrix -> tensor<64x64xbf16>
    %lt = tile.load %l[#box](%m, %c0) valid(%count, %c64) : !matrix -> tensor<64x64xbf16>
    %s = tile.dot %qt, %kt, %zero maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %y = tile.dot %lt, %qt, %zero maps [#nk, #mk, #mn]
        : tensor<64x64xbf16>, tensor<128x64xbf16>, tensor<128x64xf32>
    %mi = tile.coord %m : tensor<64xindex>
    %mn = arith.index_cast %mi : tensor<64xindex> to tensor<64xi32>
    %mf = arith.sitofp %mn : tensor<64xi32> to tensor<64xf32>
    %mb = tile.broadcast %mf dims [0] : tensor<64xf32> to tensor<128x64xf32>
    %far = arith.subf %mb, %pb : tensor<128x64xf32>
    %bias = arith.mulf %far, %slopes : tensor<128x64xf32>
    %x = arith.addf %s, %bias : tensor<128x64xf32>
    %xy = arith.mulf %x, %y : tensor<128x64xf32>
    %relu = arith.maximumf %xy, %zero : tensor<128x64xf32>
    %top = arith.maximumf %x, %y : tensor<128x64xf32>
    %a = arith.truncf %relu : tensor<128x64xf32> to tensor<128x64xbf16>
    %b = arith.truncf %top : tensor<128x64xf32> to tensor<128x64xbf16>
    %vt = tile.load %v[#turned](%m, %c0) valid(%keys, %c64) : !columns -> tensor<64x64xbf16>
    %wt = tile.load %w[#box](%c0, %m) valid(%c64, %keys) : !columns -> tensor<64x64xbf16>
    %on = tile.dot %a, %vt, %oa maps [#mk, #kn, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    %un = tile.dot %b, %wt, %ua maps [#mk, #nk, #mn]
        : tensor<128x64xbf16>, tensor<64x64xbf16>, tensor<128x64xf32>
    tile.yield %on, %un : tensor<128x64xf32>, tensor<128x64xf32>
  }
  %out = arith.truncf %r#0 : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %out, %o[#box](%p, %c0) valid(%rows, %c64) : tensor<128x64xbf16>, !matrix
  %uut = arith.truncf %r#1 : tensor<128x64xf32> to tensor<128x64xbf16>
  tile.store %uut, %u[#box](%p, %c0) valid(%rows, %c64) : tensor<128x64xbf16>, !matrix
}
