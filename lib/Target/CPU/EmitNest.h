//===- EmitNest.h - the register block of a nest ----------------*- C++ -*-===//

#ifndef LIB_TARGET_CPU_EMITNEST_H
#define LIB_TARGET_CPU_EMITNEST_H

#include "Emitter.h"

namespace attn::cpu {

/// One loop of a nest: over `dim`, `block` points (or vectors) at a time.
struct Emitter::Level {
  int64_t dim;
  bool isLane;
  int64_t block;
  bool isReduced;
};

/// The points that one iteration of the innermost loop computes: `rows` along
/// `rowDim` by `vectors` along the lane, from `point`.
struct Emitter::Block {
  Point point;
  int64_t lane = -1, rowDim = -1;
  int64_t rows = 1, vectors = 1;

  Point at(int64_t row, int64_t vector, int64_t lanes) const {
    Point result = point;
    if (rowDim >= 0)
      result[rowDim] = result[rowDim] + row;
    if (lane >= 0)
      result[lane] = result[lane] + vector * lanes;
    return result;
  }
};

} // namespace attn::cpu

#endif // LIB_TARGET_CPU_EMITNEST_H
