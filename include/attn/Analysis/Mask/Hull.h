//===- Hull.h - the keys that a box of rows sees, by key alone --*- C++ -*-===//
//
// Of rows that are a box of coordinates, each axis bounding coordinates of the
// key of its own, the keys that some row sees are a box too, where intervals of
// neighbouring rows overlap: what of a neighborhood's window moves along y
// moves for every x. The extremes of the bounds then tell whether a key is
// seen, and no row need be asked.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_HULL_H
#define ATTN_ANALYSIS_MASK_HULL_H

#include "attn/Analysis/Mask/Expr.h"
#include "attn/Analysis/RankLayout.h"

namespace attn::mask {

/// The coordinate on `axis` of the point at `position` in a layout.
Expr getCoordinate(ExprPool &pool, const RankLayout &layout, unsigned axis,
                   Expr position);

/// A coordinate of a row on one axis of a box.
struct RowCoordinate {
  /// It, as an expression of the row's variable, and the variable that stands
  /// for it in a hull.
  Expr value, variable;
  /// Rows exist up to this coordinate.
  int64_t last;
};

/// If some row sees a key, all of this holds for it.
struct Hull {
  /// The least of `lowers` over the box <= `key` <= the greatest of `uppers`.
  struct Interval {
    Expr key;
    llvm::SmallVector<Expr, 2> lowers, uppers;
  };
  llvm::SmallVector<Interval, 3> intervals;
  /// Predicates of the key.
  llvm::SmallVector<Expr, 2> guards;
  /// And if it holds, some row sees the key.
  bool isExact = true;
};

/// The hull of `predicate`, whose variables are the swept one, that of the rows
/// and others that have one value in a box. Nothing if an interval would move
/// with several coordinates.
std::optional<Hull> findHull(ExprPool &pool, Expr predicate, Expr swept,
                             Expr rows,
                             llvm::ArrayRef<RowCoordinate> coordinates);

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_HULL_H
