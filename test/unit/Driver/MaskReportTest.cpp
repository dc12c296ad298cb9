//===- MaskReportTest.cpp - reports of masks against the interpreter ------===//

#include "attn/Driver/MaskReport.h"

#include "attn/Driver/Source.h"
#include "attn/Reference/CascadeInterpreter.h"
#include "attn/Variants/Variants.h"

#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace attn;

namespace {
class MaskReportTest : public testing::Test {
protected:
  /// Loads a variant, two heads of width 1 in two groups.
  void load(const std::string &name, int64_t queries, int64_t keys) {
    auto loaded = loadSource(*context, name, "");
    ASSERT_TRUE(loaded.isOk()) << name;
    source = std::move(*loaded);
    AttentionShape shape;
    shape.batch = 2;
    shape.heads = 4;
    shape.kvHeads = 2;
    shape.queryLength = queries;
    shape.keyLength = keys;
    shape.headDim = 1;
    problem = {};
    isResolved = resolveExtents(source.func, shape, problem).isOk() &&
                 resolveScalars(source.func, {}, problem).isOk();
  }

  Result<MaskReport> report(int64_t rows, int64_t keys) {
    MaskReportOptions options;
    options.tileRows = rows;
    options.tileKeys = options.stepKeys = keys;
    options.workers = 3;
    return reportMask(source.func, problem, {}, options);
  }

  std::unique_ptr<mlir::MLIRContext> context = createContext();
  Source source;
  Problem problem;
  bool isResolved = false;
};

/// The class of the tile at `row`, `key` of the points in `bits`.
TileClass getClass(const CellMap &bits, int64_t row, int64_t key, int64_t rows,
                   int64_t keys) {
  int64_t live = 0, all = 0;
  for (int64_t p = row * rows; p < std::min((row + 1) * rows, bits.rows); ++p)
    for (int64_t m = key * keys; m < std::min((key + 1) * keys, bits.keys);
         ++m) {
      ++all;
      live += bits.getClass(p, m) == TileClass::full;
    }
  return live == 0     ? TileClass::empty
         : live == all ? TileClass::full
                       : TileClass::partial;
}
} // namespace

// The interpreter knows nothing of normal forms: it asks the predicate at each
// point.
TEST_F(MaskReportTest, PairsAndRowsAreThoseOfTheInterpreter) {
  unsigned numMasks = 0;
  for (const Variant &variant : getVariants()) {
    load(variant.name, 48, 48);
    if (!isResolved)
      continue;
    auto mask = report(16, 16);
    if (!mask.isOk() || !mask->hasMask)
      continue;
    ++numMasks;
    auto inputs = createInputs(source.func, problem, {}, {});
    ASSERT_TRUE(inputs.isOk());
    llvm::DenseMap<mlir::Operation *, int64_t> points;
    InterpretOptions options;
    options.points = &points;
    auto outputs = interpretCascade(
        source.func, getReferenceArguments(*inputs, problem), options);
    ASSERT_TRUE(outputs.isOk()) << variant.name;
    int64_t expected = 0;
    for (auto [op, number] : points)
      if (auto einsum = mlir::dyn_cast<cascade::EinsumOp>(op);
          einsum && einsum.hasWhere())
        expected += number;
    EXPECT_EQ(mask->livePairs, expected) << variant.name;
    EXPECT_EQ(mask->unknownPairs, 0) << variant.name;
    if (auto lse = outputs->find("lse"); lse != outputs->end())
      EXPECT_EQ(mask->emptyRows,
                std::count(lse->second.values.begin(), lse->second.values.end(),
                           -std::numeric_limits<double>::infinity()))
          << variant.name;
    // What is visited covers what is live, and is what is dealt out.
    EXPECT_GE(mask->plan.total, mask->livePairs / 16) << variant.name;
    EXPECT_GE(mask->plan.makespan, mask->plan.lowerBound) << variant.name;
  }
  EXPECT_GE(numMasks, 20u);
}

// Tiles of one point tell all there is.
TEST_F(MaskReportTest, ClassesAreExact) {
  for (const Variant &variant : getVariants()) {
    load(variant.name, 48, 48);
    if (!isResolved)
      continue;
    auto points = report(1, 1);
    if (!points.isOk())
      continue;
    EXPECT_EQ(points->tiles.full, points->livePairs) << variant.name;
    EXPECT_EQ(points->tiles.partial, 0) << variant.name;
    for (auto [rows, keys] : {std::pair(16, 16), std::pair(7, 5)}) {
      auto tiles = report(rows, keys);
      ASSERT_TRUE(tiles.isOk());
      ASSERT_EQ(tiles->groups.size(), points->groups.size());
      EXPECT_EQ(tiles->livePairs, points->livePairs);
      for (size_t i = 0; i < points->groups.size(); ++i) {
        if (!points->groups[i].cells)
          continue;
        const CellMap &cells = *tiles->groups[i].cells;
        for (int64_t row = 0; row < cells.rows; ++row)
          for (int64_t key = 0; key < cells.keys; ++key)
            EXPECT_EQ(cells.getClass(row, key),
                      getClass(*points->groups[i].cells, row, key, rows, keys))
                << variant.name << " " << row << " " << key;
      }
    }
  }
}

TEST_F(MaskReportTest, RowsBeforeTheKeysAreEmpty) {
  load("causal", 48, 40);
  auto mask = report(16, 16);
  ASSERT_TRUE(mask.isOk());
  EXPECT_EQ(mask->maps, 1);
  EXPECT_EQ(mask->emptyRows, 8 * mask->heads);
  EXPECT_EQ(mask->firstEmptyRow, "p=0");
  EXPECT_EQ(mask->livePairs, 40 * 41 / 2 * mask->heads);
}

TEST_F(MaskReportTest, NothingIsNoWork) {
  for (auto [queries, keys] : {std::pair(0, 8), std::pair(8, 0)}) {
    load("causal", queries, keys);
    auto mask = report(16, 16);
    ASSERT_TRUE(mask.isOk());
    EXPECT_EQ(mask->livePairs, 0);
    EXPECT_EQ(mask->emptyRows, queries * mask->heads);
    EXPECT_EQ(mask->plan.makespan, 0);
  }
}

TEST_F(MaskReportTest, HeadsOfOtherGuardsAreAnotherGroup) {
  load("duo", 48, 48);
  auto mask = report(16, 16);
  ASSERT_TRUE(mask.isOk());
  ASSERT_EQ(mask->groups.size(), 2u);
  EXPECT_EQ(mask->groups[0].heads + mask->groups[1].heads, mask->heads);
  EXPECT_NE(mask->groups[0].guards, mask->groups[1].guards);
}

TEST_F(MaskReportTest, RefusesWhatHasNoKeys) {
  load("rmsnorm-gemm", 48, 48);
  EXPECT_FALSE(report(16, 16).isOk());
}
