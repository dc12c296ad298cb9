//===- AttentionTest.cpp - the hand-written attention runs right ----------===//

#include "Attention.h"
#include "RunPipe.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::test;

static void expectRight(const AttentionCase &c, int64_t multiprocessors,
                        unsigned numSeeds, std::string name = "") {
  if (name.empty())
    name = c.causal ? "attention-causal" : "attention-full";
  PipeProgram program = PipeProgram::load(name);
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  PipeArguments arguments = makeArguments(c);
  PipeOutcome first;
  for (const PipeLaunch &launch : getLaunches(multiprocessors, numSeeds)) {
    SCOPED_TRACE(describe(launch));
    PipeOutcome outcome = program.run(arguments, launch);
    ASSERT_EQ(print(outcome), "");
    EXPECT_EQ(outcome.unwritten["o"], 0);
    EXPECT_EQ(outcome.unwritten["lse"], 0);
    if (first.results.empty()) {
      ASSERT_EQ(compare(c, arguments, outcome), "");
      first = std::move(outcome);
      continue;
    }
    // Schedules may not change a bit.
    for (const auto &[name, tensor] : first.results)
      ASSERT_EQ(tensor.values, outcome.results[name].values) << name;
  }
}

/// Queries, keys and multiprocessors.
class AttentionTest
    : public testing::TestWithParam<std::tuple<int64_t, int64_t, int64_t>> {};

TEST_P(AttentionTest, EqualsPlainAttention) {
  AttentionCase c;
  int64_t multiprocessors;
  std::tie(c.queries, c.keys, multiprocessors) = GetParam();
  expectRight(c, multiprocessors, 1);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionTest,
    testing::Combine(testing::Values(1, 64, 128, 200, 385, 512),
                     testing::Values(1, 64, 128, 200, 385, 512),
                     testing::Values(1, 2, 3)),
    [](const auto &info) {
      return "P" + std::to_string(std::get<0>(info.param)) + "M" +
             std::to_string(std::get<1>(info.param)) + "Blocks" +
             std::to_string(std::get<2>(info.param));
    });

TEST_P(AttentionTest, EqualsPlainCausalAttention) {
  AttentionCase c;
  c.causal = true;
  c.heads = 3;
  c.section = 2;
  int64_t multiprocessors;
  std::tie(c.queries, c.keys, multiprocessors) = GetParam();
  expectRight(c, multiprocessors, 1);
}

TEST(AttentionTest, RisingAndFallingScores) {
  for (bool rising : {false, true}) {
    AttentionCase c{
        .queries = 130, .keys = 600, .rising = rising, .falling = !rising};
    expectRight(c, 2, 0);
  }
}

TEST(AttentionTest, HundredSchedules) {
  expectRight({.heads = 1, .queries = 200, .keys = 385}, 2, 100);
}

TEST(AttentionTest, HundredSchedulesOfCausalAttention) {
  expectRight({.queries = 200, .keys = 385, .causal = true, .section = 2}, 2,
              100);
}

TEST(AttentionTest, NoQueries) {
  expectRight({.queries = 0, .keys = 64}, 2, 1);
}

/// A row without keys is 0, and its LSE is -inf.
TEST(AttentionTest, NoKeys) { expectRight({.queries = 70, .keys = 0}, 2, 1); }

/// Blocks of 192 keys, fetched by clusters of two: queries that end in the
/// first tile of a cluster leave its second block rows that do not exist.
TEST(AttentionTest, LongEqualsPlainAttention) {
  for (int64_t queries : {1, 128, 200, 385})
    for (int64_t keys : {0, 1, 192, 200, 577})
      for (int64_t multiprocessors : {2, 4}) {
        SCOPED_TRACE("P" + std::to_string(queries) + " M" +
                     std::to_string(keys));
        expectRight({.queries = queries, .keys = keys}, multiprocessors, 1,
                    "attention-long");
      }
}

TEST(AttentionTest, HundredSchedulesOfClusters) {
  expectRight({.heads = 1, .queries = 200, .keys = 385}, 4, 100,
              "attention-long");
}
