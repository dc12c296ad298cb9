//===- ChooseBoxes.h - how a canvas is cut into boxes -----------*- C++ -*-===//
//
// Of rows that are a box of a canvas, a neighborhood's keys are a box too: few
// tiles of keys that are boxes cover it, where tiles of whole lines would be
// mostly empty. The fewest steps, a step having a cost of its own beside its
// keys', are counted axis by axis from the hull of the mask.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TRANSFORMS_CHOOSEBOXES_H
#define ATTN_TRANSFORMS_CHOOSEBOXES_H

#include "attn/Analysis/RankLayout.h"
#include "dialects/Cascade/Cascade.h"

#include <vector>

namespace attn {

/// The extents of the canvas whose points `rank` numbers row after row, as
/// quotients and remainders by constants in the predicates of `func` tell.
/// Empty if they tell of none of two or three axes, or if the rank's extent is
/// not static.
llvm::SmallVector<int64_t, 3> findCanvas(cascade::FuncOp func,
                                         llvm::StringRef rank);

struct BoxChoice {
  RankLayout rows, keys;
  /// Steps of a tile of rows, on average.
  double steps;
  /// In keys, a step's own cost among them.
  double cost;
};

/// Boxes of `numRows` rows and of one of `keyCounts` keys, from the least cost
/// on; the last axis has a multiple of `granule` points. Empty if the mask over
/// `rows` and `keys` is not one of intervals on the axes of two canvases, or if
/// `func` is not bound.
std::vector<BoxChoice> rankBoxes(cascade::FuncOp func, llvm::StringRef rows,
                                 llvm::StringRef keys, int64_t numRows,
                                 llvm::ArrayRef<int64_t> keyCounts,
                                 int64_t granule);

} // namespace attn

#endif // ATTN_TRANSFORMS_CHOOSEBOXES_H
