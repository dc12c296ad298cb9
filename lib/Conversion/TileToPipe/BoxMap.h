//===- BoxMap.h - boxes of tensors as maps address them ---------*- C++ -*-===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_BOXMAP_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_BOXMAP_H

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace attn {

/// Rows that run along two dimensions of a tensor: `width` of them along the
/// first, then one further along the second.
struct PackedRows {
  int64_t width;
  unsigned inner, outer;
};

/// Two dimensions of a tensor as a map addresses them: the last, and that
/// before it or two for packed rows.
struct BoxMap {
  /// The tile's dimensions that run along the last dimension but one, and the
  /// last.
  int64_t rowDim = 0, columnDim = 1;
  /// Coordinates of the dimensions before, then where rows and columns begin;
  /// expressions of the map's symbols.
  llvm::SmallVector<mlir::AffineExpr> starts;
  std::optional<PackedRows> packed;
  /// Of packed rows: where they begin, a multiple of the width, of which the
  /// starts of both dimensions are made.
  mlir::AffineExpr firstRow;
};

/// Null if `map` does not address such a box. Of a tile of rank 1, its one
/// dimension runs along the last, or is that of packed rows.
std::optional<BoxMap> matchBox(mlir::AffineMap map);

/// How the rows of a box are packed, or null.
pipe::PackingAttr getPacking(mlir::MLIRContext *context, const BoxMap &box);

/// Of `x mod n` or `x floordiv n`, as packed rows have coordinates: x.
mlir::AffineExpr getPackedRow(mlir::AffineExpr expr);

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_BOXMAP_H
