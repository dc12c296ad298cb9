//===- IoModel.h - bytes that a cascade moves -----------------------------===//
//
// Reads the problem of TileChooser.h out of a cascade. Nothing goes by names of
// tensors: a tensor's traffic follows from the ranks that it has.
//
//   keys   the rank that is streamed: that of the scans, else a rank that is
//          swept, that an argument has and no result;
//   rows   the innermost work rank that an argument with keys lacks;
//   outer  the other work ranks: one item of work has one coordinate of each.
//          Work ranks are those of the results that every reduction over the
//          keys goes over, less those with declared extents;
//   others (features) are whole in every tile.
//
// Held in the buffer are the tiles of what the sweeps over the keys read and
// write: their arguments, what they capture, their carries or reduced results.
// Values at points (row, key) stay in registers unless `holdPoints` is set.
//
// A mask that governs the sweeps (LiveKeys.h) leaves out pairs, and keys that
// no row of a tile sees.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_IOMODEL_H
#define ATTN_ANALYSIS_IOMODEL_H

#include "attn/Analysis/LiveKeys.h"
#include "attn/Analysis/PassCount.h"
#include "attn/Analysis/TileChooser.h"

namespace attn {

struct IoModelOptions {
  /// Extents of ranks that the function does not declare.
  RankExtents extents;
  /// Names of the row and the key rank; found if empty.
  std::string rowRank, keyRank;
  /// Scores and weights are in the buffer too.
  bool holdPoints = false;
  /// Masks leave out pairs and keys.
  bool useMasks = true;
  /// Values of the function's integer arguments, which its mask may ask for.
  /// Without one that it asks for, no pair counts as masked out.
  IntegerScalars scalars;
};

/// The problem and the ranks that it speaks of.
struct IoModel {
  IoProblem problem;
  std::string rowRank, keyRank;
  /// The tile of the scans over the keys, or 1: the granule of key tiles.
  uint64_t keyGranule = 1;
};

/// The model of `func`. Emits an error on `func` and fails if an extent is
/// missing or a rank is not to be found.
mlir::FailureOr<IoModel> buildIoModel(cascade::FuncOp func,
                                      const IoModelOptions &options);

/// Two lines for one level: `level L2: moved 402653184 B, compulsory ... B,
/// bound ... B, ratio 1.00` and the schedule with the bytes that it holds.
std::string describeTraffic(const IoModel &model, const MemoryLevel &level,
                            const TileChoice &choice);
std::string describeSchedule(const IoModel &model, const MemoryLevel &level,
                             const TileChoice &choice);

} // namespace attn

#endif // ATTN_ANALYSIS_IOMODEL_H
