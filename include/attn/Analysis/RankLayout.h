//===- RankLayout.h - where the points of a canvas lie in a rank ----------===//
//
// Predicates speak of logical coordinates; in which order the points lie in a
// tensor is a bijection apart from them. A canvas of up to three axes is
//
//   row-major          the last axis runs fastest
//   tiled              boxes of `tiles` points, one after the other
//   dilation-batched   points with one residue on every axis come together,
//   each
//                      group being tiled
//
// and all in one: with T points of a tile and dilation d, coordinate c of an
// axis is (R * T + r) * d + g, and the order is that of (g..., R..., r...), as
// in NATTEN's token permutation. Each axis is padded to a multiple of T * d;
// padding has no coordinate.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_RANKLAYOUT_H
#define ATTN_ANALYSIS_RANKLAYOUT_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace attn {

struct RankLayout {
  struct Axis {
    int64_t extent, tile = 1, dilation = 1;

    int64_t countTiles() const {
      int64_t points = tile * dilation;
      return (extent + points - 1) / points;
    }
  };
  /// One factor of a position, from the one that runs fastest.
  struct Digit {
    unsigned axis;
    /// Values of the digit, and what one is worth on the axis.
    int64_t radix, weight;
  };

  llvm::SmallVector<Axis, 3> axes;

  /// All digits; those with one value too.
  llvm::SmallVector<Digit, 9> getDigits() const;
  /// Positions, padding among them.
  int64_t countPositions() const;
  /// Points of the canvas.
  int64_t countPoints() const;
  bool isPadded() const { return countPositions() != countPoints(); }

  /// The row-major number of the point at `position`; nothing for padding.
  std::optional<int64_t> getPoint(int64_t position) const;
};

} // namespace attn

#endif // ATTN_ANALYSIS_RANKLAYOUT_H
