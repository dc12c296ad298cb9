// y = relu(alpha (a w + $INIT)), the contraction over the segments in steps of
// $STEP.
#box = affine_map<(d0, d1)[s0, s1] -> (d0 + s0, d1 + s1)>
!matrix = memref<?x?xbf16, strided<[?, ?], offset: ?>>
tile.program @gemm(
    %a: !matrix {tile.name = "a", tile.access = "read", tile.shape = ["M", "K"]},
    %w: !matrix {tile.name = "w", tile.access = "read", tile.shape = ["K", "N"]},
    %y: !matrix {tile.name = "y", tile.access = "write", tile.shape = ["M", "N"]},
    %M: index {tile.extent = "M"}, %N: index {tile.extent = "N"},
    %K: index {tile.extent = "K"},
    %begin: index {tile.name = "begin"}, %cut: index {tile.name = "cut"},
    %end: index {tile.name = "end"},
    %alpha: f32 {tile.name = "alpha"})
    space(%n = "N" by $COLUMNS, %m = "M" by $ROWS) {
  %step = arith.constant $STEP : index
  %tm = arith.constant $ROWS : index
  %tn = arith.constant $COLUMNS : index
  %rest_m = arith.subi %M, %m : index
  %rows = arith.minsi %rest_m, %tm : index
  %rest_n = arith.subi %N, %n : index
  %columns = arith.minsi %rest_n, %tn : index
  %zero = arith.constant dense<0.0> : tensor<$ROWSx$COLUMNSxf32>
  %init = arith.constant dense<$INIT> : tensor<$ROWSx$COLUMNSxf32>
  %sum = tile.sweep($SEGMENTS) by $STEP carry(%init : tensor<$ROWSx$COLUMNSxf32>) step {
  ^bb0(%k: index, %count: index, %acc: tensor<$ROWSx$COLUMNSxf32>):
    %rest_k = arith.subi %K, %k : index
    %terms = arith.minsi %rest_k, %step : index
    %at = tile.load %a[#box](%m, %k) valid(%rows, %terms) : !matrix -> tensor<$ROWSx$STEPxbf16>
    %wt = tile.load %w[#box](%k, %n) valid(%count, %columns) : !matrix -> tensor<$STEPx$COLUMNSxbf16>
    %next = tile.dot %at, %wt, %acc maps [affine_map<(m, n, k) -> (m, k)>,
        affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
        : tensor<$ROWSx$STEPxbf16>, tensor<$STEPx$COLUMNSxbf16>, tensor<$ROWSx$COLUMNSxf32>
    tile.yield %next : tensor<$ROWSx$COLUMNSxf32>
  }$MERGE
  %alphas = tile.broadcast %alpha dims [0, 1] : f32 to tensor<$ROWSx$COLUMNSxf32>
  %scaled = arith.mulf %sum, %alphas : tensor<$ROWSx$COLUMNSxf32>
  %relu = arith.maximumf %scaled, %zero : tensor<$ROWSx$COLUMNSxf32>
  %out = arith.truncf %relu : tensor<$ROWSx$COLUMNSxf32> to tensor<$ROWSx$COLUMNSxbf16>
  tile.store %out, %y[#box](%m, %n) valid(%rows, %columns)
      : tensor<$ROWSx$COLUMNSxbf16>, !matrix
}
