//===- RunReport.h - what a run prints ------------------------------------===//

#ifndef ATTN_DRIVER_RUNREPORT_H
#define ATTN_DRIVER_RUNREPORT_H

#include "attn/Analysis/Schedule.h"
#include "attn/Driver/Check.h"
#include "attn/Driver/Problem.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// The passes over one rank, before and after their reduction.
struct PassesOverRank {
  std::string rank;
  unsigned before, after;
};

/// Bytes moved at one level of memory.
struct Traffic {
  std::string level;
  uint64_t moved, compulsory, bound;
};

/// Tiles of a kernel's sweeps, over all its work items.
struct TileCounts {
  int64_t full = 0, partial = 0, empty = 0;
};

/// What the mask says and the plan of the work is (see MaskReport.h).
struct MaskFacts {
  int64_t livePairs = 0, emptyRows = 0;
  int64_t workers = 1, makespan = 0, bound = 0;
};

/// Facts of one run; absent ones were not asked for.
struct RunReport {
  std::string variant, target;
  Problem problem;
  std::vector<PassesOverRank> passes;
  std::optional<TileCounts> tiles;
  std::optional<MaskFacts> mask;
  std::vector<Traffic> traffic;
  std::optional<std::vector<OutputError>> errors;
  /// Outputs that differ from run to run or with the number of threads, those
  /// with writes outside their elements, and those that update an argument and
  /// have changed what they were to keep.
  std::vector<std::string> unrepeatable, overrun, changed;
  std::optional<double> milliseconds, gflops;
  int threads = 1;
  double compileMs = 0;
  /// Of a GPU: whether the kernel came from the cache, if there is one, and the
  /// schedule and who chose it, if it has one, or why it has none.
  std::optional<bool> isCached;
  std::optional<TileSchedule> schedule;
  std::string scheduleOrigin, unscheduled;
  /// The text of the reports that were asked for.
  std::string details;

  bool isRight() const;
};

/// One JSON object on one line.
void printJson(const RunReport &report, llvm::raw_ostream &os);
/// For people.
void printText(const RunReport &report, llvm::raw_ostream &os);

} // namespace attn

#endif // ATTN_DRIVER_RUNREPORT_H
