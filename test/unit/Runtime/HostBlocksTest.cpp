//===- HostBlocksTest.cpp - pages of keys and values on a CPU -------------===//

#include "KvRows.h"

#include "attn/Runtime/KvCache/HostBlocks.h"
#include "attn/Runtime/KvCache/PagedCache.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace attn;
using namespace attn::test;

static HostBlocks makeBlocks(const KvLayout &layout, int32_t numBlocks) {
  auto blocks = HostBlocks::create(layout, numBlocks);
  EXPECT_TRUE(blocks.isOk()) << blocks.getStatus().message();
  return std::move(*blocks);
}

namespace {
TEST(HostBlocks, RefusesWhatTheSystemHasNot) {
  KvShape shape = makeOddShape();
  EXPECT_EQ(
      HostBlocks::create(makeLayout(shape, 4, KvOrder::byToken), -1)
          .getStatus()
          .message(),
      "cache: expects no negative number of blocks, but got -1; give the pages "
      "or slots of the cache");
  shape.keyBytes = int64_t(1) << 50;
  auto refused =
      HostBlocks::create(makeLayout(shape, 4, KvOrder::byToken), 1024);
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.getStatus().getCode(), StatusCode::resourceExhausted);
  EXPECT_NE(refused.getStatus().message().find(
                "expects memory for 1024 blocks of 27021597764223216 bytes, "
                "but got: Cannot allocate memory"),
            std::string::npos)
      << refused.getStatus().message();
  EXPECT_EQ(
      makeBlocks(makeLayout(makeOddShape(), 4, KvOrder::byToken), 0).getData(),
      nullptr);
}

TEST(HostBlocks, RefusesCopiesOfWhatThereIsNot) {
  HostBlocks blocks =
      makeBlocks(makeLayout(makeOddShape(), 4, KvOrder::byToken), 3);
  EXPECT_EQ(blocks.copy({0, 3, 1}).message(),
            "cache: expects a block below 3, but got 3; give a copy that this "
            "memory's cache has returned");
  EXPECT_FALSE(blocks.copy({-1, 1, 1}).isOk());
  EXPECT_FALSE(blocks.copy({1, 1, 1}).isOk());
  EXPECT_FALSE(blocks.copy({0, 1, -1}).isOk());
  EXPECT_EQ(blocks.copy({0, 1, 5}).message(),
            "cache: expects to copy 0 to 4 tokens, but got 5; give a copy that "
            "this memory's cache has returned");
}

// A copy takes the first tokens, and leaves all other bytes as they were.
TEST(HostBlocks, CopiesTheFirstTokensOnly) {
  for (KvOrder order : {KvOrder::byLayer, KvOrder::byToken}) {
    KvLayout layout = makeLayout(makeOddShape(), 4, order);
    HostBlocks blocks = makeBlocks(layout, 3);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks.getData()) % 4096, 0u);
    for (PageId block = 0; block < 3; ++block)
      for (int64_t token = 0; token < 4; ++token)
        writeToken(layout, blocks.getRow(block, KvSide::key, 0, 0, 0), token,
                   uint32_t(block * 4 + token));
    ASSERT_TRUE(blocks.copy({0, 1, 3}).isOk());
    for (PageId block = 0; block < 3; ++block)
      for (int64_t token = 0; token < 4; ++token)
        EXPECT_EQ(
            readToken(
                layout, blocks.getData() + block * layout.getBlockBytes(),
                token,
                uint32_t((block == 1 && token < 3 ? 0 : block) * 4 + token)),
            "");
  }
}

// Of pages of p tokens a sequence wastes fewer than p * t * 2 * L bytes, where
// t is a token's in one layer and side: 2 MB for 16 tokens of Llama-3-8B.
TEST(HostBlocks, WasteLessThanAPage) {
  constexpr int64_t kTokens = 16, kRowBytes = int64_t(2) * 128;
  for (auto [numLayers, numHeads] : {std::pair(32, 8), std::pair(80, 1)}) {
    KvLayout layout = makeLayout({numLayers, numHeads, kRowBytes, kRowBytes},
                                 kTokens, KvOrder::byLayer);
    auto cache = PagedCache::create({100, kTokens, true});
    ASSERT_TRUE(cache.isOk());
    SequenceId a = cache->createSequence()->sequence;
    int64_t bytes = kTokens * numHeads * kRowBytes * 2 * numLayers;
    EXPECT_EQ(layout.getBlockBytes(), bytes);
    for (int64_t n = 1; n <= 100; ++n) {
      ASSERT_TRUE(cache->append(a, {1}).isOk());
      PagedCacheStats stats = cache->getStats();
      int64_t waste = stats.numUnusedSlots * layout.getTokenBytes();
      EXPECT_EQ(waste, (n + 15) / 16 * bytes - n * bytes / 16);
      EXPECT_LT(waste, bytes);
      EXPECT_EQ(stats.numUsed, (n + 15) / 16);
    }
    // Three more of it: all that the tables name, over what they name.
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(cache->fork(a).isOk());
    EXPECT_EQ(cache->getStats().sharing, 4.0 * 7 / 7);
    EXPECT_EQ(cache->getStats().numUnusedSlots, 12);
  }
}

//===----------------------------------------------------------------------===//
// A paged cache over real memory
//===----------------------------------------------------------------------===//

constexpr int32_t kPages = 24, kPageTokens = 4;

/// Whatever sequences do, each reads its own tokens through its table. Pages
/// that nobody has are poisoned, so that nobody reads what another has left.
class Model {
public:
  Model(uint64_t seed, KvOrder order)
      : random(seed), layout(makeLayout(makeOddShape(), kPageTokens, order)),
        blocks(makeBlocks(layout, kPages)),
        cache(std::move(*PagedCache::create(
            {kPages, kPageTokens, /*keepsPrefixes=*/false}))) {
    std::memset(blocks.getData(), 0xff,
                size_t(kPages * layout.getBlockBytes()));
  }

  /// What an operation got wrong, or nothing.
  std::string step() {
    std::string wrong = edit();
    return wrong.empty() ? checkAll() : wrong;
  }

  uint64_t numCopies = 0;

private:
  struct Known {
    SequenceId id;
    std::vector<TokenId> tokens;
  };

  std::byte *getBlock(int64_t page) const {
    return blocks.getData() + page * layout.getBlockBytes();
  }
  std::string append(Known &known);
  std::string edit();
  std::string checkAll() const;

  std::mt19937_64 random;
  KvLayout layout;
  HostBlocks blocks;
  PagedCache cache;
  std::vector<Known> sequences;
};

std::string Model::append(Known &known) {
  std::vector<TokenId> tokens(random() % 6);
  for (TokenId &token : tokens)
    token = TokenId(random());
  auto append = cache.append(known.id, tokens);
  if (!append.isOk())
    return {};
  for (const PageCopy &copy : append->copies)
    if (Status status = blocks.copy(copy); !status.isOk())
      return status.message();
  numCopies += append->copies.size();
  for (size_t i = 0; i < tokens.size(); ++i)
    writeToken(layout, getBlock(append->slots[i] / kPageTokens),
               append->slots[i] % kPageTokens, uint32_t(tokens[i]));
  known.tokens.insert(known.tokens.end(), tokens.begin(), tokens.end());
  return {};
}

std::string Model::edit() {
  size_t kind = sequences.empty() ? 0 : random() % 8;
  size_t at = sequences.empty() ? 0 : random() % sequences.size();
  if (kind < 2 && sequences.size() == 8)
    return {};
  if (kind == 0) {
    sequences.push_back({cache.createSequence()->sequence, {}});
    return {};
  }
  Known &known = sequences[at];
  if (kind == 1) {
    std::vector<TokenId> tokens = known.tokens;
    sequences.push_back({*cache.fork(known.id), tokens});
    return {};
  }
  if (kind == 2) {
    Status status = cache.free(known.id);
    sequences.erase(sequences.begin() + ptrdiff_t(at));
    return status.message();
  }
  if (kind > 3)
    return append(known);
  size_t length = random() % (known.tokens.size() + 1);
  known.tokens.resize(length);
  return cache.truncate(known.id, int64_t(length)).message();
}

std::string Model::checkAll() const {
  std::vector<bool> isUsed(kPages);
  for (const Known &known : sequences) {
    auto table = cache.getTable(known.id, kPages);
    for (PageId page : *table)
      if (page >= 0)
        isUsed[size_t(page)] = true;
    for (size_t i = 0; i < known.tokens.size(); ++i)
      if (std::string wrong =
              readToken(layout, getBlock((*table)[i / kPageTokens]),
                        int64_t(i % kPageTokens), uint32_t(known.tokens[i]));
          !wrong.empty())
        return wrong;
  }
  for (PageId page = 0; page < kPages; ++page)
    if (!isUsed[size_t(page)])
      std::memset(getBlock(page), 0xff, size_t(layout.getBlockBytes()));
  return {};
}

// ATTN_CACHE_SEED repeats a run, ATTN_CACHE_STEPS says how long each is.
TEST(HostBlocks, HoldWhatAPagedCacheSays) {
  uint64_t seed = getNumber("ATTN_CACHE_SEED", std::random_device()());
  uint64_t steps = getNumber("ATTN_CACHE_STEPS", 3000);
  std::printf("ATTN_CACHE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  for (KvOrder order : {KvOrder::byLayer, KvOrder::byToken}) {
    Model model(seed, order);
    for (uint64_t step = 0; step < steps; ++step)
      ASSERT_EQ(model.step(), "") << "step " << step;
    EXPECT_GT(model.numCopies, 0u);
  }
}
} // namespace
