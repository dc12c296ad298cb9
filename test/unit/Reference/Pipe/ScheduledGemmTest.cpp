//===- ScheduledGemmTest.cpp - one product a step runs right --------------===//

#include "Scheduled.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace attn;
using namespace attn::test;

namespace {
struct GemmCase {
  int64_t m = 0, n = 0, k = 0;
  /// Of the tiles.
  int64_t rows = 128, columns = 64, step = 64;
  std::string segments = "%begin to %end full";
  /// Of the contraction, all of it if negative.
  int64_t begin = 0, cut = 0, end = -1;
  std::string options = {};
  double init = 0;
};
} // namespace

static const char *const kMergeGemm = R"( merge {
  ^bb0(%x: $TILE, %z: $TILE):
    %xz = arith.addf %x, %z : $TILE
    tile.yield %xz : $TILE
  })";

static void expectGemm(GemmCase c) {
  if (c.end < 0)
    c.end = c.k;
  PipeArguments arguments;
  ReferenceTensor &a = arguments.tensors["a"] = makeNormal({c.m, c.k}, 1);
  ReferenceTensor &w = arguments.tensors["w"] = makeNormal({c.k, c.n}, 2);
  spoilRows(w, c.begin, c.end);
  arguments.scalars = {
      {"begin", c.begin}, {"cut", c.cut}, {"end", c.end}, {"alpha", 0.5}};
  std::string text =
      readProgram("gemm", {{"MERGE", kMergeGemm},
                           {"TILE", "tensor<$ROWSx$COLUMNSxf32>"},
                           {"INIT", std::to_string(c.init)},
                           {"ROWS", std::to_string(c.rows)},
                           {"COLUMNS", std::to_string(c.columns)},
                           {"STEP", std::to_string(c.step)},
                           {"SEGMENTS", c.segments}});
  auto results = runScheduled(text, c.options, arguments);
  if (results.empty())
    return;
  for (int64_t i = 0; i < c.m; ++i)
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = 0.5 * c.init, size = 0.5 * std::fabs(c.init);
      for (int64_t l = c.begin; l < c.end; ++l) {
        double term = 0.5 * a.values[i * c.k + l] * w.values[l * c.n + j];
        sum += term;
        size += std::fabs(term);
      }
      SCOPED_TRACE("row " + std::to_string(i) + ", column " +
                   std::to_string(j));
      ASSERT_NO_FATAL_FAILURE(expectNear(results["y"].values[i * c.n + j],
                                         std::max(sum, 0.0), size, kRounding,
                                         kLoss));
    }
}

TEST(ScheduledGemmTest, Gemm) {
  expectGemm({.m = 128, .n = 64, .k = 64});
  expectGemm({.m = 200, .n = 100, .k = 130});
  expectGemm({.m = 1, .n = 1, .k = 1});
  expectGemm({.m = 300, .n = 70, .k = 257});
  expectGemm({.m = 70, .n = 130, .k = 0});
}

/// One to three groups, tiles of rows that are those of columns too, and steps
/// of several panels.
TEST(ScheduledGemmTest, TilesOfAGemm) {
  for (int64_t rows : {64, 128, 192})
    for (int64_t columns : {64, 128})
      for (int64_t step : {16, 64, 128})
        expectGemm({.m = 210,
                    .n = 140,
                    .k = 150,
                    .rows = rows,
                    .columns = columns,
                    .step = step});
}

/// The accumulator begins with a number, which is there once.
TEST(ScheduledGemmTest, BeginsWithANumber) {
  for (int64_t k : {0, 64, 130})
    expectGemm({.m = 140, .n = 70, .k = k, .init = -3.25});
}

/// Results of which no whole panel can be staged.
TEST(ScheduledGemmTest, NarrowTilesOfAGemm) {
  for (int64_t columns : {8, 24, 72})
    expectGemm({.m = 140, .n = 100, .k = 70, .columns = columns});
}

TEST(ScheduledGemmTest, SchedulesOfAGemm) {
  for (std::string options : {"slots=1", "slots=3", "turns=false", "cluster=2"})
    expectGemm({.m = 200, .n = 100, .k = 300, .options = options});
}

/// What is contracted ends, and begins, inside of the tensor.
TEST(ScheduledGemmTest, PartsOfAContraction) {
  for (std::string segments : {"%begin to %end full", "%begin to %end partial",
                               "%begin to %cut full, %cut to %end partial",
                               "%begin to %cut partial, %cut to %end full",
                               "%begin to %cut full, %cut to %end full"})
    for (int64_t cut : {24, 100, 152}) {
      SCOPED_TRACE(segments + " cut at " + std::to_string(cut));
      expectGemm({.m = 130,
                  .n = 64,
                  .k = 256,
                  .segments = segments,
                  .begin = 24,
                  .cut = cut,
                  .end = 200});
    }
}
