//===- Contractions.h - matrix products of a cascade ----------------------===//

#ifndef ATTN_ANALYSIS_CONTRACTIONS_H
#define ATTN_ANALYSIS_CONTRACTIONS_H

#include "dialects/Cascade/Cascade.h"

#include <vector>

namespace attn {

/// An Einsum that sums products of its two operands, with the ranks of its
/// variables by where they stand: in all three tensors, in the result and one
/// operand, in both operands. Inside of scans the scanned rank counts whole.
struct MatrixProduct {
  cascade::EinsumOp einsum;
  llvm::SmallVector<mlir::StringAttr> batch, rows, columns, depth;
  /// Each element of both operands is one of an argument, or a function of one.
  bool ofArguments = false;
  /// An operand is a scan's state: the product cannot leave the scan.
  bool readsState = false;
};

/// True if `einsum` sums the products of its two operands.
bool isSumOfProducts(cascade::EinsumOp einsum);

/// The matrix products of `func`, in order, without those of merge regions.
std::vector<MatrixProduct> findMatrixProducts(cascade::FuncOp func);

/// True if `value`, an argument or a result of the function, is an operand of a
/// matrix product or the result of one, up to maps of single elements.
bool isInMatrixProduct(mlir::Value value);

} // namespace attn

#endif // ATTN_ANALYSIS_CONTRACTIONS_H
