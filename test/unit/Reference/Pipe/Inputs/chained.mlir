// For each head, o = relu(q k^T) v and z its row sums, over the keys of the
// segments in steps of $STEP. The accumulator is multiplied by `decay` before
// each step.
#box = affine_map<(d0, d1)[s0, s1, s2] -> (s0, d0 + s1, d1 + s2)>
!narrow = memref<?x?x$Exbf16, strided<[?, ?, ?], offset: ?>>
!wide = memref<?x?x$Fxbf16, strided<[?, ?, ?], offset: ?>>
!keys = memref<?x?x$Ex$KEY, strided<[?, ?, ?], offset: ?>>
!values = memref<?x?x$Fx$VALUE, strided<[?, ?, ?], offset: ?>>
!lines = memref<?x?xf32, strided<[?, ?], offset: ?>>
tile.program @chained(
    %q: !narrow {tile.name = "q", tile.access = "read", tile.shape = ["H", "P", $E]},
    %k: !keys {tile.name = "k", tile.access = "read", tile.shape = ["H", "M", $E]},
    %v: !values {tile.name = "v", tile.access = "read", tile.shape = ["H", "M", $F]},
    %o: !wide {tile.name = "o", tile.access = "write", tile.shape = ["H", "P", $F]},
    %z: !lines {tile.name = "z", tile.access = "write", tile.shape = ["H", "P"]},
    %H: index {tile.extent = "H"}, %P: index {tile.extent = "P"},
    %M: index {tile.extent = "M"},
    %begin: index {tile.name = "begin"}, %cut: index {tile.name = "cut"},
    %end: index {tile.name = "end"},
    %decay: f32 {tile.name = "decay"})
    space(%h = "H" by 1, %p = "P" by $ROWS) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %step = arith.constant $STEP : index
  %twice = arith.constant $TWICE : index
  %te = arith.constant $E : index
  %tf = arith.constant $F : index
  %tp = arith.constant $ROWS : index
  %rest = arith.subi %P, %p : index
  %rows = arith.minsi %rest, %tp : index
  %half_of_steps = arith.ceildivsi %M, %twice : index
  %none = arith.constant dense<0.0> : tensor<$ROWSxf32>
  %zero = arith.constant dense<0.0> : tensor<$ROWSx$STEPxf32>
  %start = arith.constant dense<0.0> : tensor<$ROWSx$Fxf32>
  %qt = tile.load %q[#box](%h, %p, %c0) valid(%rows, %te) : !narrow -> tensor<$ROWSx$Exbf16>
  %r:2 = tile.sweep($SEGMENTS) by $STEP
      carry(%start, %none : tensor<$ROWSx$Fxf32>, tensor<$ROWSxf32>) step {
  ^bb0(%m: index, %count: index, %acc: tensor<$ROWSx$Fxf32>, %sum: tensor<$ROWSxf32>):
    %kt = tile.load %k[#box](%h, %m, %c0) valid(%count, %te) : !keys -> tensor<$STEPx$Exbf16>
    %s = tile.dot %qt, %kt, %zero maps [affine_map<(p, m, e) -> (p, e)>,
        affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
        : tensor<$ROWSx$Exbf16>, tensor<$STEPx$Exbf16>, tensor<$ROWSx$STEPxf32>
    %relu = arith.maximumf %s, %zero : tensor<$ROWSx$STEPxf32>
    %part = tile.reduce add %relu dims [1] : tensor<$ROWSx$STEPxf32>
    %next_sum = arith.addf %sum, %part : tensor<$ROWSxf32>
    %w = arith.truncf %relu : tensor<$ROWSx$STEPxf32> to tensor<$ROWSx$STEPxbf16>
    %decays = tile.broadcast %decay dims [0, 1] : f32 to tensor<$ROWSx$Fxf32>
    %decayed = arith.mulf %acc, %decays : tensor<$ROWSx$Fxf32>
    %vt = tile.load %v[#box](%h, %m, %c0) valid(%count, %tf) : !values -> tensor<$STEPx$Fxbf16>
    %next = tile.dot %w, %vt, %decayed maps [affine_map<(p, f, m) -> (p, m)>,
        affine_map<(p, f, m) -> (m, f)>, affine_map<(p, f, m) -> (p, f)>]
        : tensor<$ROWSx$STEPxbf16>, tensor<$STEPx$Fxbf16>, tensor<$ROWSx$Fxf32>
    tile.yield %next, %next_sum : tensor<$ROWSx$Fxf32>, tensor<$ROWSxf32>
  }$MERGE
  %out = arith.truncf %r#0 : tensor<$ROWSx$Fxf32> to tensor<$ROWSx$Fxbf16>
  tile.store %out, %o[#box](%h, %p, %c0) valid(%rows, %tf) : tensor<$ROWSx$Fxbf16>, !wide
  tile.store %r#1, %z[affine_map<(d0)[s0, s1] -> (s0, d0 + s1)>](%h, %p) valid(%rows)
      : tensor<$ROWSxf32>, !lines
}
