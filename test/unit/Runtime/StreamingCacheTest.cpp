//===- StreamingCacheTest.cpp - heads that keep a part of the tokens ------===//

#include "attn/Runtime/KvCache/StreamingCache.h"

#include <gtest/gtest.h>

using namespace attn;

static StreamingCache create(const StreamingCacheOptions &options) {
  auto cache = StreamingCache::create(options);
  EXPECT_TRUE(cache.isOk()) << cache.getStatus().message();
  return std::move(*cache);
}

namespace {
using Segments = std::vector<KvSegment>;

TEST(StreamingCache, RefusesOptionsOutOfRange) {
  EXPECT_EQ(StreamingCache::create({1, 0, 1, {}}).getStatus().message(),
            "cache: expects a capacity of 1 to 1099511627776 tokens, but got "
            "0; give the most tokens that a sequence may have");
  EXPECT_EQ(StreamingCache::create({1, 8, 9, {}}).getStatus().message(),
            "cache: expects appends of 1 to 8 tokens, the capacity, but got 9; "
            "give the most tokens that are appended at once");
  EXPECT_EQ(
      StreamingCache::create({1, 8, 1, {{0, 8}, {2, 0}}}).getStatus().message(),
      "cache: head 1 expects a sink of 0 to 8 tokens, the capacity, and a "
      "window of 1 to as many, but got 2 and 0; give a head that keeps "
      "everything a window of the capacity");
  EXPECT_FALSE(StreamingCache::create({-1, 8, 1, {}}).isOk());
  EXPECT_FALSE(StreamingCache::create({1 << 20, int64_t(1) << 40, 1,
                                       std::vector<HeadBudget>(8, {0, 1})})
                   .isOk());
}

// A sink of 2 and a window of 3: the ring's places are used again, the oldest
// first, and the sink never.
TEST(StreamingCache, KeepsSinkAndRing) {
  StreamingCache cache = create({1, 20, 1, {{2, 3}, {0, 20}}});
  EXPECT_EQ(cache.getNumRows(), 5 + 20);
  EXPECT_EQ(cache.getFirstRow(1), 5);
  SequenceId a = *cache.createSequence();
  EXPECT_EQ(*cache.getSegments(a, 0, 0), Segments{});
  for (int64_t position = 0; position < 7; ++position)
    EXPECT_EQ(*cache.append(a, 1), position);
  EXPECT_EQ(*cache.getSegments(a, 0),
            (Segments{{0, 2, 0}, {4, 1, 4}, {2, 2, 5}}));
  EXPECT_EQ(*cache.getHeadLength(a, 0), 5);
  EXPECT_EQ(*cache.getSegments(a, 1), (Segments{{0, 7, 0}}));
  EXPECT_EQ(*cache.getHeadLength(a, 1), 7);
  EXPECT_EQ(cache.getStats().numKept, 5 + 7);
  EXPECT_EQ(cache.getStats().numRows, 25);
  EXPECT_EQ(cache.getStats().numDense, 40);
}

// Queries of one append see windows of their own, so the ring has room for all.
TEST(StreamingCache, HasRoomForAnAppendsQueries) {
  StreamingCache cache = create({1, 20, 4, {{1, 3}}});
  EXPECT_EQ(cache.getNumPlaces(0), 1 + 3 + 3);
  SequenceId a = *cache.createSequence();
  ASSERT_TRUE(cache.append(a, 4).isOk());
  ASSERT_TRUE(cache.append(a, 4).isOk());
  // Position 4 sees 2, 3 and itself; position 7 stands where 1 stood.
  EXPECT_EQ(*cache.getSegments(a, 0, 4),
            (Segments{{0, 1, 0}, {2, 5, 2}, {1, 1, 7}}));
  EXPECT_EQ(*cache.getHeadLength(a, 0, 4), 7);
  EXPECT_EQ(cache.append(a, 5).getStatus().message(),
            "cache: expects at most 4 tokens at once, but got 5; append them "
            "in parts, or create the cache with a larger maxAppend");
  EXPECT_EQ(cache.getSegments(a, 0, 5).getStatus().message(),
            "cache: expects 0 to 4 queries, but got 5; give as many as the "
            "last append had");
  EXPECT_EQ(cache.getSegments(a, 1).getStatus().message(),
            "cache: expects a head below 1, but got 1; give a head that has a "
            "budget");
}

// What has been overwritten does not come back.
TEST(StreamingCache, RefusesToGoBackBeyondWhatIsKept) {
  StreamingCache cache = create({1, 20, 2, {{1, 3}}});
  SequenceId a = *cache.createSequence();
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(cache.append(a, 2).isOk());
  // The ring holds 6 to 9; a token at 8 sees 6 and 7, one at 7 would see 5.
  EXPECT_EQ(cache.truncate(a, 7).message(),
            "cache: a query at position 7 sees tokens from 5 on by head 0, "
            "which keeps those from 6 on; keep more tokens, or append them to "
            "another sequence");
  EXPECT_TRUE(cache.truncate(a, 8).isOk());
  EXPECT_EQ(*cache.getLength(a), 8);
  // Position 6, the first of the last two, saw 4 and 5, which are gone.
  EXPECT_FALSE(cache.getSegments(a, 0, 2).isOk());
  EXPECT_FALSE(cache.truncate(a, 2).isOk());
  // Who sees nothing before it can begin anew.
  EXPECT_TRUE(cache.truncate(a, 1).isOk());
  ASSERT_TRUE(cache.append(a, 2).isOk());
  EXPECT_EQ(*cache.getSegments(a, 0, 2), (Segments{{0, 1, 0}, {1, 2, 1}}));
}
} // namespace
