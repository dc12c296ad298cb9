//===- PipeOps.td - operations of the pipe dialect -----*- tablegen -*-===//
#ifndef DIALECTS_PIPE_PIPEOPS_TD
#define DIALECTS_PIPE_PIPEOPS_TD

include "dialects/Pipe/PipeTypes.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Pipe_Op<string mnemonic, list<Trait> traits = []>
    : Op<PipeDialect, mnemonic, traits>;

class Pipe_EncodedTensor<string encoding, string description> : Type<And<[
    AnyStaticShapeTensor.predicate,
    CPred<"::llvm::isa_and_nonnull<::attn::pipe::" # encoding # ">("
          "::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding())">]>,
    description, "::mlir::RankedTensorType">;

/// A tile that a group's warps hold in registers.
def Pipe_Tile : Pipe_EncodedTensor<"FragmentAttr",
    "tile with a #pipe.fragment encoding">;

/// One value a row or column of such a tile.
def Pipe_Line : Pipe_EncodedTensor<"SliceAttr",
    "one-dimensional tensor with a #pipe.slice encoding">;

def Pipe_Registers : AnyTypeOf<[Pipe_Tile, Pipe_Line]>;

include "dialects/Pipe/PipeKernelOps.td"
include "dialects/Pipe/PipeMemoryOps.td"
include "dialects/Pipe/PipeTileOps.td"
include "dialects/Pipe/PipeThreadOps.td"
include "dialects/Pipe/PipeStreamOps.td"
include "dialects/Pipe/PipePageOps.td"

#endif // DIALECTS_PIPE_PIPEOPS_TD
