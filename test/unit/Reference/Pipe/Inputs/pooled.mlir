// o = for each row the sum of the rows of v up to its own, and of `shift` more: a
// product of ones, some of them masked, and no early product.
#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
!values = memref<?x64x$VALUE, strided<[?, ?], offset: ?>>
!sums = memref<?x64xbf16, strided<[?, ?], offset: ?>>
tile.program @pooled(
    %v: !values {tile.name = "v", tile.access = "read", tile.shape = ["M", 64]},
    %o: !sums {tile.name = "o", tile.access = "write", tile.shape = ["P", 64]},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %shift: index {tile.name = "shift"}) space(%p = "P" by $ROWS) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %tp = arith.constant $ROWS : index
  %rest = arith.subi %P, %p : index
  %rows = arith.minsi %rest, %tp : index
  %first = arith.addi %p, %shift : index
  %past_last = arith.addi %first, %tp : index
  // Below `whole` each row of the tile sees every key.
  %steps = arith.divui %first, %c64 : index
  %aligned = arith.muli %steps, %c64 : index
  %whole = arith.minsi %aligned, %M : index
  %end = arith.minsi %past_last, %M : index
  %zero = arith.constant dense<0.0> : tensor<$ROWSx64xf32>
  %ones = arith.constant dense<1.0> : tensor<$ROWSx64xf32>
  %r = tile.sweep(%c0 to %whole full, %whole to %end partial) by 64
      carry(%zero : tensor<$ROWSx64xf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<$ROWSx64xf32>):
    %seen = tile.mask %ones empty 0.0 : f32 at(%p, %m) valid(%tp, %count) {
    ^bb0(%row: index, %key: index):
      %last = arith.addi %row, %shift : index
      %holds = arith.cmpi sle, %key, %last : index
      tile.yield %holds : i1
    } : tensor<$ROWSx64xf32>
    %w = arith.truncf %seen : tensor<$ROWSx64xf32> to tensor<$ROWSx64xbf16>
    %vt = tile.load %v[#box](%m, %c0) valid(%count, %c64) : !values -> tensor<64x64xbf16>
    %next = tile.dot %w, %vt, %acc maps [affine_map<(m, n, k) -> (m, k)>,
        affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
        : tensor<$ROWSx64xbf16>, tensor<64x64xbf16>, tensor<$ROWSx64xf32>
    tile.yield %next : tensor<$ROWSx64xf32>
  }
  %out = arith.truncf %r : tensor<$ROWSx64xf32> to tensor<$ROWSx64xbf16>
  tile.store %out, %o[#box](%p, %c0) valid(%rows, %c64) : tensor<$ROWSx64xbf16>, !sums
}
