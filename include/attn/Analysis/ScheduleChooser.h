//===- ScheduleChooser.h - the schedule of a function for a machine -------===//
//
// Fills `#cascade.schedule` from the byte model and the facts of a machine.
// Rows: of the sizes that the machine's blocks allow and whose tile fits in the
// buffer, the first whose bytes hide behind the arithmetic, else the largest,
// which moves the fewest bytes. Past that point a larger tile gains nothing and
// costs work items, and pairs at the edges of masks. Keys: as many as fit
// beside the rows; more never move more, and each step corrects the carries
// once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_SCHEDULECHOOSER_H
#define ATTN_ANALYSIS_SCHEDULECHOOSER_H

#include "attn/Analysis/IoModel.h"

namespace attn {

/// What a machine asks of a schedule: data of the target table.
struct ScheduleTarget {
  /// The buffer that one tile has for itself, in bytes.
  uint64_t bufferBytes = 0;
  /// Granules of tiles, and sizes that are given.
  TileLimits limits;
  /// Bytes of a pair (row, key) that the lowering keeps in the buffer: its
  /// score. With `holdPoints` those of every score and weight instead.
  uint64_t pointBytes = 0;
  bool holdPoints = false;
  /// Keys are packed: a step's take room twice, as they are and as a copy.
  bool copiesKeys = false;
  /// Operations on f32 that the machine does while memory gives it one byte; 0
  /// if bytes are never to hide. `hasNarrowRate`: operands of half the width go
  /// at twice the rate.
  double flopsPerByte = 0;
  bool hasNarrowRate = false;
  /// The cut for fewer than `fewBelow` rows, 0 for none: a row by itself, its
  /// keys and values straight from memory, so many keys a step that its scores
  /// fill `fewBytes`.
  uint64_t fewBelow = 0, fewBytes = 0;
};

/// The traffic may take this part of the time of the arithmetic beside it.
inline constexpr double kHiddenShare = 1.0 / 6;

/// Sets the fields that the schedule of `func` lacks. `extents` may lack ranks:
/// rows and keys without an extent are long and other ranks have one
/// coordinate. Returns false, and why in `refusal`, if the byte model does not
/// speak of `func` or no tile fits; the function then stays as it is.
bool chooseSchedule(cascade::FuncOp func, const ScheduleTarget &target,
                    const RankExtents &extents, std::string &refusal);

} // namespace attn

#endif // ATTN_ANALYSIS_SCHEDULECHOOSER_H
