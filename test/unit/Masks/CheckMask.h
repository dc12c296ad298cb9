//===- CheckMask.h - a mask's analysis against its points -----------------===//
//
// Written for HostMask and whatever has its functions, so that faulty ones can
// be shown to be found.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_MASKS_CHECKMASK_H
#define ATTN_TEST_UNIT_MASKS_CHECKMASK_H

#include "MaskCase.h"

#include "attn/Analysis/Mask/HostMask.h"

namespace attn::test {

/// Numbers of live points at (box, swept), summed up.
class Grid {
public:
  Grid(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), sums((rows + 1) * (columns + 1)) {}

  /// Sets all points, row by row.
  template <typename Get> void fill(Get get) {
    for (int64_t row = 0; row < rows; ++row) {
      int64_t sum = 0;
      for (int64_t column = 0; column < columns; ++column) {
        sum += get(row, column);
        sumAt(row + 1, column + 1) = sumAt(row, column + 1) + sum;
      }
    }
  }
  int64_t count(mask::Span row, mask::Span column) const {
    return sumAt(row.last + 1, column.last + 1) -
           sumAt(row.first, column.last + 1) -
           sumAt(row.last + 1, column.first) + sumAt(row.first, column.first);
  }

  int64_t rows, columns;

private:
  int64_t &sumAt(int64_t row, int64_t column) {
    return sums[row * (columns + 1) + column];
  }
  int64_t sumAt(int64_t row, int64_t column) const {
    return sums[row * (columns + 1) + column];
  }
  std::vector<int64_t> sums;
};

/// What is true of a sweep, and how much of it has to be known.
struct Truth {
  Grid live;
  /// Points of the scores at one of the grid: heads of a group.
  int64_t weight = 1;
  std::vector<Grid> pieces;
  bool knowsEmpty = false, isTight = false;

  TileClass getClass(const Grid &grid, mask::Span row,
                     mask::Span column) const {
    int64_t count = grid.count(row, column);
    int64_t all =
        (row.last - row.first + 1) * (column.last - column.first + 1) * weight;
    return count == 0     ? TileClass::empty
           : count == all ? TileClass::full
                          : TileClass::partial;
  }
  /// The class that at least has to be said: empty, full or partial.
  TileClass getLeastKnown(mask::Span row, mask::Span column) const {
    TileClass least = TileClass::empty;
    for (const Grid &piece : pieces)
      least = std::max(least, getClass(piece, row, column));
    bool isKnown = !pieces.empty() && (least != TileClass::empty || knowsEmpty);
    return isKnown ? least : TileClass::partial;
  }
};

inline std::string toString(const char *what, mask::Span span) {
  return std::string(" ") + what + " " + std::to_string(span.first) + ".." +
         std::to_string(span.last);
}

/// What is wrong with the steps of one box, or nothing.
template <typename Mask>
std::string checkSteps(Mask &mask, const Truth &truth, mask::Span box,
                       int64_t tile) {
  std::string wrong;
  std::vector<bool> isVisited(truth.live.columns);
  bool wasFull = false;
  auto say = [&](const char *what, mask::Step step) {
    if (wrong.empty())
      wrong = std::string(what) + ", in the step of " +
              toString("columns", {step.first, step.first + step.count - 1}) +
              " of" + toString("rows", box);
  };
  mask.forEachStep(tile, [&](mask::Step step) {
    mask::Span span{step.first, step.first + step.count - 1};
    if (step.count < 1 || step.count > tile || span.first < 0 ||
        span.last >= truth.live.columns)
      return say("it leaves its tile or the extent", step);
    if (wasFull && !step.isFull)
      say("it is partial after a full one", step);
    wasFull |= step.isFull;
    if (step.isFull && truth.getClass(truth.live, box, span) != TileClass::full)
      say("it is not full", step);
    for (int64_t at = span.first; at <= span.last; ++at) {
      if (isVisited[at])
        say("it comes again", step);
      isVisited[at] = true;
      bool isTight =
          (truth.isTight && mask.getAlignment() == 1) || !mask.hasGaps();
      if (isTight && truth.live.count(box, {at, at}) == 0)
        say("it has a dead column", step);
    }
  });
  for (int64_t at = 0; at < truth.live.columns; ++at)
    if (!isVisited[at] && truth.live.count(box, {at, at}) != 0)
      say("it never comes", {at, 1, false});
  return wrong;
}

/// What is wrong with classes and steps of tiles of `rows` by `columns`. The
/// box of the mask's other variables is set; `rank` is the one of the rows.
template <typename Mask>
std::string checkTiles(Mask &mask, const Truth &truth, mask::Expr rank,
                       int64_t rows, int64_t columns) {
  mask.setExtent(truth.live.columns);
  for (int64_t at = 0; at < truth.live.rows; at += rows) {
    mask::Span box{at, std::min(at + rows, truth.live.rows) - 1};
    mask.setBox(rank, box);
    for (int64_t to = 0; to < truth.live.columns; to += columns) {
      mask::Span span{to, std::min(to + columns, truth.live.columns) - 1};
      TileClass said = mask.classify(span);
      TileClass least = truth.getLeastKnown(box, span);
      if (said != TileClass::partial
              ? said != truth.getClass(truth.live, box, span)
              : least != TileClass::partial)
        return "class " + std::to_string(int(said)) + ", but " +
               std::to_string(truth.live.count(box, span)) +
               " points are live, of" + toString("rows", box) +
               toString("columns", span);
    }
    if (std::string wrong = checkSteps(mask, truth, box, columns);
        !wrong.empty())
      return wrong;
  }
  return {};
}

/// What is wrong with the counts of single rows.
template <typename Mask>
std::string checkCounts(Mask &mask, const Truth &truth, mask::Expr rank) {
  mask.setExtent(truth.live.columns);
  for (int64_t row = 0; row < truth.live.rows; ++row) {
    mask.setBox(rank, {row, row});
    int64_t live =
        truth.live.columns == 0
            ? 0
            : truth.live.count({row, row}, {0, truth.live.columns - 1});
    if (int64_t count = mask.countLive(); count != live)
      return "row " + std::to_string(row) + " has " + std::to_string(live) +
             " live points, but " + std::to_string(count) + " are counted";
  }
  return {};
}

} // namespace attn::test

#endif // ATTN_TEST_UNIT_MASKS_CHECKMASK_H
