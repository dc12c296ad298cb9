//===- ComputedReadsTest.cpp - reads at coordinates that may be outside ---===//
//
// Tables of no entry, of one and of a few are read at computed coordinates and
// at those of other ranks, by vectors of lanes and one by one. Memory around a
// table holds the lowest integers, so a read beside it shows.
//
//===----------------------------------------------------------------------===//

#include "PublishedCases.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::test;

/// Runs `variant` with tables of no entry, of one and of more.
static void runWithTables(const std::string &variant) {
  CaseRunner runner;
  for (int64_t entries : {0, 1, 3, 40})
    for (DType dtype : {DType::f32, DType::bf16})
      for (int64_t queries : {1, 21, 70}) {
        Case c = makeCase(variant, 2, 1, queries, 90, 16, {});
        c.dtype = dtype;
        c.shape.ranks = {{"N", entries}, {"T", entries}, {"L", entries}};
        EXPECT_EQ(findFailure(runner, c), "")
            << c.describe() << " entries " << entries;
      }
}

TEST(ComputedReadsTest, OutsideATableAreEmpty) {
  runWithTables(ATTN_INPUTS_DIR "/computed-reads.mlir");
}

TEST(ComputedReadsTest, OfMapsAreEmptyOutsideATable) {
  runWithTables(ATTN_INPUTS_DIR "/computed-map-reads.mlir");
}

// A divisor that its caller gives as 0 is taken for 1; nothing faults.
TEST(ComputedReadsTest, OfMapsDoNotFault) {
  CaseRunner runner;
  Case c = makeCase(ATTN_INPUTS_DIR "/computed-map-reads.mlir", 1, 1, 9, 20, 16,
                    {{"width", 0}});
  EXPECT_EQ(runner.run(c, nullptr, /*check=*/false).refusal, "");
}

TEST(ComputedReadsTest, OfDistancesHaveAnyLengths) {
  CaseRunner runner;
  for (int64_t entries : {0, 1, 50})
    for (auto [queries, keys] :
         {std::pair(0, 5), std::pair(5, 0), std::pair(1, 1), std::pair(1, 90),
          std::pair(70, 33), std::pair(33, 70)})
      for (int64_t group : {1, 3}) {
        Case c = makeCase("relative-bias", 6, group, queries, keys, 16, {});
        c.shape.ranks = {{"N", entries}};
        EXPECT_EQ(findFailure(runner, c), "")
            << c.describe() << " entries " << entries;
      }
}

TEST(ComputedReadsTest, OfShippedVariantsMayHaveNoTable) {
  CaseRunner runner;
  Case c = makeCase("documents", 2, 1, 40, 40, 16, {});
  c.arrays["doc"] = makeTable({40}, std::vector<int32_t>(40, 0));
  c.arrays["first"] = makeTable({0}, {});
  EXPECT_EQ(findFailure(runner, c), "");
  c = makeCase("block-sparse", 2, 2, 40, 40, 16,
               {{"block_rows", 8}, {"block_cols", 8}});
  c.arrays["indptr"] = makeTable({1, 0}, {});
  c.arrays["indices"] = makeTable({0}, {});
  EXPECT_EQ(findFailure(runner, c), "");
}
