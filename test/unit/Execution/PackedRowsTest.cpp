//===- PackedRowsTest.cpp - queries of a group as rows of one tile --------===//
//
// The kernels that variants get for a GPU where the query heads of a key head
// are packed with the queries, run by the interpreter of pipe: groups that are
// as wide as the packing and narrower ones, and queries that fill no tile.
//
//===----------------------------------------------------------------------===//

#include "InterpretVariant.h"

#include "gtest/gtest.h"

#include <random>

using namespace attn;
using namespace attn::test;

namespace {
class PackedRowsTest : public testing::TestWithParam<const char *> {
protected:
  /// Runs the variant for groups of several sizes; of `c` are the keys, widths
  /// and tiles.
  void run(InterpretedCase c, std::initializer_list<int64_t> queries) {
    uint64_t seed = std::random_device()();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    PipeLaunch launch;
    launch.multiprocessors = 3;
    launch.schedule = PipeSchedule::random;
    launch.seed = seed;
    for (auto [group, width] :
         {std::pair<int64_t, int64_t>{1, 1}, {3, 4}, {4, 4}, {8, 8}})
      for (int64_t length : queries) {
        c.shape.heads = *c.shape.kvHeads * group;
        c.shape.queryLength = length;
        c.pack = width;
        EXPECT_EQ(InterpretedRun(GetParam(), c).run(seed, launch), "")
            << group << " heads packed by " << width << ", " << length
            << " queries";
      }
  }
};
} // namespace

TEST_P(PackedRowsTest, AreRightWhereTheyAreScheduled) {
  InterpretedCase c = {{2, 2, 2, 1, 70, 16, 64, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  run(c, {1, 2, 9, 40});
}

TEST_P(PackedRowsTest, AreRightInTilesOfFewRows) {
  InterpretedCase c = {{2, 2, 2, 1, 150, 16, 64, {}}, DType::bf16, 32, 32};
  c.isScheduled = c.schedule.isStream = true;
  c.nan = NaNKind::hidden;
  run(c, {1, 7});
}

TEST_P(PackedRowsTest, AreRightInTilesOfSeveralGroups) {
  InterpretedCase c = {{1, 1, 1, 1, 100, 32, 24, {}}, DType::f16, 128, 64};
  c.isScheduled = true;
  c.nan = NaNKind::hidden;
  run(c, {5, 40});
}

TEST_P(PackedRowsTest, AreRightWhereThreadsCopy) {
  InterpretedCase c = {{1, 2, 2, 1, 70, 16, 24, {}}, DType::bf16, 64, 32};
  c.isScheduled = c.anyStrides = true;
  run(c, {2, 20});
}

TEST_P(PackedRowsTest, AreRightByThreads) {
  InterpretedCase c = {{2, 2, 2, 1, 23, 8, 8, {}}, DType::f32, 8, 8};
  run(c, {1, 5});
}

// Steps of these begin where pages do.
class PackedRowsOfPagesTest : public PackedRowsTest {};

TEST_P(PackedRowsOfPagesTest, AreRight) {
  InterpretedCase c = {{2, 2, 2, 1, 70, 16, 16, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  c.kv.page = 16;
  c.nan = NaNKind::hidden;
  // Windows begin inside of pages.
  for (const char *variant : {"sliding-window", "streaming"})
    if (std::string(GetParam()) == variant)
      c.parameters["window"] = "20";
  run(c, {1, 9});
}

static std::string
nameVariant(const testing::TestParamInfo<const char *> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Variants, PackedRowsTest,
                         testing::Values("gqa", "causal-bottom-right",
                                         "causal-top-left", "sliding-window",
                                         "softcap", "sink", "alibi", "bias",
                                         "duo", "relative-bias", "sigmoid",
                                         "streaming", "s2"),
                         nameVariant);
INSTANTIATE_TEST_SUITE_P(Variants, PackedRowsOfPagesTest,
                         testing::Values("gqa", "causal-bottom-right",
                                         "softcap", "sink", "alibi",
                                         "sliding-window", "streaming"),
                         nameVariant);
