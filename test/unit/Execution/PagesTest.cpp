//===- PagesTest.cpp - keys and values in pages, interpreted --------------===//
//
// The kernels that variants get for a GPU where keys and values lie in pages,
// run by the interpreter of pipe: scheduled ones, whose copies take the rows of
// a page, those whose threads copy, and ordinary threads. Pages are in random
// order, and what no key is written to is NaN.
//
//===----------------------------------------------------------------------===//

#include "InterpretVariant.h"

#include "gtest/gtest.h"

#include <random>

using namespace attn;
using namespace attn::test;

static bool hasWindow(llvm::StringRef variant) {
  return variant == "sliding-window" || variant == "streaming";
}

namespace {
class PagesTest : public testing::TestWithParam<const char *> {
protected:
  /// Runs the variant on pages of several sizes.
  void run(const InterpretedCase &base, std::initializer_list<int64_t> sizes) {
    uint64_t seed = std::random_device()();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    PipeLaunch launch;
    launch.target = getPipeTarget(base.target);
    launch.multiprocessors = 3;
    launch.schedule = PipeSchedule::random;
    launch.seed = seed;
    for (int64_t size : sizes) {
      InterpretedCase c = base;
      c.kv.page = size;
      // Windows begin inside of pages, and of steps.
      if (hasWindow(GetParam()))
        c.parameters["window"] = "37";
      EXPECT_EQ(InterpretedRun(GetParam(), c).run(seed, launch), "")
          << "pages of " << size;
    }
  }
};
} // namespace

// Pages of fewer rows than a step has, of as many, and of more.
TEST_P(PagesTest, AreRightWhereCopiesTakeTheirRows) {
  InterpretedCase c = {{2, 4, 2, 70, 150, 16, 24, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  run(c, {8, 16, 32, 64, 256});
  c.shape = {1, 2, 1, 40, 0, 16, 16, {}};
  run(c, {16});
}

TEST_P(PagesTest, AreRightWhereLanesCopyTheirRows) {
  InterpretedCase c = {{2, 4, 2, 70, 150, 16, 24, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  c.target = "sm_80";
  run(c, {8, 64});
  c.tileRows = 128;
  run(c, {16});
}

TEST_P(PagesTest, AreRightWhereWavesCopyTheirRows) {
  InterpretedCase c = {{2, 4, 2, 70, 150, 16, 32, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  for (const char *target : {"gfx942", "gfx1100"}) {
    c.target = target;
    run(c, {8, 64});
  }
  c.target = "gfx90a";
  c.tileRows = 128;
  run(c, {16});
}

TEST_P(PagesTest, AreRightWhereThreadsCopyTheirRows) {
  InterpretedCase c = {{2, 4, 2, 70, 150, 16, 24, {}}, DType::f16, 128, 32};
  c.isScheduled = c.anyStrides = true;
  run(c, {16, 64});
}

TEST_P(PagesTest, AreRightByThreads) {
  InterpretedCase c = {{2, 2, 1, 5, 23, 8, 8, {}}, DType::f32, 4, 8};
  run(c, {1, 3, 8, 64});
}

INSTANTIATE_TEST_SUITE_P(Variants, PagesTest,
                         testing::Values("gqa", "causal-bottom-right",
                                         "softcap", "sink", "alibi",
                                         "sliding-window", "streaming"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
