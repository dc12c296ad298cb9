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

TEST(ComputedReadsTest, OutsideATableAreEmpty) {
  CaseRunner runner;
  for (int64_t entries : {0, 1, 3})
    for (DType dtype : {DType::f32, DType::bf16})
      for (int64_t queries : {1, 21, 70}) {
        Case c = makeCase(ATTN_INPUTS_DIR "/computed-reads.mlir", 2, 1, queries,
                          90, 16, {});
        c.dtype = dtype;
        c.shape.ranks = {{"N", entries}, {"T", entries}, {"L", entries}};
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
