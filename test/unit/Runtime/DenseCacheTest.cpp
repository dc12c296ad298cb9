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

//===----------------------------------------------------------------------===//
// Random operations
//===----------------------------------------------------------------------===//

constexpr int32_t kSlots = 5;
constexpr int64_t kCapacity = 20;

/// A cache over real memory, beside plain lists of tokens.
class Model {
public:
  explicit Model(uint64_t seed)
      : random(seed), cache(::create(kSlots, kCapacity)),
        layout(makeLayout(makeOddShape(), kCapacity, KvOrder::byLayer)),
        blocks(std::move(*HostBlocks::create(layout, kSlots))) {}

  /// What an operation got wrong, or nothing.
  std::string step();

  uint64_t numRefused = 0;

private:
  struct Known {
    SequenceId id;
    std::vector<uint32_t> tokens;
  };

  std::string create();
  std::string fork(size_t at);
  std::string append(Known &known);
  std::string edit();
  std::string checkAll() const;

  std::mt19937_64 random;
  DenseCache cache;
  KvLayout layout;
  HostBlocks blocks;
  std::vector<Known> sequences;
};

std::string Model::create() {
  auto created = cache.createSequence();
  if (created.isOk() != (sequences.size() < size_t(kSlots)))
    return "a slot is refused that there is, or is not";
  if (created.isOk())
    sequences.push_back({*created, {}});
  return {};
}

std::string Model::fork(size_t at) {
  auto forked = cache.fork(sequences[at].id);
  if (forked.isOk() != (sequences.size() < size_t(kSlots)))
    return "a slot is refused that there is, or is not";
  if (!forked.isOk())
    return {};
  sequences.push_back({forked->sequence, sequences[at].tokens});
  return blocks.copy(forked->copy).message();
}

std::string Model::append(Known &known) {
  size_t number = random() % 7;
  bool fits = known.tokens.size() + number <= size_t(kCapacity);
  auto first = cache.append(known.id, int64_t(number));
  if (first.isOk() != fits)
    return "an append is refused that there is room for, or is not";
  numRefused += !fits;
  for (size_t i = 0; fits && i < number; ++i) {
    known.tokens.push_back(uint32_t(random()));
    int64_t slot = *first + int64_t(i);
    writeToken(layout,
               blocks.getData() + slot / kCapacity * layout.getBlockBytes(),
               slot % kCapacity, known.tokens.back());
  }
  return {};
}

std::string Model::edit() {
  size_t kind = sequences.empty() ? 0 : random() % 8;
  if (kind == 0)
    return create();
  size_t at = random() % sequences.size();
  Known &known = sequences[at];
  if (kind == 1)
    return fork(at);
  if (kind == 2) {
    size_t length = random() % (known.tokens.size() + 1);
    known.tokens.resize(length);
    return cache.truncate(known.id, int64_t(length)).message();
  }
  if (kind > 3)
    return append(known);
  std::string wrong = cache.free(known.id).message();
  if (cache.getLength(known.id).isOk())
    return "a freed sequence has a length";
  sequences.erase(sequences.begin() + ptrdiff_t(at));
  return wrong;
}

std::string Model::checkAll() const {
  int64_t numTokens = 0;
  for (const Known &known : sequences) {
    auto length = int64_t(known.tokens.size());
    numTokens += length;
    if (*cache.getLength(known.id) != length)
      return "a sequence has another length";
    const std::byte *block =
        blocks.getData() + *cache.getSlot(known.id) * layout.getBlockBytes();
    for (int64_t i = 0; i < length; ++i)
      if (std::string wrong =
              readToken(layout, block, i, known.tokens[size_t(i)]);
          !wrong.empty())
        return wrong;
  }
  auto numSequences = int64_t(sequences.size());
  DenseCacheStats stats = cache.getStats();
  bool isSame = stats.numSequences == numSequences &&
                stats.numTokens == numTokens &&
                stats.numUnusedSlots == kCapacity * numSequences - numTokens;
  return isSame ? "" : "the cache counts other tokens";
}

std::string Model::step() {
  std::string wrong = edit();
  return wrong.empty() ? checkAll() : wrong;
}

// ATTN_CACHE_SEED repeats a run, ATTN_CACHE_STEPS says how long it is.
TEST(DenseCache, EqualsItsModel) {
  uint64_t seed = getNumber("ATTN_CACHE_SEED", std::random_device()());
  uint64_t steps = getNumber("ATTN_CACHE_STEPS", 5000);
  std::printf("ATTN_CACHE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Model model(seed);
  for (uint64_t step = 0; step < steps; ++step)
    ASSERT_EQ(model.step(), "") << "step " << step;
  EXPECT_GT(model.numRefused, 0u);
}
} // namespace
