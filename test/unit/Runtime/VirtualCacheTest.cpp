//===- VirtualCacheTest.cpp - sequences contiguous in address -------------===//

#include "CheckedMemory.h"
#include "KvRows.h"

#include "attn/Runtime/KvCache/VirtualCache.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
using Calls = std::vector<std::string>;

/// Slots of 4 granules; a token has a quarter of a granule.
struct SmallCache {
  explicit SmallCache(int32_t mostGranules, int64_t overreadTokens = 0,
                      int64_t aheadTokens = 0, int32_t numSlots = 2)
      : memory(std::make_shared<CheckedMemory>(4096)) {
    VirtualCacheOptions options;
    options.numSlots = numSlots;
    options.capacity = 16;
    options.shape.keyBytes = options.shape.valueBytes = 512;
    options.mostGranules = mostGranules;
    options.overreadTokens = overreadTokens;
    options.aheadTokens = aheadTokens;
    auto made = VirtualCache::create(memory, options);
    EXPECT_TRUE(made.isOk()) << made.getStatus().message();
    cache = std::move(*made);
    memory->log.clear();
  }
  ~SmallCache() {
    EXPECT_EQ(cache->check(), "");
    memory->endReaders(UINT64_MAX);
    cache.reset();
    EXPECT_EQ(memory->getWrong(), "");
    EXPECT_EQ(memory->describeLeaks(), "");
  }
  Calls takeLog() { return std::exchange(memory->log, {}); }

  std::shared_ptr<CheckedMemory> memory;
  std::unique_ptr<VirtualCache> cache;
};

TEST(VirtualCache, RefusesOptionsOutOfRange) {
  auto memory = std::make_shared<CheckedMemory>(4096);
  VirtualCacheOptions options;
  options.numSlots = 2;
  options.capacity = 16;
  options.shape = makeOddShape();
  EXPECT_EQ(VirtualCache::create(nullptr, options).getStatus().message(),
            "cache: expects a machine's memory, but got none; give what "
            "createHostVirtualMemory or createCudaVirtualMemory returns");
  options.mostGranules = -1;
  EXPECT_EQ(VirtualCache::create(memory, options).getStatus().message(),
            "cache: expects no negative number of granules, but got -1; give "
            "0 or more");
  options.mostGranules = 4;
  options.shape.numHeads = 0;
  EXPECT_FALSE(VirtualCache::create(memory, options).isOk());
  options.shape = makeOddShape();
  options.capacity = int64_t(1) << 56;
  EXPECT_EQ(VirtualCache::create(memory, options).getStatus().message(),
            "cache: 2 slots of 6917529027641081856 bytes have more than 2^63 "
            "bytes of addresses; make the cache smaller");
  options.capacity = 0;
  EXPECT_FALSE(VirtualCache::create(memory, options).isOk());
  options.capacity = 16;
  options.numSlots = -1;
  EXPECT_FALSE(VirtualCache::create(memory, options).isOk());
  options.numSlots = 0;
  EXPECT_TRUE(VirtualCache::create(memory, options).isOk());
  options.numSlots = 2;
  memory->fail(1);
  EXPECT_EQ(VirtualCache::create(memory, options).getStatus().message(),
            "machine: fails as told");
  EXPECT_EQ(memory->describeLeaks(), "");
}

// Memory comes with the token that needs it, and not before.
TEST(VirtualCache, MapsOnDemand) {
  SmallCache small(8);
  VirtualCache &cache = *small.cache;
  SequenceId a = *cache.createSequence();
  EXPECT_EQ(small.takeLog(), Calls{});
  EXPECT_EQ(*cache.append(a, 4), 0);
  EXPECT_EQ(small.takeLog(), (Calls{"create", "map"}));
  EXPECT_EQ(*cache.append(a, 1), 4);
  EXPECT_EQ(small.takeLog(), (Calls{"create", "map"}));
  EXPECT_EQ(*cache.append(a, 3), 5);
  EXPECT_EQ(small.takeLog(), Calls{});
  SequenceId b = *cache.createSequence();
  EXPECT_EQ(*cache.append(b, 1), 16);
  EXPECT_EQ(*cache.getAddress(b), cache.getBaseAddress() + 4 * 4096);
}

// What a reader touches behind the end, and what comes next, is there.
TEST(VirtualCache, MapsAhead) {
  SmallCache small(8, /*overreadTokens=*/2, /*aheadTokens=*/8);
  VirtualCache &cache = *small.cache;
  SequenceId a = *cache.createSequence();
  ASSERT_TRUE(cache.append(a, 3).isOk());
  EXPECT_EQ(small.takeLog(), (Calls{"create", "map", "create", "map"}));
  EXPECT_EQ(*cache.mapAhead(1), 1);
  EXPECT_EQ(*cache.mapAhead(9), 1);
  EXPECT_EQ(*cache.mapAhead(9), 0);
  small.takeLog();
  ASSERT_TRUE(cache.append(a, 8).isOk());
  EXPECT_EQ(small.takeLog(), Calls{});
  // Nothing lies behind the capacity.
  ASSERT_TRUE(cache.append(a, 5).isOk());
  EXPECT_EQ(cache.getStats().numUsed, 4);
}

// What a sequence leaves stays for the slot's next one.
TEST(VirtualCache, ReclaimsLate) {
  SmallCache small(8);
  VirtualCache &cache = *small.cache;
  SequenceId a = *cache.createSequence();
  ASSERT_TRUE(cache.append(a, 16).isOk());
  ASSERT_TRUE(cache.free(a).isOk());
  small.takeLog();
  SequenceId b = *cache.createSequence();
  EXPECT_EQ(b.number, a.number);
  ASSERT_TRUE(cache.append(b, 10).isOk());
  EXPECT_EQ(small.takeLog(), Calls{});
  EXPECT_EQ(cache.getStats().numUsed, 3);
  EXPECT_EQ(cache.getStats().numIdle, 1);
  // Memory goes back when the caller says so, from the end.
  ASSERT_TRUE(cache.signalFence(cache.addFence()).isOk());
  ASSERT_TRUE(cache.releaseUnused().isOk());
  EXPECT_EQ(small.takeLog(), (Calls{"unmap", "release"}));
  EXPECT_EQ(cache.getStats().numGranules, 3);
}

// Memory that nobody needs is used again before more is created, but not while
// a reader may read it.
TEST(VirtualCache, UnmapsBehindAFence) {
  SmallCache small(5);
  VirtualCache &cache = *small.cache;
  SequenceId a = *cache.createSequence(), b = *cache.createSequence();
  ASSERT_TRUE(cache.append(a, 16).isOk());
  std::set<VirtualMemory::Address> addresses;
  for (int i = 0; i < 4; ++i)
    addresses.insert(*cache.getAddress(a) + VirtualMemory::Address(i) * 4096);
  ASSERT_TRUE(cache.free(a).isOk());
  auto fence = cache.addFence();
  small.memory->addReader(fence, addresses);
  ASSERT_TRUE(cache.append(b, 4).isOk());
  small.takeLog();
  EXPECT_EQ(cache.append(b, 4).getStatus().message(),
            "cache: 8 tokens take 1 granules more, but 0 of 5 can be had; free "
            "or shorten a sequence, signal the fences of readers that are "
            "done, or give the cache more granules");
  EXPECT_EQ(*cache.getLength(b), 4);
  EXPECT_EQ(cache.signalFence(fence + 1).message(),
            "cache: expects a fence below 2, but got 2; give one that addFence "
            "has returned");
  EXPECT_EQ(small.takeLog(), Calls{});
  small.memory->endReaders(fence);
  ASSERT_TRUE(cache.signalFence(fence).isOk());
  ASSERT_TRUE(cache.append(b, 4).isOk());
  EXPECT_EQ(small.takeLog(), (Calls{"unmap", "map"}));
}

// A call that fails half way takes back what it has mapped.
TEST(VirtualCache, UndoesWhatFails) {
  SmallCache small(8);
  VirtualCache &cache = *small.cache;
  SequenceId a = *cache.createSequence();
  ASSERT_TRUE(cache.append(a, 5).isOk());
  small.takeLog();
  small.memory->fail(3);
  EXPECT_EQ(cache.append(a, 11).getStatus().message(),
            "machine: fails as told");
  EXPECT_EQ(small.takeLog(), (Calls{"create", "map", "create", "unmap"}));
  EXPECT_EQ(*cache.getLength(a), 5);
  EXPECT_EQ(cache.getStats().numIdle, 0);
  // What was created is kept.
  EXPECT_EQ(cache.getStats().numUnmapped, 1);
  // A fork maps one granule again and one anew.
  small.memory->fail(2);
  EXPECT_FALSE(cache.fork(a).isOk());
  EXPECT_EQ(small.takeLog(), (Calls{"map", "map", "unmap"}));
  EXPECT_EQ(cache.getStats().numSequences, 1);
  EXPECT_EQ(cache.getStats().numUnmapped, 1);
}

// Of what nobody needs, that goes first which was left first.
TEST(VirtualCache, TakesFromTheOldestFirst) {
  SmallCache small(4, 0, 0, /*numSlots=*/3);
  VirtualCache &cache = *small.cache;
  SequenceId a = *cache.createSequence(), b = *cache.createSequence(),
             c = *cache.createSequence();
  ASSERT_TRUE(cache.append(a, 4).isOk() && cache.append(b, 4).isOk());
  ASSERT_TRUE(cache.append(c, 8).isOk());
  ASSERT_TRUE(cache.free(b).isOk());
  (void)cache.addFence();
  ASSERT_TRUE(cache.free(a).isOk());
  ASSERT_TRUE(cache.signalFence(cache.addFence()).isOk());
  ASSERT_TRUE(cache.append(c, 4).isOk());
  EXPECT_FALSE(small.memory->isMapped(cache.getBaseAddress() + 4 * 4096));
  EXPECT_TRUE(small.memory->isMapped(cache.getBaseAddress()));
}

// Idle memory goes before more is created; what sequences have ahead does not.
TEST(VirtualCache, TakesFromSequencesLast) {
  SmallCache small(6, 0, /*aheadTokens=*/8);
  VirtualCache &cache = *small.cache;
  SequenceId a = *cache.createSequence(), b = *cache.createSequence();
  ASSERT_TRUE(cache.append(a, 4).isOk());
  EXPECT_EQ(*cache.mapAhead(2), 2);
  small.takeLog();
  ASSERT_TRUE(cache.append(b, 12).isOk());
  EXPECT_EQ(small.takeLog(),
            (Calls{"create", "map", "create", "map", "create", "map"}));
  ASSERT_TRUE(cache.append(b, 4).isOk());
  EXPECT_EQ(small.takeLog(), (Calls{"unmap", "map"}));
  EXPECT_EQ(cache.getStats().numIdle, 1);
}

// Full granules of a fork are the same memory; the rest is to be copied.
TEST(VirtualCache, SharesFullGranules) {
  SmallCache small(8);
  VirtualCache &cache = *small.cache;
  SequenceId a = *cache.createSequence();
  ASSERT_TRUE(cache.append(a, 10).isOk());
  small.takeLog();
  auto fork = cache.fork(a);
  ASSERT_TRUE(fork.isOk());
  EXPECT_EQ(small.takeLog(), (Calls{"map", "map", "create", "map"}));
  ASSERT_EQ(fork->copies.size(), 1u);
  EXPECT_EQ(fork->copies[0].from, *cache.getAddress(a) + 8192);
  EXPECT_EQ(fork->copies[0].to, *cache.getAddress(fork->sequence) + 8192);
  EXPECT_EQ(fork->copies[0].numBytes, 2048u);
  VirtualCacheStats stats = cache.getStats();
  EXPECT_EQ(stats.numUsed, 4);
  EXPECT_EQ(stats.numShared, 2);
  EXPECT_EQ(stats.sharing, 1.5);
  EXPECT_EQ(stats.numUsedBytes, 12 * 1024);
  EXPECT_EQ(stats.numWastedBytes, 4 * 1024);
  EXPECT_EQ(cache.truncate(a, 7).message(),
            "cache: tokens behind 7 of 10 would be written to memory that "
            "another sequence, or one before it, has as well; fork the "
            "sequence at that length, and free it");
  EXPECT_TRUE(cache.truncate(a, 8).isOk());
  // A slot that still shares memory is no other sequence's.
  ASSERT_TRUE(cache.free(fork->sequence).isOk());
  EXPECT_EQ(cache.createSequence().getStatus().message(),
            "cache: expects an unused slot, but sequences have 1 of 2, and "
            "readers may read 1 others; free a sequence, signal the fences of "
            "readers that are done, or make the cache larger");
  EXPECT_FALSE(cache.fork(a).isOk());
  ASSERT_TRUE(cache.signalFence(cache.addFence()).isOk());
  small.takeLog();
  ASSERT_TRUE(cache.createSequence().isOk());
  EXPECT_EQ(small.takeLog(), (Calls{"unmap", "unmap"}));
  EXPECT_TRUE(cache.truncate(a, 7).isOk());
}
} // namespace
