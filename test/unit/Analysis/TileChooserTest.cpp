//===- TileChooserTest.cpp - the byte model and the chooser, by law -------===//

#include "attn/Analysis/TileChooser.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn;

/// One-pass attention: `batch` heads of `rows` queries and `keys` keys with
/// `depth` features in words of two bytes; each row has its output, a maximum
/// and a sum beside its query.
static IoProblem attention(uint64_t batch, uint64_t rows, uint64_t keys,
                           uint64_t depth, bool holdPoints = false) {
  IoProblem problem;
  problem.rows = rows;
  problem.keys = keys;
  uint64_t rowBytes = 2 * batch * rows * depth;
  uint64_t keyBytes = 2 * batch * keys * depth;
  problem.tensors = {{"q", rowBytes, true, false},
                     {"k", keyBytes, false, true},
                     {"v", keyBytes, false, true},
                     {"o", rowBytes, true, false}};
  problem.rowBytes = 2 * (2 * depth + 2);
  problem.keyBytes = 2 * 2 * depth;
  problem.pointBytes = holdPoints ? 2 * 2 : 0;
  uint64_t points = batch * rows * keys;
  problem.contractions = {
      {batch, rows, keys, depth, 2, 2, 2, true, points},
      {batch, rows, depth, keys, 2, 2, 2, false, batch * rows * depth}};
  return problem;
}

/// Words that one head of N x N moves through M words at best.
static TileChoice choose(uint64_t n, uint64_t depth, uint64_t words) {
  return *chooseTiles(attention(1, n, n, depth), 2 * words);
}

//===----------------------------------------------------------------------===//
// FuseMax's counts
//===----------------------------------------------------------------------===//

// The closed form of the paper's model: a multiple of 256 rows that divides the
// sequence, as many as fit in 16 MiB beside 256 keys.
static uint64_t fusemaxBytes(uint64_t heads, uint64_t depth, uint64_t n,
                             uint64_t pointWords) {
  uint64_t buffer = 16 << 20, perRow = 2 * depth + 2 + pointWords;
  uint64_t fit = (buffer - 512 * 2 * depth) / (256 * 2 * perRow);
  uint64_t granules = n / 256, tile = std::min(fit, granules);
  while (granules % tile != 0)
    --tile;
  return 2 * 64 * heads * (n * 2 * depth + n / (256 * tile) * (n * 2 * depth));
}

TEST(FuseMax, CountsOfAllModelsAndLengths) {
  struct {
    uint64_t heads, depth;
  } models[] = {{12, 64}, {16, 64}, {8, 64}, {16, 128}};
  TileLimits limits;
  limits.rowGranule = 256;
  limits.rowsDivide = true;
  limits.fixedKeys = 256;
  for (auto [heads, depth] : models)
    for (uint64_t n = 1 << 10; n <= 1 << 20; n *= 4)
      for (bool points : {false, true}) {
        auto choice = chooseTiles(attention(64 * heads, n, n, depth, points),
                                  16 << 20, limits);
        ASSERT_TRUE(choice);
        EXPECT_EQ(choice->movedBytes,
                  fusemaxBytes(heads, depth, n, points ? 512 : 0))
            << heads << " heads, depth " << depth << ", length " << n;
      }
}

// The figures themselves, so that the closed form is no circle.
TEST(FuseMax, PublishedCounts) {
  EXPECT_EQ(fusemaxBytes(12, 64, 1024, 0), 402653184u);
  IoProblem unfused = attention(64 * 12, 4096, 4096, 64);
  // Scores and weights, each written and read.
  unfused.spillBytes = 2 * 4ull * 64 * 12 * 4096 * 4096;
  EXPECT_EQ(evaluateUnfused(unfused).movedBytes, 104689827840u);
}

//===----------------------------------------------------------------------===//
// The chooser against exhaustive search
//===----------------------------------------------------------------------===//

static uint64_t searchStreamed(const IoProblem &problem, uint64_t buffer) {
  uint64_t best = UINT64_MAX;
  for (uint64_t rows = 1; rows <= problem.rows; ++rows)
    for (uint64_t keys = 1; keys <= problem.keys; ++keys) {
      TileChoice choice = evaluateStreamed(problem, rows, keys);
      if (choice.heldBytes <= buffer)
        best = std::min(best, choice.movedBytes);
    }
  return best;
}

static uint64_t searchTiled(const IoProblem &problem, uint64_t buffer) {
  uint64_t total = 0;
  for (const Contraction &contraction : problem.contractions) {
    IoProblem one;
    one.contractions = {contraction};
    uint64_t best = UINT64_MAX;
    for (uint64_t rows = 1; rows <= contraction.rows; ++rows)
      for (uint64_t columns = 1; columns <= contraction.columns; ++columns) {
        TileChoice choice = evaluateTiled(one, {{rows, columns}});
        if (choice.heldBytes <= buffer)
          best = std::min(best, choice.movedBytes);
      }
    if (best == UINT64_MAX)
      return UINT64_MAX;
    total += best;
  }
  return total;
}

// What rows see, tile by tile: keys come by from the first to the last that a
// row of the tile sees, and those that no row sees are not compulsory.
TEST(LiveKeys, TilesReadWhatTheirRowsSee) {
  IoProblem problem = attention(1, 4, 10, 8);
  problem.tensors.push_back({"bias", 2 * 4 * 10, true, true});
  problem.liveKeys = {{0, 2}, {5, 5}, {1, 4}, {3, 7}};
  uint64_t rows = 2 * 2 * 4 * 8, key = 2 * 2 * 8;
  EXPECT_EQ(getCompulsoryBytes(problem), rows + 7 * key + 2 * (2 + 3 + 4));
  EXPECT_EQ(evaluateStreamed(problem, 2, 1).movedBytes,
            rows + (2 + 6) * key + 2 * 2 * (2 + 6));
  EXPECT_EQ(evaluateStreamed(problem, 4, 1).movedBytes,
            rows + 7 * key + 2 * 4 * 7);
  // All keys stay.
  EXPECT_EQ(evaluateStreamed(problem, 2, 10).movedBytes,
            rows + 7 * key + 2 * 2 * (2 + 6));
}

TEST(Chooser, WithinFivePercentOfExhaustiveSearch) {
  std::mt19937 random(20);
  auto pick = [&](uint64_t low, uint64_t high) {
    return std::uniform_int_distribution<uint64_t>(low, high)(random);
  };
  unsigned streamed = 0, tiled = 0, none = 0;
  for (int i = 0; i < 300; ++i) {
    IoProblem problem = attention(pick(1, 4), pick(1, 150), pick(1, 150),
                                  pick(1, 64), pick(0, 1) != 0);
    // A tensor of keys that all outer coordinates share, and one of points.
    problem.tensors.push_back(
        {"bias", 2 * problem.rows * problem.keys, true, true, pick(1, 3), 1});
    problem.tensors.push_back(
        {"shared", 4 * problem.keys, false, true, 1, pick(1, 3)});
    problem.fixedBytes = pick(0, 64);
    uint64_t buffer = 1ull << pick(2, 15);
    buffer += pick(0, buffer);
    uint64_t best =
        std::min(searchStreamed(problem, buffer), searchTiled(problem, buffer));
    auto choice = chooseTiles(problem, buffer);
    ASSERT_EQ(choice.has_value(), best != UINT64_MAX);
    if (!choice) {
      ++none;
      continue;
    }
    (choice->schedule == Schedule::Streamed ? streamed : tiled) += 1;
    EXPECT_LE(choice->heldBytes, buffer);
    EXPECT_LE(choice->movedBytes, best * 1.05);
    EXPECT_GE(choice->movedBytes, best);
  }
  // The cases must be of all kinds to mean something.
  EXPECT_GT(streamed, 30u);
  EXPECT_GT(tiled, 30u);
  EXPECT_GT(none, 0u);
}

TEST(Chooser, KeepsToGranulesAndDivisors) {
  IoProblem problem = attention(1, 1000, 1000, 16);
  TileLimits limits;
  limits.rowGranule = 10;
  limits.keyGranule = 8;
  auto free = chooseTiles(problem, 8192, limits);
  ASSERT_TRUE(free && free->schedule == Schedule::Streamed);
  EXPECT_EQ(free->rows % 10, 0u);
  EXPECT_EQ(free->keys, 8u);
  limits.rowsDivide = true;
  auto divided = chooseTiles(problem, 8192, limits);
  ASSERT_TRUE(divided);
  EXPECT_EQ(100 % (divided->rows / 10), 0u);
  EXPECT_LE(divided->rows, free->rows);
}

//===----------------------------------------------------------------------===//
// Regimes and bounds
//===----------------------------------------------------------------------===//

// Streaming moves 4*N^2*d^2/M words and tiling 4*N^2*d/sqrt(M) + N^2: equal at
// M = d^2 but for the N^2 and the rows' statistics, which move it by a
// constant.
TEST(Regime, ChangesAtDepthSquared) {
  const uint64_t n = 1 << 16;
  for (uint64_t depth : {64, 128, 256, 512, 1024}) {
    EXPECT_EQ(choose(n, depth, depth * depth / 4).schedule, Schedule::Tiled);
    EXPECT_EQ(choose(n, depth, depth * depth).schedule, Schedule::Streamed);
    EXPECT_EQ(choose(n, depth, 4 * depth * depth).schedule, Schedule::Streamed);
    uint64_t low = depth * depth / 4, high = depth * depth;
    while (high - low > 1) {
      uint64_t middle = (low + high) / 2;
      bool streams = choose(n, depth, middle).schedule == Schedule::Streamed;
      (streams ? high : low) = middle;
    }
    double ratio = static_cast<double>(high) / (depth * depth);
    EXPECT_GT(ratio, 0.5) << "depth " << depth;
    EXPECT_LT(ratio, 1.0) << "depth " << depth;
  }
}

// Below d^2 the traffic goes with 1/sqrt(M), above with 1/M.
TEST(Regime, TrafficScalesAsTheBoundsSay) {
  const uint64_t n = 1 << 20, depth = 1024;
  auto slope = [&](uint64_t words) {
    double small = choose(n, depth, words).movedBytes;
    double large = choose(n, depth, 4 * words).movedBytes;
    return small / large;
  };
  EXPECT_NEAR(slope(depth * depth / 64), 2.0, 0.2);
  EXPECT_NEAR(slope(depth * depth * 4), 4.0, 0.4);
}

TEST(Bound, IsNeverAboveWhatIsMoved) {
  for (uint64_t depth : {8, 64, 128})
    for (uint64_t n : {64, 1000, 16384})
      for (uint64_t buffer = 1 << 12; buffer <= 1 << 24; buffer *= 4) {
        IoProblem problem = attention(2, n, n, depth);
        auto choice = chooseTiles(problem, buffer);
        ASSERT_TRUE(choice);
        EXPECT_LE(getBoundBytes(problem, buffer), choice->movedBytes);
        EXPECT_LE(getCompulsoryBytes(problem), choice->movedBytes);
      }
}

// For M >> 4d^2 streaming is four times above the bound: twice because the
// bound sees one contraction, twice because outputs share the buffer with
// queries.
TEST(Bound, StreamingIsWithinFourTimes) {
  const uint64_t depth = 64, n = 1 << 24, words = 64 * depth * depth;
  IoProblem problem = attention(1, n, n, depth);
  double ratio = static_cast<double>(choose(n, depth, words).movedBytes) /
                 getBoundBytes(problem, 2 * words);
  EXPECT_GT(ratio, 3.5);
  EXPECT_LT(ratio, 4.6);
}

TEST(Bound, FollowsTheLivePairs) {
  IoProblem problem = attention(1, 1 << 16, 1 << 16, 64);
  uint64_t all = getBoundBytes(problem, 1 << 17);
  problem.contractions[0].livePoints /= 2;
  uint64_t half = getBoundBytes(problem, 1 << 17);
  // nnz * d^2 / (M + 4d^2) - M: the buffer is taken off once in each.
  EXPECT_NEAR(half, (all + (1 << 17)) / 2 - (1 << 17), 4);
  // Contractions of computed operands have no such bound.
  problem.contractions[0].ofArguments = false;
  EXPECT_EQ(getBoundBytes(problem, 1 << 17), getCompulsoryBytes(problem));
}

TEST(Bytes, SaturateInsteadOfWrapping) {
  IoProblem problem = attention(1, UINT64_MAX / 8, UINT64_MAX / 8, 64);
  EXPECT_EQ(evaluateStreamed(problem, 1, 1).movedBytes, UINT64_MAX);
}
