//===- TileLines.h - tiles that repeat a line -------------------*- C++ -*-===//

#ifndef ATTN_LIB_TRANSFORMS_TILELINES_H
#define ATTN_LIB_TRANSFORMS_TILELINES_H

#include "dialects/Tile/Tile.h"

namespace attn {

/// The type of a tile; null for a scalar.
inline mlir::RankedTensorType getTile(mlir::Value value) {
  return llvm::dyn_cast<mlir::RankedTensorType>(value.getType());
}

/// The broadcast of a line, not of a number, that `tile` is, or null.
inline tile::BroadcastOp getLine(mlir::Value tile) {
  auto broadcast = tile.getDefiningOp<tile::BroadcastOp>();
  mlir::RankedTensorType source =
      broadcast ? getTile(broadcast.getSource()) : mlir::RankedTensorType();
  return source && source.getRank() > 0 ? broadcast : tile::BroadcastOp();
}

} // namespace attn

#endif // ATTN_LIB_TRANSFORMS_TILELINES_H
