//===- TunerTest.cpp - the search for a schedule, without a device --------===//

#include "attn/Driver/Tuner.h"

#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace attn;

namespace {
TileSchedule create(int64_t rows, int64_t keys, int64_t slots = 2,
                    int64_t split = 0) {
  TileSchedule schedule;
  schedule.rows = rows;
  schedule.keys = keys;
  schedule.slots = slots;
  schedule.split = split;
  return schedule;
}

/// Times by a function, a second for each build.
class FakeMeasurer final : public TuneMeasurer {
public:
  TuneMeasurement prepare(const TileSchedule &schedule) override {
    prepared.push_back(schedule);
    now += 1;
    if (interruptAfter == prepared.size())
      isInterrupted = true;
    if (auto outcome =
            getFailure ? getFailure(schedule) : TuneOutcome::measured;
        outcome != TuneOutcome::measured)
      return {outcome, 0, "as the test wants"};
    return {};
  }
  TuneMeasurement measure(const TileSchedule &schedule) override {
    ++numMeasured;
    now += 0.1;
    if (getLateFailure && numMeasured > prepared.size())
      if (auto outcome = getLateFailure(schedule);
          outcome != TuneOutcome::measured)
        return {outcome, 0, "late"};
    return {TuneOutcome::measured, getTime(schedule), ""};
  }

  TuneOptions getOptions() {
    TuneOptions options;
    options.clock = [this] { return now; };
    options.isInterrupted = [this] { return isInterrupted; };
    return options;
  }

  std::function<double(const TileSchedule &)> getTime =
      [](const TileSchedule &) { return 1.0; };
  std::function<TuneOutcome(const TileSchedule &)> getFailure, getLateFailure;
  std::vector<TileSchedule> prepared;
  size_t numMeasured = 0, interruptAfter = 0;
  double now = 1000;
  bool isInterrupted = false;
};
} // namespace

// The fastest is no usual schedule and not of the shape that the model prefers.
TEST(Tuner, FindsTheFastest) {
  std::vector<TileSchedule> candidates = {create(128, 128), create(128, 128, 3),
                                          create(128, 64), create(128, 64, 3),
                                          create(192, 64)};
  FakeMeasurer measurer;
  measurer.getTime = [](const TileSchedule &schedule) {
    return schedule.keys == 128 ? 3.0 : schedule.slots == 3 ? 1.0 : 2.0;
  };
  TuneResult result = tune(candidates, measurer, measurer.getOptions());
  ASSERT_TRUE(result.best);
  EXPECT_TRUE(*result.best == create(128, 64, 3));
  EXPECT_EQ(result.milliseconds, 1.0);
  EXPECT_EQ(result.counts[TuneOutcome::measured], 5);
  EXPECT_EQ(describe(result), "5 measured");
  // One schedule of each shape comes first.
  EXPECT_TRUE(measurer.prepared[1] == create(128, 64));
  EXPECT_TRUE(measurer.prepared[2] == create(192, 64));
}

// What looks best by one fast time loses to medians of rounds.
TEST(Tuner, DecidesByMedians) {
  std::vector<TileSchedule> candidates = {create(128, 128), create(128, 64)};
  FakeMeasurer measurer;
  std::map<int64_t, int> calls;
  measurer.getTime = [&](const TileSchedule &schedule) {
    if (schedule.keys == 64)
      return 1.0;
    return calls[schedule.keys]++ == 0 ? 0.99 : 1.02;
  };
  TuneResult result = tune(candidates, measurer, measurer.getOptions());
  ASSERT_TRUE(result.best);
  EXPECT_EQ(result.best->keys, 64);
  EXPECT_EQ(result.milliseconds, 1.0);
}

TEST(Tuner, CountsFailuresByReason) {
  std::vector<TileSchedule> candidates = {
      create(192, 128), create(128, 128), create(128, 96), create(128, 64),
      create(64, 128),  create(64, 96),   create(64, 64),  create(64, 32)};
  FakeMeasurer measurer;
  measurer.getTime = [](const TileSchedule &schedule) {
    // The wrong one would be the fastest.
    return static_cast<double>(schedule.keys);
  };
  measurer.getFailure = [](const TileSchedule &schedule) {
    if (schedule.rows == 192)
      return TuneOutcome::assembler;
    if (schedule.rows == 128)
      return schedule.keys == 128  ? TuneOutcome::sharedMemory
             : schedule.keys == 96 ? TuneOutcome::registers
                                   : TuneOutcome::refused;
    return schedule.keys == 32   ? TuneOutcome::wrongResult
           : schedule.keys == 64 ? TuneOutcome::launchFailure
           : schedule.keys == 96 ? TuneOutcome::timeout
                                 : TuneOutcome::measured;
  };
  TuneResult result = tune(candidates, measurer, measurer.getOptions());
  ASSERT_TRUE(result.best);
  EXPECT_TRUE(*result.best == create(64, 128));
  EXPECT_EQ(describe(result),
            "1 measured, 1 refused, 1 registers, 1 shared memory, 1 spill, 1 "
            "wrong result, 1 launch failure, 1 timeout");
}

// A shape whose first registers do not do is tried with others at once.
TEST(Tuner, TriesAnotherSplit) {
  std::vector<TileSchedule> candidates = {create(128, 128, 2, 0),
                                          create(128, 128, 2, 1)};
  FakeMeasurer measurer;
  measurer.getFailure = [](const TileSchedule &schedule) {
    return schedule.split == 0 ? TuneOutcome::assembler : TuneOutcome::measured;
  };
  TuneResult result = tune(candidates, measurer, measurer.getOptions());
  ASSERT_TRUE(result.best);
  EXPECT_EQ(result.best->split, 1);
}

TEST(Tuner, KeepsToItsBudget) {
  std::vector<TileSchedule> candidates;
  for (int64_t keys = 16; keys <= 1600; keys += 16)
    candidates.push_back(create(128, keys));
  FakeMeasurer measurer;
  measurer.getTime = [](const TileSchedule &schedule) {
    return 1 + static_cast<double>(schedule.keys) / 10000;
  };
  TuneOptions options = measurer.getOptions();
  options.budgetSeconds = 20;
  double start = measurer.now;
  TuneResult result = tune(candidates, measurer, options);
  EXPECT_LE(measurer.now - start, 20 + 1.1);
  EXPECT_TRUE(result.wasOutOfTime);
  ASSERT_TRUE(result.best);
  EXPECT_EQ(result.best->keys, 16);
  // A part of it is left for the best against each other.
  EXPECT_LE(measurer.prepared.size(), 16u);
  EXPECT_GT(measurer.numMeasured, measurer.prepared.size());
  EXPECT_EQ(result.numSkipped,
            int64_t(candidates.size() - measurer.prepared.size()));
  EXPECT_NE(describe(result).find("not tried; out of time"), std::string::npos);
}

// What the signal ended is no failure, and the best so far is kept.
TEST(Tuner, KeepsTheBestWhenInterrupted) {
  std::vector<TileSchedule> candidates;
  for (int64_t keys = 160; keys >= 16; keys -= 16)
    candidates.push_back(create(128, keys));
  FakeMeasurer measurer;
  measurer.interruptAfter = 4;
  measurer.getTime = [](const TileSchedule &schedule) {
    return static_cast<double>(schedule.keys);
  };
  measurer.getFailure = [&](const TileSchedule &) {
    return measurer.isInterrupted ? TuneOutcome::assembler
                                  : TuneOutcome::measured;
  };
  TuneResult result = tune(candidates, measurer, measurer.getOptions());
  EXPECT_TRUE(result.wasInterrupted);
  ASSERT_TRUE(result.best);
  EXPECT_EQ(result.best->keys, 128);
  EXPECT_EQ(measurer.prepared.size(), 4u);
  EXPECT_EQ(describe(result), "3 measured, 7 not tried; interrupted");
}

// Who fails in the last rounds does not win.
TEST(Tuner, DropsWhatFailsLate) {
  std::vector<TileSchedule> candidates = {create(128, 128), create(128, 64)};
  FakeMeasurer measurer;
  measurer.getTime = [](const TileSchedule &schedule) {
    return schedule.keys == 64 ? 0.99 : 1.0;
  };
  measurer.getLateFailure = [](const TileSchedule &schedule) {
    return schedule.keys == 64 ? TuneOutcome::launchFailure
                               : TuneOutcome::measured;
  };
  TuneResult result = tune(candidates, measurer, measurer.getOptions());
  ASSERT_TRUE(result.best);
  EXPECT_EQ(result.best->keys, 128);
  EXPECT_EQ(describe(result), "1 measured, 1 launch failure");
}

TEST(Tuner, HasNoWinnerWhereNothingRuns) {
  std::vector<TileSchedule> candidates = {create(128, 128)};
  FakeMeasurer measurer;
  measurer.getFailure = [](const TileSchedule &) {
    return TuneOutcome::wrongResult;
  };
  std::string progress;
  llvm::raw_string_ostream stream(progress);
  TuneOptions options = measurer.getOptions();
  options.progress = &stream;
  TuneResult result = tune(candidates, measurer, options);
  EXPECT_FALSE(result.best);
  EXPECT_EQ(progress, "tune: 1 of 1, rows=128 keys=128 slots=2 turns=1 "
                      "split=0 cluster=1: wrong result, as the test wants\n");
}
