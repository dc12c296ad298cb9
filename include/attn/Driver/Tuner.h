//===- Tuner.h - the search for a schedule that runs fastest --------------===//
//
// Candidates come in the order of the model, each with the shape of its tiles.
// First the usual schedule of each shape is timed, then the other schedules of
// the shapes that did best, last the best of all against each other, in
// shuffled rounds: times of different minutes do not compare, those of one
// round do.
//
// What measures is behind an interface: this file knows no device.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DRIVER_TUNER_H
#define ATTN_DRIVER_TUNER_H

#include "attn/Analysis/Schedule.h"

#include <functional>
#include <map>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// What came of a candidate.
enum class TuneOutcome {
  measured,
  /// No lowering has it.
  refused,
  registers,
  sharedMemory,
  /// ptxas spills or serialises products.
  assembler,
  wrongResult,
  launchFailure,
  timeout,
};

llvm::StringRef getName(TuneOutcome outcome);

/// A candidate's time, or why it has none.
struct TuneMeasurement {
  TuneOutcome outcome = TuneOutcome::measured;
  double milliseconds = 0;
  std::string reason;
};

class TuneMeasurer {
public:
  virtual ~TuneMeasurer() = default;

  /// Builds `schedule`, runs it and checks what it computes.
  virtual TuneMeasurement prepare(const TileSchedule &schedule) = 0;
  /// Times one that was prepared.
  virtual TuneMeasurement measure(const TileSchedule &schedule) = 0;
};

struct TuneOptions {
  double budgetSeconds = 120;
  /// Rounds of the last part.
  unsigned rounds = 7;
  /// Seconds, of any beginning.
  std::function<double()> clock;
  /// Whether the user wants to have done; may be empty.
  std::function<bool()> isInterrupted;
  /// Where to say how far the search is; may be null.
  llvm::raw_ostream *progress = nullptr;
};

struct TuneResult {
  /// The winner and its median time; absent if nothing was measured.
  std::optional<TileSchedule> best;
  double milliseconds = 0;
  /// Candidates by what came of them.
  std::map<TuneOutcome, int64_t> counts;
  /// Those that the search did not come to.
  int64_t numSkipped = 0;
  bool wasInterrupted = false, wasOutOfTime = false;
};

/// Searches `candidates`, which are in the order of their estimates.
TuneResult tune(const std::vector<TileSchedule> &candidates,
                TuneMeasurer &measurer, const TuneOptions &options);

/// One line: how many candidates were measured, and how many failed why.
std::string describe(const TuneResult &result);

} // namespace attn

#endif // ATTN_DRIVER_TUNER_H
