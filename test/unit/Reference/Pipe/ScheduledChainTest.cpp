//===- ScheduledChainTest.cpp - two products a step run right -------------===//

#include "Scheduled.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace attn;
using namespace attn::test;

namespace {
struct ChainCase {
  int64_t p = 0, m = 0;
  int64_t heads = 1, e = 64, f = 64;
  /// Of the tiles.
  int64_t rows = 128, step = 64;
  std::string segments = "%begin to %end full";
  int64_t begin = 0, cut = 0, end = -1;
  double decay = 1;
  /// Whether the order of steps is free.
  bool merges = true;
  std::string options = {};
  /// Elements of k and of v; what has 8 bits is i8.
  std::string key = "bf16", value = "bf16";
  /// The keys of each step, in order; those of one segment if absent.
  std::vector<std::pair<int64_t, int64_t>> steps = {};
};
} // namespace

static const char *const kMergeChain = R"( merge {
  ^bb0(%oa: $O, %za: $Z, %ob: $O, %zb: $Z):
    %oc = arith.addf %oa, %ob : $O
    %zc = arith.addf %za, %zb : $Z
    tile.yield %oc, %zc : $O, $Z
  })";

static void expectChain(ChainCase c) {
  if (c.end < 0)
    c.end = c.m;
  PipeArguments arguments;
  arguments.tensors["q"] = makeNormal({c.heads, c.p, c.e}, 1);
  ReferenceTensor &k = arguments.tensors["k"] =
      makeNormal({c.heads, c.m, c.e}, 2);
  ReferenceTensor &v = arguments.tensors["v"] =
      makeNormal({c.heads, c.m, c.f}, 3);
  auto roundTo = [](const std::string &type, ReferenceTensor &tensor) {
    if (type == "i8")
      for (double &value : tensor.values)
        value = std::nearbyint(8 * value);
  };
  roundTo(c.key, k);
  roundTo(c.value, v);
  spoilRows(k, c.begin, c.end);
  spoilRows(v, c.begin, c.end);
  arguments.scalars = {
      {"begin", c.begin}, {"cut", c.cut}, {"end", c.end}, {"decay", c.decay}};
  std::string text =
      readProgram("chained", {{"MERGE", c.merges ? kMergeChain : ""},
                              {"O", "tensor<$ROWSx$Fxf32>"},
                              {"Z", "tensor<$ROWSxf32>"},
                              {"ROWS", std::to_string(c.rows)},
                              {"STEP", std::to_string(c.step)},
                              {"TWICE", std::to_string(2 * c.step)},
                              {"SEGMENTS", c.segments},
                              {"KEY", c.key},
                              {"VALUE", c.value},
                              {"E", std::to_string(c.e)},
                              {"F", std::to_string(c.f)}});
  auto results = runScheduled(text, c.options, arguments);
  if (results.empty())
    return;
  if (c.steps.empty())
    for (int64_t m = c.begin; m < c.end; m += c.step)
      c.steps.push_back({m, std::min(m + c.step, c.end)});
  for (int64_t number = 0; number < c.heads * c.p; ++number) {
    Row row(c.f);
    for (auto [begin, end] : c.steps) {
      for (double &value : row.values)
        value *= c.decay;
      addKeys(row, arguments, number, number / c.p * c.m, begin, end, c.e);
    }
    ASSERT_NO_FATAL_FAILURE(expectRow(row, results["o"].values, number));
    ASSERT_NO_FATAL_FAILURE(expectSum(row, results["z"].values, number));
  }
}

TEST(ScheduledChainTest, ChainedProducts) {
  expectChain({.p = 128, .m = 64});
  expectChain({.p = 200, .m = 130, .heads = 3});
  expectChain({.p = 1, .m = 1});
  expectChain({.p = 300, .m = 257});
  expectChain({.p = 70, .m = 0});
}

/// Widths that are no whole panels, and no multiples of a product's depth.
TEST(ScheduledChainTest, WidthsOfChainedProducts) {
  for (int64_t e : {40, 64, 128})
    for (int64_t f : {24, 64, 128}) {
      SCOPED_TRACE(std::to_string(e) + ", " + std::to_string(f));
      expectChain({.p = 140, .m = 200, .e = e, .f = f, .step = 128});
    }
}

/// Of a step's slots none, both, or those of one kind of products are widened.
TEST(ScheduledChainTest, ElementsOfEightBits) {
  for (int64_t rows : {32, 64})
    for (const auto &[key, value] :
         {std::pair<std::string, std::string>{"i8", "i8"},
          {"bf16", "i8"},
          {"i8", "bf16"}})
      for (std::string options : {"", "stream=true"}) {
        SCOPED_TRACE(key + ", " + value + ", " + std::to_string(rows) +
                     " rows, " + options);
        expectChain({.p = 40,
                     .m = 330,
                     .heads = 2,
                     .rows = rows,
                     .options = options,
                     .key = key,
                     .value = value});
      }
}

TEST(ScheduledChainTest, SchedulesOfChainedProducts) {
  for (int64_t rows : {64, 128, 192})
    for (std::string options :
         {"slots=1", "slots=3", "turns=false", "cluster=2"}) {
      SCOPED_TRACE(options + ", " + std::to_string(rows) + " rows");
      expectChain(
          {.p = 200, .m = 330, .heads = 2, .rows = rows, .options = options});
    }
}

/// Blocks do parts of an item: one, none or many of its steps.
TEST(ScheduledChainTest, StreamsOfSteps) {
  for (int64_t rows : {64, 128})
    for (auto [p, m] : {std::pair<int64_t, int64_t>{1, 1},
                        {1, 0},
                        {3, 700},
                        {200, 330},
                        {64, 128}}) {
      SCOPED_TRACE(std::to_string(p) + " x " + std::to_string(m) + ", " +
                   std::to_string(rows) + " rows");
      expectChain(
          {.p = p, .m = m, .heads = 3, .rows = rows, .options = "stream=true"});
    }
  expectChain({.p = 130,
               .m = 256,
               .segments = "%begin to %cut full, %cut to %end partial",
               .begin = 24,
               .cut = 152,
               .end = 200,
               .options = "stream=true"});
}

TEST(ScheduledChainTest, PartsOfTheKeys) {
  for (std::string segments : {"%begin to %end full", "%begin to %end partial",
                               "%begin to %cut full, %cut to %end partial",
                               "%begin to %cut partial, %cut to %end full",
                               "%begin to %cut full, %cut to %end full"})
    for (int64_t cut : {24, 100, 152}) {
      SCOPED_TRACE(segments + " cut at " + std::to_string(cut));
      expectChain({.p = 130,
                   .m = 256,
                   .segments = segments,
                   .begin = 24,
                   .cut = cut,
                   .end = 200});
    }
}

/// Every other step: the first, and those located one by one.
TEST(ScheduledChainTest, LocatedSteps) {
  const std::string segments =
      R"(%c0 to %step full, %c1 to %half_of_steps partial at {
    ^bb0(%i: index):
      %base = arith.muli %i, %twice : index
      %left = arith.subi %M, %base : index
      %present = arith.minsi %left, %step : index
      tile.yield %base, %present : index, index
    })";
  expectChain({.p = 130,
               .m = 300,
               .segments = segments,
               .steps = {{0, 64}, {128, 192}, {256, 300}}});
}

/// The accumulator is scaled between the products that add to it, so that their
/// order counts: without a merge it is that of the sweep.
TEST(ScheduledChainTest, ScalesTheAccumulator) {
  for (std::string kind : {"full", "partial"})
    expectChain({.p = 130,
                 .m = 300,
                 .segments = "%begin to %end " + kind,
                 .decay = 0.5,
                 .merges = false});
  expectChain({.p = 130,
               .m = 300,
               .segments = "%begin to %cut full, %cut to %end partial",
               .cut = 128,
               .decay = 0.5,
               .merges = false});
}
