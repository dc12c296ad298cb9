//===- TileLists.h - the key tiles that each piece of work visits ---------===//
//
// The run-time form of masks that depend on data: block-sparse patterns of the
// caller, top-k selections, thresholds. Masks whose tiles follow from the
// tile's index by arithmetic need no lists.
//
// A work row is what one item of a kernel computes, most often one query tile
// of one head, and is numbered by the caller. Its key tiles lie compactly:
//
//   tiles   | 3 9 | 0 1 4 | 2 |     | 5 6
//             row 0: partial 3 9, full 0 1 4
//                           row 1: partial 2, full none     row 2: full 5 6
//   offsets   0             5     6     8
//   fullFrom      2           6   6
//
// Partial tiles come first, so that a kernel runs two loops, one that tests
// each element and one that tests none. A row without tiles is allowed: its
// output is 0 and its log-sum-exp minus infinity. The lists are sets: what the
// inputs name twice counts once. Memory and time are proportional to the tiles
// that are live and to the input; nothing has the size rows x key tiles.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_TILELISTS_H
#define ATTN_RUNTIME_TILELISTS_H

#include "attn/Runtime/ArrayView.h"
#include "attn/Runtime/Status.h"
#include "attn/Runtime/TileClass.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace attn {

/// How blocks, in which a mask is given, and tiles, in which a kernel works,
/// cut queries and keys. Either may be a multiple of the other, or neither; the
/// last ones are clipped to the extents. Work row `head * queryTiles + tile`.
struct BlockTiling {
  int64_t heads = 1;
  int64_t queries = 0, keys = 0;
  int64_t blockQueries = 1, blockKeys = 1;
  int64_t tileQueries = 1, tileKeys = 1;

  /// Refuses sizes below 1, extents below 0, and more than 2^31 - 1 tiles or
  /// blocks along a side or work rows. The counts below expect this to be ok.
  Status verify() const;

  int64_t countQueryTiles() const { return ceilDiv(queries, tileQueries); }
  int64_t countKeyTiles() const { return ceilDiv(keys, tileKeys); }
  int64_t countBlockRows() const { return ceilDiv(queries, blockQueries); }
  int64_t countBlockColumns() const { return ceilDiv(keys, blockKeys); }

private:
  static int64_t ceilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0); }
};

/// Key tiles [first, last) of a work row.
struct TileRange {
  int64_t row, first, last;
};

/// Pure: the same answer for the same tile.
using TileClassifier = std::function<TileClass(int64_t row, int64_t tile)>;

struct TileLists {
  /// Row r has `tiles[offsets[r]]` up to `tiles[offsets[r + 1]]`, of which
  /// those from `fullFrom[r]` on are full. Both groups ascend.
  std::vector<int64_t> offsets{0};
  std::vector<int64_t> fullFrom;
  std::vector<int32_t> tiles;

  int64_t countRows() const { return static_cast<int64_t>(fullFrom.size()); }

  /// Refuses lists that break what is said above.
  Status verify() const;

  /// In logarithmic time; `empty` for rows and tiles that there are not.
  /// Pre-condition: verify() is ok.
  TileClass getClass(int64_t row, int64_t tile) const;

  // Those from blocks: a tile is full if every block that it touches is
  // present, partial if some are. Negative columns stand for no block; columns
  // past the last one are refused.

  /// Block row `head * blockRows + r` has the columns `indices[indptr[row]]` up
  /// to `indices[indptr[row + 1]]`, in any order.
  static Result<TileLists> fromBsr(const BlockTiling &tiling,
                                   ArrayView<int32_t> indptr,
                                   ArrayView<int32_t> indices);

  /// One byte a block, [heads][block rows][block columns]; 0 is absent.
  static Result<TileLists> fromBitmap(const BlockTiling &tiling,
                                      ArrayView<uint8_t> bitmap);

  /// `numSelected` columns for each block row, [heads][block rows][selected].
  /// Lists of single queries have `blockQueries` of 1.
  static Result<TileLists> fromTopK(const BlockTiling &tiling,
                                    int64_t numSelected,
                                    ArrayView<int32_t> columns);

  /// Asks `classify` once for each tile in the candidates, which may come in
  /// any order and overlap; all other tiles are empty.
  static Result<TileLists> fromPredicate(int64_t rows, int64_t numKeyTiles,
                                         ArrayView<TileRange> candidates,
                                         const TileClassifier &classify);
};

/// The lists under `classify` too, such as causality over a selection that
/// ignores it. Asked for live tiles only; those that become empty are dropped.
Result<TileLists> andClasses(const TileLists &lists,
                             const TileClassifier &classify);

/// For each key tile the query tiles that visit it, as the backward pass wants
/// them: row `head * numKeyTiles + tile` of the result lists rows of `lists`
/// less `head * rows / heads`. In linear time. Refuses lists of a tile that is
/// not below `numKeyTiles`, and rows that `heads` does not divide.
Result<TileLists> transpose(const TileLists &lists, int64_t numKeyTiles,
                            int64_t heads = 1);

} // namespace attn

#endif // ATTN_RUNTIME_TILELISTS_H
