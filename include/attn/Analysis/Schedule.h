//===- Schedule.h - how a program is cut for roles and rings ----*- C++ -*-===//
//
// A schedule never changes what is computed. As text it is
//
//   rows=128 keys=128 slots=2 turns=1 split=0 cluster=1
//
// on a command line with commas for spaces, and with any of the fields.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_SCHEDULE_H
#define ATTN_ANALYSIS_SCHEDULE_H

#include "attn/Runtime/Status.h"

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace attn {

/// What a schedule of given tiles leaves open.
struct ScheduleOptions {
  /// Slots of the rings of what a sweep loads.
  int64_t slots = 2;
  /// Groups start their products one after the other.
  bool takesTurns = true;
  /// Which of the machine's splits of registers between roles.
  int64_t split = 0;
  /// Neighbouring blocks that fetch together what a sweep loads.
  int64_t cluster = 1;
  /// Blocks do equal runs of the steps of all items.
  bool isStream = false;
};

/// All that is chosen for a program.
struct TileSchedule : ScheduleOptions {
  /// Of a program's tile, and of a step.
  int64_t rows = 0, keys = 0;

  bool operator==(const TileSchedule &other) const {
    return rows == other.rows && keys == other.keys && slots == other.slots &&
           takesTurns == other.takesTurns && split == other.split &&
           cluster == other.cluster && isStream == other.isStream;
  }
};

std::string format(const TileSchedule &schedule);

/// The fields that a user has given.
struct ScheduleFields {
  std::optional<int64_t> rows, keys, slots, turns, split, cluster, stream;

  bool allow(const TileSchedule &schedule) const;
  /// `schedule` with these in place of its own.
  TileSchedule apply(TileSchedule schedule) const;
  /// The fields that are given, as text.
  std::string format() const;
};

/// Reads fields that `separator` keeps apart. Refuses what is no field, one
/// that is given twice, and values out of bounds; the message is about
/// `feature`.
Result<ScheduleFields> parseScheduleFields(llvm::StringRef text, char separator,
                                           const std::string &feature);

} // namespace attn

#endif // ATTN_ANALYSIS_SCHEDULE_H
