//===- DenseCacheTest.cpp - a cache of slots of one capacity --------------===//

#include "KvRows.h"

#include "attn/Runtime/KvCache/DenseCache.h"
#include "attn/Runtime/KvCache/HostBlocks.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn;
using namespace attn::test;

static DenseCache create(int32_t numSlots, int64_t capacity) {
  auto cache = DenseCache::create(numSlots, capacity);
  EXPECT_TRUE(cache.isOk());
  return std::move(*cache);
}

namespace {
TEST(DenseCache, RefusesWhatHasNoRoom) {
  EXPECT_EQ(DenseCache::create(-1, 8).getStatus().message(),
            "cache: expects no negative number of slots, but got -1; give the "
            "sequences that there is memory for");
  EXPECT_EQ(DenseCache::create(1, -8).getStatus().message(),
            "cache: expects no negative capacity, but got -8; give the most "
            "tokens that a sequence may have");
  EXPECT_EQ(DenseCache::create(2, INT64_MAX).getStatus().message(),
            "cache: 2 slots of 9223372036854775807 tokens have more than 2^63; "
            "make the cache smaller");
  DenseCache cache = create(2, 8);
  SequenceId a = *cache.createSequence();
  EXPECT_EQ(*cache.append(a, 5), 0);
  EXPECT_EQ(cache.append(a, 4).getStatus().message(),
            "cache: 4 tokens more follow 5, but a sequence has room for 8; "
            "shorten the sequence, or make the cache's capacity larger");
  EXPECT_FALSE(cache.append(a, INT64_MAX).isOk());
  EXPECT_EQ(cache.append(a, -1).getStatus().message(),
            "cache: expects no negative number of tokens, but got -1; truncate "
            "takes tokens away");
  EXPECT_EQ(*cache.getLength(a), 5);
  auto b = cache.fork(a);
  ASSERT_TRUE(b.isOk());
  EXPECT_EQ(b->copy.from, 0);
  EXPECT_EQ(b->copy.to, 1);
  EXPECT_EQ(b->copy.numTokens, 5);
  EXPECT_EQ(*cache.append(b->sequence, 3), 13);
  EXPECT_EQ(cache.createSequence().getStatus().message(),
            "cache: expects an unused slot, but sequences have all 2; free a "
            "sequence, or make the cache larger");
  EXPECT_FALSE(cache.fork(a).isOk());
  DenseCacheStats stats = cache.getStats();
  EXPECT_EQ(stats.numSlots, 2);
  EXPECT_EQ(stats.numSequences, 2);
  EXPECT_EQ(stats.numTokens, 13);
  EXPECT_EQ(stats.numUnusedSlots, 3);
}

TEST(DenseCache, KnowsFreedSequences) {
  DenseCache cache = create(2, 8);
  SequenceId a = *cache.createSequence();
  ASSERT_TRUE(cache.free(a).isOk());
  EXPECT_EQ(cache.free(a).message(),
            "cache: sequence 0 was freed; create another, or fork before");
  EXPECT_EQ(cache.getLength({1, 0}).getStatus().message(),
            "cache: sequence 1 was never created; give one that createSequence "
            "or fork has returned");
  EXPECT_FALSE(cache.getSlot({2, 0}).isOk());
  SequenceId b = *cache.createSequence();
  EXPECT_EQ(b.number, a.number);
  EXPECT_FALSE(cache.truncate(a, 0).isOk());
  EXPECT_EQ(cache.truncate(b, 1).message(),
            "cache: expects a length of 0 to 0, but got 1; append what is "
            "missing");
}

// Random operations beside plain lists of tokens, over real memory.
TEST(DenseCache, EqualsItsModel) {
  uint64_t seed = getNumber("ATTN_CACHE_SEED", std::random_device()());
  uint64_t steps = getNumber("ATTN_CACHE_STEPS", 5000);
  std::printf("ATTN_CACHE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  constexpr int32_t kSlots = 5;
  constexpr int64_t kCapacity = 20;
  KvLayout layout = makeLayout(makeOddShape(), kCapacity, KvOrder::byLayer);
  auto blocks = HostBlocks::create(layout, kSlots);
  ASSERT_TRUE(blocks.isOk());
  DenseCache cache = create(kSlots, kCapacity);
  std::mt19937_64 random(seed);
  struct Known {
    SequenceId id;
    std::vector<uint32_t> tokens;
  };
  std::vector<Known> sequences;
  uint64_t numRefused = 0;
  for (uint64_t step = 0; step < steps; ++step) {
    size_t kind = sequences.empty() ? 0 : random() % 8;
    size_t at = sequences.empty() ? 0 : random() % sequences.size();
    bool isFull = sequences.size() == kSlots;
    if (kind == 0) {
      auto created = cache.createSequence();
      ASSERT_EQ(created.isOk(), !isFull);
      if (created.isOk())
        sequences.push_back({*created, {}});
    } else if (kind == 1) {
      auto forked = cache.fork(sequences[at].id);
      ASSERT_EQ(forked.isOk(), !isFull);
      if (forked.isOk()) {
        ASSERT_TRUE(blocks->copy(forked->copy).isOk());
        sequences.push_back({forked->sequence, sequences[at].tokens});
      }
    } else if (kind == 2) {
      ASSERT_TRUE(cache.free(sequences[at].id).isOk());
      EXPECT_FALSE(cache.getLength(sequences[at].id).isOk());
      sequences.erase(sequences.begin() + ptrdiff_t(at));
    } else if (kind == 3) {
      size_t length = random() % (sequences[at].tokens.size() + 1);
      ASSERT_TRUE(cache.truncate(sequences[at].id, int64_t(length)).isOk());
      sequences[at].tokens.resize(length);
    } else {
      auto &known = sequences[at].tokens;
      size_t number = random() % 7;
      auto first = cache.append(sequences[at].id, int64_t(number));
      ASSERT_EQ(first.isOk(), known.size() + number <= size_t(kCapacity));
      numRefused += !first.isOk();
      for (size_t i = 0; first.isOk() && i < number; ++i) {
        known.push_back(uint32_t(random()));
        int64_t slot = *first + int64_t(i);
        writeToken(layout,
                   blocks->getData() +
                       slot / kCapacity * layout.getBlockBytes(),
                   slot % kCapacity, known.back());
      }
    }
    int64_t numTokens = 0;
    for (const Known &known : sequences) {
      numTokens += int64_t(known.tokens.size());
      ASSERT_EQ(*cache.getLength(known.id), int64_t(known.tokens.size()));
      const std::byte *block =
          blocks->getData() + *cache.getSlot(known.id) * layout.getBlockBytes();
      for (size_t i = 0; i < known.tokens.size(); ++i)
        ASSERT_EQ(readToken(layout, block, int64_t(i), known.tokens[i]), "")
            << "step " << step;
    }
    DenseCacheStats stats = cache.getStats();
    ASSERT_EQ(stats.numSequences, int64_t(sequences.size()));
    ASSERT_EQ(stats.numTokens, numTokens);
    ASSERT_EQ(stats.numUnusedSlots,
              kCapacity * int64_t(sequences.size()) - numTokens);
  }
  EXPECT_GT(numRefused, 0u);
}
} // namespace
