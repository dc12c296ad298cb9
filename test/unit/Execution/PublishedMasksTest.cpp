//===- PublishedMasksTest.cpp - masks in the shapes of other projects -----===//
//
// Each case is compiled, run and compared with the f64 interpreter, in f32 and
// bf16. ATTN_PUBLISHED_MASKS=all adds those that take seconds each.
//
//===----------------------------------------------------------------------===//

#include "PublishedCases.h"

#include "gtest/gtest.h"

#include <cstdlib>

using namespace attn;
using namespace attn::test;

static void expectRight(const PublishedCases &cases) {
  bool all = std::getenv("ATTN_PUBLISHED_MASKS") != nullptr;
  CaseRunner runner;
  for (const PublishedCase &published : cases)
    for (DType dtype : {DType::f32, DType::bf16}) {
      if (published.isLong && !all)
        continue;
      Case c = published.c;
      c.dtype = dtype;
      std::string failure = findFailure(runner, c);
      if (!failure.empty())
        ADD_FAILURE() << c.describe() << ": " << failure;
    }
}

TEST(PublishedMasks, Neighborhoods1D) { expectRight(getNeighborhoods(1)); }
TEST(PublishedMasks, Neighborhoods2D) { expectRight(getNeighborhoods(2)); }
TEST(PublishedMasks, Neighborhoods3D) { expectRight(getNeighborhoods(3)); }
TEST(PublishedMasks, LocalAndVertical) { expectRight(getLocalAndVertical()); }
TEST(PublishedMasks, KindsOfHeads) { expectRight(getKindsOfHeads()); }
TEST(PublishedMasks, PairsOfLengths) { expectRight(getPairsOfLengths()); }
TEST(PublishedMasks, BlockRows) { expectRight(getBlockRows()); }
TEST(PublishedMasks, Selections) { expectRight(getSelections()); }
