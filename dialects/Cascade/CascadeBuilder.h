//===- CascadeBuilder.h - Einsums without writing index expressions -------===//
//
// The variables of an Einsum built here are its operands' ranks in lower case,
// each operand being read at its own ranks.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_CASCADE_CASCADEBUILDER_H
#define DIALECTS_CASCADE_CASCADEBUILDER_H

#include "dialects/Cascade/Cascade.h"

namespace attn::cascade {

/// Builds the value of a map region from its arguments.
using MapBuilder = llvm::function_ref<mlir::Value(
    mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

/// An Einsum over the union of the ranks of `inputs`: those that `resultType`
/// lacks are reduced by `monoid` (null if there are none). Without `map` it is
/// the product. Merges are as in `sayMerges`.
EinsumOp buildEinsum(mlir::OpBuilder &builder, mlir::Location loc,
                     NamedTensorType resultType, mlir::ValueRange inputs,
                     MonoidAttr monoid = {}, MapBuilder map = nullptr,
                     llvm::ArrayRef<Merge> said = {});

/// The element-wise combination of two tensors by a monoid, at the ranks of
/// `resultType`.
EinsumOp buildCombine(mlir::OpBuilder &builder, mlir::Location loc,
                      NamedTensorType resultType, mlir::Value lhs,
                      mlir::Value rhs, const MonoidInfo &monoid);

/// Gives each operand the merge of `said`, and where that is `Derived` or
/// absent the one that the algebra of the map tells, or else `Absorb`. What the
/// algebra tells is not said again.
void sayMerges(EinsumOp op, llvm::ArrayRef<Merge> said = {});

} // namespace attn::cascade

#endif // DIALECTS_CASCADE_CASCADEBUILDER_H
