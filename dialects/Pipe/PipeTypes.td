//===- PipeTypes.td - types of the pipe dialect --------*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPETYPES_TD
#define DIALECTS_PIPE_PIPETYPES_TD

include "dialects/Pipe/PipeAttrs.td"
include "mlir/IR/AttrTypeBase.td"

class Pipe_Type<string name, string typeMnemonic>
    : TypeDef<PipeDialect, name> {
  let mnemonic = typeMnemonic;
}

def Pipe_GlobalType : Pipe_Type<"Global", "global"> {
  let summary = "a tensor in global memory: `!pipe.global<?x?x128xbf16>`";
  let description = [{
    The caller's tensor, of any strides but for the last dimension, whose stride
    is 1; with `strided`, as in `!pipe.global<?x?xf32, strided>`, of any strides.
    Reads outside its extents give 0 and writes there are dropped.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        DefaultValuedParameter<"bool", "false">:$strided);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    unsigned getRank() const { return getShape().size(); }
    /// Dimensions with a stride of their own.
    unsigned getNumStrides() const { return getRank() - (getStrided() ? 0 : 1); }
  }];
}

def Pipe_ArrayType : Pipe_Type<"Array", "array"> {
  let summary = "an array of a block: `!pipe.array<64x8xf32>`";
  let description = [{
    Elements in row-major order, which threads get and put one by one. Those of
    `i1` take a byte each. They lie in shared memory, or with `global`, as in
    `!pipe.array<128x128xf32, global>`, in the device's, where each block has
    its own.

    Constraints:
    * (C1) at least one dimension, all static and positive;
    * (C2) integers or floats of at most 64 bits.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        DefaultValuedParameter<"bool", "false">:$global);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    unsigned getRank() const { return getShape().size(); }
    int64_t getNumElements() const;
    int64_t getElementBytes() const;
    int64_t getNumBytes() const { return getNumElements() * getElementBytes(); }
  }];
}

def Pipe_SharedType : Pipe_Type<"Shared", "shared"> {
  let summary = "a tile in shared memory: `!pipe.shared<128x64xbf16, swizzle = 128>`";
  let description = [{
    The columns lie in panels of `swizzle` bytes: `[panel][row][swizzle bytes]`.
    Of an element's byte offset so computed, the `log2(swizzle / 16)` bits from
    bit 4 on are xor-ed with those from bit 7 on, so that neither a row nor a
    column of 16-byte chunks meets one bank twice. With `parts`, the rows are
    first cut into that many equal parts, each stored as a tile of its own.

    Constraints:
    * (C1) two static dimensions, and elements of 1, 2 or 4 bytes;
    * (C2) `swizzle` is 32, 64 or 128, and a row is a whole number of panels;
    * (C3) each part is a whole number of 8 rows.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        "int64_t":$swizzle, DefaultValuedParameter<"int64_t", "1">:$parts);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getNumRows() const { return getShape()[0]; }
    int64_t getNumColumns() const { return getShape()[1]; }
    int64_t getElementBytes() const;
    int64_t getNumBytes() const;
    /// Columns of one panel, and panels of one row.
    int64_t getPanelColumns() const;
    int64_t getNumPanels() const { return getNumColumns() / getPanelColumns(); }
    int64_t getRowsOfPart() const { return getNumRows() / getParts(); }
  }];
}

def Pipe_RingType : Pipe_Type<"Ring", "ring"> {
  let summary = "slots in shared memory, filled and read in turn";
  let description = [{
    `!pipe.ring<2 x !pipe.shared<...>>`. With `message`, each filling also carries
    an integer of 32 bits, with `messages = n` so many. With `cluster`, the blocks of a
    cluster fill their copies of a slot together: each fetches its share of the
    rows for all.

    Constraints:
    * (C1) at least one slot;
    * (C2) at most four messages.
  }];
  let parameters = (ins "int64_t":$slots, "::attn::pipe::SharedType":$slot,
                        DefaultValuedParameter<"int64_t", "0">:$messages,
                        DefaultValuedParameter<"bool", "false">:$cluster);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Pipe_CursorType : Pipe_Type<"Cursor", "cursor"> {
  let summary = "a place in a ring of so many slots, and how often it wrapped";
  let parameters = (ins "int64_t":$slots);
  let assemblyFormat = "`<` $slots `>`";
}

def Pipe_TokenType : Pipe_Type<"Token", "token"> {
  let summary = "a matrix product in flight, with the accumulator that it writes";
  let description = [{
    Its registers are being written: they can be neither copied nor moved.

    Constraints, of a role:
    * (C1) A token is used once on every path.
    * (C2) What uses it is of `pipe`, or hands it on: `scf.for`, `scf.if`,
      `scf.yield`.
    * (C3) A loop brings a token back to its own place.
  }];
  let parameters = (ins "::mlir::RankedTensorType":$accumulator);
  let assemblyFormat = "`<` $accumulator `>`";
}

def Pipe_TurnType : Pipe_Type<"Turn", "turn"> {
  let summary = "a turn that groups of a role take one after the other";
  let parameters = (ins "int64_t":$groups);
  let assemblyFormat = "`<` $groups `>`";
}

def Pipe_PagesType : Pipe_Type<"Pages", "pages"> {
  let summary = "the numbers of so many pages, of which a warp's lanes have one each";
  let description = [{
    Constraints:
    * (C1) at least one page.
  }];
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
  let genVerifyDecl = 1;
}

def Pipe_WorkType : Pipe_Type<"Work", "work"> {
  let summary = "work items, and how blocks come by them";
  let parameters = (ins EnumParameter<Pipe_WorkKind>:$kind);
  let assemblyFormat = "`<` $kind `>`";
}

#endif // DIALECTS_PIPE_PIPETYPES_TD
