// Attention over one sequence of keys; a key at n is seen from p where n <= p +
// shift. The scores' scale is in base 2.
#row = affine_map<(d0, d1)[s0, s1, s2] -> (s0, s1, d0 + s2, d1)>
tile.program @attention(
    %q: memref<?x?x?x?x$T, strided<[?, ?, ?, ?], offset: ?>>
      {tile.name = "q", tile.access = "read", tile.shape = ["B", "H", "P", $E]},
    %k: memref<?x?x?x?x$T, strided<[?, ?, ?, ?], offset: ?>>
      {tile.name = "k", tile.access = "read", tile.shape = ["B", "H", "M", $E]},
    %v: memref<?x?x?x?x$T, strided<[?, ?, ?, ?], offset: ?>>
      {tile.name = "v", tile.access = "read", tile.shape = ["B", "H", "M", $F]},
    %o: memref<?x?x?x?x$O, strided<[?, ?, ?, ?], offset: ?>>
      {tile.name = "o", tile.access = "write", tile.shape = ["B", "H", "P", $F]},
    %B: index {tile.extent = "B"}, %H: index {tile.extent = "H"},
    %P: index {tile.extent = "P"}, %M: index {tile.extent = "M"},
    %scale: f32 {tile.name = "scale"}, %shift: index {tile.name = "shift"})
    space(%b = "B" by 1, %h = "H" by 1, %p0 = "P" by $TP) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %cp = arith.constant $TP : index
  %ce = arith.constant $E : index
  %cf = arith.constant $F : index
  %left = arith.subi %P, %p0 : index
  %np = arith.minsi %left, %cp : index
  %qt = tile.load %q[#row](%b, %h, %p0) valid(%np, %ce)
    : memref<?x?x?x?x$T, strided<[?, ?, ?, ?], offset: ?>> -> tensor<$TPx$Ex$T>
  %ninf = arith.constant dense<0xFF800000> : tensor<$TPxf32>
  %zero = arith.constant dense<0.0> : tensor<$TPxf32>
  %zeroO = arith.constant dense<0.0> : tensor<$TPx$Fxf32>
  %zeroS = arith.constant dense<0.0> : tensor<$TPx$TMxf32>
  %scales = tile.broadcast %scale dims [0, 1] : f32 to tensor<$TPx$TMxf32>
  %lastP = arith.addi %p0, %np : index
  %end0 = arith.addi %lastP, %shift : index
  %end = arith.minsi %end0, %M : index
  %full0 = arith.addi %p0, %shift : index
  %full1 = arith.addi %full0, %c1 : index
  %full2 = arith.maxsi %full1, %c0 : index
  %full = arith.minsi %full2, %M : index
  %r:3 = tile.sweep(%full to %end partial, %c0 to %full full) by $TM
      carry(%ninf, %zero, %zeroO : tensor<$TPxf32>, tensor<$TPxf32>, tensor<$TPx$Fxf32>) step {
  ^bb0(%base: index, %n: index, %m: tensor<$TPxf32>, %l: tensor<$TPxf32>, %acc: tensor<$TPx$Fxf32>):
    %kt = tile.load %k[#row](%b, %h, %base) valid(%n, %ce)
      : memref<?x?x?x?x$T, strided<[?, ?, ?, ?], offset: ?>> -> tensor<$TMx$Ex$T>
    %vt = tile.load %v[#row](%b, %h, %base) valid(%n, %cf)
      : memref<?x?x?x?x$T, strided<[?, ?, ?, ?], offset: ?>> -> tensor<$TMx$Fx$T>
    %s = tile.dot %qt, %kt, %zeroS maps [affine_map<(p, m, e) -> (p, e)>,
      affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
      : tensor<$TPx$Ex$T>, tensor<$TMx$Ex$T>, tensor<$TPx$TMxf32>
    %ss = arith.mulf %s, %scales : tensor<$TPx$TMxf32>
    %sm = tile.mask %ss empty 0xFF800000 : f32 at(%p0, %base) valid(%cp, %n) {
    ^bb0(%i: index, %j: index):
      %edge = arith.addi %i, %shift : index
      %c = arith.cmpi sge, %edge, %j : index
      tile.yield %c : i1
    } : tensor<$TPx$TMxf32>
    %rm = tile.reduce max %sm dims [1] : tensor<$TPx$TMxf32>
    %m1 = arith.maximumf %m, %rm : tensor<$TPxf32>
    %none = arith.cmpf oeq, %m1, %ninf : tensor<$TPxf32>
    %safe = arith.select %none, %zero, %m1 : tensor<$TPxi1>, tensor<$TPxf32>
    %dm = arith.subf %m, %safe : tensor<$TPxf32>
    %corr = math.exp2 %dm : tensor<$TPxf32>
    %mb = tile.broadcast %safe dims [1] : tensor<$TPxf32> to tensor<$TPx$TMxf32>
    %d = arith.subf %sm, %mb : tensor<$TPx$TMxf32>
    %e = math.exp2 %d : tensor<$TPx$TMxf32>
    %rl = tile.reduce add %e dims [1] : tensor<$TPx$TMxf32>
    %lc = arith.mulf %l, %corr : tensor<$TPxf32>
    %l1 = arith.addf %lc, %rl : tensor<$TPxf32>
    %cb = tile.broadcast %corr dims [1] : tensor<$TPxf32> to tensor<$TPx$Fxf32>
    %ac = arith.mulf %acc, %cb : tensor<$TPx$Fxf32>
    $ROUND
    %acc1 = tile.dot %x, %vt, %ac maps [affine_map<(p, f, m) -> (p, m)>,
      affine_map<(p, f, m) -> (m, f)>, affine_map<(p, f, m) -> (p, f)>]
      : tensor<$TPx$TMx$T>, tensor<$TMx$Fx$T>, tensor<$TPx$Fxf32>
    tile.yield %m1, %l1, %acc1 : tensor<$TPxf32>, tensor<$TPxf32>, tensor<$TPx$Fxf32>
  }
  %lb = tile.broadcast %r#1 dims [1] : tensor<$TPxf32> to tensor<$TPx$Fxf32>
  %isEmpty = arith.cmpf oeq, %lb, %zeroO : tensor<$TPx$Fxf32>
  %quotient = arith.divf %r#2, %lb : tensor<$TPx$Fxf32>
  %out = arith.select %isEmpty, %zeroO, %quotient : tensor<$TPx$Fxi1>, tensor<$TPx$Fxf32>
  $STORE
}
