//===- QuantizedTest.cpp - keys and values of 8 bits ----------------------===//
//
// Variants over caches of e4m3, e5m2 and i8 with scales of heads, tokens and
// channels: on this machine's CPU, and the kernels that they get for a GPU run
// by the interpreter of pipe. What is right is computed in f64 from the numbers
// that the bytes and scales stand for.
//
//===----------------------------------------------------------------------===//

#include "InterpretVariant.h"
#include "RunCase.h"

#include "gtest/gtest.h"

#include <random>

using namespace attn;
using namespace attn::test;

using Format = std::tuple<DType, ScaleGranularity>;

static uint64_t drawSeed() {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

namespace {
class QuantizedTest
    : public testing::TestWithParam<std::tuple<const char *, Format>> {
protected:
  const char *getVariant() { return std::get<0>(GetParam()); }
  KvOptions getOptions() {
    auto [dtype, scales] = std::get<1>(GetParam());
    return {std::nullopt, dtype, scales};
  }
  void interpret(InterpretedCase c,
                 std::initializer_list<std::optional<int64_t>> pages) {
    uint64_t seed = drawSeed();
    PipeLaunch launch;
    launch.target = getPipeTarget(c.target);
    launch.multiprocessors = 3;
    launch.schedule = PipeSchedule::random;
    launch.seed = seed;
    for (std::optional<int64_t> page : pages) {
      c.kv = getOptions();
      c.kv.page = page;
      EXPECT_EQ(InterpretedRun(getVariant(), c).run(seed, launch), "")
          << "pages of " << page.value_or(0);
    }
  }
};
} // namespace

TEST_P(QuantizedTest, AreRightOnCpus) {
  std::mt19937_64 random(drawSeed());
  CaseRunner runner;
  for (DType dtype : {DType::f32, DType::bf16, DType::f16})
    for (int64_t queries : {1, 3, 40})
      for (InputKind kind : {InputKind::normal, InputKind::outliers}) {
        Case c;
        c.variant = getVariant();
        c.kv = getOptions();
        c.shape = {2, 6, 2, queries, 130, 40, 24, {}};
        c.dtype = dtype;
        c.inputs.kind = kind;
        c.inputs.seed = random();
        c.threads = 2;
        std::string failure = findFailure(runner, c);
        EXPECT_EQ(failure, "") << c.describe();
      }
}

// Not scales of channels, which make the queries computed ones.
class ScheduledQuantizedTest : public QuantizedTest {};

TEST_P(ScheduledQuantizedTest, AreRightWhereAGroupWidensTheirSlots) {
  InterpretedCase c = {{2, 4, 2, 70, 150, 64, 24, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  interpret(c, {std::nullopt, 16, 64});
  c.tileRows = 128;
  c.dtype = DType::f16;
  interpret(c, {std::nullopt});
}

TEST_P(ScheduledQuantizedTest, AreRightInStreamsOfPackedRows) {
  InterpretedCase c = {{3, 4, 2, 1, 150, 32, 64, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  c.schedule.isStream = true;
  c.schedule.slots = 3;
  c.pack = 2;
  interpret(c, {std::nullopt, 16});
}

// What early and late products take two roles widen.
TEST_P(ScheduledQuantizedTest, AreRightInStreamsOfFewRows) {
  InterpretedCase c = {{3, 4, 2, 1, 150, 32, 64, {}}, DType::bf16, 32, 32};
  c.isScheduled = true;
  c.schedule.isStream = true;
  c.schedule.slots = 3;
  c.pack = 2;
  interpret(c, {std::nullopt, 16});
}

TEST_P(ScheduledQuantizedTest, AreRightWhereLanesCopyTheirSlots) {
  InterpretedCase c = {{2, 4, 2, 70, 150, 64, 24, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  c.target = "sm_80";
  interpret(c, {std::nullopt, 64});
  c.shape = {3, 4, 2, 1, 150, 32, 64, {}};
  c.schedule.isStream = true;
  c.pack = 2;
  interpret(c, {16});
}

TEST_P(ScheduledQuantizedTest, AreRightWhereWavesCopyTheirSlots) {
  for (const char *target : {"gfx942", "gfx90a", "gfx1100"}) {
    InterpretedCase c = {{2, 4, 2, 70, 150, 64, 32, {}}, DType::bf16, 64, 32};
    c.isScheduled = true;
    c.target = target;
    interpret(c, {std::nullopt, 64});
    c.shape = {3, 4, 2, 1, 150, 32, 64, {}};
    c.schedule.isStream = true;
    c.pack = 2;
    interpret(c, {16});
  }
}

// Scales of channels too, as left sides that are computed stay in registers.
class SharedQuantizedTest : public QuantizedTest {};

// Each widens its share of the keys in registers; in panels of 64 and of 128
// bytes, one and several.
TEST_P(SharedQuantizedTest, AreRightWhereWarpsShareOutKeys) {
  InterpretedCase c = {{3, 4, 2, 1, 150, 64, 128, {}}, DType::bf16, 8, 64};
  c.isScheduled = true;
  c.schedule.isStream = true;
  c.schedule.slots = 3;
  c.pack = 2;
  c.nan = NaNKind::hidden;
  interpret(c, {std::nullopt, 16});
  // Many steps, of which lines and their pages are asked for ahead; and no keys
  // at all.
  c.shape.keyLength = 700;
  interpret(c, {std::nullopt, 16});
  c.shape.keyLength = 0;
  interpret(c, {std::nullopt});
  // Of sixteen rows, in two products' halves.
  c.shape = {2, 6, 2, 5, 150, 64, 128, {}};
  c.pack = 4;
  c.tileRows = 16;
  interpret(c, {16});
  // Rows of several queries, two tiles of them, and no line of steps.
  c = {{2, 6, 2, 4, 300, 128, 192, {}}, DType::f16, 8, 128};
  c.isScheduled = true;
  c.pack = 4;
  interpret(c, {64});
}

// Weights of 1e-5 and less, which f16 has no digits for once a scale makes them
// smaller still.
class FaintWeightsTest : public QuantizedTest {};

TEST_P(FaintWeightsTest, KeepTheirDigitsInF16) {
  InterpretedCase c = {{2, 2, 1, 5, 23, 8, 16, {}}, DType::f16, 4, 8};
  c.parameters = {{"shift", "-12"}};
  interpret(c, {std::nullopt});
  c.shape = {2, 4, 2, 3, 150, 64, 64, {}};
  c.tileRows = c.tileKeys = 64;
  c.isScheduled = true;
  interpret(c, {std::nullopt, 16});
  c.schedule.isStream = true;
  c.pack = 2;
  for (int64_t rows : {32, 8}) {
    c.tileRows = rows;
    interpret(c, {16});
  }
  c.target = "gfx942";
  c.tileRows = 64;
  interpret(c, {16});
}

TEST_P(QuantizedTest, AreRightByThreads) {
  InterpretedCase c = {{2, 2, 1, 5, 23, 8, 8, {}}, DType::bf16, 4, 8};
  interpret(c, {std::nullopt, 8});
}

static std::string
nameCase(const testing::TestParamInfo<QuantizedTest::ParamType> &info) {
  auto [variant, format] = info.param;
  auto [dtype, scales] = format;
  std::string name = variant;
  std::replace(name.begin(), name.end(), '-', '_');
  static const char *const granularities[] = {"head", "token", "channel"};
  return name + "_" + std::string(getName(dtype)) + "_" +
         granularities[static_cast<int>(scales)];
}

static const Format kScheduled[] = {{DType::e4m3, ScaleGranularity::Head},
                                    {DType::e4m3, ScaleGranularity::Token},
                                    {DType::e5m2, ScaleGranularity::Head},
                                    {DType::i8, ScaleGranularity::Head},
                                    {DType::i8, ScaleGranularity::Token}};
static const Format kOfChannels[] = {{DType::e4m3, ScaleGranularity::Channel},
                                     {DType::i8, ScaleGranularity::Channel}};

INSTANTIATE_TEST_SUITE_P(
    Formats, QuantizedTest,
    testing::Combine(testing::Values("gqa", "causal-bottom-right"),
                     testing::ValuesIn(kScheduled)),
    nameCase);
INSTANTIATE_TEST_SUITE_P(Channels, QuantizedTest,
                         testing::Combine(testing::Values("gqa",
                                                          "causal-bottom-right",
                                                          "softcap", "sink"),
                                          testing::ValuesIn(kOfChannels)),
                         nameCase);
INSTANTIATE_TEST_SUITE_P(
    Formats, ScheduledQuantizedTest,
    testing::Combine(testing::Values("gqa", "causal-bottom-right"),
                     testing::ValuesIn(kScheduled)),
    nameCase);
INSTANTIATE_TEST_SUITE_P(
    Variants, ScheduledQuantizedTest,
    testing::Combine(testing::Values("softcap", "sink", "alibi"),
                     testing::Values(Format{DType::e4m3,
                                            ScaleGranularity::Token})),
    nameCase);
INSTANTIATE_TEST_SUITE_P(
    Formats, SharedQuantizedTest,
    testing::Combine(testing::Values("gqa", "causal-bottom-right", "sink"),
                     testing::ValuesIn(kScheduled)),
    nameCase);
INSTANTIATE_TEST_SUITE_P(Channels, SharedQuantizedTest,
                         testing::Combine(testing::Values("gqa", "softcap",
                                                          "alibi", "bias"),
                                          testing::ValuesIn(kOfChannels)),
                         nameCase);
INSTANTIATE_TEST_SUITE_P(
    Variants, SharedQuantizedTest,
    testing::Combine(testing::Values("sigmoid", "relu-norm", "scaling"),
                     testing::Values(Format{DType::i8,
                                            ScaleGranularity::Head})),
    nameCase);
INSTANTIATE_TEST_SUITE_P(
    Tokens, FaintWeightsTest,
    testing::Combine(
        testing::Values("sigmoid"),
        testing::Values(Format{DType::e4m3, ScaleGranularity::Token},
                        Format{DType::e5m2, ScaleGranularity::Token},
                        Format{DType::i8, ScaleGranularity::Token})),
    nameCase);
