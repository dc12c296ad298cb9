//===- PipeAttrs.td - attributes of the pipe dialect ---*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPEATTRS_TD
#define DIALECTS_PIPE_PIPEATTRS_TD

include "dialects/Pipe/PipeDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"

class Pipe_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<PipeDialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Pipe_DigitAttr : Pipe_Attr<"Digit", "digit"> {
  let summary = "one digit of a register's, lane's or warp's number";
  let description = [{
    `size`, `dim`, `stride`: the digit counts 0 .. size-1, and one step of it
    moves `stride` elements along dimension `dim` of the tile. Printed as
    `4 x d1 by 2`.
  }];
  let parameters = (ins "int64_t":$size, "unsigned":$dim, "int64_t":$stride);
  let hasCustomAssemblyFormat = 1;
}

def Pipe_FragmentAttr : Pipe_Attr<"Fragment", "fragment",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding, ["verifyEncoding"]>]> {
  let summary = "which warp, lane and register holds each element of a tile";
  let description = [{
    The numbers of a register, a lane and a warp are written in mixed radix, the
    fastest digit first; the element's coordinate along a dimension is the sum
    over that dimension's digits of digit times stride. For example, the
    accumulator of a product of 64 x 128 over four warps on a Hopper GPU (PTX ISA,
    wgmma, D fragment): register `i` of lane `l` of warp `w` is at
    row `16 w + l / 4 + 8 ((i / 2) % 2)` and column `8 (i / 4) + 2 (l % 4) + i % 2`:

    ```mlir
    #acc = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 16 x d1 by 8],
                          lanes = [4 x d1 by 2, 8 x d0 by 1],
                          warps = [4 x d0 by 16]>
    ```

    Fragments of mma.sync, MFMA and WMMA are written the same way.

    Constraints, on a tile `tensor<...>` with this encoding:
    * (C1) each digit's size and stride are positive, and its dimension is one of
      the tile's;
    * (C2) every element of the tile is held exactly once.
  }];
  let parameters = (ins ArrayRefParameter<"::attn::pipe::DigitAttr">:$registers,
                        ArrayRefParameter<"::attn::pipe::DigitAttr">:$lanes,
                        ArrayRefParameter<"::attn::pipe::DigitAttr">:$warps);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    int64_t getNumRegisters() const;
    int64_t getNumLanes() const;
    int64_t getNumWarps() const;
    /// The coordinate along `dim` that a register's, lane's or warp's number adds.
    static int64_t getOffset(::llvm::ArrayRef<DigitAttr> digits, int64_t number,
                             unsigned dim);
  }];
}

def Pipe_SliceAttr : Pipe_Attr<"Slice", "slice",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding, ["verifyEncoding"]>]> {
  let summary = "what remains of a fragment when a dimension is reduced";
  let description = [{
    The encoding of one value a row (`dim` = 1) or a column (`dim` = 0) of a tile
    with encoding `parent`. Every lane that held part of the row holds its value;
    with `partial`, each of them holds the reduction of its own part, and
    `pipe.lane_reduce` still has to combine them.

    Constraints, on a value `tensor<...>` with this encoding:
    * (C1) it has one dimension, and `dim` is 0 or 1;
    * (C2) its size is that of the parent's other dimension.
  }];
  let parameters = (ins "unsigned":$dim, "::attn::pipe::FragmentAttr":$parent,
                        DefaultValuedParameter<"bool", "false">:$partial);
  let hasCustomAssemblyFormat = 1;
}

def Pipe_PackingAttr : Pipe_Attr<"Packing", "packing"> {
  let summary = "rows that run along two dimensions of a tensor";
  let description = [{
    `#pipe.packing<8 of 2 in 3>`: row `r` of a copy is at the index of dimension 2
    and `r mod 8` more, and at the index of dimension 3 and `r floordiv 8` more.

    Constraints, on a copy of rows:
    * (C1) the width is a power of 2;
    * (C2) both are dimensions of the tensor, different ones, and not that along
      which columns run;
    * (C3) the number of rows is a multiple of the width.
  }];
  let parameters = (ins "int64_t":$width, "unsigned":$inner, "unsigned":$outer);
  let assemblyFormat = "`<` $width `of` $inner `in` $outer `>`";
  let extraClassDeclaration = [{
    /// The coordinates of row `row` in the two dimensions, from the first on.
    int64_t getInnerOf(int64_t row) const { return row & (getWidth() - 1); }
    int64_t getOuterOf(int64_t row) const { return row / getWidth(); }
  }];
}

def Pipe_ReduceKind : I32EnumAttr<"ReduceKind", "monoid of a reduction", [
    I32EnumAttrCase<"Add", 0, "add">,
    I32EnumAttrCase<"MaxNum", 1, "maxnum">,
    I32EnumAttrCase<"Maximum", 2, "maximum">]> {
  let cppNamespace = "::attn::pipe";
}

def Pipe_WorkKind : I32EnumAttr<"WorkKind", "how items come to blocks", [
    I32EnumAttrCase<"Single", 0, "single">,
    I32EnumAttrCase<"Persistent", 1, "persistent">,
    I32EnumAttrCase<"Dynamic", 2, "dynamic">,
    I32EnumAttrCase<"Split", 3, "split">,
    I32EnumAttrCase<"Stream", 4, "stream">]> {
  let cppNamespace = "::attn::pipe";
}

def Pipe_RelayoutCost : I32EnumAttr<"RelayoutCost", "what a change of fragment takes", [
    I32EnumAttrCase<"Free", 0, "free">,
    I32EnumAttrCase<"Shuffle", 1, "shuffle">,
    I32EnumAttrCase<"Memory", 2, "memory">]> {
  let cppNamespace = "::attn::pipe";
}

def Pipe_CacheHint : I32EnumAttr<"CacheHint", "how long a cache should keep data", [
    I32EnumAttrCase<"Normal", 0, "normal">,
    I32EnumAttrCase<"EvictFirst", 1, "evict_first">,
    I32EnumAttrCase<"EvictLast", 2, "evict_last">]> {
  let cppNamespace = "::attn::pipe";
}

#endif // DIALECTS_PIPE_PIPEATTRS_TD
