//===- SetLayout.h - the order of a rank's points in memory -----*- C++ -*-===//

#ifndef ATTN_TRANSFORMS_SETLAYOUT_H
#define ATTN_TRANSFORMS_SETLAYOUT_H

#include "attn/Analysis/RankLayout.h"
#include "dialects/Cascade/Cascade.h"

namespace attn {

/// Writes the regions of `func` for tensors whose rank `rank` lies in `layout`:
/// a coordinate of the rank is taken to be a position, and what stood for it
/// the point there. The rank's extent is that of the canvas where a region or
/// the body asks for it; the caller's tensors have all positions. Padding is
/// visible to nothing and sees nothing; values there have weight 0, so they
/// have to be finite.
///
/// With `asView` the caller's tensors keep the points row after row, and the
/// function's `cascade.layouts` says where positions lie: boxes are loaded from
/// there. The rank then has the canvas's points as its static extent, and there
/// are no dilations.
///
/// Fails with a diagnostic if the rank is unknown, an extent, tile or dilation
/// is less than 1, there is padding and no predicate over the rank, or it
/// cannot be a view.
llvm::LogicalResult setLayout(cascade::FuncOp func, llvm::StringRef rank,
                              const RankLayout &layout, bool asView = false);

} // namespace attn

#endif // ATTN_TRANSFORMS_SETLAYOUT_H
