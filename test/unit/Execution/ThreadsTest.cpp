//===- ThreadsTest.cpp - every variant, by ordinary threads ---------------===//
//
// Each variant is written for the threads of a GPU and run by the interpreter
// of pipe under an order of the points in which neighbours run one after
// another, the reverse, and others.
//
//===----------------------------------------------------------------------===//

#include "InterpretVariant.h"

#include "attn/Variants/Variants.h"

#include "gtest/gtest.h"

#include <random>

using namespace mlir;
using namespace attn;
using namespace attn::test;

class ThreadsTest : public testing::TestWithParam<std::string> {};

TEST_P(ThreadsTest, IsRight) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::vector<InterpretedCase> cases = {
      {{1, 2, 2, 5, 9, 8, 8, {}}, DType::f32, 4, 4},
      {{2, 3, 1, 1, 17, 8, 16, {}}, DType::bf16, 16, 8},
      {{1, 1, 1, 19, 3, 16, 8, {}}, DType::f32, 8, 16},
      {{1, 1, 1, 3, 0, 8, 8, {}}, DType::f16, 4, 4},
  };
  // All arrays in the device's memory, and several items a block.
  cases[1].sharedBytes = 0;
  std::vector<PipeLaunch> launches(3);
  launches[1].schedule = PipeSchedule::latest;
  launches[2].schedule = PipeSchedule::random;
  launches[2].seed = seed;
  size_t number = 0;
  for (const InterpretedCase &c : cases) {
    const PipeLaunch &launch = launches[number++ % launches.size()];
    EXPECT_EQ(InterpretedRun(GetParam(), c).run(seed, launch), "")
        << "case " << number;
  }
}

TEST(ThreadsOnTablesTest, ReadNothingOutside) {
  for (const char *file : {ATTN_INPUTS_DIR "/computed-reads.mlir",
                           ATTN_INPUTS_DIR "/computed-map-reads.mlir"})
    for (int64_t entries : {0, 1, 3}) {
      InterpretedCase c = {{1, 2, 2, 19, 21, 8, 8, {}}, DType::f32, 4, 8};
      c.shape.ranks = {{"N", entries}, {"T", entries}, {"L", entries}};
      EXPECT_EQ(InterpretedRun(file, c).run(1, {}), "")
          << file << " with " << entries << " entries";
    }
}

static std::vector<std::string> getNames() {
  std::vector<std::string> names;
  for (const Variant &variant : getVariants())
    names.push_back(variant.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Variants, ThreadsTest, testing::ValuesIn(getNames()),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
