//===- TileRow.cpp - the classes of one row of tiles ----------------------===//

#include "TileRow.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;

void TileRow::start(int64_t numRows) {
  rows = numRows;
  changes.clear();
}

void TileRow::addLive(int64_t first, int64_t last) {
  if (first >= last)
    return;
  int64_t tile = first / tileKeys, end = (last - 1) / tileKeys;
  if (tile == end) {
    changes.push_back({tile, last - first, 0});
    changes.push_back({tile + 1, first - last, 0});
    return;
  }
  int64_t inFirst = (tile + 1) * tileKeys - first;
  int64_t inLast = last - end * tileKeys;
  changes.push_back({tile, inFirst, 0});
  changes.push_back({tile + 1, tileKeys - inFirst, 0});
  changes.push_back({end, inLast - tileKeys, 0});
  changes.push_back({end + 1, -inLast, 0});
}

void TileRow::addUnknown(int64_t first, int64_t last) {
  if (first >= last)
    return;
  changes.push_back({first / tileKeys, 0, 1});
  changes.push_back({(last - 1) / tileKeys + 1, 0, -1});
}

void TileRow::forEachRun(
    llvm::function_ref<void(int64_t, int64_t, TileClass)> visit) {
  llvm::sort(changes,
             [](const Change &a, const Change &b) { return a.tile < b.tile; });
  // The last tile may have fewer keys: it is full with less than the others.
  int64_t lastTile = (keys - 1) / tileKeys;
  int64_t live = 0, unknown = 0;
  auto visitRun = [&](int64_t first, int64_t last, int64_t size) {
    if (first < last && live + unknown > 0)
      visit(first, last,
            live == rows * size ? TileClass::full : TileClass::partial);
  };
  for (size_t i = 0; i < changes.size();) {
    int64_t tile = changes[i].tile;
    for (; i < changes.size() && changes[i].tile == tile; ++i) {
      live += changes[i].live;
      unknown += changes[i].unknown;
    }
    if (i == changes.size())
      break;
    int64_t end = changes[i].tile;
    visitRun(tile, std::min(end, lastTile), tileKeys);
    if (end > lastTile)
      visitRun(std::max(tile, lastTile), end, keys - lastTile * tileKeys);
  }
}
