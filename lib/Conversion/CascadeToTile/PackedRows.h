//===- PackedRows.h - one rank that is two in memory ------------*- C++ -*-===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_PACKEDROWS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_PACKEDROWS_H

#include "ProgramEmitter.h"

namespace attn {

/// The ranks of what the caller has of `type`.
llvm::SmallVector<mlir::StringAttr>
getMemoryRanks(cascade::NamedTensorType type, cascade::PackingAttr packing);
inline llvm::SmallVector<mlir::StringAttr>
getMemoryRanks(const MemoryTensor &tensor) {
  return getMemoryRanks(tensor.type, tensor.packing);
}

/// The coordinates of `address`, which are of the ranks of `tensor`, as those
/// of its memory.
llvm::SmallVector<mlir::AffineExpr>
unpackCoordinates(const MemoryTensor &tensor, AddressMap &address);

/// Whether a rank that is packed so, or not at all, may have points that its
/// tensors have not.
bool hasGaps(cascade::FuncOp func, cascade::PackingAttr packing);

/// The packing of an argument of `func` of which `part` is the outer part; null
/// if there is none.
cascade::PackingAttr getPackingWith(cascade::FuncOp func,
                                    mlir::StringAttr part);

/// The rank of the entries of a table of pages.
mlir::StringAttr getTableWidth(cascade::PagesAttr pages);

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_PACKEDROWS_H
