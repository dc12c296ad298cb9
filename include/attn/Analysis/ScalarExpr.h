//===- ScalarExpr.h - expressions of map regions --------------------------===//
//
// The value that a map region yields, as a tree over its arguments. Trees are
// immutable and shared; an operation node keeps the operation it came from, so
// that any operation, also one this project has never heard of, can be emitted
// again with other operands.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_SCALAREXPR_H
#define ATTN_ANALYSIS_SCALAREXPR_H

#include "dialects/Cascade/Cascade.h"

#include <memory>

namespace attn {

struct ScalarExprNode;
/// A null expression stands for the identity of the monoid at hand.
using ScalarExpr = std::shared_ptr<const ScalarExprNode>;

struct ScalarExprNode {
  enum class Kind { Leaf, Operation, Combine };
  Kind kind;
  mlir::Type type;
  /// Leaf: what it stands for; equal numbers are the same leaf.
  unsigned leaf = 0;
  /// Operation: the operation to clone. It outlives the expression.
  mlir::Operation *op = nullptr;
  /// Combine: the monoid, and whether operand 1 is inverted.
  const cascade::MonoidInfo *monoid = nullptr;
  bool inverse = false;
  llvm::SmallVector<ScalarExpr, 2> operands;
};

ScalarExpr makeLeaf(unsigned leaf, mlir::Type type);
ScalarExpr makeOperation(mlir::Operation *op,
                         llvm::ArrayRef<ScalarExpr> operands);
/// `lhs * rhs`, or `lhs * inverse(rhs)`, in `monoid`. Null is the identity;
/// `type` is that of the result. Not both may be null.
ScalarExpr makeCombine(const cascade::MonoidInfo &monoid, bool inverse,
                       ScalarExpr lhs, ScalarExpr rhs, mlir::Type type);

/// True if both trees are the same up to the operations they were taken from.
bool isEqual(const ScalarExpr &lhs, const ScalarExpr &rhs);

/// Calls `visit` with the number of each leaf, once for each occurrence.
void forEachLeaf(const ScalarExpr &expr,
                 llvm::function_ref<void(unsigned leaf)> visit);

/// `expr` with leaf numbers changed by `rename`.
ScalarExpr renameLeaves(const ScalarExpr &expr,
                        llvm::function_ref<unsigned(unsigned)> rename);

/// What the block of a map region yields. `leafOf` gives a number to values
/// that become leaves: to all block arguments and values from outside, and to
/// those results of operations that it wants so. Fails on operations with
/// several results.
mlir::FailureOr<ScalarExpr> buildScalarExpr(
    mlir::Block &map,
    llvm::function_ref<std::optional<unsigned>(mlir::Value)> leafOf);

/// Emits `expr`; `valueOf` gives the value of a leaf.
mlir::Value emitScalarExpr(mlir::OpBuilder &builder, mlir::Location loc,
                           const ScalarExpr &expr,
                           llvm::function_ref<mlir::Value(unsigned)> valueOf);

/// The values that `expr` can take when its leaves have the ranges `rangeOf`.
cascade::ValueInterval
getRange(const cascade::AlgebraRegistry &algebra, const ScalarExpr &expr,
         llvm::function_ref<cascade::ValueInterval(unsigned)> rangeOf);

/// The value of `expr` at a point, by folding its operations; nothing if an
/// operation does not fold.
std::optional<double> evaluate(const ScalarExpr &expr,
                               llvm::function_ref<double(unsigned)> valueOf);

/// A one-line rendering for remarks: `exp(x - y)`.
std::string toString(const ScalarExpr &expr,
                     llvm::function_ref<std::string(unsigned)> nameOf);

} // namespace attn

#endif // ATTN_ANALYSIS_SCALAREXPR_H
