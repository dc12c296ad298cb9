//===- TileOps.td - operations of the tile dialect -----*- tablegen -*-===//
#ifndef DIALECTS_TILE_TILEOPS_TD
#define DIALECTS_TILE_TILEOPS_TD

include "dialects/Tile/TileAttrs.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []>
    : Op<TileDialect, mnemonic, traits>;

/// A tile: a ranked tensor of static shape.
def Tile_Tile : Type<AnyStaticShapeTensor.predicate,
    "tile (tensor of static shape)", "::mlir::RankedTensorType">;

def Tile_TileOrScalar : AnyTypeOf<[Tile_Tile, AnySignlessIntegerOrIndex, AnyFloat]>;

def Tile_ReduceKind : I32EnumAttr<"ReduceKind", "monoid of a reduction", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Mul", 1, "mul">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
    I32EnumAttrCase<"And", 4, "and">, I32EnumAttrCase<"Or", 5, "or">]> {
  let cppNamespace = "::attn::tile";
}

def Tile_ProgramOp : Tile_Op<"program", [
    FunctionOpInterface, IsolatedFromAbove,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "what one work item of a kernel does";
  let description = [{
    The body runs once for every point of `space`. A coordinate
    `%p0 = "P" by 64` takes the values 0, 64, 128, ... below extent `"P"`: it is
    the base of a tile of 64 points. The order of points is free and each may run
    on another thread. Programs of one module run one after the other and a later
    one sees what an earlier one wrote.

    Arguments:
    * a `memref` is a tensor in the caller's memory (or in the workspace), with
      any strides. `tile.name` is its name, `tile.access` one of `"read"`,
      `"write"`, `"update"` (stored to, and kept where nothing is stored) and
      `"workspace"`, and `tile.shape` its shape: names of extents or
      integers. `tile.most = {G = 8}` says that the program covers an extent `G`
      of the shape up to 8. Workspace is uninitialised before the first program.
    * an `index` with `tile.extent = "P"` is the extent of rank `P`; with
      `tile.value = ["ceildiv", "M", 1024]` too, it is the value of that expression
      over other extents, as a kernel's manifest writes one;
    * any other `index`, integer or float is a scalar given by the caller, with a
      `tile.name`. `tile.positive` says that the caller gives it greater than 0.

    `static_extents` names extents that are constants of this program.

    `layouts` says of such a rank that its coordinates are positions in a
    `#tile.layout`. The rank then has as many coordinates as there are positions,
    and a load or a store goes to the point at a position. Of padding, a load
    gives any element or zero, and a store stores nothing.

    `schedule` says how the program is to run in roles, where it can.

    `invariant` forbids that the bits of a point of an output depend on other
    points: on those of its tile, on the coordinates of the tile, or on who does
    which part of a sweep. Sweeps then begin at 0 (`tile-order-steps`), so that
    what a step has is said by its place alone.

    A program `when "P" >= 8` (or `< 8`) runs only for such extents of the rank:
    programs that cut the same work for few and for many rows stand in one
    module, and one of them has no work items.

    Constraints:
    * (C1) Every argument has a `tile.name` or a `tile.extent`, all distinct.
    * (C2) A `memref` argument has `tile.access` and a `tile.shape` with one entry
      a dimension, each an integer or a known extent. Its `tile.most` bounds
      extents of the shape by positive integers.
    * (C3) Each coordinate is along a known extent and its tile is positive.
    * (C4) The body's arguments are the program's, then one `index` a coordinate.
    * (C5) The guard's rank is a known extent, and its bound is positive.
    * (C6) `layouts` holds a `#tile.layout` for each of its ranks, with as many
      points as the rank's static extent.

    ```mlir
    tile.program @copy(
        %x: memref<?xf32, strided<[?], offset: ?>>
          {tile.name = "x", tile.access = "read", tile.shape = ["N"]},
        %y: memref<?xf32, strided<[?], offset: ?>>
          {tile.name = "y", tile.access = "write", tile.shape = ["N"]},
        %n: index {tile.extent = "N"}) space(%i = "N" by 64) {
      ...
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<FunctionType>:$function_type,
                       StrArrayAttr:$space_ranks,
                       DenseI64ArrayAttr:$space_tiles,
                       OptionalAttr<DictionaryAttr>:$static_extents,
                       OptionalAttr<DictionaryAttr>:$layouts,
                       OptionalAttr<Tile_ScheduleAttr>:$schedule,
                       OptionalAttr<StrAttr>:$guard_rank,
                       OptionalAttr<I64Attr>:$guard_bound,
                       UnitAttr:$guard_below,
                       UnitAttr:$invariant,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name,
      "::mlir::TypeRange":$argumentTypes,
      "::llvm::ArrayRef<::mlir::DictionaryAttr>":$argumentAttrs,
      "::llvm::ArrayRef<::llvm::StringRef>":$spaceRanks,
      "::llvm::ArrayRef<int64_t>":$spaceTiles,
      CArg<"::mlir::DictionaryAttr", "{}">:$staticExtents,
      CArg<"::mlir::DictionaryAttr", "{}">:$layouts)>];
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() {
      return getFunctionType().getInputs();
    }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return {}; }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    ::mlir::LogicalResult verifyType();
    ::mlir::LogicalResult verifyBody();
    /// The coordinates: the body's arguments after the program's own.
    ::mlir::Block::BlockArgListType getCoordinates() {
      return getBody().getArguments().drop_front(getArgumentTypes().size());
    }
    /// The number of the argument that holds extent `rank`, if there is one.
    std::optional<unsigned> getExtentArgument(::llvm::StringRef rank);
    /// The value of extent `rank` if it is a constant of this program.
    std::optional<int64_t> getStaticExtent(::llvm::StringRef rank);
    /// The layout of rank `rank`, if it has one.
    LayoutAttr getLayout(::llvm::StringRef rank);
    /// The number of coordinates of rank `rank`, if it is a constant: its
    /// positions where it has a layout, else its extent.
    std::optional<int64_t> getStaticCoordinates(::llvm::StringRef rank);
  }];
}

def Tile_YieldOp : Tile_Op<"yield", [
    Pure, Terminator,
    ParentOneOf<["ProgramOp", "SweepOp", "MaskOp", "GenerateOp", "SumOp",
                 "LocateOp", "IfAnyOp"]>]> {
  let summary = "ends a region of a tile op and gives its results";
  let arguments = (ins Variadic<AnyType>:$values);
  let builders = [OpBuilder<(ins), [{
    build($_builder, $_state, ::mlir::ValueRange());
  }]>];
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Tile_LoadOp : Tile_Op<"load", [AttrSizedOperandSegments]> {
  let summary = "reads a tile from memory through an address map";
  let description = [{
    Point `(d0, d1, ...)` of the tile is the element of `source` at the
    coordinates that `map` gives for it; the map's symbols are `indices`.
    Covers whole coordinates (`s0`), rows (`d0 + s1`), transposes, halves
    (`d1 + 32`) and merged ranks (`(d0 + s1) floordiv s2`).

    With `valid` counts, one a dimension of the tile, a point at or beyond any of
    them is `pad` (zero when absent) and its memory is not touched. Without, every
    point must be in bounds. With `clips`, so is a point beyond the extents of
    `source`: rows that are packed of two ranks, as `d0 mod 8` and `d0 floordiv 8`,
    may have more points than these.

    With a `table` rows lie in pages: point `i` along the pages' dimension is
    position `from + i`, which lies in page `table[table_indices..., position
    floordiv size]` at place `position mod size`. The map's last two symbols are
    the page and the place. A point whose page number is not in the table, or
    whose page is not among the source's, is `pad`, and no memory of the source is
    touched for it.

    ```mlir
    %k = tile.load %pages[affine_map<(d0, d1)[s0, s1, s2] -> (s1, s0, s2, d1)>](%h)
        through %table(%b) from %m by <16 along 0> : memref<?x?xi32>
        valid(%count, %c64) : memref<?x?x16x64xbf16, strided<[?, ?, ?, ?], offset: ?>>
        -> tensor<64x64xbf16>
    ```

    Elements of 8 bits (`f8E4M3FN`, `f8E5M2`, `i8`) may be loaded as floats of 16
    bits or f32, all of which hold their numbers.

    `where` is a tile of rank 1 along dimension `along`: points at whose coordinate
    it is false are `pad` too. Directly in the step of a `tile.sweep`, in the
    segments of class `full`, it is known to be true and need not be computed.

    Constraints:
    * (C1) `map` has one dim a dimension of the tile, one symbol an index, two
      more with a table, and one result a dimension of `source`.
    * (C2) `valid` is absent or has one count a dimension of the tile.
    * (C3) The tile and `pad` have one element type, and `source` too unless its
      elements of 8 bits are widened.
    * (C4) `where` holds `i1`, and has the extent of dimension `along`, which stands
      exactly if `where` does.
    * (C5) `table`, `from` and `pages` stand together. The table holds integers and
      has one index for each dimension but the last. The pages' dimension is one
      of the tile, and the map does not use it; the page is the coordinate of one
      dimension of the source, and the place of another.

    ```mlir
    %q = tile.load %Q[affine_map<(d0, d1)[s0, s1] -> (s0, d0 + s1, d1)>](%b, %p0)
        valid(%np, %c64) : memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>
        -> tensor<64x64xf32>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$source,
                       AffineMapAttr:$map,
                       Variadic<Index>:$indices,
                       Arg<Optional<AnyMemRef>, "", [MemRead]>:$table,
                       Variadic<Index>:$table_indices,
                       Optional<Index>:$from,
                       OptionalAttr<Tile_PagesAttr>:$pages,
                       Variadic<Index>:$valid,
                       Optional<1DTensorOf<[I1]>>:$where,
                       OptionalAttr<I64Attr>:$along,
                       OptionalAttr<TypedAttrInterface>:$pad,
                       UnitAttr:$clips);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $source `[` $map `]` `` `(` $indices `)`
    (`through` $table^ `(` $table_indices `)` `from` $from `by` $pages
     `:` type($table))?
    (`valid` `(` $valid^ `)`)?
    (`where` `(` $where^ `along` $along `:` type($where) `)`)?
    (`pad` $pad^)? (`clips` $clips^)? attr-dict
    `:` type($source) `->` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::RankedTensorType":$type,
      "::mlir::Value":$source, "::mlir::AffineMapAttr":$map,
      "::mlir::ValueRange":$indices, "::mlir::ValueRange":$valid,
      CArg<"::mlir::TypedAttr", "{}">:$pad)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool isPaged() { return static_cast<bool>(getTable()); }
    /// Whether the tile's elements are wider than the source's.
    bool widens();
    /// The dimension of the source that the page or the place is the coordinate
    /// of. Of a paged load.
    unsigned getPageDim() { return getSymbolDim(0); }
    unsigned getPlaceDim() { return getSymbolDim(1); }
    /// The map of rows of one page, the place being that of the first.
    ::mlir::AffineMap getRunMap();

  private:
    unsigned getSymbolDim(unsigned number);
    ::llvm::LogicalResult verifyPages();

  public:
  }];
}

def Tile_StoreOp : Tile_Op<"store", [AttrSizedOperandSegments]> {
  let summary = "writes a tile to memory through an address map";
  let description = [{
    The counterpart of `tile.load`. Points at or beyond a `valid` count are not
    written, nor are with `clips` those beyond the extents of `target`. Distinct
    points below the counts must have distinct addresses. An index may be what a
    table holds; a branch around the store, or its counts, keep it inside.

    Constraints (C1) to (C3) are those of `tile.load`, with `target` for `source`.
  }];
  let arguments = (ins Tile_Tile:$tile,
                       Arg<AnyMemRef, "", [MemWrite]>:$target,
                       AffineMapAttr:$map,
                       Variadic<Index>:$indices,
                       Variadic<Index>:$valid,
                       UnitAttr:$clips);
  let assemblyFormat = [{
    $tile `,` $target `[` $map `]` `` `(` $indices `)` (`valid` `(` $valid^ `)`)?
    (`clips` $clips^)? attr-dict `:` type($tile) `,` type($target)
  }];
  let hasVerifier = 1;
}

def Tile_CoordOp : Tile_Op<"coord", [Pure]> {
  let summary = "the coordinates `base`, `base + 1`, ... as a tile";
  let description = [{
    Constraints:
    * (C1) The result has rank 1 and element type `index`.
  }];
  let arguments = (ins Index:$base);
  let results = (outs 1DTensorOf<[Index]>:$result);
  let assemblyFormat = "$base attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_DotOp : Tile_Op<"dot", [Pure,
    AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "a contraction of two tiles added to an accumulator";
  let description = [{
    `maps` send the iteration space to the dimensions of `lhs`, `rhs` and
    `accumulator`. Dimensions that the accumulator lacks are summed over, in f32,
    in an order that the target chooses (and that depends on shapes only).

    Constraints:
    * (C1) There are three maps, projected permutations of one iteration space,
      each with as many results as its operand has dimensions.
    * (C2) Each dimension of the iteration space has one extent in all operands,
      and is in at least one of the inputs.
    * (C3) `lhs` and `rhs` have one element type: f32, bf16 or f16. The
      accumulator is f32.

    ```mlir
    %s = tile.dot %q, %k, %zero maps [affine_map<(p, m, e) -> (p, e)>,
        affine_map<(p, m, e) -> (m, e)>, affine_map<(p, m, e) -> (p, m)>]
        : tensor<64x64xbf16>, tensor<256x64xbf16>, tensor<64x256xf32>
    ```
  }];
  let arguments = (ins Tile_Tile:$lhs, Tile_Tile:$rhs, Tile_Tile:$accumulator,
                       AffineMapArrayAttr:$maps);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `,` $accumulator `maps` $maps attr-dict
    `:` type($lhs) `,` type($rhs) `,` type($accumulator)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::AffineMap getMap(unsigned operand) {
      return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[operand]).getValue();
    }
    /// Extents of the iteration space. The maps must have been verified.
    ::llvm::SmallVector<int64_t> getIterationExtents();
  }];
}

def Tile_ReduceOp : Tile_Op<"reduce", [Pure, InferTypeOpAdaptor]> {
  let summary = "reduces dimensions of a tile by a monoid";
  let description = [{
    `max` and `min` of floats propagate NaN (`arith.maximumf`); those of integers
    are signed. The order of terms is the target's choice, and so is the sign of a
    zero that is largest or smallest.

    Constraints:
    * (C1) `dims` are dimensions of the tile, in increasing order.
    * (C2) `and`, `or` need an integer tile.
  }];
  let arguments = (ins Tile_ReduceKind:$kind, Tile_Tile:$tile,
                       DenseI64ArrayAttr:$dims);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$kind $tile `dims` $dims attr-dict `:` type($tile)";
  let hasVerifier = 1;
}

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "repeats a tile, or a scalar, along new dimensions";
  let description = [{
    `dims` are the dimensions of the result along which the operand is repeated;
    the others are the operand's, in order. A scalar is repeated along all.

    Constraints:
    * (C1) `dims` are dimensions of the result, in increasing order.
    * (C2) The result's other dimensions, and its element type, are the operand's.
  }];
  let arguments = (ins Tile_TileOrScalar:$source, DenseI64ArrayAttr:$dims);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $source `dims` $dims attr-dict `:` type($source) `to` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_TransposeOp : Tile_Op<"transpose", [Pure, InferTypeOpAdaptor]> {
  let summary = "permutes the dimensions of a tile";
  let description = [{
    Dimension `i` of the result is dimension `permutation[i]` of the tile.

    Constraints:
    * (C1) `permutation` is a permutation of the tile's dimensions.
  }];
  let arguments = (ins Tile_Tile:$tile, DenseI64ArrayAttr:$permutation);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$tile $permutation attr-dict `:` type($tile)";
  let hasVerifier = 1;
}

def Tile_SweepOp : Tile_Op<"sweep", [
    AttrSizedOperandSegments, RecursiveMemoryEffects, InferTypeOpAdaptor]> {
  let summary = "an ordered fold over ranges of a coordinate";
  let description = [{
    Runs `step` over the segments in order. A segment `%lo to %hi` runs in steps
    of `tile` points from its own `%lo`; nothing is run for an empty one. `step`
    gets the base of its tile, the count of valid points (`tile`, or fewer in the
    last step of a segment) and the carries, and yields the new carries. A segment
    is `full` if every `tile.mask` of the step holds at all valid points of all its
    tiles, else `partial`.

    A segment `%lo to %hi partial at {...}` is located: it has the steps
    `%lo, %lo + 1, ..., %hi - 1`, and its region gives the base and the count of
    each. A step with count 0 is left out. So come the rows of a box, every n-th
    block, the blocks of a list:

    ```mlir
    %c0 to %n partial at {
    ^bb0(%i: index):
      %base = arith.muli %i, %stride : index
      tile.yield %base, %count : index, index
    }
    ```

    What a step yields and stores must not depend on points at or beyond the count
    along a dimension that a `tile.load` cuts by it: masks with `valid` and loads
    with a pad that changes nothing see to that. A target may leave these points
    out of loops, reductions and contractions.

    `merge` combines the carries of two parts of the range, the earlier first; it
    is associative, and `inits` are its identity. With it, a target may split the
    range, and the order of steps is free. The step of a sweep with `merge` stores
    nothing. Where it is `exact`, `merge` is commutative, too, and both hold of every bit:
    what comes out is the same in any order and however the range is split.

    Constraints:
    * (C1) There is a lower bound, an upper bound and a class a segment, and at
      least one segment; `tile` is positive.
    * (C2) `step` takes `index` base, `index` count and the carries, and yields
      values of the carries' types.
    * (C3) `merge` is absent or takes the carries twice and yields their types.
    * (C4) The carries are tiles.
    * (C5) A locator takes the number of the step and yields its base and count,
      and may yield where its run ends: the steps after it that begin before that
      are each `tile` points on from the one before.
    * (C6) A sweep is `exact` only with a `merge`.

    ```mlir
    %r = tile.sweep(%c0 to %n full) by 256 carry(%zero : tensor<64xf32>) step {
    ^bb0(%base: index, %count: index, %sum: tensor<64xf32>):
      ...
      tile.yield %next : tensor<64xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Index>:$lowers, Variadic<Index>:$uppers,
                       DenseBoolArrayAttr:$full, I64Attr:$tile,
                       Variadic<Tile_Tile>:$inits, UnitAttr:$exact);
  let regions = (region SizedRegion<1>:$step,
                        MaxSizedRegion<1>:$merge,
                        VariadicRegion<MaxSizedRegion<1>>:$locators);
  let results = (outs Variadic<Tile_Tile>:$outs);
  let assemblyFormat = [{
    `(` custom<Segments>($lowers, $uppers, $full, $locators) `)` `by` $tile
    (`carry` `(` $inits^ `:` type($inits) `)`)?
    (`exact` $exact^)? `step` $step (`merge` $merge^)? attr-dict
  }];
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$lowers,
      "::mlir::ValueRange":$uppers, "::llvm::ArrayRef<bool>":$full,
      "int64_t":$tile, "::mlir::ValueRange":$inits)>];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool isLocated(unsigned segment) { return !getLocators()[segment].empty(); }
    bool hasLocated() {
      return ::llvm::any_of(getLocators(), [](::mlir::Region &region) {
        return !region.empty();
      });
    }
  }];
}

def Tile_IfAnyOp : Tile_Op<"if_any", [
    RecursiveMemoryEffects, RecursivelySpeculatable, InferTypeOpAdaptor]> {
  let summary = "something that few rows need";
  let description = [{
    What the region yields, if `condition` holds at some row, or else the tiles
    after `else`. At rows at which it does not hold these have the same elements: so a
    target may decide for some rows apart from others.

    ```mlir
    %r = tile.if_any %moved : tensor<64xi1> else(%d : tensor<64x128xi32>) {
      %all = tile.broadcast %moved dims [1] : tensor<64xi1> to tensor<64x128xi1>
      %own = arith.select %all, %zero, %d : tensor<64x128xi1>, tensor<64x128xi32>
      tile.yield %own : tensor<64x128xi32>
    }
    ```

    Constraints:
    * (C1) `condition` is a line of i1, and the first dimension of each other
      tile is as long.
    * (C2) The region yields values of the others' types.
  }];
  let arguments = (ins Tile_Tile:$condition, Variadic<Tile_Tile>:$others);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Tile_Tile>:$results);
  let assemblyFormat = [{
    $condition `:` type($condition)
    `else` `(` $others `:` type($others) `)` $body attr-dict
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$condition,
      "::mlir::ValueRange":$others,
      "::llvm::function_ref<void(::mlir::OpBuilder &)>":$body)>];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

include "dialects/Tile/TileMaskOps.td"

#endif // DIALECTS_TILE_TILEOPS_TD
