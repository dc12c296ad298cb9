//===- PipeTileOps.td - products, reductions, layouts --*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPETILEOPS_TD
#define DIALECTS_PIPE_PIPETILEOPS_TD

def Pipe_MmaAsyncOp : Pipe_Op<"mma_async"> {
  let summary = "starts a matrix product of tiles";
  let description = [{
    `D[m, n] = sum_k A[m, k] B[k, n] + C[m, n]`, where `contract(i, j)` says that
    `k` is dimension `i` of `lhs` and `j` of `rhs`. With `depth`, only so many of
    its first elements are summed over: a tile in shared memory may be wider than
    what it holds. Without `acc`, C is zero. C may be a token, whose product this one follows. The left side may be in
    registers, which must not be written before the product is waited for; as
    values do not change, only a target's own conversions could do that.

    With `shares(s)` the rows of the left side and of the accumulator are `s`
    equal runs, and so are the rows of the right side, be they `n` or `k`: each
    run is multiplied by its own. So warps that hold the same rows of a program
    share out the keys of a step:

    ```mlir
    // 4 times the same 8 queries, each of which see 32 of 128 keys.
    %scores = pipe.mma_async %q, %keys contract(1, 1) shares(4)
        : tensor<32x128xbf16, #wide>, <128x128xf8E4M3FN, swizzle = 128>
          -> <tensor<32x32xf32, #low>>
    ```

    Constraints:
    * (C1) `contract` names dimensions 0 or 1; their sizes agree, a share's where
      rows of the right side are contracted, or are at least `depth`, which is
      positive.
    * (C2) The accumulator is M x N, or has the first columns only if the right
      side is wider; with `shares` N is a share's.
    * (C3) `acc` has the accumulator's type, or is a token of it.
    * (C4) The left and right elements have one type, or the right ones 8 bits,
      which are widened to the left ones.
    * (C5) `shares` divides the rows of both sides, of which the left side's
      are kept, and there is no `depth`.
  }];
  let arguments = (ins AnyTypeOf<[Pipe_SharedType, Pipe_Tile]>:$lhs,
                       Pipe_SharedType:$rhs,
                       Optional<AnyTypeOf<[Pipe_Tile, Pipe_TokenType]>>:$acc,
                       I64Attr:$lhs_dim, I64Attr:$rhs_dim,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$depth,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$shares);
  let results = (outs Pipe_TokenType:$token);
  let assemblyFormat = [{
    $lhs `,` $rhs (`,` $acc^)? `contract` `(` $lhs_dim `,` $rhs_dim `)`
    (`depth` $depth^)? (`shares` `(` $shares^ `)`)? attr-dict
    `:` type($lhs) `,` type($rhs) (`,` type($acc)^)? `->` type($token)
  }];
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The runs of rows that are multiplied each by their own.
    int64_t getNumShares() { return getShares().value_or(1); }
    /// The number of terms of each sum.
    int64_t getNumTerms() {
      if (getDepth())
        return *getDepth();
      int64_t size = getRhs().getType().getShape()[getRhsDim()];
      return getRhsDim() == 0 ? size / getNumShares() : size;
    }
  }];
}

def Pipe_MmaWaitOp : Pipe_Op<"mma_wait", [TypesMatchWith<
    "result is the token's accumulator", "token", "accumulator",
    "::llvm::cast<::attn::pipe::TokenType>($_self).getAccumulator()">]> {
  let summary = "waits for a product and gives its accumulator";
  let description = [{
    Waits until at most `pending` of this group's products are in flight, the
    youngest; `token`'s is not one of them.

    Constraints:
    * (C1) The result is the token's accumulator.
    * (C2) Where token and wait stand in one block, at least `pending` products
      are started between them: else the wait would not reach the token.
  }];
  let arguments = (ins Pipe_TokenType:$token,
                       ConfinedAttr<I64Attr, [IntNonNegative]>:$pending);
  let results = (outs Pipe_Tile:$accumulator);
  let assemblyFormat = [{
    $token `pending` `(` $pending `)` attr-dict `:` type($token)
  }];
  let hasVerifier = 1;
}

def Pipe_MmaRetireOp : Pipe_Op<"mma_retire", [SameOperandsAndResultType]> {
  let summary = "waits for products older than `token`'s";
  let description = [{
    Waits until at most `pending` products are in flight, of which `token`'s is
    one, so that slots that older ones read may be released.

    Constraints:
    * (C1) `pending` is positive.
  }];
  let arguments = (ins Pipe_TokenType:$token,
                       ConfinedAttr<I64Attr, [IntPositive]>:$pending);
  let results = (outs Pipe_TokenType:$result);
  let assemblyFormat = "$token `pending` `(` $pending `)` attr-dict `:` type($token)";
}

def Pipe_RowReduceOp : Pipe_Op<"row_reduce"> {
  let summary = "reduces a tile along a dimension";
  let description = [{
    `init`, a complete or partial line, joins the reduction. A partial result is
    each lane's own part, with its own part of `init`.

    Constraints:
    * (C1) The result has the tile's elements and spreads its lines over
      registers, lanes and warps as the tile does: it is a slice of the tile's
      fragment, or of one of another width.
    * (C2) `init` is such a line too, and is complete if the result is; for a partial result of kind `add`
      it is partial, as a complete one would be counted once a lane.
  }];
  let arguments = (ins Pipe_ReduceKind:$kind, Pipe_Tile:$tile,
                       Optional<Pipe_Line>:$init);
  let results = (outs Pipe_Line:$result);
  let assemblyFormat = [{
    $kind $tile (`init` $init^)? attr-dict
    `:` type($tile) (`,` type($init)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Pipe_LaneReduceOp : Pipe_Op<"lane_reduce", [Pure]> {
  let summary = "combines the lanes of a partial line";
  let description = [{
    Constraints:
    * (C1) The operand is partial, and the result is its complete form.
  }];
  let arguments = (ins Pipe_ReduceKind:$kind, Pipe_Line:$line);
  let results = (outs Pipe_Line:$result);
  let assemblyFormat = "$kind $line attr-dict `:` type($line) `->` type($result)";
  let hasVerifier = 1;
}

def Pipe_BroadcastOp : Pipe_Op<"broadcast", [Pure]> {
  let summary = "repeats a line along the dimension that it lacks";
  let description = [{
    Moves nothing: each lane repeats its own value. The result is a tile, or a
    partial line, each lane's part of which is the value (not a part of it), as a
    factor of partial sums has to be.

    Constraints:
    * (C1) The line is complete.
    * (C2) The result is the line's partial form, or a tile of its elements whose
      fragment spreads rows (or columns) over registers, lanes and warps as the
      line's does: that of another width, for example.
  }];
  let arguments = (ins Pipe_Line:$line);
  let results = (outs Pipe_Registers:$result);
  let assemblyFormat = "$line attr-dict `:` type($line) `->` type($result)";
  let hasVerifier = 1;
}

def Pipe_IfAnyOp : Pipe_Op<"if_any", [
    RecursiveMemoryEffects, RecursivelySpeculatable, InferTypeOpAdaptor]> {
  let summary = "something that few rows need";
  let description = [{
    What the region yields, if `condition` holds at some row, or else the
    registers after `else`. At rows at which it does not hold both are equal: each warp
    decides for its own rows. Nobody waits for another warp in the region.

    Constraints:
    * (C1) `condition` is a complete line of i1.
    * (C2) The region yields values of the others' types.
    * (C3) The region has no effects: it computes on registers alone.
  }];
  let arguments = (ins Pipe_Line:$condition, Variadic<Pipe_Registers>:$others);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Pipe_Registers>:$results);
  let assemblyFormat = [{
    $condition `:` type($condition)
    `else` `(` $others `:` type($others) `)` $body attr-dict
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Pipe_SplatOp : Pipe_Op<"splat", [Pure]> {
  let summary = "a tile or line of one scalar";
  let description = [{
    Constraints:
    * (C1) The scalar has the result's element type.
  }];
  let arguments = (ins AnyTypeOf<[AnySignlessInteger, AnyFloat]>:$scalar);
  let results = (outs Pipe_Registers:$result);
  let assemblyFormat = "$scalar attr-dict `:` type($scalar) `->` type($result)";
  let hasVerifier = 1;
}

def Pipe_CoordOp : Pipe_Op<"coord", [Pure]> {
  let summary = "each element's coordinate along a dimension of the tile";
  let description = [{
    For a line, `dim` is the dimension of the tile that it belongs to.

    With `shares(s)` the rows are `s` runs of the same rows, of which the second
    has the columns behind those of the first, and so on, as products with
    `shares` give them: a row counts from the first of its run, a column from
    the first one of all.

    Constraints:
    * (C1) `dim` is one of the result's, and its elements are `i32`.
    * (C2) `shares` divides the rows, of a tile or of a line of them.
  }];
  let arguments = (ins I64Attr:$dim,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$shares);
  let results = (outs Pipe_Registers:$result);
  let assemblyFormat = "$dim (`shares` `(` $shares^ `)`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Pipe_GatherOp : Pipe_Op<"gather"> {
  let summary = "elements of a tensor, each at coordinates of its own";
  let description = [{
    Each element of the result is the one of `source` at the coordinates that
    `indices` have there: a number for all, or an element of a tile of `i32` that
    is held as the result is. Points beyond the extents give zero, negative ones
    too. Elements of narrower floats may be widened to f32, and integers taken as
    i32: narrower ones extended by their sign, wider ones cut to their low bits.

    ```mlir
    %bias = pipe.gather %b[%head, %rows, %columns]
        : !pipe.global<?x?x?xbf16>[i32, !where, !where] -> !tile
    ```

    Constraints:
    * (C1) One index a dimension, each an `i32` or a tile of them with the result's
      shape and encoding.
    * (C2) The result's elements are the source's, or f32 where those are narrower
      floats, or i32 where they are integers of at least 8 bits.
    * (C3) The kernel only reads `source`: a target may cache what it gathers.
  }];
  let arguments = (ins Pipe_GlobalType:$source, Variadic<AnyType>:$indices);
  let results = (outs Pipe_Registers:$result);
  let assemblyFormat = [{
    $source `[` $indices `]` attr-dict `:` type($source) `[` type($indices) `]`
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Pipe_ColumnsOp : Pipe_Op<"columns", [Pure]> {
  let summary = "consecutive columns of a tile";
  let description = [{
    Constraints:
    * (C1) The result has the tile's rows and elements, and its columns
      `first` ... are among the tile's.
    * (C2) Each lane of the result holds what it held of the tile.
  }];
  let arguments = (ins Pipe_Tile:$tile, I64Attr:$first);
  let results = (outs Pipe_Tile:$result);
  let assemblyFormat = "$tile `from` $first attr-dict `:` type($tile) `->` type($result)";
  let hasVerifier = 1;
}

def Pipe_RelayoutOp : Pipe_Op<"relayout", [Pure]> {
  let summary = "gives a tile another fragment";
  let description = [{
    `cost` is what the move takes at most: `free` where every lane keeps its
    elements, `shuffle` where they stay in their warp, `memory` where they cross
    warps. The verifier computes it, so that a change of fragments that makes a
    move dear does not pass unseen.

    Constraints:
    * (C1) Shapes and elements agree.
    * (C2) `cost` is what the two fragments need.
  }];
  let arguments = (ins Pipe_Tile:$tile, Pipe_RelayoutCost:$cost);
  let results = (outs Pipe_Tile:$result);
  let assemblyFormat = [{
    $tile `cost` `(` $cost `)` attr-dict `:` type($tile) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Pipe_SplitOp : Pipe_Op<"split", [Pure]> {
  let summary = "the rows of tiles and lines in equal runs";
  let description = [{
    The results are the first `into`-th of the rows of each of `values`, then the
    second of each, and so on; they cross warps, once for all of them.

    ```mlir
    %m0, %o0, %m1, %o1 = pipe.split %m, %o into 2
        : !line, !tile -> !half_line, !half, !half_line, !half
    ```

    Constraints:
    * (C1) `into` divides the rows of each value, and there are as many results
      of one type for each.
    * (C2) A result has its value's elements and columns, and is a line of rows,
      complete, as that is.
  }];
  let arguments = (ins Variadic<Pipe_Registers>:$values,
                       ConfinedAttr<I64Attr, [IntPositive]>:$into);
  let results = (outs Variadic<Pipe_Registers>:$runs);
  let assemblyFormat = [{
    $values `into` $into attr-dict `:` type($values) `->` type($runs)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_PIPE_PIPETILEOPS_TD
