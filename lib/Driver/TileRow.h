//===- TileRow.h - the classes of one row of tiles ------------------------===//

#ifndef ATTN_LIB_DRIVER_TILEROW_H
#define ATTN_LIB_DRIVER_TILEROW_H

#include "attn/Runtime/TileClass.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <vector>

namespace attn {

/// Adds up the live keys of the rows of one query tile, by key tile. What a
/// range adds is kept as the differences between neighbouring tiles: four for
/// each range, however long.
class TileRow {
public:
  TileRow(int64_t keys, int64_t tileKeys) : keys(keys), tileKeys(tileKeys) {}

  /// Begins a query tile of `rows` rows.
  void start(int64_t rows);
  /// Keys [first, last) of one row: live, or of unknown liveness. Live ranges
  /// of one row have no key in common.
  void addLive(int64_t first, int64_t last);
  void addUnknown(int64_t first, int64_t last);

  /// Calls `visit` for each run of key tiles [first, last) of one class that is
  /// not empty, in order.
  void forEachRun(
      llvm::function_ref<void(int64_t first, int64_t last, TileClass tileClass)>
          visit);

private:
  /// From `tile` on there are so many more.
  struct Change {
    int64_t tile, live, unknown;
  };

  int64_t keys, tileKeys, rows = 0;
  std::vector<Change> changes;
};

} // namespace attn

#endif // ATTN_LIB_DRIVER_TILEROW_H
