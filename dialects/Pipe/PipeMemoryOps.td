//===- PipeMemoryOps.td - rings, copies and stores -----*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPEMEMORYOPS_TD
#define DIALECTS_PIPE_PIPEMEMORYOPS_TD

//===-- Rings ---------------------------------------------------------------===//

def Pipe_CursorOfRing : TypesMatchWith<
    "cursor and ring have equal numbers of slots", "ring", "cursor",
    "::attn::pipe::CursorType::get($_self.getContext(), "
    "::llvm::cast<::attn::pipe::RingType>($_self).getSlots())">;

def Pipe_SlotOfRing : TypesMatchWith<
    "slot has the type of the ring's slots", "ring", "slot",
    "::llvm::cast<::attn::pipe::RingType>($_self).getSlot()">;

def Pipe_RingOp : Pipe_Op<"ring", [HasParent<"KernelOp">]> {
  let summary = "declares a ring whose slots `readers` groups release";
  let description = [{
    One thread of a group releases a slot for it: the group's products have read
    the slot, and none starts before all warps have waited for it. With
    `by_warps` one of each warp does, so that a group may release what no product
    of its own has read.
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntPositive]>:$readers,
                       UnitAttr:$by_warps);
  let results = (outs Pipe_RingType:$ring);
  let assemblyFormat = [{
    `readers` `(` $readers `)` (`by_warps` $by_warps^)? attr-dict `:` type($ring)
  }];
}

def Pipe_CursorOp : Pipe_Op<"cursor", [Pure]> {
  let summary = "the place where filling and reading of a ring begin";
  let results = (outs Pipe_CursorType:$cursor);
  let assemblyFormat = "attr-dict `:` type($cursor)";
}

def Pipe_AdvanceOp : Pipe_Op<"advance", [Pure, SameOperandsAndResultType]> {
  let summary = "the place after `cursor`";
  let arguments = (ins Pipe_CursorType:$cursor);
  let results = (outs Pipe_CursorType:$next);
  let assemblyFormat = "$cursor attr-dict `:` type($cursor)";
}

def Pipe_FillOp : Pipe_Op<"fill", [
    Pipe_CursorOfRing, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "fills the slot at `cursor` once its readers have released it";
  let description = [{
    Waits until the slot is free, then starts the copies of the body, whose
    argument is the slot. The slot is ready for readers when all of them, and the
    message, have arrived; a body without copies makes it ready at once.

    ```mlir
    pipe.fill %ring[%c] as %slot message(%item)
        : !pipe.ring<2 x !pipe.shared<128x128xbf16, swizzle = 128>, message> {
      pipe.load %k[%head, %row, %zero] -> %slot
        : !pipe.global<?x?x128xbf16> -> !pipe.shared<128x128xbf16, swizzle = 128>
    }
    ```

    Constraints:
    * (C1) The cursor's and the ring's numbers of slots agree.
    * (C2) There are as many messages as the ring's fillings carry.
    * (C3) All copies are from `strided` tensors, or by `pipe.widen`, and the
      role has several warps, whose threads copy and meet; or none is.
    * (C4) The body holds nothing but arithmetic and `pipe.load`s, or one
      `pipe.widen`, into the slot.
    * (C5) What threads copy is not shared by a cluster.
    * (C6) Those of the `pipe.load`s that say which rows they fill fill each row
      of the slot once.
  }];
  let arguments = (ins Pipe_RingType:$ring, Pipe_CursorType:$cursor,
                       Variadic<I32>:$messages);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Pipe_WaitOp : Pipe_Op<"wait", [Pipe_CursorOfRing, Pipe_SlotOfRing]> {
  let summary = "waits until the slot at `cursor` is ready, and gives it";
  let description = [{
    Constraints:
    * (C1) The cursor's and the ring's numbers of slots agree.
  }];
  let arguments = (ins Pipe_RingType:$ring, Pipe_CursorType:$cursor);
  let results = (outs Pipe_SharedType:$slot);
  let assemblyFormat = "$ring `[` $cursor `]` attr-dict `:` type($ring)";
}

def Pipe_MessageOp : Pipe_Op<"message", [Pipe_CursorOfRing]> {
  let summary = "a message of the slot at `cursor`, which was waited for";
  let description = [{
    Constraints:
    * (C1) The cursor's and the ring's numbers of slots agree.
    * (C2) The ring's fillings carry message `number`.
  }];
  let arguments = (ins Pipe_RingType:$ring, Pipe_CursorType:$cursor,
                       DefaultValuedAttr<I64Attr, "0">:$number);
  let results = (outs I32:$message);
  let assemblyFormat = [{
    $ring `[` $cursor `]` (`number` $number^)? attr-dict `:` type($ring)
  }];
  let hasVerifier = 1;
}

def Pipe_ReleaseOp : Pipe_Op<"release", [Pipe_CursorOfRing]> {
  let summary = "says that this group no longer reads the slot at `cursor`";
  let description = [{
    Products that read the slot must have been waited for. With `if`, only where
    the condition holds, without a branch.

    Constraints:
    * (C1) The cursor's and the ring's numbers of slots agree.
  }];
  let arguments = (ins Pipe_RingType:$ring, Pipe_CursorType:$cursor,
                       Optional<I1>:$condition);
  let assemblyFormat = [{
    $ring `[` $cursor `]` (`if` $condition^)? attr-dict `:` type($ring)
  }];
}

def Pipe_ClearOp : Pipe_Op<"clear"> {
  let summary = "makes rows of a slot zero";
  let description = [{
    The rows from `row` on of a slot that was waited for become zero for the group,
    whose warps meet. What lies beyond the end of some data in a slot may be
    anything, and zero times anything is not zero. Several readers may clear a
    slot: they clear the same rows.

    Constraints:
    * (C1) The role has more than one warp.
  }];
  let arguments = (ins Pipe_SharedType:$slot, I32:$row);
  let assemblyFormat = "$slot `from` $row attr-dict `:` type($slot)";
  let hasVerifier = 1;
}

def Pipe_ClearRowOp : Pipe_Op<"clear_row"> {
  let summary = "makes a row of a slot zero";
  let description = [{
    In a `pipe.each`, which orders it before the products of the group: where the
    condition holds, row `row` of a slot that was waited for becomes zero. Several
    readers may clear a slot: they clear the same rows.

    ```mlir
    pipe.each %row in %c64 {
      %is_seen = arith.cmpi sge, %row, %first : i32
      %is_unseen = arith.xori %is_seen, %true : i1
      pipe.clear_row %slot[%row] if %is_unseen : !pipe.shared<64x128xbf16, swizzle = 128>
    }
    ```

    Constraints:
    * (C1) It stands in a `pipe.each`.
  }];
  let arguments = (ins Pipe_SharedType:$slot, I32:$row, I1:$condition);
  let assemblyFormat = [{
    $slot `[` $row `]` `if` $condition attr-dict `:` type($slot)
  }];
  let hasVerifier = 1;
}

def Pipe_ClearUnsetOp : Pipe_Op<"clear_unset"> {
  let summary = "makes rows of a slot zero that no group's bits name";
  let description = [{
    Row `r` of a slot that was waited for becomes zero unless some row of some
    group's `bits` has column `r` set. So what no row of an item sees does not
    reach its products, whatever it is. All groups of the role meet here, each
    with its own bits.

    Constraints:
    * (C1) `bits` has a column for each row of the slot.
    * (C2) The role has more than one warp.
  }];
  let arguments = (ins Pipe_SharedType:$slot, Pipe_Tile:$bits);
  let assemblyFormat = [{
    $slot `by` $bits attr-dict `:` type($slot) `,` type($bits)
  }];
  let hasVerifier = 1;
}

//===-- Copies --------------------------------------------------------------===//

def Pipe_LoadOp : Pipe_Op<"load", [HasParent<"FillOp">]> {
  let summary = "starts a copy from global memory into a slot";
  let description = [{
    The slot's two dimensions are the last two of `source`, from `indices` on;
    points beyond the extents of `source` are zero. With `rows [first, count]`
    these rows of the slot alone are filled, so that several copies bring what
    does not follow each other in memory, as the rows of a box of a canvas:

    ```mlir
    pipe.load %k[%head, %upper, %zero] -> %slot rows [0, 8] : ...
    pipe.load %k[%head, %lower, %zero] -> %slot rows [8, 8] : ...
    ```

    With `packed` rows run along two dimensions of the source, and columns along
    its last: of what is [heads, queries, width] these 64 rows are 8 queries of 8
    heads each, of which those beyond the extents are zero.

    ```mlir
    pipe.load %q[%zero, %query, %zero] -> %slot packed <8 of 0 in 1> : ...
    ```

    From a `strided` tensor, of which no engine copies rows in bulk, the group's
    threads copy element by element.

    Constraints:
    * (C1) One index a dimension of `source`, which has at least two.
    * (C2) Element types agree.
    * (C3) The slot is that of the enclosing `pipe.fill`.
    * (C4) `rows` are rows of the slot, one at the least.
    * (C5) `packed` meets `#pipe.packing`, and its slot is of no ring that a
      cluster shares.
  }];
  let arguments = (ins Pipe_GlobalType:$source, Variadic<I32>:$indices,
                       Pipe_SharedType:$slot,
                       DefaultValuedAttr<Pipe_CacheHint,
                         "::attn::pipe::CacheHint::Normal">:$cache,
                       OptionalAttr<DenseI64ArrayAttr>:$rows,
                       OptionalAttr<Pipe_PackingAttr>:$packing);
  let assemblyFormat = [{
    $source `[` $indices `]` `->` $slot (`rows` $rows^)? (`packed` $packing^)?
    (`cache` `(` $cache^ `)`)? attr-dict `:` type($source) `->` type($slot)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The first row of the slot that is filled, and how many are.
    int64_t getFirstRow() { return getRows() ? (*getRows())[0] : 0; }
    int64_t getNumRows() {
      return getRows() ? (*getRows())[1] : getSlot().getType().getNumRows();
    }
    /// Whether `rows`, which is there, names rows of the slot.
    bool hasRowsOfSlot();
  }];
}

def Pipe_WidenOp : Pipe_Op<"widen", [HasParent<"FillOp">]> {
  let summary = "copies a slot's elements of 8 bits into one of 16";
  let description = [{
    Products take elements of 16 bits, and memory is read faster where those of a
    tensor have 8. A role between the one that loads and those that multiply takes
    slots of the one ring and fills another's:

    ```mlir
    %narrow = pipe.wait %bytes[%c] : !pipe.ring<3 x !pipe.shared<64x128xi8, swizzle = 128>>
    pipe.fill %halves[%d] as %slot : !pipe.ring<2 x !pipe.shared<64x128xbf16, swizzle = 128>> {
      pipe.widen %narrow -> %slot : !pipe.shared<64x128xi8, swizzle = 128>
                                 -> !pipe.shared<64x128xbf16, swizzle = 128>
    }
    pipe.release %bytes[%c] : !pipe.ring<3 x !pipe.shared<64x128xi8, swizzle = 128>>
    ```

    The group's threads read `source`, which was waited for, and meet before the
    slot is ready. Floats keep their numbers, and integers, which are signed,
    become floats; all are exact.

    Constraints:
    * (C1) The two have equal numbers of rows, and `source` has all columns of the
      slot.
    * (C2) Elements of `source` are f8E4M3FN, f8E5M2 or i8, those of the slot bf16
      or f16.
    * (C3) The slot is that of the enclosing `pipe.fill`.
  }];
  let arguments = (ins Pipe_SharedType:$source, Pipe_SharedType:$slot);
  let assemblyFormat = [{
    $source `->` $slot attr-dict `:` type($source) `->` type($slot)
  }];
  let hasVerifier = 1;
}

//===-- Stores --------------------------------------------------------------===//

def Pipe_SharedTileOp : Pipe_Op<"shared_tile", [HasParent<"KernelOp">]> {
  let summary = "declares a tile in shared memory, on which stores are staged";
  let results = (outs Pipe_SharedType:$tile);
  let assemblyFormat = "attr-dict `:` type($tile)";
}

def Pipe_StageOp : Pipe_Op<"stage"> {
  let summary = "writes a tile of registers to shared memory";
  let description = [{
    Waits first until earlier `pipe.bulk_store`s from the same tile, by the same
    group, have read it.

    Constraints:
    * (C1) Shapes and element types agree.
    * (C2) Each warp holds whole parts of the rows: `dest` has as many parts as the
      group has warps, so that no warp needs another's rows.
  }];
  let arguments = (ins Pipe_Tile:$tile, Pipe_SharedType:$dest);
  let assemblyFormat = "$tile `->` $dest attr-dict `:` type($tile) `->` type($dest)";
  let hasVerifier = 1;
}

def Pipe_BulkStoreOp : Pipe_Op<"bulk_store"> {
  let summary = "starts a copy of a staged tile to global memory";
  let description = [{
    As `pipe.load`, in the other direction: points beyond the extents of `dest`
    are dropped.

    Constraints:
    * (C1) One index a dimension of `dest`, which has at least two.
    * (C2) Element types agree.
    * (C3) `dest` is not `strided`.
    * (C4) `packed` meets `#pipe.packing`.
  }];
  let arguments = (ins Pipe_SharedType:$tile, Pipe_GlobalType:$dest,
                       Variadic<I32>:$indices,
                       OptionalAttr<Pipe_PackingAttr>:$packing);
  let assemblyFormat = [{
    $tile `->` $dest `[` $indices `]` (`packed` $packing^)? attr-dict `:` type($tile) `->` type($dest)
  }];
  let hasVerifier = 1;
}

def Pipe_StoreOp : Pipe_Op<"store", [AttrSizedOperandSegments]> {
  let summary = "writes registers to global memory";
  let description = [{
    The value's dimensions are the last ones of `dest`, from `indices` on; points
    beyond the extents of `dest` are dropped. A line is written once, whichever of
    its lanes does it.

    `rows` says for each row of the value where it lies, counted from the index of
    that dimension; a negative row is dropped. With `packed` rows, or a line's
    elements, run along two dimensions of `dest`, as those of a `pipe.load`.

    Constraints:
    * (C1) One index a dimension of `dest`, and at most as many dimensions as it.
    * (C2) Element types agree.
    * (C3) The value is complete: its encoding is not partial.
    * (C4) `rows` is a line of i32 along the value's first dimension, held by the
      lanes and warps that hold the value's rows.
    * (C5) `packed` meets `#pipe.packing`, and stands without `rows`.
  }];
  let arguments = (ins Pipe_Registers:$value, Pipe_GlobalType:$dest,
                       Variadic<I32>:$indices, Optional<Pipe_Line>:$rows,
                       OptionalAttr<Pipe_PackingAttr>:$packing);
  let assemblyFormat = [{
    $value `->` $dest `[` $indices `]` (`rows` `(` $rows^ `:` type($rows) `)`)?
    (`packed` $packing^)? attr-dict `:` type($value) `->` type($dest)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_PIPE_PIPEMEMORYOPS_TD
