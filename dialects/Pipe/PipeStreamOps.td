//===- PipeStreamOps.td - items that several blocks do -*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPESTREAMOPS_TD
#define DIALECTS_PIPE_PIPESTREAMOPS_TD

def Pipe_FirstPartOp : Pipe_Op<"first_part", [Pure]> {
  let summary = "the item of a stream that this block does first";
  let description = [{
    A block does the items of its share in their order, but for the end of one in
    which the share begins, which comes last if the share has the beginning of
    another.

    `before` is where the steps of `item` begin in the line: how many steps all
    items before it have, with the leads of these and its own. Where a block has no
    steps, `item` is -1.

    Constraints:
    * (C1) The work is a stream, here as in the ops below.
  }];
  let arguments = (ins Pipe_WorkType:$work);
  let results = (outs I32:$item, I32:$before);
  let assemblyFormat = "$work attr-dict `:` type($work)";
  let hasVerifier = 1;
}

def Pipe_PartOp : Pipe_Op<"part", [Pure]> {
  let summary = "the steps of an item that this block does";
  let description = [{
    Of an item of `steps` steps that begins at `before` in the line, those from `first`
    on, up to `last`, which is not one of them.
  }];
  let arguments = (ins Pipe_WorkType:$work, I32:$before, I32:$steps);
  let results = (outs I32:$first, I32:$last);
  let assemblyFormat = "$work `[` $before `,` $steps `]` attr-dict `:` type($work)";
  let hasVerifier = 1;
}

def Pipe_NextPartOp : Pipe_Op<"next_part", [Pure]> {
  let summary = "the item after `item` of this block, or -1";
  let description = [{
    `before` and `steps` are those of `item`; the second result is where those of
    `next` begin.
  }];
  let arguments = (ins Pipe_WorkType:$work, I32:$item, I32:$before, I32:$steps);
  let results = (outs I32:$next, I32:$next_before);
  let assemblyFormat = [{
    $work `after` $item `[` $before `,` $steps `]` attr-dict `:` type($work)
  }];
  let hasVerifier = 1;
}

class Pipe_RunsOp<string mnemonic> : Pipe_Op<mnemonic, [
    RecursiveMemoryEffects, SingleBlock]> {
  let regions = (region SizedRegion<1>:$body);
  let hasRegionVerifier = 1;
}

def Pipe_SumOp : Pipe_RunsOp<"sum"> {
  let summary = "sums of numbers that a region gives";
  let description = [{
    `tile.sum` in a kernel. All threads of a warp come here together, and may share
    the runs out among them.

    Constraints:
    * (C1) The region takes an i32, yields one for each result, and does nothing
      that others can see.

    ```mlir
    %partial, %full = pipe.sum below %runs {
    ^bb0(%run: i32):
      ...
      pipe.yield %partial_of_run, %full_of_run : i32, i32
    }
    ```
  }];
  let arguments = (ins I32:$bound);
  let results = (outs Variadic<I32>:$totals);
  let assemblyFormat = "`below` $bound $body attr-dict (`:` type($totals)^)?";
}

def Pipe_LocateOp : Pipe_RunsOp<"locate"> {
  let summary = "the run in which a number of a sum lies";
  let description = [{
    `tile.locate` in a kernel. Constraints are those of `pipe.sum` with one number.
  }];
  let arguments = (ins I32:$number, I32:$bound);
  let results = (outs I32:$run, I32:$rest);
  let assemblyFormat = "$number `below` $bound $body attr-dict";
}

def Pipe_MeetOp : Pipe_Op<"meet", [
    AttrSizedOperandSegments, InferTypeOpAdaptor]> {
  let summary = "brings together what blocks have computed of an item";
  let description = [{
    Each block that does a part of the item comes here once with the `values` of
    its part. The block that comes last gets, and `is_whole` says so, the values
    of all parts, combined from the first steps to the last by `merge`, whichever
    block it is; the results of the others are undefined. No block waits for
    another. A block that does the whole item gets its own values.

    `rows`, if given, is how many of the values' first rows count: what is
    combined of the others is undefined.

    ```mlir
    %is_whole, %sum = pipe.meet %work[%before, %steps] rows(%rows) (%part : !tile)
        : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      %c = arith.addf %a, %b : !tile
      pipe.yield %c : !tile
    }
    ```

    Each group of a role meets its own of the other blocks.

    Constraints:
    * (C2) There is at least one value, and all are complete and of 32 bits.
    * (C3) `merge` has two arguments a value, those of the earlier steps first,
      yields as many values, and does nothing that others can see.
    * (C4) It stands in a role of several warps, and in no other op of `pipe` there
      but `pipe.work_loop`.
  }];
  let arguments = (ins Pipe_WorkType:$work, I32:$before, I32:$steps,
                       Optional<I32>:$rows, Variadic<Pipe_Registers>:$values);
  let results = (outs I1:$is_whole, Variadic<Pipe_Registers>:$combined);
  let regions = (region SizedRegion<1>:$merge);
  let assemblyFormat = [{
    $work `[` $before `,` $steps `]` (`rows` `(` $rows^ `)`)?
    `(` $values `:` type($values) `)` attr-dict `:` type($work) `merge` $merge
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

#endif // DIALECTS_PIPE_PIPESTREAMOPS_TD
