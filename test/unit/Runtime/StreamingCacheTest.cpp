//===- StreamingCacheTest.cpp - heads that keep a part of the tokens ------===//

#include "KvRows.h"

#include "attn/Runtime/KvCache/HostBlocks.h"
#include "attn/Runtime/KvCache/StreamingCache.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn;
using namespace attn::test;

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

// Random operations beside plain lists of tokens, over real memory: what each
// head's segments read is what the mask of the last append's queries shows.
TEST(StreamingCache, EqualsItsModel) {
  uint64_t seed = getNumber("ATTN_CACHE_SEED", std::random_device()());
  uint64_t steps = getNumber("ATTN_CACHE_STEPS", 10000);
  std::printf("ATTN_CACHE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  constexpr int32_t kSlots = 4;
  StreamingCacheOptions options{
      kSlots, 40, 5, {{2, 3}, {0, 1}, {0, 40}, {4, 9}, {40, 1}, {3, 34}}};
  StreamingCache cache = create(options);
  KvShape shape = makeOddShape();
  shape.numHeads = 1;
  KvLayout layout = makeLayout(shape, cache.getNumRows(), KvOrder::byToken);
  auto blocks = HostBlocks::create(layout, kSlots);
  ASSERT_TRUE(blocks.isOk());
  std::mt19937_64 random(seed);
  struct Known {
    SequenceId id;
    std::vector<uint32_t> tokens;
    size_t numQueries;
    /// The position that was written last to each row.
    std::vector<int64_t> rows;
  };
  std::vector<Known> sequences;
  uint64_t numRefused = 0, numCut = 0, numPieces = 0;
  auto getBlock = [&](SequenceId id) {
    return blocks->getData() + *cache.getSlot(id) * layout.getBlockBytes();
  };
  for (uint64_t step = 0; step < steps; ++step) {
    size_t kind = sequences.empty() ? 0 : random() % 16;
    size_t at = sequences.empty() ? 0 : random() % sequences.size();
    bool isFull = sequences.size() == kSlots;
    if (kind == 0) {
      auto created = cache.createSequence();
      ASSERT_EQ(created.isOk(), !isFull);
      if (created.isOk())
        sequences.push_back(
            {*created,
             {},
             0,
             std::vector<int64_t>(size_t(cache.getNumRows()), -1)});
    } else if (kind == 1) {
      auto forked = cache.fork(sequences[at].id);
      ASSERT_EQ(forked.isOk(), !isFull);
      if (forked.isOk()) {
        ASSERT_TRUE(blocks->copy(forked->copy).isOk());
        Known known = sequences[at];
        known.id = forked->sequence;
        sequences.push_back(known);
      }
    } else if (kind == 2) {
      ASSERT_TRUE(cache.free(sequences[at].id).isOk());
      sequences.erase(sequences.begin() + ptrdiff_t(at));
    } else if (kind < 5) {
      Known &known = sequences[at];
      size_t back = std::min<size_t>(random() % 4, known.tokens.size());
      size_t length = known.tokens.size() - back;
      bool isKept = true;
      for (int32_t head = 0; head < cache.getNumHeads(); ++head)
        for (auto key = int64_t(0); key < int64_t(length); ++key)
          if (int64_t(length) - key < options.heads[size_t(head)].windowTokens)
            isKept &= known.rows[size_t(cache.getFirstRow(head) +
                                        cache.getPlace(head, key))] == key;
      Status status = cache.truncate(known.id, int64_t(length));
      ASSERT_EQ(status.isOk(), isKept) << status.message();
      if (status.isOk()) {
        known.tokens.resize(length);
        known.numQueries = 0;
        numCut += back > 0;
      } else {
        ++numRefused;
      }
    } else {
      Known &known = sequences[at];
      size_t number = random() % 7;
      auto first = cache.append(known.id, int64_t(number));
      ASSERT_EQ(first.isOk(),
                number <= 5 && known.tokens.size() + number <= 40);
      for (size_t i = 0; first.isOk() && i < number; ++i) {
        known.tokens.push_back(uint32_t(random()));
        for (int32_t head = 0; head < cache.getNumHeads(); ++head) {
          int64_t row = cache.getFirstRow(head) +
                        cache.getPlace(head, *first + int64_t(i));
          writeToken(layout, getBlock(known.id), row,
                     known.tokens.back() + uint32_t(head));
          known.rows[size_t(row)] = *first + int64_t(i);
        }
      }
      if (first.isOk())
        known.numQueries = number;
    }
    for (const Known &known : sequences) {
      auto length = int64_t(known.tokens.size());
      ASSERT_EQ(*cache.getLength(known.id), length);
      auto numQueries = int64_t(known.numQueries);
      for (int32_t head = 0; head < cache.getNumHeads(); ++head) {
        HeadBudget budget = options.heads[size_t(head)];
        std::vector<int64_t> expected, found;
        for (int64_t key = 0; key < length; ++key) {
          bool isSeen = false;
          for (int64_t query = length - numQueries; query < length; ++query)
            isSeen |= (key < budget.sinkTokens && numQueries > 0) ||
                      (key <= query && query - key < budget.windowTokens);
          if (isSeen)
            expected.push_back(key);
        }
        auto segments = cache.getSegments(known.id, head, numQueries);
        ASSERT_TRUE(segments.isOk()) << segments.getStatus().message();
        ASSERT_LE(segments->size(), 3u);
        numPieces += segments->size() == 3;
        for (const KvSegment &segment : *segments)
          for (int64_t i = 0; i < segment.count; ++i) {
            int64_t position = segment.position + i;
            found.push_back(position);
            ASSERT_LT(segment.first + i, cache.getNumPlaces(head));
            ASSERT_EQ(
                readToken(layout, getBlock(known.id),
                          cache.getFirstRow(head) + segment.first + i,
                          known.tokens[size_t(position)] + uint32_t(head)),
                "")
                << "step " << step << " head " << head;
          }
        ASSERT_EQ(found, expected) << "step " << step << " head " << head;
        ASSERT_EQ(*cache.getHeadLength(known.id, head, numQueries),
                  int64_t(expected.size()));
      }
    }
  }
  EXPECT_GT(numRefused, 0u);
  EXPECT_GT(numCut, 0u);
  EXPECT_GT(numPieces, 0u);
}
} // namespace
