//===- VirtualCacheWasteTest.cpp - what models' sequences waste -----------===//
//
// The formulas of KvLayout.h, computed apart, for models of which the numbers
// are known.
//
//===----------------------------------------------------------------------===//

#include "CheckedMemory.h"

#include "attn/Runtime/KvCache/VirtualCache.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
struct Model {
  const char *name;
  int32_t numLayers, numHeads;
  /// Of a head's row.
  int64_t rowBytes;
};
constexpr Model models[] = {{"Yi-6B", 32, 4, 256},
                            {"Llama-3-8B", 32, 8, 256},
                            {"Llama-3-70B, one of 8 GPUs", 80, 1, 256}};
constexpr int64_t kGranule = int64_t(2) << 20;

// A granule holds P / t tokens of a stream, and what a sequence of n tokens
// wastes is, for each stream, what n * t lacks to a multiple of P.
TEST(VirtualCache, WastesWhatTheFormulaSays) {
  for (const Model &model : models)
    for (KvOrder order : {KvOrder::byLayer, KvOrder::byToken}) {
      SCOPED_TRACE(model.name);
      VirtualCacheOptions options;
      options.numSlots = 1;
      options.capacity = 20000;
      options.shape = {model.numLayers, model.numHeads, model.rowBytes,
                       model.rowBytes};
      options.order = order;
      options.mostGranules = 1 << 20;
      auto memory = std::make_shared<CheckedMemory>(uint64_t(kGranule));
      auto cache = VirtualCache::create(memory, options);
      ASSERT_TRUE(cache.isOk());
      SequenceId a = *(*cache)->createSequence();
      int64_t numStreams =
          order == KvOrder::byToken ? 1 : int64_t(2) * model.numLayers;
      // t: of one layer and side, or of all.
      int64_t t = model.numHeads * model.rowBytes *
                  (order == KvOrder::byToken ? 2 * model.numLayers : 1);
      int64_t mostWaste = 0;
      for (int64_t n = 1; n <= 20000; n += n < 200 ? 1 : 1237) {
        int64_t length = *(*cache)->getLength(a);
        ASSERT_TRUE((*cache)->append(a, n - length).isOk());
        int64_t remainder = n * t % kGranule;
        int64_t waste =
            remainder == 0 ? 0 : numStreams * (kGranule - remainder);
        VirtualCacheStats stats = (*cache)->getStats();
        ASSERT_EQ(stats.numWastedBytes, waste) << n;
        ASSERT_EQ(stats.numUsedBytes, n * numStreams * t);
        ASSERT_EQ(int64_t(memory->getNumGranules()) * kGranule,
                  waste + n * numStreams * t);
        mostWaste = std::max(mostWaste, waste);
      }
      // Up to 128 MB, 128 MB and 320 MB by layer, 2 MB by token: one token
      // wastes all but itself.
      EXPECT_GE(mostWaste, numStreams * (kGranule - t));
      EXPECT_LT(mostWaste, numStreams * kGranule);
    }
}

// k forks of n tokens have their full granules once.
TEST(VirtualCache, SharesWhatTheFormulaSays) {
  for (const Model &model : models) {
    SCOPED_TRACE(model.name);
    VirtualCacheOptions options;
    options.numSlots = 8;
    options.capacity = 2000;
    options.shape = {model.numLayers, model.numHeads, model.rowBytes,
                     model.rowBytes};
    options.mostGranules = 1 << 20;
    auto memory = std::make_shared<CheckedMemory>(uint64_t(kGranule));
    auto cache = VirtualCache::create(memory, options);
    ASSERT_TRUE(cache.isOk());
    SequenceId a = *(*cache)->createSequence();
    ASSERT_TRUE((*cache)->append(a, 1001).isOk());
    int64_t bytes =
        int64_t(1001) * 2 * model.numLayers * model.numHeads * model.rowBytes;
    int64_t full = bytes / kGranule, rest = bytes % kGranule != 0;
    for (int64_t forks = 1; forks < 8; ++forks) {
      ASSERT_TRUE((*cache)->fork(a).isOk());
      VirtualCacheStats stats = (*cache)->getStats();
      int64_t distinct = full + (forks + 1) * rest;
      EXPECT_EQ(stats.numUsed, distinct);
      EXPECT_EQ(stats.numShared, full);
      EXPECT_EQ(int64_t(memory->getNumGranules()), distinct);
      EXPECT_DOUBLE_EQ(stats.sharing,
                       double((forks + 1) * (full + rest)) / double(distinct));
      EXPECT_EQ(stats.numUsedBytes,
                full * kGranule + (forks + 1) * (bytes - full * kGranule));
    }
  }
}
} // namespace
