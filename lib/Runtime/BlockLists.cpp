//===- BlockLists.cpp - tile lists from masks given in blocks -------------===//
//
// One row of tiles at a time. Every block row that it touches gives its set of
// columns, and every column is a hit on each tile that it touches; sorted, the
// hits on a tile lie side by side. A tile touches a rectangle of blocks, and is
// full if it has as many hits as that has blocks: each block hits it once.
//
//===----------------------------------------------------------------------===//

#include "attn/Runtime/TileLists.h"

#include "TileListsBuilder.h"
#include "WorkChecks.h"

#include <algorithm>

using namespace attn;

static std::string describeTiling(const BlockTiling &tiling) {
  return std::to_string(tiling.queries) + " x " + std::to_string(tiling.keys) +
         " in blocks of " + std::to_string(tiling.blockQueries) + " x " +
         std::to_string(tiling.blockKeys) + " and tiles of " +
         std::to_string(tiling.tileQueries) + " x " +
         std::to_string(tiling.tileKeys) + " for " +
         std::to_string(tiling.heads) + " heads";
}

Status BlockTiling::verify() const {
  const char *feature = "block tiling";
  if (std::min({heads, blockQueries, blockKeys, tileQueries, tileKeys}) < 1 ||
      std::min(queries, keys) < 0)
    return refuseArgument(
        feature,
        "expects extents from 0 and sizes from 1 on, but got " +
            describeTiling(*this),
        "give positive sizes");
  if (std::max({countKeyTiles(), countBlockRows(), countBlockColumns()}) >
          maxTileIds ||
      countQueryTiles() > maxTileIds / heads)
    return refuseArgument(feature,
                          "expects at most 2^31 - 1 tiles or blocks, but got " +
                              describeTiling(*this),
                          "use larger blocks and tiles");
  return {};
}

namespace {
/// Numbers [first, last).
struct Interval {
  int64_t first, last;
  int64_t size() const { return last - first; }
};
} // namespace

/// The pieces of `toSize` that piece `number` of `fromSize` touches within
/// `extent`. Pre-condition: the piece begins in it.
static Interval getTouched(int64_t number, int64_t fromSize, int64_t toSize,
                           int64_t extent) {
  int64_t begin = number * fromSize;
  // Not by adding the size, which may overflow.
  int64_t last = begin + (std::min(fromSize, extent - begin) - 1);
  return {begin / toSize, last / toSize + 1};
}

/// Lists the tiles of all rows. `readRow(blockRow, columns)` appends the
/// columns of block row `blockRow`, counted over all heads; out-of-range ones
/// are refused, negative and repeated ones ignored.
template <typename ReadRow>
static Result<TileLists> buildFromBlocks(const BlockTiling &tiling,
                                         ReadRow readRow) {
  int64_t numColumns = tiling.countBlockColumns();
  int64_t blockRows = tiling.countBlockRows();
  std::vector<int32_t> columns, hits;
  TileListsBuilder builder;
  for (int64_t row = 0; row < tiling.heads * tiling.countQueryTiles(); ++row) {
    int64_t head = row / tiling.countQueryTiles();
    Interval rows =
        getTouched(row % tiling.countQueryTiles(), tiling.tileQueries,
                   tiling.blockQueries, tiling.queries);
    hits.clear();
    for (int64_t blockRow = rows.first; blockRow < rows.last; ++blockRow) {
      columns.clear();
      readRow(head * blockRows + blockRow, columns);
      std::sort(columns.begin(), columns.end());
      if (!columns.empty() && columns.back() >= numColumns)
        return refuseArgument("block columns",
                              "expects columns below " +
                                  std::to_string(numColumns) + ", but got " +
                                  std::to_string(columns.back()) +
                                  " in block row " + std::to_string(blockRow) +
                                  " of head " + std::to_string(head),
                              "use -1 for no block");
      columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
      for (int32_t column : columns) {
        if (column < 0)
          continue;
        Interval tiles =
            getTouched(column, tiling.blockKeys, tiling.tileKeys, tiling.keys);
        for (int64_t tile = tiles.first; tile < tiles.last; ++tile)
          hits.push_back(static_cast<int32_t>(tile));
      }
    }
    std::sort(hits.begin(), hits.end());
    for (auto hit = hits.begin(); hit != hits.end();) {
      auto end = std::upper_bound(hit, hits.end(), *hit);
      int64_t touched = rows.size() * getTouched(*hit, tiling.tileKeys,
                                                 tiling.blockKeys, tiling.keys)
                                          .size();
      builder.add(*hit,
                  end - hit == touched ? TileClass::full : TileClass::partial);
      hit = end;
    }
    builder.endRow();
  }
  return builder.take();
}

/// Refuses an array of the wrong size. In divisions, as products may overflow.
template <typename T>
static Status checkBlocks(const BlockTiling &tiling, ArrayView<T> array,
                          int64_t perRow, const std::string &name) {
  if (Status status = tiling.verify(); !status.isOk())
    return status;
  if (Status status = checkView(array, name); !status.isOk())
    return status;
  int64_t rows = tiling.heads * tiling.countBlockRows();
  bool fits = perRow == 0 || rows == 0
                  ? array.size == 0
                  : array.size % perRow == 0 && array.size / perRow == rows;
  if (fits)
    return {};
  return refuseArgument(name,
                        "expects " + std::to_string(perRow) + " for each of " +
                            std::to_string(rows) + " block rows, but got " +
                            std::to_string(array.size) + " in all",
                        "give the blocks of every head");
}

static Status checkIndptr(const BlockTiling &tiling, ArrayView<int32_t> indptr,
                          ArrayView<int32_t> indices) {
  if (Status status = checkView(indptr, "indptr"); !status.isOk())
    return status;
  if (Status status = checkView(indices, "indices"); !status.isOk())
    return status;
  if (indptr.size < 1)
    return refuseArgument("indptr",
                          "expects one offset more than rows, but got none",
                          "begin with 0");
  if (Status status =
          checkBlocks(tiling, ArrayView<int32_t>(indptr.data, indptr.size - 1),
                      1, "indptr without its first");
      !status.isOk())
    return status;
  for (int64_t row = 0; row < indptr.size; ++row)
    if (indptr[row] < (row ? indptr[row - 1] : 0) || indptr[row] > indices.size)
      return refuseArgument("indptr",
                            "expects offsets that ascend from 0 to " +
                                std::to_string(indices.size) +
                                ", the number of indices, but got " +
                                std::to_string(indptr[row]) + " at " +
                                std::to_string(row),
                            "give compact rows");
  return {};
}

Result<TileLists> TileLists::fromBsr(const BlockTiling &tiling,
                                     ArrayView<int32_t> indptr,
                                     ArrayView<int32_t> indices) {
  if (Status status = checkIndptr(tiling, indptr, indices); !status.isOk())
    return status;
  return refuseWithoutMemory("tile lists", [&] {
    return buildFromBlocks(tiling, [&](int64_t row, auto &columns) {
      columns.assign(indices.begin() + indptr[row],
                     indices.begin() + indptr[row + 1]);
    });
  });
}

Result<TileLists> TileLists::fromBitmap(const BlockTiling &tiling,
                                        ArrayView<uint8_t> bitmap) {
  // The number of columns is one only if the tiling is good.
  if (Status status = tiling.verify(); !status.isOk())
    return status;
  int64_t numColumns = tiling.countBlockColumns();
  if (Status status = checkBlocks(tiling, bitmap, numColumns, "block bitmap");
      !status.isOk())
    return status;
  return refuseWithoutMemory("tile lists", [&] {
    return buildFromBlocks(tiling, [&](int64_t row, auto &columns) {
      for (int64_t column = 0; column < numColumns; ++column)
        if (bitmap[row * numColumns + column])
          columns.push_back(static_cast<int32_t>(column));
    });
  });
}

Result<TileLists> TileLists::fromTopK(const BlockTiling &tiling,
                                      int64_t numSelected,
                                      ArrayView<int32_t> columns) {
  if (numSelected < 0)
    return refuseArgument("selected blocks",
                          "expects a number from 0 on for each row, but got " +
                              std::to_string(numSelected),
                          "give the length of a row");
  if (Status status =
          checkBlocks(tiling, columns, numSelected, "selected blocks");
      !status.isOk())
    return status;
  return refuseWithoutMemory("tile lists", [&] {
    return buildFromBlocks(tiling, [&](int64_t row, auto &selected) {
      selected.assign(columns.begin() + row * numSelected,
                      columns.begin() + (row + 1) * numSelected);
    });
  });
}
