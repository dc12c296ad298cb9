//===- TileLists.cpp - what can be asked of tile lists and done to them ---===//

#include "attn/Runtime/TileLists.h"

#include "TileListsBuilder.h"
#include "WorkChecks.h"

#include <algorithm>

using namespace attn;

static std::string describe(int64_t row, int64_t tile) {
  return "tile " + std::to_string(tile) + " of row " + std::to_string(row);
}

static Status refuseLists(std::string reason) {
  return refuseArgument("tile lists", std::move(reason),
                        "build them by TileLists::from...");
}

/// The classes that a predicate of the caller may give.
static Status checkClass(TileClass tileClass, int64_t row, int64_t tile) {
  if (tileClass <= TileClass::full)
    return {};
  return refuseArgument("tile classifier",
                        "expects empty, partial or full, but got " +
                            std::to_string(static_cast<unsigned>(tileClass)) +
                            " for " + describe(row, tile),
                        "return a value of TileClass");
}

static Status checkClassifier(const TileClassifier &classify) {
  if (classify)
    return {};
  return refuseArgument("tile classifier", "expects a function, but got none",
                        "give a function of row and tile");
}

static Status verifyRow(const TileLists &lists, int64_t row) {
  int64_t begin = lists.offsets[row], end = lists.offsets[row + 1];
  int64_t middle = lists.fullFrom[row];
  auto isGroup = [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      if (lists.tiles[i] < 0 ||
          (i > first && lists.tiles[i - 1] >= lists.tiles[i]))
        return false;
    return true;
  };
  if (!isGroup(begin, middle) || !isGroup(middle, end))
    return refuseLists("expects the partial and the full tiles of row " +
                       std::to_string(row) +
                       " to ascend from 0 on, but they do not");
  for (int64_t i = begin, j = middle; i < middle && j < end;) {
    if (lists.tiles[i] == lists.tiles[j])
      return refuseLists("expects one class for a tile, but got two for " +
                         describe(row, lists.tiles[i]));
    lists.tiles[i] < lists.tiles[j] ? ++i : ++j;
  }
  return {};
}

Status TileLists::verify() const {
  int64_t rows = countRows(), size = static_cast<int64_t>(tiles.size());
  if (rows > maxTileIds)
    return refuseLists("expects at most 2^31 - 1 rows, but got " +
                       std::to_string(rows));
  if (static_cast<int64_t>(offsets.size()) != rows + 1)
    return refuseLists("expects one offset more than rows, but got " +
                       std::to_string(offsets.size()) + " for " +
                       std::to_string(rows) + " rows");
  if (offsets.front() != 0 || offsets.back() != size)
    return refuseLists("expects offsets from 0 to " + std::to_string(size) +
                       ", the number of tiles, but got " +
                       std::to_string(offsets.front()) + " to " +
                       std::to_string(offsets.back()));
  for (int64_t row = 0; row < rows; ++row) {
    // An offset above a later one would lead past the tiles.
    if (offsets[row] > fullFrom[row] || fullFrom[row] > offsets[row + 1] ||
        offsets[row + 1] > size)
      return refuseLists("expects offsets that ascend, but row " +
                         std::to_string(row) + " has " +
                         std::to_string(offsets[row]) + ", " +
                         std::to_string(fullFrom[row]) + " and " +
                         std::to_string(offsets[row + 1]));
    if (Status status = verifyRow(*this, row); !status.isOk())
      return status;
  }
  return {};
}

TileClass TileLists::getClass(int64_t row, int64_t tile) const {
  if (row < 0 || row >= countRows())
    return TileClass::empty;
  auto begin = tiles.begin() + offsets[row];
  auto middle = tiles.begin() + fullFrom[row];
  auto end = tiles.begin() + offsets[row + 1];
  if (std::binary_search(begin, middle, tile))
    return TileClass::partial;
  return std::binary_search(middle, end, tile) ? TileClass::full
                                               : TileClass::empty;
}

static Status checkCandidates(int64_t rows, int64_t numKeyTiles,
                              ArrayView<TileRange> candidates) {
  const char *feature = "tile candidates";
  if (rows < 0 || rows > maxTileIds || numKeyTiles < 0 ||
      numKeyTiles > maxTileIds)
    return refuseArgument(feature,
                          "expects 0 to 2^31 - 1 rows and key tiles, but got " +
                              std::to_string(rows) + " and " +
                              std::to_string(numKeyTiles),
                          "use larger tiles, or fewer rows at a time");
  if (Status status = checkView(candidates, feature); !status.isOk())
    return status;
  for (const TileRange &range : candidates)
    if (range.row < 0 || range.row >= rows || range.first < 0 ||
        range.first > range.last || range.last > numKeyTiles)
      return refuseArgument(feature,
                            "expects ranges in " + std::to_string(rows) +
                                " rows and " + std::to_string(numKeyTiles) +
                                " tiles, but got tiles " +
                                std::to_string(range.first) + " to " +
                                std::to_string(range.last) + " of row " +
                                std::to_string(range.row),
                            "clip the ranges to the extents");
  return {};
}

Result<TileLists> TileLists::fromPredicate(int64_t rows, int64_t numKeyTiles,
                                           ArrayView<TileRange> candidates,
                                           const TileClassifier &classify) {
  if (Status status = checkCandidates(rows, numKeyTiles, candidates);
      !status.isOk())
    return status;
  if (Status status = checkClassifier(classify); !status.isOk())
    return status;
  return refuseWithoutMemory("tile lists", [&]() -> Result<TileLists> {
    std::vector<TileRange> ranges(candidates.begin(), candidates.end());
    std::sort(ranges.begin(), ranges.end(),
              [](const TileRange &a, const TileRange &b) {
                return a.row != b.row ? a.row < b.row : a.first < b.first;
              });
    TileListsBuilder builder;
    auto range = ranges.begin();
    for (int64_t row = 0; row < rows; ++row) {
      int64_t next = 0;
      for (; range != ranges.end() && range->row == row; ++range)
        for (next = std::max(next, range->first); next < range->last; ++next) {
          TileClass tileClass = classify(row, next);
          if (Status status = checkClass(tileClass, row, next); !status.isOk())
            return status;
          builder.add(next, tileClass);
        }
      builder.endRow();
    }
    return builder.take();
  });
}

Result<TileLists> attn::andClasses(const TileLists &lists,
                                   const TileClassifier &classify) {
  if (Status status = lists.verify(); !status.isOk())
    return status;
  if (Status status = checkClassifier(classify); !status.isOk())
    return status;
  return refuseWithoutMemory("tile lists", [&]() -> Result<TileLists> {
    TileListsBuilder builder;
    for (int64_t row = 0; row < lists.countRows(); ++row) {
      // Full tiles may become partial: both groups are merged by number.
      int64_t i = lists.offsets[row], middle = lists.fullFrom[row];
      int64_t j = middle, end = lists.offsets[row + 1];
      while (i < middle || j < end) {
        bool isFull =
            i == middle || (j < end && lists.tiles[j] < lists.tiles[i]);
        int32_t tile = lists.tiles[isFull ? j++ : i++];
        TileClass other = classify(row, tile);
        if (Status status = checkClass(other, row, tile); !status.isOk())
          return status;
        builder.add(tile,
                    other & (isFull ? TileClass::full : TileClass::partial));
      }
      builder.endRow();
    }
    return builder.take();
  });
}

static Status checkTranspose(const TileLists &lists, int64_t numKeyTiles,
                             int64_t heads) {
  const char *feature = "tile lists by key tile";
  int64_t rows = lists.countRows();
  if (heads < 1 || rows % heads != 0)
    return refuseArgument(
        feature,
        "expects a number of heads that divides the rows, but "
        "got " +
            std::to_string(heads) + " heads and " + std::to_string(rows) +
            " rows",
        "give every head the same number of rows");
  if (numKeyTiles < 0 || numKeyTiles > maxTileIds / heads)
    return refuseArgument(
        feature,
        "expects 0 to 2^31 - 1 key tiles of all heads, but got " +
            std::to_string(numKeyTiles) + " of each of " +
            std::to_string(heads),
        "use larger tiles, or fewer heads at a time");
  if (Status status = lists.verify(); !status.isOk())
    return status;
  for (int32_t tile : lists.tiles)
    if (tile >= numKeyTiles)
      return refuseArgument(feature,
                            "expects tiles below " +
                                std::to_string(numKeyTiles) + ", but got " +
                                std::to_string(tile),
                            "give the number of key tiles of the lists");
  return {};
}

Result<TileLists> attn::transpose(const TileLists &lists, int64_t numKeyTiles,
                                  int64_t heads) {
  if (Status status = checkTranspose(lists, numKeyTiles, heads); !status.isOk())
    return status;
  return refuseWithoutMemory(
      "tile lists by key tile", [&]() -> Result<TileLists> {
        int64_t rowsPerHead = lists.countRows() / heads;
        auto forEach = [&](auto visit) {
          for (int64_t row = 0; row < lists.countRows(); ++row)
            for (int64_t i = lists.offsets[row]; i < lists.offsets[row + 1];
                 ++i)
              visit(row / rowsPerHead * numKeyTiles + lists.tiles[i],
                    row % rowsPerHead, i >= lists.fullFrom[row]);
        };
        // A counting sort. Rows are visited in ascending order and keep it.
        TileLists result;
        result.fullFrom.resize(heads * numKeyTiles);
        result.offsets.resize(heads * numKeyTiles + 1);
        result.tiles.resize(lists.tiles.size());
        forEach([&](int64_t to, int64_t, bool isFull) {
          ++result.offsets[to + 1];
          result.fullFrom[to] += !isFull;
        });
        std::vector<int64_t> nextPartial(heads * numKeyTiles),
            nextFull(nextPartial);
        for (int64_t to = 0; to < heads * numKeyTiles; ++to) {
          result.offsets[to + 1] += result.offsets[to];
          nextPartial[to] = result.offsets[to];
          nextFull[to] = result.fullFrom[to] += result.offsets[to];
        }
        forEach([&](int64_t to, int64_t row, bool isFull) {
          result.tiles[isFull ? nextFull[to]++ : nextPartial[to]++] =
              static_cast<int32_t>(row);
        });
        return result;
      });
}
