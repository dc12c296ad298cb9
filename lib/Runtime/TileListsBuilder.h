//===- TileListsBuilder.h - tile lists, row after row ---------------------===//

#ifndef ATTN_LIB_RUNTIME_TILELISTSBUILDER_H
#define ATTN_LIB_RUNTIME_TILELISTSBUILDER_H

#include "attn/Runtime/TileLists.h"

#include <utility>

namespace attn {

class TileListsBuilder {
public:
  /// Adds a tile to the row at hand. Pre-condition: it is greater than those
  /// that the row has.
  void add(int64_t tile, TileClass tileClass) {
    if (tileClass == TileClass::partial)
      lists.tiles.push_back(static_cast<int32_t>(tile));
    else if (tileClass == TileClass::full)
      full.push_back(static_cast<int32_t>(tile));
  }

  void endRow() {
    lists.fullFrom.push_back(static_cast<int64_t>(lists.tiles.size()));
    lists.tiles.insert(lists.tiles.end(), full.begin(), full.end());
    lists.offsets.push_back(static_cast<int64_t>(lists.tiles.size()));
    full.clear();
  }

  TileLists take() { return std::move(lists); }

private:
  TileLists lists;
  std::vector<int32_t> full;
};

} // namespace attn

#endif // ATTN_LIB_RUNTIME_TILELISTSBUILDER_H
