//===- MaskReport.h - what a mask leaves to do at a problem's numbers -----===//
//
// Classes of tiles, live pairs, rows without a live key, and the work of each
// query tile, dealt out to workers. The classes are those of the mask itself,
// exactly: the live keys of each row are ranges, which are added up by tile, so
// that time and memory go with rows, ranges and what is drawn, never with
// queries x keys. What is visited is another matter: a kernel takes the keys of
// a whole query tile from the segments of its box.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DRIVER_MASKREPORT_H
#define ATTN_DRIVER_MASKREPORT_H

#include "attn/Driver/Inputs.h"
#include "attn/Driver/Problem.h"
#include "attn/Driver/RunReport.h"
#include "attn/Driver/TileMap.h"
#include "attn/Runtime/WorkPlan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attn {

struct MaskReportOptions {
  /// Queries and keys of a tile.
  int64_t tileRows = 64, tileKeys = 64;
  /// Keys of a step of the kernel.
  int64_t stepKeys = 64;
  int64_t workers = 1;
};

/// Heads whose terms hold alike: those for which the same guards, among the
/// ones that ask for the head alone, are true.
struct MaskGroup {
  int64_t heads = 0;
  /// The first of them, such as `b=0 h=0 g=1`, as far as the mask depends on
  /// it, and the guards; both may be empty.
  std::string first, guards;
  /// The map of the first; absent from the fifth group on.
  std::optional<CellMap> cells;
};

struct MaskReport {
  static constexpr size_t maxMaps = 4;

  /// False where every query sees every key because there is no mask.
  bool hasMask = false;
  int64_t rows = 0, keys = 0, tileRows = 0, tileKeys = 0;
  /// All heads of all batches, and among them those with masks of their own.
  int64_t heads = 1, maps = 1;

  /// Over all heads.
  TileCounts tiles;
  int64_t livePairs = 0, emptyRows = 0;
  std::string firstEmptyRow;
  /// Points of which it is not known whether the mask lets them through. Their
  /// tiles count as partial, they are not among the live pairs, and their rows
  /// are not among the empty ones.
  int64_t unknownPairs = 0;
  /// Why parts of the mask are tested point by point, or not understood.
  std::vector<std::string> reasons;

  std::vector<MaskGroup> groups;
  /// Costs are keys visited.
  WorkPlan plan;
  /// What the kernel's sweeps visit.
  TileCounts steps;

  int64_t countRowTiles() const { return (rows + tileRows - 1) / tileRows; }
  int64_t countKeyTiles() const { return (keys + tileKeys - 1) / tileKeys; }
};

/// The mask of the first Einsum of `func` over queries (P) and keys (M) that
/// has one, or else full attention. Integer tensors are those of `arrays`, or
/// generated. Refuses functions without such an Einsum, a mask that depends on
/// a reduced rank, and more than 2^24 rows with masks of their own, 2^22 query
/// tiles, or 2^28 elements of a table.
Result<MaskReport> reportMask(cascade::FuncOp func, const Problem &problem,
                              const Arrays &arrays,
                              const MaskReportOptions &options);

/// Counts, work and a map of each group.
void printText(const MaskReport &report, llvm::raw_ostream &os);

/// The maps above the schedule of the workers.
void printSvg(const MaskReport &report, llvm::StringRef title,
              llvm::raw_ostream &os);

} // namespace attn

#endif // ATTN_DRIVER_MASKREPORT_H
