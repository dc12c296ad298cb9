//===- Pipe.h - the pipe dialect: when and where work runs ----------------===//

#ifndef DIALECTS_PIPE_PIPE_H
#define DIALECTS_PIPE_PIPE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Pipe/PipeDialect.h.inc"
#include "dialects/Pipe/PipeEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Pipe/PipeAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Pipe/PipeTypes.h.inc"

namespace attn::pipe {

class WorkOp;

/// Names of the attributes of a kernel's arguments.
inline constexpr llvm::StringLiteral kNameAttr = "pipe.name";
inline constexpr llvm::StringLiteral kAccessAttr = "pipe.access";
inline constexpr llvm::StringLiteral kShapeAttr = "pipe.shape";
/// Of a tensor: the most that the kernel covers of ranks, by name.
inline constexpr llvm::StringLiteral kMostAttr = "pipe.most";

/// The elements of a tensor, wherever it lies: in global memory, in shared
/// memory or in registers.
mlir::Type getElementType(mlir::Type type);

/// The fragment that holds a tile or a line's parent, or null.
FragmentAttr getFragment(mlir::Type type);

/// Two ops of which both may use `value`, as they stand in no different
/// branches of one `scf.if`; nulls if there are none.
std::pair<mlir::Operation *, mlir::Operation *> findTwoUses(mlir::Value value);

/// Whether each lane of a tile in `fragment` holds the rows (or columns) that
/// it holds of `line`, in the same order of registers.
bool spreadsAs(SliceAttr line, FragmentAttr fragment);

/// What moving a tile from one fragment to another takes.
RelayoutCost getRelayoutCost(FragmentAttr from, FragmentAttr to);

} // namespace attn::pipe

#define GET_OP_CLASSES
#include "dialects/Pipe/PipeOps.h.inc"

#endif // DIALECTS_PIPE_PIPE_H
