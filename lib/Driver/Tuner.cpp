//===- Tuner.cpp - the search for a schedule that runs fastest ------------===//

#include "attn/Driver/Tuner.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <random>

using namespace attn;

/// Shapes whose other schedules are tried, and schedules of the last part.
static constexpr size_t kShapes = 4, kFinalists = 6;
/// Part of the budget that is left for the last part.
static constexpr double kFinalShare = 0.2;
/// A time in the first parts may be so much off.
static constexpr double kMargin = 1.05;

llvm::StringRef attn::getName(TuneOutcome outcome) {
  switch (outcome) {
  case TuneOutcome::measured:
    return "measured";
  case TuneOutcome::refused:
    return "refused";
  case TuneOutcome::registers:
    return "registers";
  case TuneOutcome::sharedMemory:
    return "shared memory";
  case TuneOutcome::assembler:
    return "spill";
  case TuneOutcome::wrongResult:
    return "wrong result";
  case TuneOutcome::launchFailure:
    return "launch failure";
  case TuneOutcome::timeout:
    return "timeout";
  }
  llvm_unreachable("unknown outcome");
}

namespace {
class Search {
public:
  Search(const std::vector<TileSchedule> &candidates, TuneMeasurer &measurer,
         const TuneOptions &options)
      : candidates(candidates), measurer(measurer), options(options),
        isTried(candidates.size()), start(options.clock()) {}

  TuneResult run();

private:
  struct Timed {
    TileSchedule schedule;
    double milliseconds;
  };

  bool isOver(double share);
  bool tryOne(size_t number);
  void tryShapes();
  void tryOthers();
  void decide();
  void report(const TileSchedule &schedule, const TuneMeasurement &measurement);
  std::vector<Timed> getBest(size_t count) const;

  const std::vector<TileSchedule> &candidates;
  TuneMeasurer &measurer;
  const TuneOptions &options;
  std::vector<bool> isTried;
  std::vector<Timed> timed;
  double start;
  TuneResult result;
};
} // namespace

static bool haveOneShape(const TileSchedule &a, const TileSchedule &b) {
  return a.rows == b.rows && a.keys == b.keys;
}

/// Whether nothing but the tiles and the registers is chosen: what the fields
/// of a schedule that nobody has touched are.
static bool isUsual(const TileSchedule &schedule) {
  return schedule.slots == ScheduleOptions().slots &&
         schedule.takesTurns == ScheduleOptions().takesTurns &&
         schedule.cluster == ScheduleOptions().cluster &&
         schedule.isStream == ScheduleOptions().isStream;
}

/// Whether the search has to end; `share` of the budget may be used.
bool Search::isOver(double share) {
  if (options.isInterrupted && options.isInterrupted())
    result.wasInterrupted = true;
  if (options.clock() - start >= options.budgetSeconds * share)
    result.wasOutOfTime = true;
  return result.wasInterrupted || result.wasOutOfTime;
}

std::vector<Search::Timed> Search::getBest(size_t count) const {
  std::vector<Timed> best = timed;
  std::sort(best.begin(), best.end(), [](const Timed &a, const Timed &b) {
    return a.milliseconds < b.milliseconds;
  });
  best.resize(std::min(best.size(), count));
  return best;
}

void Search::report(const TileSchedule &schedule,
                    const TuneMeasurement &measurement) {
  if (!options.progress)
    return;
  llvm::raw_ostream &os = *options.progress;
  os << "tune: " << llvm::count(isTried, true) << " of " << candidates.size()
     << ", " << format(schedule) << ": ";
  if (measurement.outcome == TuneOutcome::measured)
    os << llvm::format("%.4g ms", measurement.milliseconds);
  else
    os << getName(measurement.outcome) << ", "
       << llvm::StringRef(measurement.reason).split('\n').first;
  if (std::vector<Timed> best = getBest(1); !best.empty())
    os << "; best " << llvm::format("%.4g ms", best[0].milliseconds) << ", "
       << format(best[0].schedule);
  os << "\n";
  os.flush();
}

/// True if the candidate has a time.
bool Search::tryOne(size_t number) {
  const TileSchedule &schedule = candidates[number];
  TuneMeasurement measurement = measurer.prepare(schedule);
  if (measurement.outcome == TuneOutcome::measured)
    measurement = measurer.measure(schedule);
  // The signal that ends the search may have ended what ran for it too.
  bool isMeasured = measurement.outcome == TuneOutcome::measured;
  if (!isMeasured && options.isInterrupted && options.isInterrupted())
    return false;
  isTried[number] = true;
  ++result.counts[measurement.outcome];
  if (isMeasured)
    timed.push_back({schedule, measurement.milliseconds});
  report(schedule, measurement);
  return isMeasured;
}

/// One schedule of each shape: the first of the usual ones that works.
void Search::tryShapes() {
  std::vector<TileSchedule> done;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const TileSchedule &schedule = candidates[i];
    if (!isUsual(schedule) || llvm::any_of(done, [&](const auto &other) {
          return haveOneShape(schedule, other);
        }))
      continue;
    if (isOver(1 - kFinalShare))
      return;
    if (tryOne(i))
      done.push_back(schedule);
  }
}

/// All others of the shapes that did best.
void Search::tryOthers() {
  for (const Timed &shape : getBest(kShapes))
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (isTried[i] || !haveOneShape(candidates[i], shape.schedule))
        continue;
      if (isOver(1 - kFinalShare))
        return;
      tryOne(i);
    }
}

/// The best against each other. Who fails now was not right before either.
void Search::decide() {
  std::vector<Timed> finalists = getBest(kFinalists);
  if (finalists.empty())
    return;
  result.best = finalists[0].schedule;
  result.milliseconds = finalists[0].milliseconds;
  double limit = finalists[0].milliseconds * kMargin;
  llvm::erase_if(finalists, [&](const Timed &timed) {
    return timed.milliseconds > limit;
  });
  if (finalists.size() < 2 || result.wasInterrupted)
    return;
  // The time for this part was kept.
  bool wasOutOfTime = std::exchange(result.wasOutOfTime, false);
  std::vector<std::vector<double>> times(finalists.size());
  std::vector<bool> hasFailed(finalists.size());
  std::vector<size_t> order(finalists.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::mt19937 random(0);
  for (unsigned round = 0; round < options.rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (size_t number : order) {
      if (hasFailed[number])
        continue;
      if (isOver(1))
        break;
      TuneMeasurement measurement =
          measurer.measure(finalists[number].schedule);
      if (measurement.outcome != TuneOutcome::measured) {
        hasFailed[number] = true;
        --result.counts[TuneOutcome::measured];
        ++result.counts[measurement.outcome];
        continue;
      }
      times[number].push_back(measurement.milliseconds);
    }
    if (result.wasInterrupted || result.wasOutOfTime)
      break;
  }
  result.wasOutOfTime |= wasOutOfTime;
  // Medians of as many rounds as all have had.
  std::optional<size_t> winner;
  double least = 0;
  for (size_t i = 0; i < finalists.size(); ++i) {
    if (hasFailed[i] || times[i].empty())
      continue;
    auto middle = times[i].begin() + times[i].size() / 2;
    std::nth_element(times[i].begin(), middle, times[i].end());
    if (winner && *middle >= least)
      continue;
    winner = i;
    least = *middle;
  }
  if (winner) {
    result.best = finalists[*winner].schedule;
    result.milliseconds = least;
  } else if (llvm::all_of(hasFailed, [](bool failed) { return failed; })) {
    result.best.reset();
  }
}

TuneResult Search::run() {
  tryShapes();
  if (!isOver(1 - kFinalShare))
    tryOthers();
  result.numSkipped = llvm::count(isTried, false);
  decide();
  return std::move(result);
}

TuneResult attn::tune(const std::vector<TileSchedule> &candidates,
                      TuneMeasurer &measurer, const TuneOptions &options) {
  return Search(candidates, measurer, options).run();
}

std::string attn::describe(const TuneResult &result) {
  auto measured = result.counts.find(TuneOutcome::measured);
  std::string text =
      std::to_string(measured == result.counts.end() ? 0 : measured->second) +
      " measured";
  for (auto [outcome, count] : result.counts)
    if (outcome != TuneOutcome::measured && count != 0)
      text += ", " + std::to_string(count) + " " + getName(outcome).str();
  if (result.numSkipped != 0)
    text += ", " + std::to_string(result.numSkipped) + " not tried";
  if (result.wasInterrupted)
    text += "; interrupted";
  else if (result.wasOutOfTime)
    text += "; out of time";
  return text;
}
