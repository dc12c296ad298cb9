//===- Cascade.h - the cascade dialect ------------------------------------===//

#ifndef DIALECTS_CASCADE_CASCADE_H
#define DIALECTS_CASCADE_CASCADE_H

#include "dialects/Cascade/CascadeAlgebra.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Cascade/CascadeDialect.h.inc"
#include "dialects/Cascade/CascadeEnums.h.inc"
#include "dialects/Cascade/CascadeInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Cascade/CascadeAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Cascade/CascadeTypes.h.inc"

namespace attn::cascade {
class RankOp;

/// The most coordinates of a tile, so that the bytes of any tile of two ranks
/// are a 64-bit number.
constexpr int64_t kMaxTile = int64_t(1) << 24;

/// On an integer scalar argument: a kernel is compiled for its value.
inline constexpr llvm::StringLiteral kStaticAttr = "cascade.static";

/// On a function: parts of its masks that have no bounds are computed at every
/// point. Without it they are refused.
inline constexpr llvm::StringLiteral kResidualAttr = "cascade.residual";

/// On functions: each query sees the key at its own position, p or p + |M| -
/// |P|.
inline constexpr llvm::StringLiteral kReflexiveAttr = "cascade.reflexive";

/// On functions: a dictionary of the `#cascade.layout`s of ranks whose tensors
/// lie otherwise than coordinates run.
inline constexpr llvm::StringLiteral kLayoutsAttr = "cascade.layouts";

/// On a tensor argument: the `#cascade.pages` in which it lies.
inline constexpr llvm::StringLiteral kPagesAttr = "cascade.pages";

/// On a tensor argument or result: the `#cascade.packing` of one of its ranks.
inline constexpr llvm::StringLiteral kPackingAttr = "cascade.packing";

/// The effect of an empty value of each operand of `map` (one a block
/// argument), by the algebra of its operations: `Absorb` if the yielded value
/// is then `resultEmpty` whatever the other operands are, `Through` if the
/// operand drops out, `Derived` if neither can be shown. An absent map is the
/// product.
llvm::SmallVector<Merge> deriveMerges(const AlgebraRegistry &algebra,
                                      mlir::Region &map,
                                      llvm::ArrayRef<double> operandEmpties,
                                      double resultEmpty);

/// True if `name` can be written without quotes: letters, digits, `_`, `$` and
/// `.`, the first a letter or `_`.
bool isBareName(llvm::StringRef name);

/// Keeps the SSA names of the results of the operation being parsed in its
/// location. Names that start with a digit are a printer's and not kept.
void keepResultNames(mlir::OpAsmParser &parser, mlir::OperationState &state);

/// Likewise for an argument of a region.
void keepArgumentName(mlir::OpAsmParser &parser,
                      mlir::OpAsmParser::Argument &argument);

/// What a report calls `value`: the function's name for an argument, the SSA
/// name of the source text where the location kept it, else the operation and
/// its number in the function (`einsum#3`).
std::string getValueName(mlir::Value value);
} // namespace attn::cascade

#define GET_OP_CLASSES
#include "dialects/Cascade/CascadeOps.h.inc"

#endif // DIALECTS_CASCADE_CASCADE_H
