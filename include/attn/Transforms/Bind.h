//===- Bind.h - fixes extents and element types ---------------------------===//

#ifndef ATTN_TRANSFORMS_BIND_H
#define ATTN_TRANSFORMS_BIND_H

#include "dialects/Cascade/Cascade.h"

#include <string>
#include <utility>

namespace attn {

struct BindOptions {
  /// Ranks and their extents, 1 at least.
  llvm::SmallVector<std::pair<std::string, int64_t>> extents;
  /// Values of integer scalar arguments.
  llvm::SmallVector<std::pair<std::string, int64_t>> scalars;
  /// f32, bf16 or f16, or null to keep the types.
  mlir::FloatType elementType;
};

/// Declares the extents of ranks, replaces scalars by their values, and sets
/// the element type of the float tensors that the function takes and returns,
/// save those whose attributes have `cascade.fixed`. Values in between keep
/// their types: they are computed in f32, and an output is narrowed once, where
/// it is stored. Splits, merges and slices of an argument follow it; elsewhere
/// a copy is inserted.
///
/// Fails with a diagnostic if a rank or scalar is unknown, a rank has another
/// extent, or an argument's type is one that regions see as f64.
llvm::LogicalResult bindCascade(cascade::FuncOp func,
                                const BindOptions &options);

} // namespace attn

#endif // ATTN_TRANSFORMS_BIND_H
