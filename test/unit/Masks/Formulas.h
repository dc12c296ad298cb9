//===- Formulas.h - masks by their published definitions ------------------===//
//
// What a query sees of the keys, written from the papers and their code, not
// from lib/Variants. Query i is a position among the keys; key j likewise.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_MASKS_FORMULAS_H
#define ATTN_TEST_UNIT_MASKS_FORMULAS_H

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace attn::test {

/// Extents of a problem.
struct Shape {
  int64_t b = 1, h = 1, g = 1, p = 1, m = 1;

  int64_t getHead(int64_t h, int64_t group) const { return h * g + group; }
  /// The position of query p if the last one stands at the last key.
  int64_t getPosition(int64_t query) const { return query + m - p; }
};

/// A point of the scores.
struct Point {
  int64_t b, h, g, p, m;
};

inline int64_t floorDivide(int64_t a, int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// The last `window` keys, the query's own among them.
inline bool seesWindow(int64_t i, int64_t j, int64_t window) {
  return i - j >= 0 && i - j < window;
}

/// Of the first `sinks` keys those that `window` does not reach.
inline bool seesFarSinks(int64_t i, int64_t j, int64_t sinks, int64_t window) {
  return j < sinks && i - j >= std::max<int64_t>(window, 0);
}

/// StreamingLLM: the window and the far sinks, which are disjoint.
inline bool seesStream(int64_t i, int64_t j, int64_t sinks, int64_t window) {
  return seesWindow(i, j, window) || seesFarSinks(i, j, sinks, window);
}

/// MInference's tri-shape: of `queries` the last `dense` see all before them.
inline bool seesTriShape(const Shape &shape, const Point &at, int64_t sinks,
                         int64_t window, int64_t dense) {
  int64_t i = shape.getPosition(at.p);
  return seesStream(i, at.m, sinks, window) ||
         (shape.p - at.p <= dense && at.m <= i);
}

/// DuoAttention: a retrieval head sees all before it, others stream.
inline bool seesAsHead(bool retrieves, int64_t i, int64_t j, int64_t sinks,
                       int64_t recent) {
  return j <= i && (retrieves || j < sinks || i - j < recent);
}

/// Every `dilation`-th key within `window`, before and after, cut at the ends.
inline bool seesDilated(int64_t i, int64_t j, int64_t window,
                        int64_t dilation) {
  int64_t distance = std::abs(i - j);
  return distance <= window && distance % dilation == 0;
}

/// S2-Attention: local blocks, and vertical ones that slide with the head.
struct LocalVertical {
  int64_t block, local, vertical, step, offset, dense;

  bool sees(const Shape &shape, const Point &at) const {
    int64_t i = shape.getPosition(at.p), j = at.m;
    if (j > i)
      return false;
    int64_t head = shape.getHead(at.h, at.g);
    if (head >= shape.h * shape.g - dense)
      return true;
    int64_t slide = step >= 0 ? head * step : at.h * -step;
    return floorDivide(i, block) - j / block < local ||
           (j / block + slide + offset) % vertical == 0;
  }
};

/// DKernel's relative pattern: local blocks, and on either side each block that
/// is a multiple of `vertical` away from them.
struct RelativeBlocks {
  int64_t block, before, after, vertical;

  bool sees(const Point &at) const {
    int64_t back = at.p / block - at.m / block;
    int64_t away = std::max<int64_t>(back - before + 1, 0) +
                   std::max<int64_t>(-back - after + 1, 0);
    return away % vertical == 0;
  }
};

/// HiP, NSA, MoBA: a window, sinks, and what a list selects.
inline bool seesSelected(int64_t i, int64_t j, int64_t sinks, int64_t window,
                         bool isListed) {
  return j <= i && (i - j < window || j < sinks || isListed);
}

/// A padded sequence of `nq` queries and `nk` keys.
inline bool seesPadded(int64_t p, int64_t m, int64_t nq, int64_t nk,
                       bool causal) {
  return p < nq && m < nk && (!causal || m <= p + nk - nq);
}

/// One axis of a neighborhood (NATTEN, Generalized Neighborhood Attention).
struct Axis {
  int64_t length, window, stride, dilation;
  bool causal;

  bool sees(int64_t i, int64_t j) const {
    int64_t group = i % dilation;
    if (j % dilation != group)
      return false;
    // NATTEN's form of ceil((length - group) / dilation).
    int64_t inGroup = length / dilation + 1 -
                      (group + (dilation - length % dilation)) / dilation;
    int64_t query = i / dilation, key = j / dilation;
    int64_t first = query / stride * stride;
    if (causal) {
      int64_t center = std::min(first + stride - 1, inGroup - 1);
      return key >= std::max<int64_t>(center - window + 1, 0) && key <= query;
    }
    int64_t center = std::min(first + stride / 2, inGroup - 1);
    int64_t start =
        std::min(std::max<int64_t>(center - window / 2, 0), inGroup - window);
    return key >= start && key < start + window;
  }
};

/// Both axes of an image of `x.length` columns.
inline bool seesImage(const Axis &y, const Axis &x, int64_t p, int64_t j) {
  return y.sees(p / x.length, j / x.length) &&
         x.sees(p % x.length, j % x.length);
}

/// The axes of a video.
inline bool seesVideo(const Axis &z, const Axis &y, const Axis &x, int64_t p,
                      int64_t j) {
  int64_t frame = y.length * x.length;
  return z.sees(p / frame, j / frame) && seesImage(y, x, p % frame, j % frame);
}

} // namespace attn::test

#endif // ATTN_TEST_UNIT_MASKS_FORMULAS_H
