//===- TileAxes.h - which dimensions of a tile program are one --*- C++ -*-===//
//
// Dimensions of tile values that ops tie together form one axis: the rows of a
// program are one, through all that is computed of them.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_TILEAXES_H
#define ATTN_ANALYSIS_TILEAXES_H

#include "dialects/Tile/Tile.h"

#include "llvm/ADT/DenseMap.h"

#include <vector>

namespace attn {

/// Whether `op` acts on tiles point by point.
bool isPointwise(mlir::Operation *op);

class TileAxes {
public:
  explicit TileAxes(tile::ProgramOp program);

  /// The axis of a dimension of a tile. What only a constant or a broadcast
  /// has is an axis of its own.
  unsigned get(mlir::Value tile, int64_t dim) const;

private:
  void join(mlir::Value a, int64_t dimA, mlir::Value b, int64_t dimB);
  void joinAll(mlir::Value a, mlir::Value b);

  llvm::DenseMap<mlir::Value, unsigned> firstAxis;
  mutable std::vector<unsigned> parents;
};

} // namespace attn

#endif // ATTN_ANALYSIS_TILEAXES_H
