//===- MaskCase.h - random numbers for a variant's mask -------------------===//
//
// Extents, scalars and tables for a variant, and by Formulas.h what each query
// then sees. Where the class of a tile is known exactly by ends of intervals, a
// case has *pieces*: the class of a tile is at least what the pieces say, each
// counted by itself. Disjoint intervals are known to be full only one by one.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_MASKS_MASKCASE_H
#define ATTN_TEST_UNIT_MASKS_MASKCASE_H

#include "Formulas.h"

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace attn::test {

class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}
  /// In [least, greatest].
  int64_t pick(int64_t least, int64_t greatest) {
    return std::uniform_int_distribution<int64_t>(least, greatest)(engine);
  }
  bool oneIn(int64_t n) { return pick(1, n) == 1; }
  int64_t pickOf(const std::vector<int64_t> &values) {
    return values[pick(0, static_cast<int64_t>(values.size()) - 1)];
  }

private:
  std::mt19937_64 engine;
};

struct MaskTable {
  std::vector<int64_t> shape, values;
  /// What stands outside.
  int64_t empty = 0;
};

using Sees = std::function<bool(const Point &)>;

/// What is known of classes when the keys are swept, or the queries.
struct Expectation {
  std::vector<Sees> pieces;
  /// Tiles without a live pair are known, and no step leads to a dead key.
  bool knowsEmpty = true;
  bool isTight = true;
  /// Static scalars have to be numbers.
  bool needsStatic = false;
};

struct MaskCase {
  std::string variant;
  Shape shape;
  std::map<std::string, int64_t> scalars;
  std::map<std::string, MaskTable> tables;
  Sees sees;
  Expectation byKeys, byQueries;
  /// The pieces count only for tiles that divide these.
  int64_t blockRows = 0, blockColumns = 0;

  /// Both sweeps are known by the same pieces.
  void setPieces(std::vector<Sees> pieces) {
    byKeys.pieces = byQueries.pieces = std::move(pieces);
  }
  std::string toString() const;
};

/// Names of all variants whose scores have a mask.
const std::vector<std::string> &getMaskVariants();

/// Extents that are as often special as they are not.
int64_t pickExtent(Random &random);

/// Lengths of windows: none, one, even ones, more than there is.
int64_t pickWindow(Random &random, int64_t extent);

/// Its elements are what `next` gives, in row-major order.
MaskTable makeTable(std::vector<int64_t> shape,
                    const std::function<int64_t()> &next, int64_t empty = 0);

// Of masks that are no intervals, by the variant's name in `mask`.
void makeLine(MaskCase &mask, Random &random);
void makeImage(MaskCase &mask, Random &random);
void makeDilated(MaskCase &mask, Random &random);
void makeLocalVertical(MaskCase &mask, Random &random);
void makeBlockSparse(MaskCase &mask, Random &random);
void makeSelected(MaskCase &mask, Random &random);

// The same with given sizes.
Axis makeAxis(Random &random, int64_t length);
void setImage(MaskCase &mask, const Axis &z, const Axis &y, const Axis &x,
              int64_t extra);
void setLocalVertical(MaskCase &mask, int64_t block, Random &random);
void setBlockSparse(MaskCase &mask, int64_t rows, int64_t columns,
                    Random &random);
void setSelected(MaskCase &mask, int64_t rows, int64_t columns, Random &random);

/// A case of the variant. `shape` is a proposal: some masks allow but some.
MaskCase makeCase(const std::string &variant, Shape shape, Random &random);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_MASKS_MASKCASE_H
