//===- CascadeTypes.td - tensors with named ranks ----------*- tablegen -*-===//

#ifndef DIALECTS_CASCADE_CASCADETYPES_TD
#define DIALECTS_CASCADE_CASCADETYPES_TD

include "dialects/Cascade/CascadeDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"

def Cascade_TensorType : TypeDef<CascadeDialect, "NamedTensor"> {
  let mnemonic = "tensor";
  let summary = "a tensor with named ranks and an empty value";
  let description = [{
    `!cascade.tensor<[B, H, M, E], bf16, empty = 0.0>`

    Constraints:
    * (C1) The names of the ranks differ.
    * (C2) The element type is an integer, a float of 16, 32 or 64 bits,
      `f8E4M3FN`, `f8E5M2`, or `index`.
    * (C3) `empty` has the element type.
  }];
  let parameters = (ins
    ArrayRefParameter<"::mlir::StringAttr", "names of the ranks, outermost first">:$ranks,
    "::mlir::Type":$elementType,
    "::mlir::TypedAttr":$empty);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [
    TypeBuilderWithInferredContext<(ins
      "::llvm::ArrayRef<::mlir::StringAttr>":$ranks, "::mlir::Type":$elementType,
      "::mlir::TypedAttr":$empty), [{
      return $_get(elementType.getContext(), ranks, elementType, empty);
    }]>
  ];
  let extraClassDeclaration = [{
    /// Position of the rank called `name`, or nothing.
    std::optional<unsigned> getRankPosition(::llvm::StringRef name) const;

    /// The type in which regions see the elements: floats narrower than 32
    /// bits widen to f32, all others stay.
    ::mlir::Type getComputeType() const;

    /// Whether elements are integers or floats of 8 bits.
    bool hasByteElements() const {
      return getElementType().isIntOrFloat() &&
             getElementType().getIntOrFloatBitWidth() == 8;
    }

    /// This type with `ranks` in place of its own.
    NamedTensorType withRanks(::llvm::ArrayRef<::mlir::StringAttr> ranks) const;

    /// This type with `elementType`; the empty value is converted.
    NamedTensorType withElementType(::mlir::Type elementType) const;
  }];
}

#endif // DIALECTS_CASCADE_CASCADETYPES_TD
