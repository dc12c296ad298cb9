//===- BoxLayout.h - boxes of a canvas in a tensor --------------*- C++ -*-===//
//
// Of a rank with a layout, the positions of a tile that begins where a box does
// and has its points are that box. In memory it is runs of points along the
// last axis, each a copy of its own; the runs' distances are numbers.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_BOXLAYOUT_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_BOXLAYOUT_H

#include "attn/Analysis/RankLayout.h"
#include "dialects/Tile/Tile.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

class BoxLayout {
public:
  explicit BoxLayout(tile::LayoutAttr attr);

  /// Points of a box, and of one of its runs.
  int64_t countBoxPoints() const;
  int64_t getRun() const { return layout.axes.back().tile; }

  /// How far the point at a position of a box is from the box's first.
  int64_t getDistance(int64_t position) const;
  /// The first point of the box that begins at position `start`, an i32.
  mlir::Value getFirstPoint(mlir::ImplicitLocOpBuilder &b,
                            mlir::Value start) const;
  /// The points at positions of the box that begins at `start`, each a line of
  /// i32; -1 for padding.
  mlir::Value getPoints(mlir::ImplicitLocOpBuilder &b, mlir::Value start,
                        mlir::Value positions) const;

private:
  /// Where the box begins on each axis.
  llvm::SmallVector<mlir::Value> getCorner(mlir::ImplicitLocOpBuilder &b,
                                           mlir::Value start) const;
  /// How far neighbours along an axis are from each other.
  int64_t getStride(unsigned axis) const;

  RankLayout layout;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_BOXLAYOUT_H
