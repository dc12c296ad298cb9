//===- SchedulesTest.cpp - variants with schedules, interpreted -----------===//
//
// The kernels that variants get for a GPU, run by the interpreter of pipe under
// schedules that let copies and products finish early, late and at random.
//
//===----------------------------------------------------------------------===//

#include "InterpretVariant.h"

#include "gtest/gtest.h"

#include <random>

using namespace mlir;
using namespace attn;
using namespace attn::test;

namespace {
struct Scheduled {
  std::string variant;
  std::map<std::string, std::string> parameters;
  /// Queries and keys, where they have to be alike.
  int64_t tokens = 0;
};

void PrintTo(const Scheduled &scheduled, std::ostream *os) {
  *os << scheduled.variant;
}
} // namespace

class SchedulesTest : public testing::TestWithParam<Scheduled> {};

// Tiles that neither lengths nor heads divide, more keys than queries and
// fewer, none, several groups and one, and NaN in keys that no query sees.
TEST_P(SchedulesTest, AreRight) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const Scheduled &scheduled = GetParam();
  std::vector<InterpretedCase> cases = {
      {{1, 2, 2, 70, 150, 16, 16, {}}, DType::bf16, 64, 16},
      {{2, 2, 1, 130, 100, 32, 24, {}}, DType::f16, 128, 64},
      {{1, 1, 1, 40, 0, 16, 16, {}}, DType::bf16, 64, 32},
      {{1, 3, 1, 150, 40, 72, 8, {}}, DType::bf16, 192, 48},
  };
  // What --tune varies beside tiles.
  cases[1].schedule.slots = 3;
  cases[3].schedule.takesTurns = false;
  std::vector<PipeLaunch> launches(3);
  launches[0].multiprocessors = 2;
  launches[1].schedule = PipeSchedule::latest;
  launches[2].schedule = PipeSchedule::random;
  launches[2].seed = seed;
  size_t number = 0;
  for (InterpretedCase c : cases) {
    const PipeLaunch &launch = launches[number % launches.size()];
    c.isScheduled = true;
    c.parameters = scheduled.parameters;
    c.nan = number % 2 ? NaNKind::hidden : NaNKind::none;
    ++number;
    if (scheduled.tokens != 0)
      c.shape.queryLength = c.shape.keyLength = scheduled.tokens;
    EXPECT_EQ(InterpretedRun(scheduled.variant, c).run(seed, launch), "")
        << "case " << number;
  }
}

// The same in tiles of few rows, of which a warp has half of its own of a
// product.
TEST_P(SchedulesTest, AreRightWithFewRows) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const Scheduled &scheduled = GetParam();
  std::vector<InterpretedCase> cases = {
      {{1, 2, 2, 70, 150, 16, 16, {}}, DType::bf16, 32, 16},
      {{2, 2, 1, 50, 100, 32, 64, {}}, DType::f16, 32, 64},
      {{1, 1, 1, 40, 0, 16, 16, {}}, DType::bf16, 32, 32},
  };
  PipeLaunch launch;
  launch.multiprocessors = 3;
  launch.schedule = PipeSchedule::random;
  launch.seed = seed;
  for (InterpretedCase c : cases) {
    c.isScheduled = true;
    c.parameters = scheduled.parameters;
    c.nan = NaNKind::hidden;
    if (scheduled.tokens != 0)
      c.shape.queryLength = c.shape.keyLength = scheduled.tokens;
    EXPECT_EQ(InterpretedRun(scheduled.variant, c).run(seed, launch), "");
  }
}

// The same where no engine copies.
TEST_P(SchedulesTest, AreRightWithCopiesByLanes) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const Scheduled &scheduled = GetParam();
  std::vector<InterpretedCase> cases = {
      {{1, 4, 2, 70, 150, 16, 24, {}}, DType::bf16, 64, 16},
      {{2, 2, 1, 130, 100, 32, 24, {}}, DType::f16, 128, 64},
      {{1, 1, 1, 40, 0, 16, 16, {}}, DType::bf16, 64, 32},
      {{1, 3, 1, 150, 40, 72, 8, {}}, DType::bf16, 192, 48},
      {{1, 1, 1, 300, 130, 32, 40, {}}, DType::bf16, 256, 32},
  };
  PipeLaunch launch;
  launch.target = PipeTarget::ampere;
  launch.multiprocessors = 3;
  launch.schedule = PipeSchedule::random;
  launch.seed = seed;
  for (InterpretedCase c : cases) {
    c.isScheduled = true;
    c.target = "sm_80";
    c.parameters = scheduled.parameters;
    c.nan = NaNKind::hidden;
    if (scheduled.tokens != 0)
      c.shape.queryLength = c.shape.keyLength = scheduled.tokens;
    EXPECT_EQ(InterpretedRun(scheduled.variant, c).run(seed, launch), "");
  }
}

// The same where a wave's products are MFMA or WMMA, of either height of
// groups.
TEST_P(SchedulesTest, AreRightWithMatrixCoresOfAmd) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const Scheduled &scheduled = GetParam();
  std::vector<InterpretedCase> cases = {
      {{1, 4, 2, 70, 150, 16, 32, {}}, DType::bf16, 64, 16},
      {{2, 2, 1, 130, 100, 32, 64, {}}, DType::f16, 128, 64},
      {{1, 1, 1, 40, 0, 16, 32, {}}, DType::bf16, 64, 32},
      {{1, 3, 1, 150, 40, 80, 16, {}}, DType::bf16, 192, 48},
      {{1, 1, 1, 300, 130, 32, 96, {}}, DType::bf16, 256, 32},
  };
  PipeLaunch launch;
  launch.multiprocessors = 3;
  launch.schedule = PipeSchedule::random;
  launch.seed = seed;
  for (const char *target : {"gfx942", "gfx90a", "gfx1100"})
    for (InterpretedCase c : cases) {
      // The two have one set of instructions and differ by their caches; of
      // gfx1100 no more than three groups fit, of 64 rows each.
      if ((StringRef(target) == "gfx90a" && c.tileRows != 128) ||
          (StringRef(target) == "gfx1100" && c.tileRows > 192))
        continue;
      c.isScheduled = true;
      c.target = target;
      launch.target = getPipeTarget(target);
      c.parameters = scheduled.parameters;
      c.nan = NaNKind::hidden;
      if (scheduled.tokens != 0)
        c.shape.queryLength = c.shape.keyLength = scheduled.tokens;
      EXPECT_EQ(InterpretedRun(scheduled.variant, c).run(seed, launch), "")
          << target << ", tiles of " << c.tileRows;
    }
}

// Variants of which one role may load and multiply.
class MergedSchedulesTest : public testing::TestWithParam<Scheduled> {};

// Fewer steps than there are slots, one slot and several, and items without
// keys.
TEST_P(MergedSchedulesTest, AreRight) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const Scheduled &scheduled = GetParam();
  std::vector<InterpretedCase> cases = {
      {{1, 4, 2, 70, 150, 16, 32, {}}, DType::bf16, 128, 32},
      {{2, 2, 1, 130, 100, 32, 64, {}}, DType::f16, 128, 64},
      {{1, 1, 1, 40, 0, 16, 32, {}}, DType::bf16, 128, 32},
      {{1, 3, 1, 300, 70, 80, 32, {}}, DType::bf16, 128, 96},
  };
  const int64_t slots[] = {3, 1, 2, 2};
  PipeLaunch launch;
  launch.multiprocessors = 3;
  launch.schedule = PipeSchedule::random;
  launch.seed = seed;
  for (const char *target : {"sm_80", "gfx942", "gfx1100"})
    for (auto [c, count] : llvm::zip_equal(cases, slots)) {
      InterpretedCase own = c;
      own.isScheduled = true;
      own.target = target;
      launch.target = getPipeTarget(target);
      if (own.target == "gfx1100")
        own.tileRows = 64;
      own.schedule.split = 1;
      own.schedule.slots = count;
      own.parameters = scheduled.parameters;
      own.nan = NaNKind::hidden;
      EXPECT_EQ(InterpretedRun(scheduled.variant, own).run(seed, launch), "")
          << target << ", steps of " << own.tileKeys;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Variants, MergedSchedulesTest,
    testing::Values(
        Scheduled{"alibi", {}}, Scheduled{"bias", {}},
        Scheduled{"causal-bottom-right", {}}, Scheduled{"documents", {}},
        Scheduled{"full", {}}, Scheduled{"gqa", {}},
        Scheduled{"prefix-lm", {{"prefix", "20"}}}, Scheduled{"relu-norm", {}},
        Scheduled{"sigmoid", {}}, Scheduled{"sink", {}},
        Scheduled{"sliding-window", {{"window", "33"}}},
        Scheduled{"softcap", {}}, Scheduled{"varlen", {{"causal", "1"}}}),
    [](const auto &info) {
      std::string name = info.param.variant;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

// The same by kernels whose threads copy.
TEST_P(SchedulesTest, AreRightForAnyStrides) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const Scheduled &scheduled = GetParam();
  InterpretedCase c = {{1, 4, 2, 70, 150, 16, 24, {}}, DType::bf16, 64, 16};
  c.isScheduled = c.anyStrides = true;
  c.parameters = scheduled.parameters;
  c.nan = NaNKind::hidden;
  if (scheduled.tokens != 0)
    c.shape.queryLength = c.shape.keyLength = scheduled.tokens;
  PipeLaunch launch;
  launch.multiprocessors = 3;
  launch.schedule = PipeSchedule::random;
  launch.seed = seed;
  EXPECT_EQ(InterpretedRun(scheduled.variant, c).run(seed, launch), "");
}

// Tiles of rows that are no whole number of clusters, and fewer rows than a
// tile.
class SchedulesInClustersTest : public testing::TestWithParam<const char *> {};

TEST_P(SchedulesInClustersTest, AreRight) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::vector<InterpretedCase> cases = {
      {{1, 2, 2, 300, 150, 16, 16, {}}, DType::bf16, 64, 16},
      {{2, 2, 1, 130, 100, 32, 24, {}}, DType::f16, 128, 64},
      {{1, 3, 1, 40, 0, 16, 16, {}}, DType::bf16, 64, 32},
  };
  PipeLaunch launch;
  launch.multiprocessors = 5;
  launch.schedule = PipeSchedule::random;
  launch.seed = seed;
  for (InterpretedCase c : cases) {
    c.isScheduled = true;
    c.schedule.cluster = 2;
    EXPECT_EQ(InterpretedRun(GetParam(), c).run(seed, launch), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, SchedulesInClustersTest,
                         testing::Values("full", "gqa", "bias", "relu-norm"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Tables of no entry, of one and of more, at coordinates that may be outside.
TEST(SchedulesOfTablesTest, ReadNothingOutside) {
  for (int64_t entries : {0, 1, 20})
    for (DType dtype : {DType::bf16, DType::f16}) {
      InterpretedCase c = {{1, 2, 1, 70, 90, 16, 16, {}}, dtype, 64, 32};
      c.isScheduled = true;
      c.shape.ranks = {{"N", entries}};
      EXPECT_EQ(InterpretedRun("relative-bias", c).run(1, {}), "")
          << entries << " entries";
      c.shape.ranks = {{"N", entries}, {"T", entries}, {"L", entries}};
      EXPECT_EQ(InterpretedRun(ATTN_INPUTS_DIR "/computed-map-reads.mlir", c)
                    .run(1, {}),
                "")
          << entries << " entries";
    }
}

// A product without a sweep, of rows that are normalised before.
TEST(SchedulesOfLoneProductsTest, AreRight) {
  std::vector<InterpretedCase> cases = {
      {{2, 1, 1, 70, 70, 64, 40, {}}, DType::bf16, 64, 16},
      {{1, 1, 1, 300, 300, 128, 128, {}}, DType::f16, 192, 16},
      {{1, 1, 1, 1, 1, 16, 16, {}}, DType::bf16, 128, 16},
  };
  for (InterpretedCase c : cases) {
    c.isScheduled = true;
    EXPECT_EQ(InterpretedRun("rmsnorm-gemm", c).run(1, {}), "");
    c.anyStrides = true;
    EXPECT_EQ(InterpretedRun("rmsnorm-gemm", c).run(2, {}), "");
  }
}

// Lists that a tile's rows have together: blocks that steps do not begin with,
// narrower and wider than steps, several tiles a list, and none but the listed.
TEST(SchedulesOfListsTest, AreRight) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  PipeLaunch launch;
  launch.multiprocessors = 3;
  launch.schedule = PipeSchedule::random;
  launch.seed = seed;
  struct {
    const char *rows, *block, *window, *sinks;
    int64_t tileRows, tileKeys;
  } lists[] = {{"64", "16", "20", "3", 64, 16},
               {"128", "8", "5", "0", 64, 32},
               {"128", "40", "0", "0", 128, 32}};
  for (const auto &list : lists) {
    InterpretedCase c = {{1, 4, 2, 500, 530, 16, 16, {}},
                         DType::bf16,
                         list.tileRows,
                         list.tileKeys};
    c.isScheduled = true;
    c.nan = NaNKind::hidden;
    c.parameters = {{"rows", list.rows},
                    {"block", list.block},
                    {"window", list.window},
                    {"sinks", list.sinks}};
    EXPECT_EQ(InterpretedRun("selected-blocks", c).run(seed, launch), "")
        << list.rows << " rows of blocks of " << list.block;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SchedulesTest,
    testing::Values(
        Scheduled{"alibi", {}}, Scheduled{"bias", {}},
        Scheduled{"causal-bottom-right", {}}, Scheduled{"causal-top-left", {}},
        Scheduled{"cross", {}},
        Scheduled{"dilated-window", {{"window", "20"}, {"dilation", "3"}}},
        Scheduled{"documents", {}},
        Scheduled{"duo", {{"sinks", "3"}, {"recent", "30"}}},
        Scheduled{"full", {}}, Scheduled{"gqa", {}}, Scheduled{"moa", {}},
        Scheduled{"neighborhood-1d", {{"window", "9"}}, 100},
        Scheduled{"neighborhood-2d",
                  {{"width", "8"}, {"window_y", "3"}, {"window_x", "3"}},
                  96},
        Scheduled{"prefix-lm", {{"prefix", "20"}}},
        Scheduled{"prefix-lm-batch", {}}, Scheduled{"relative-bias", {}},
        Scheduled{"relu-norm", {}},
        Scheduled{"s2", {{"local", "1"}, {"vertical", "3"}}},
        Scheduled{"s2-bidirectional", {{"before", "1"}, {"after", "1"}}, 100},
        Scheduled{"sigmoid", {}}, Scheduled{"sink", {}},
        Scheduled{"sliding-window", {{"window", "33"}}},
        Scheduled{"softcap", {}},
        Scheduled{"streaming", {{"sinks", "3"}, {"window", "0"}}},
        Scheduled{"tri-shape", {{"window", "9"}, {"dense", "5"}}},
        Scheduled{"varlen", {{"causal", "1"}}}),
    [](const auto &info) {
      std::string name = info.param.variant;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

namespace {
struct Boxes {
  std::string variant;
  std::map<std::string, std::string> parameters;
  std::vector<int64_t> extents, rows, keys;
};
} // namespace

static RankLayout makeLayout(const std::vector<int64_t> &extents,
                             const std::vector<int64_t> &tiles) {
  RankLayout layout;
  for (size_t axis = 0; axis < extents.size(); ++axis)
    layout.axes.push_back({extents[axis], tiles[axis]});
  return layout;
}

// Queries and keys in boxes: canvases that end with boxes and such that do not,
// on any axis; NaN in keys that no query sees, beside keys that some see; rows
// of one box among several groups; by bulk copies and by threads.
TEST(SchedulesOfBoxesTest, AreRight) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const std::vector<Boxes> cases = {
      {"neighborhood-2d",
       {{"width", "16"}, {"window_y", "3"}, {"window_x", "5"}},
       {16, 16},
       {8, 8},
       {4, 8}},
      {"neighborhood-2d",
       {{"width", "21"}, {"window_y", "4"}, {"window_x", "3"}},
       {13, 21},
       {4, 16},
       {4, 8}},
      {"neighborhood-2d",
       {{"width", "20"},
        {"window_y", "5"},
        {"window_x", "4"},
        {"stride_y", "2"},
        {"stride_x", "3"},
        {"causal_x", "1"}},
       {15, 20},
       {8, 16},
       {6, 8}},
      {"neighborhood-3d",
       {{"height", "6"},
        {"width", "10"},
        {"window_z", "2"},
        {"window_y", "3"},
        {"window_x", "3"}},
       {5, 6, 10},
       {2, 4, 8},
       {2, 2, 8}},
      {"full", {}, {16, 24}, {8, 8}, {4, 8}},
  };
  std::vector<PipeLaunch> launches(3);
  launches[0].multiprocessors = 2;
  launches[1].schedule = PipeSchedule::latest;
  launches[2].schedule = PipeSchedule::random;
  launches[2].seed = seed;
  size_t number = 0;
  for (const Boxes &boxes : cases) {
    InterpretedCase c = {{1, 2, 1, 1, 1, 24, 16, {}}, DType::bf16, 1, 1};
    c.isScheduled = true;
    c.parameters = boxes.parameters;
    c.layouts = {{"P", makeLayout(boxes.extents, boxes.rows)},
                 {"M", makeLayout(boxes.extents, boxes.keys)}};
    int64_t points = 1;
    for (size_t axis = 0; axis < boxes.extents.size(); ++axis) {
      c.tileRows *= boxes.rows[axis];
      c.tileKeys *= boxes.keys[axis];
      points *= boxes.extents[axis];
    }
    c.shape.queryLength = c.shape.keyLength = points;
    for (NaNKind nan : {NaNKind::none, NaNKind::hidden}) {
      c.nan = nan;
      c.anyStrides = nan == NaNKind::hidden && number % 4 == 1;
      EXPECT_EQ(InterpretedRun(boxes.variant, c)
                    .run(seed, launches[number % launches.size()]),
                "")
          << boxes.variant << ", case " << number;
      ++number;
    }
  }
}
