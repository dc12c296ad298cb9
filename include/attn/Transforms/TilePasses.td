//===- TilePasses.td - passes over tile programs -----------*- tablegen -*-===//

#ifndef ATTN_TRANSFORMS_TILEPASSES_TD
#define ATTN_TRANSFORMS_TILEPASSES_TD

include "mlir/Pass/PassBase.td"

def FoldScalesPass : Pass<"tile-fold-scales", "::mlir::ModuleOp"> {
  let summary = "Write exponentials to base 2, with factors folded into them";
  let description = [{
    For machines that have 2^x and log2(x), and a product with a sum in one
    instruction. Of an exponential of a scaled difference is left, at each point, one
    such instruction and one power of 2:

    * `exp(x)` becomes `exp2(log2(e) x)`, and `log(x)` `ln(2) log2(x)`;
    * a factor, one number for all points, of a difference with a line becomes
      part of a `math.fma`: `c (a - b)` is `a c + (-b c)`, the last once a line;
    * a factor that is positive (`tile.positive`) comes out of maxima and of masks
      whose empty value is an infinity;
    * a quotient by a line becomes a product with its inverse, once a line.

    Results change by rounding only.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def SweepProductsPass : Pass<"tile-sweep-products", "::mlir::ModuleOp"> {
  let summary = "Make a product that stands alone a sweep of one step";
  let description = [{
    A contraction over all of a fixed rank needs no sweep. For schedulers, which
    pipeline the products of a sweep, a program with one product and no sweep gets
    one, of one step that has the product alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FoldWideningPass : Pass<"tile-fold-widening", "::mlir::ModuleOp"> {
  let summary = "Let loads widen elements of 8 bits";
  let description = [{
    A tile of elements of 8 bits of which nothing but floats of 16 or 32 bits is
    taken is loaded as these, for a target whose copies can convert.

    ```mlir
    %k8 = tile.load %K[...] : memref<?x64xi8, ...> -> tensor<64x64xi8>
    %kf = arith.sitofp %k8 : tensor<64x64xi8> to tensor<64x64xf32>
    %k = arith.truncf %kf : tensor<64x64xf32> to tensor<64x64xbf16>
    // becomes
    %k = tile.load %K[...] : memref<?x64xi8, ...> -> tensor<64x64xbf16>
    ```
  }];
}

def HoistSidesPass : Pass<"tile-hoist-sides", "::mlir::ModuleOp"> {
  let summary = "Compute sides of products before the sweep that no step changes";
  let description = [{
    A side of a product in a sweep's step that is computed, not loaded, and of
    nothing that changes from step to step, as queries are that channels' scales
    of the keys are folded into, moves before the sweep with what it is computed
    from.

    ```mlir
    %r = tile.sweep(...) by 64 carry(...) step {
      %s = arith.mulf %q, %scales : tensor<8x64xf32>
      %p = tile.dot %s, %k, %zero ...
    // becomes
    %s = arith.mulf %q, %scales : tensor<8x64xf32>
    %r = tile.sweep(...) by 64 carry(...) step {
      %p = tile.dot %s, %k, %zero ...
    ```
  }];
}

def FoldOffsetsPass : Pass<"tile-fold-offsets", "::mlir::ModuleOp"> {
  let summary = "Take a line's term out of masks, extrema and differences";
  let description = [{
    A term that all points of a row share, or of a column, is added once a line where
    nothing needs the sum at each point:

    * an infinity that a mask puts in place of points stays what it is;
    * the extremum of a row with the term is the row's extremum, plus the term;
    * with a second line's term the two are one: `(x - a) - b` is `x - (a + b)`.

    So a row's part of a bias leaves the sweep's points: the extremum and the difference
    have it. Results change by rounding only, while terms are finite; a row whose term
    is infinite or no number may have no number where it had an infinity.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SplitLinesPass : Pass<"tile-split-lines", "::mlir::ModuleOp"> {
  let summary = "Compute once a line what depends on a row or a column alone";
  let description = [{
    Elementwise ops on lines of one kind, and on numbers, are done before the line
    is repeated, and so are tables read at such coordinates. A sum of a row's number and a column's stays apart: as a float it
    is a sum of floats, its factor one of each, and added to a whole tile it is
    added line by line. So what is linear in the difference of two coordinates takes
    two instructions at a point and no conversions.

    Results change by rounding only; coordinates up to 2^24 are converted exactly.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SplitCoordinatesPass
    : Pass<"tile-split-coordinates", "::mlir::ModuleOp"> {
  let summary = "Compute once a tile what its points' coordinates share";
  let description = [{
    A coordinate in a `tile.generate` is the base of the tile plus a place in it.
    Sums, products, quotients and remainders by constants are taken of the two
    apart where the base is known to divide evenly (its sweep's segments begin at
    multiples), or where no place takes the sum to another quotient than the
    base's: what of the base is computed goes out of the generate, and what
    stays depends on the place alone, so that targets may know it when they
    compile.

    ```mlir
    %x = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %m = arith.addi %base, %i : index
      %q = arith.divui %m, %c8 : index
      tile.yield %q : index
    } : tensor<64xindex>
    ```
    becomes
    ```mlir
    %u = arith.divui %base, %c8 : index
    %x = tile.generate at(%c0) valid(%count) {
    ^bb0(%i: index):
      %j = arith.divui %i, %c8 : index
      %q = arith.addi %u, %j : index
      tile.yield %q : index
    } : tensor<64xindex>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def HoistMasksPass : Pass<"tile-hoist-masks", "::mlir::ModuleOp"> {
  let summary = "Compute parts of masks once a row or once a key";
  let description = [{
    In the predicate of a `tile.mask`, what depends on no coordinate moves out,
    and what depends on one coordinate, and costs more than reading an element,
    becomes a `tile.generate` whose elements the mask takes by `with`: before the
    sweep for rows, in the step for keys. Divisions, tables and lists so stand at
    no point. The predicates of a sweep without partial segments, which hold by
    the segments' class, go.

    ```mlir
    %m = tile.mask %s empty 0xFF800000 : f32 at(%p0, %k0) {
    ^bb0(%p: index, %k: index):
      %y = arith.divui %p, %width : index
      %c = arith.cmpi sge, %y, %k : index
      tile.yield %c : i1
    } : tensor<64x256xf32>
    ```
    becomes
    ```mlir
    %row = tile.generate at(%p0) {
    ^bb0(%p: index):
      %y = arith.divui %p, %width : index
      tile.yield %y : index
    } : tensor<64xindex>
    %m = tile.mask %s empty 0xFF800000 : f32 at(%p0, %k0)
        with(%row along [0] : tensor<64xindex>) {
    ^bb0(%p: index, %k: index, %y: index):
      %c = arith.cmpi sge, %y, %k : index
      tile.yield %c : i1
    } : tensor<64x256xf32>
    ```
  }];
  let dependentDialects = ["::attn::tile::TileDialect",
                           "::mlir::arith::ArithDialect"];
}

def ExactSumsPass : Pass<"tile-exact-sums", "::mlir::ModuleOp"> {
  let summary = "Add up what steps of invariant streams give alike in any order";
  let description = [{
    In a `tile.program` that is `invariant` and whose schedule, or else `stream`, says that blocks share steps, a sweep becomes
    one that is `exact`. Each step computes its own part from the sweep's inits; exponents of powers,
    as a row's maximum, are rounded up to those of whole powers of 2; and of sums, of tiles and of lines, the carries are
    a bin a row and digits, whole numbers of 32 bits, that are added. After the sweep there are
    floats again.

    ```mlir
    %r:3 = tile.sweep(%c0 to %n partial) by 128 carry(%ninf, %zero, %zeros
        : tensor<32xf32>, tensor<32xf32>, tensor<32x128xf32>) step { ... } merge { ... }
    ```
    becomes
    ```mlir
    %e:8 = tile.sweep(%c0 to %n partial) by 128 carry(%ninf, %bin, %d0, %d1, %d2, %bins, %t0, %t1
        : tensor<32xf32>, tensor<32xi32>, tensor<32xi32>, ..., tensor<32x128xi32>) exact
        step { ... } merge { ... }
    %d = arith.sitofp %e#6 : tensor<32x128xi32> to tensor<32x128xf32>
    ...
    ```

    A digit has 17 bits. Of a tile 18 bits of a row's largest term count at the least, and
    35 in the best case; of a line 17 more. Where a term is no number, or 2^109 and more (of a
    line 2^92), a row's results are no numbers; nor are those of more than 32767 terms, one a step
    or, where `shares` warps share steps out, so many, whose
    sums 32 bits may not hold. Those are a tile's steps, but of located ones, as runs have that rows of a
    tile see some of, the terms that each row has got, which are carried, too. Exponents beyond 2^28 count as if they were that. A sweep that
    adds up otherwise is refused.
  }];
  let options = [Option<"stream", "stream", "bool", "false",
                        "Of programs without a schedule: blocks share steps">,
                 ListOption<"sharedRows", "shared-rows", "int64_t",
                            "Rows of tiles whose steps warps share out">,
                 Option<"shares", "shares", "int64_t", "1",
                        "Warps that do, each with a term of its own">];
  let dependentDialects = ["::attn::tile::TileDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def OrderStepsPass : Pass<"tile-order-steps", "::mlir::ModuleOp"> {
  let summary = "Let steps of invariant programs be where all rows have them";
  let description = [{
    In a `tile.program` with `invariant`, the segments of a sweep become partial
    ones of whole steps, in ascending order, that begin at multiples of a step: where
    a step begins, and which steps with something that a row sees come before it,
    then depend on no other row of the tile. Segments of which one begins where
    another ends become one. Programs without `invariant` stay as they are.

    ```mlir
    %r = tile.sweep(%first to %last partial, %last to %end full) by 128 ...
    ```
    becomes
    ```mlir
    %step = arith.floordivsi %first, %c128 : index
    %begin = arith.muli %step, %c128 : index
    %all = arith.maxsi %last, %end : index
    %r = tile.sweep(%begin to %all partial) by 128 ...
    ```

    Steps of one segment that has those of each run of a packed rank, at multiples of
    a step, stay as they are. Pre-condition: no other segment is located, as steps that
    are found for all rows of a tile are, and none begins where a table says of the
    rows: of documents in one line that depends on those before.
  }];
  let dependentDialects = ["::attn::tile::TileDialect",
                           "::mlir::arith::ArithDialect"];
}

#endif // ATTN_TRANSFORMS_TILEPASSES_TD
