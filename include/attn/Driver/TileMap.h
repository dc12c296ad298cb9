//===- TileMap.h - pictures of masks and of the work that they make -------===//
//
// A map has one class a tile; a picture has at most 64 x 128 cells, each of
// equally many tiles but the last ones. A cell is empty only if all its tiles
// are, full only if all are, and else partial: what is live is never hidden.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DRIVER_TILEMAP_H
#define ATTN_DRIVER_TILEMAP_H

#include "attn/Runtime/Status.h"
#include "attn/Runtime/TileLists.h"
#include "attn/Runtime/WorkPlan.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace llvm {
class StringRef;
class raw_ostream;
} // namespace llvm

namespace attn {

/// The tiles of `rows` work rows by `keys` key tiles. For lists `classAt` calls
/// their `getClass`.
struct TileMap {
  std::string title;
  int64_t rows = 0, keys = 0;
  TileClassifier classAt;
};

/// A map with `rowsPerCell` x `keysPerCell` tiles a cell, row-major.
struct CellMap {
  static constexpr int64_t maxRows = 64, maxKeys = 128;

  int64_t rows = 0, keys = 0;
  int64_t rowsPerCell = 1, keysPerCell = 1;
  std::vector<TileClass> cells;

  TileClass getClass(int64_t row, int64_t key) const {
    return cells[row * keys + key];
  }
};

/// Makes cells of runs of tiles, for maps of more tiles than can be asked for:
/// takes time and memory of the cells only. What no run has is empty.
class CellMapBuilder {
public:
  /// Pre-condition: both are 0 to 2^31 - 1.
  CellMapBuilder(int64_t rows, int64_t keys);

  /// Tiles [first, last) of `row`, which no other run has, are `tileClass`.
  void add(int64_t row, int64_t first, int64_t last, TileClass tileClass);
  CellMap getCells() const;

private:
  int64_t rows, keys;
  CellMap cells;
  /// By cell: the tiles that are full, and those that are partial.
  std::vector<int64_t> numFull, numPartial;
};

/// Asks for the tiles of each cell until two classes have been seen. Refuses a
/// map without `classAt`, a wrong class, and sides outside 0 to 2^31 - 1.
Result<CellMap> reduce(const TileMap &map);

/// One character a cell, with axes of tile numbers and a legend. Prints nothing
/// if it refuses, as `reduce` does.
Status printText(const TileMap &map, llvm::raw_ostream &os);

/// The same from `cells`, of which `map` has the title and the numbers of
/// tiles.
void printText(const TileMap &map, const CellMap &cells, llvm::raw_ostream &os);

/// The same as SVG, under 1 MB: one rectangle for each run of equal cells in a
/// row.
Status printSvg(const TileMap &map, llvm::raw_ostream &os);

/// One bar a worker, as SVG under 1 MB: its items in order, coloured by group,
/// and lines at the makespan and at the mean load. Items too short to be seen
/// are drawn together. Of more than 256 workers a bar shows the one that has
/// most among neighbours. Pre-condition: `plan` is one of WorkPlan::create.
void printSvg(const WorkPlan &plan, llvm::StringRef title,
              llvm::raw_ostream &os);

/// A map whose cells are known; `map` needs no classes.
struct MapPicture {
  TileMap map;
  CellMap cells;
};

/// Maps and the plan that they make, from top to bottom of one picture.
void printSvg(llvm::ArrayRef<MapPicture> maps, const WorkPlan &plan,
              llvm::StringRef title, llvm::raw_ostream &os);

} // namespace attn

#endif // ATTN_DRIVER_TILEMAP_H
