//===- BidirectionalBlocksTest.cpp - s2-bidirectional against its formula -===//

#include "ExpectMask.h"

#include <set>

using namespace attn;
using namespace attn::test;

static Scalars makeScalars(int64_t block, int64_t before, int64_t after,
                           int64_t vertical) {
  return {{"block", static_cast<double>(block)},
          {"before", static_cast<double>(before)},
          {"after", static_cast<double>(after)},
          {"vertical", static_cast<double>(vertical)}};
}

// DKernel's relative pattern: how far a block is from the local ones, on either
// side, has to be a multiple.
TEST(BidirectionalBlocks, AreAMultipleFromTheLocalOnes) {
  Numbers numbers(12);
  for (const Shape &shape :
       {Shape{1, 2, 3, 13, 13}, Shape{2, 2, 2, 5, 18}, Shape{1, 3, 1, 12, 5},
        Shape{1, 1, 2, 1, 30}, Shape{2, 1, 1, 4, 0}, Shape{1, 1, 1, 0, 4},
        Shape{1, 1, 1, 33, 33}})
    for (int i = 0; i < 12; ++i) {
      int64_t block = numbers.get(1, 5), before = numbers.get(0, 3),
              after = numbers.get(1, 4), vertical = numbers.get(1, 5);
      expectMask("s2-bidirectional", shape,
                 makeScalars(block, before, after, vertical), {},
                 [&](const Point &at) {
                   return RelativeBlocks{block, before, after, vertical}.sees(
                       at);
                 });
    }
}

// DKernel's golden mask, blocks of 1, two local ones and each third beyond: its
// first row, and that row moved.
TEST(BidirectionalBlocks, AreDKernels) {
  const std::vector<std::set<int64_t>> rows = {
      {0, 1, 4, 7}, {0, 1, 2, 5}, {1, 2, 3, 6}, {2, 3, 4, 7},
      {0, 3, 4, 5}, {1, 4, 5, 6}, {2, 5, 6, 7}, {0, 3, 6, 7}};
  expectMask("s2-bidirectional", {1, 1, 1, 8, 8}, makeScalars(1, 2, 2, 3), {},
             [&](const Point &at) { return rows[at.p].count(at.m) != 0; });
}
