//===- PackedRows.h - one rank that is two in memory ------------*- C++ -*-===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_PACKEDROWS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_PACKEDROWS_H

#include "ProgramEmitter.h"

namespace attn {

/// `coordinates` of the ranks of `tensor` as those of its memory.
llvm::SmallVector<mlir::AffineExpr>
unpackCoordinates(const MemoryTensor &tensor,
                  llvm::ArrayRef<mlir::AffineExpr> coordinates);

/// Whether a rank that is packed so, or not at all, may have points that its
/// tensors have not.
bool hasGaps(cascade::FuncOp func, cascade::PackingAttr packing);

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_PACKEDROWS_H
