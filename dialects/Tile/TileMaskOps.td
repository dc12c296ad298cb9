//===- TileMaskOps.td - masks and what they read -------*- tablegen -*-===//
//
// Included by TileOps.td.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_TILE_TILEMASKOPS_TD
#define DIALECTS_TILE_TILEMASKOPS_TD

def Tile_MaskOp : Tile_Op<"mask", [
    AttrSizedOperandSegments, RecursiveMemoryEffects,
    AllTypesMatch<["tile", "result"]>,
    SingleBlock]> {
  let summary = "replaces the points at which a predicate is false";
  let description = [{
    `predicate` is computed at each point's coordinates, `bases[i] + d_i`. Points
    at which it is false, and points at or beyond a `valid` count, become `empty`.

    `with` gives it elements of tiles of rank 1 too, each along the dimension
    that stands behind `along`: what depends on one coordinate need not be
    computed at every point.

    Directly in the step of a `tile.sweep`, in the segments of class `full`, the
    predicate is known to hold at every point below `valid` and is not computed.

    Constraints:
    * (C1) There is one base a dimension of the tile, and `valid` is absent or has
      one count a dimension.
    * (C2) `predicate` takes one `index` a dimension, then one element a tile of
      `with`, and yields one `i1`.
    * (C3) `empty` has the tile's element type.
    * (C4) A tile of `with` has rank 1 and the extent of its dimension.

    ```mlir
    %m = tile.mask %s empty 0xFF800000 : f32 at(%p0, %k0) valid(%np, %nk)
        with(%last along [0] : tensor<64xindex>) {
    ^bb0(%p: index, %k: index, %l: index):
      %c = arith.cmpi sge, %l, %k : index
      tile.yield %c : i1
    } : tensor<64x256xf32>
    ```
  }];
  let arguments = (ins Tile_Tile:$tile, TypedAttrInterface:$empty,
                       Variadic<Index>:$bases, Variadic<Index>:$valid,
                       Variadic<Tile_Tile>:$with,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$along);
  let regions = (region SizedRegion<1>:$predicate);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $tile `empty` $empty `at` `(` $bases `)` (`valid` `(` $valid^ `)`)?
    (`with` `(` $with^ `along` $along `:` type($with) `)`)?
    $predicate attr-dict `:` type($tile)
  }];
  let hasVerifier = 1;
}

def Tile_GenerateOp : Tile_Op<"generate", [
    RecursiveMemoryEffects, SingleBlock]> {
  let summary = "a tile of what a region computes from coordinates";
  let description = [{
    Element `d_0` of the result is what the region yields at coordinate
    `base + d_0`. Elements at or beyond `valid` are not used. A `memref.load` for
    them is at a coordinate below it, or at the base; other reads look after
    themselves.

    Constraints:
    * (C1) The result has rank 1.
    * (C2) The region takes one `index` and yields one element.

    ```mlir
    %row = tile.generate at(%p0) valid(%np) {
    ^bb0(%p: index):
      %y = arith.floordivsi %p, %width : index
      tile.yield %y : index
    } : tensor<64xindex>
    ```
  }];
  let arguments = (ins Index:$base, Optional<Index>:$valid);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    `at` `(` $base `)` (`valid` `(` $valid^ `)`)? $body attr-dict
    `:` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_ElementOp : Tile_Op<"element", [
    TypesMatchWith<"the result is an element of the table", "table", "result",
                   "cast<MemRefType>($_self).getElementType()">]> {
  let summary = "an element of a table";
  let description = [{
    The element at `coordinates`, each a number of any size; `empty` if one is
    outside the tensor. Nothing outside is read, and of a tensor without entries
    nothing at all.

    Constraints:
    * (C1) There is a coordinate for each dimension.
    * (C2) `empty` has the tensor's element type.

    ```mlir
    %start = tile.element %first[%document] empty 0 : i32
        : memref<?xi32, strided<[?], offset: ?>>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$table,
                       Variadic<Index>:$coordinates, TypedAttrInterface:$empty);
  let results = (outs AnyType:$result);
  let assemblyFormat = [{
    $table `[` $coordinates `]` `empty` $empty attr-dict `:` type($table)
  }];
  let hasVerifier = 1;
}

def Tile_GatherOp : Tile_Op<"gather"> {
  let summary = "elements of a table, each at coordinates of its own";
  let description = [{
    Each element of the result is the one of `table` at the coordinates that
    `coordinates` have there: an `index` is one number for all elements, of a tile
    each has its own. They may be numbers of any size: an element of which one is
    outside the table is `empty`. Nothing outside is read, and of a table without
    entries nothing at all.

    It is to tiles what `tile.element` is to scalars, and reads tables that no
    address map describes: those of distances, buckets or positions.

    Constraints:
    * (C1) There is a coordinate for each dimension, an `index` or a tile of them
      of the result's shape.
    * (C2) The result's elements are the table's, and so is `empty`.

    ```mlir
    %bias = tile.gather %table[%h, %distance] empty 0.0 : f32
        : memref<?x?xf32, strided<[?, ?], offset: ?>>[index, tensor<64x256xindex>]
        -> tensor<64x256xf32>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$table,
                       Variadic<AnyTypeOf<[Index, Tile_Tile]>>:$coordinates,
                       TypedAttrInterface:$empty);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = [{
    $table `[` $coordinates `]` `empty` $empty attr-dict `:` type($table)
    `[` type($coordinates) `]` `->` type($result)
  }];
  let hasVerifier = 1;
}

class Tile_RunsOp<string mnemonic> : Tile_Op<mnemonic, [
    RecursiveMemoryEffects, SingleBlock]> {
  let arguments = (ins Index:$bound);
  let regions = (region SizedRegion<1>:$body);
  let hasRegionVerifier = 1;
}

def Tile_SumOp : Tile_RunsOp<"sum"> {
  let summary = "sums of numbers that a region gives";
  let description = [{
    Of what the region yields for 0, 1, ... below the bound, none of which is
    negative: how many steps runs have together, of each kind.

    Constraints:
    * (C1) The region takes an index and yields one for each result.

    ```mlir
    %partial, %full = tile.sum below %runs {
    ^bb0(%run: index):
      ...
      tile.yield %partial_of_run, %full_of_run : index, index
    }
    ```
  }];
  let results = (outs Variadic<Index>:$totals);
  let hasCustomAssemblyFormat = 1;
}

def Tile_LocateOp : Tile_RunsOp<"locate"> {
  let summary = "the run in which a number of a sum lies";
  let description = [{
    The first run whose number, added to those before it as `tile.sum` adds them,
    is more than `number`, which is not negative, and what is left of that without
    those before it. Where the sum is no more, the run is the bound and the rest
    0.

    Constraints are those of `tile.sum` with one result.

    ```mlir
    %run, %step = tile.locate %number below %runs { ... }
    ```
  }];
  let arguments = (ins Index:$number, Index:$bound);
  let results = (outs Index:$run, Index:$rest);
  let assemblyFormat = "$number `below` $bound $body attr-dict";
}

def Tile_ExtremaOp : Tile_Op<"extrema", [AttrSizedOperandSegments]> {
  let summary = "the least and the greatest element of a box of a table";
  let description = [{
    Over the coordinates `firsts[i]` to `lasts[i]`, both included, of an integer
    tensor. `empty` counts as an element if the box is not wholly inside the
    tensor; a box without coordinates gives `empty` twice. Nothing outside is
    read.

    Constraints:
    * (C1) There is a first and a last coordinate for each dimension.
    * (C2) The tensor holds integers.

    ```mlir
    %least, %greatest = tile.extrema %doc[%p0 to %last] empty -1
        : memref<?xi32, strided<[?], offset: ?>>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$table,
                       Variadic<Index>:$firsts, Variadic<Index>:$lasts,
                       I64Attr:$empty);
  let results = (outs Index:$least, Index:$greatest);
  let assemblyFormat = [{
    $table `[` $firsts `to` $lasts `]` `empty` $empty attr-dict `:` type($table)
  }];
  let hasVerifier = 1;
}

def Tile_EntryOp : Tile_Op<"entry"> {
  let summary = "a number of a list, unless it stood there before";
  let description = [{
    Entry `at` of the last dimension of an integer tensor at the leading
    `coordinates`; -1 if it is negative, outside the tensor, or an entry from
    `first` on has the same number. So a list is run through as a set.

    Constraints:
    * (C1) There is a coordinate for each dimension but the last.
    * (C2) The tensor holds integers.

    ```mlir
    %block = tile.entry %blocks[%b, %h] from %first at %i
        : memref<?x?x?xi32, strided<[?, ?, ?], offset: ?>>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$table,
                       Variadic<Index>:$coordinates, Index:$first, Index:$at);
  let results = (outs Index:$number);
  let assemblyFormat = [{
    $table `[` $coordinates `]` `from` $first `at` $at attr-dict
    `:` type($table)
  }];
  let hasVerifier = 1;
}

def Tile_MemberOp : Tile_Op<"member"> {
  let summary = "whether a list has a number";
  let description = [{
    True if a number that is not negative is one of the entries `first` to
    `last`, the latter not included, of the last dimension at the leading
    `coordinates`. What is outside the tensor has no entries.

    Constraints are those of `tile.entry`.
  }];
  let arguments = (ins Index:$number, Arg<AnyMemRef, "", [MemRead]>:$table,
                       Variadic<Index>:$coordinates, Index:$first, Index:$last);
  let results = (outs I1:$result);
  let assemblyFormat = [{
    $number `in` $table `[` $coordinates `]` `from` $first `to` $last attr-dict
    `:` type($table)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_TILE_TILEMASKOPS_TD
