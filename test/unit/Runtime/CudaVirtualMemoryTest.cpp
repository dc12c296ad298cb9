//===- CudaVirtualMemoryTest.cpp - a GPU's addresses and memory -----------===//

#include "CudaKernels.h"

#include "attn/Runtime/KvCache/VirtualCache.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
constexpr uint64_t kGranule = uint64_t(2) << 20;

/// The calls since the last one, without those that every call makes to have a
/// context.
std::vector<std::string> takeCalls() {
  std::vector<std::string> calls;
  for (const std::string &call : getCudaLog())
    if (call.rfind("cuMem", 0) == 0)
      calls.push_back(call);
  fakeCudaReset();
  return calls;
}

std::shared_ptr<VirtualMemory> create() {
  useFakeCuda();
  auto memory = createCudaVirtualMemory();
  EXPECT_TRUE(memory.isOk()) << memory.getStatus().message();
  return *memory;
}

TEST(CudaVirtualMemory, PutsMemoryBehindAddresses) {
  {
    auto memory = create();
    EXPECT_EQ(memory->getGranularity(), kGranule);
    EXPECT_EQ(takeCalls(),
              (std::vector<std::string>{"cuMemGetAllocationGranularity 0"}));
    auto base = memory->reserve(3 * kGranule);
    auto granule = memory->create();
    ASSERT_TRUE(base.isOk() && granule.isOk());
    ASSERT_TRUE(memory->map(*base + kGranule, *granule).isOk());
    EXPECT_TRUE(fakeCudaIsAccessible(*base + kGranule));
    EXPECT_FALSE(fakeCudaIsAccessible(*base));
    // The same memory once more.
    ASSERT_TRUE(memory->map(*base, *granule).isOk());
    EXPECT_TRUE(fakeCudaIsAccessible(*base));
    std::string id = std::to_string(*granule);
    EXPECT_EQ(takeCalls(),
              (std::vector<std::string>{"cuMemAddressReserve 6291456",
                                        "cuMemCreate 2097152 0",
                                        "cuMemMap " + id, "cuMemSetAccess 0",
                                        "cuMemMap " + id, "cuMemSetAccess 0"}));
    EXPECT_EQ(memory->release(*granule).getCode(), StatusCode::device);
    EXPECT_EQ(memory->free(*base, 3 * kGranule).getCode(), StatusCode::device);
    EXPECT_TRUE(memory->unmap(*base).isOk());
    EXPECT_TRUE(memory->unmap(*base + kGranule).isOk());
    EXPECT_TRUE(memory->release(*granule).isOk());
    EXPECT_TRUE(memory->free(*base, 3 * kGranule).isOk());
    EXPECT_EQ(describeLeaks(), "context 1 ");
  }
  EXPECT_EQ(describeLeaks(), "");
}

// What cannot be accessed does not stay mapped.
TEST(CudaVirtualMemory, UnmapsWhatCannotBeAccessed) {
  auto memory = create();
  auto base = memory->reserve(kGranule);
  auto granule = memory->create();
  ASSERT_TRUE(base.isOk() && granule.isOk());
  fakeCudaReset();
  // After the context's push, the capture mode, and the map.
  fakeCudaFail(4, 1, 2);
  EXPECT_EQ(memory->map(*base, *granule).message(),
            "cache: expects cuMemSetAccess to succeed, but got "
            "CUDA_ERROR_OUT_OF_MEMORY (as the test wants); free device memory "
            "or use smaller shapes");
  EXPECT_EQ(fakeCudaNumLive("mapping"), 0);
  EXPECT_TRUE(memory->release(*granule).isOk());
  EXPECT_TRUE(memory->free(*base, kGranule).isOk());
}

TEST(CudaVirtualMemory, RefusesADeviceWithout) {
  useFakeCuda();
  fakeCudaSetVirtualMemory(0);
  auto refused = createCudaVirtualMemory();
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.getStatus().getCode(), StatusCode::unsupported);
  EXPECT_EQ(refused.getStatus().message(),
            "cache: expects a device with virtual memory management, but "
            "device 0 has none; use a paged or a dense cache");
  EXPECT_EQ(describeLeaks(), "");
}

// Memory may be mapped while a stream of another thread captures.
TEST(CudaVirtualMemory, LeavesCapturesAlone) {
  auto memory = create();
  auto base = memory->reserve(kGranule);
  ASSERT_TRUE(base.isOk());
  fakeCudaSetCapturing(1);
  auto granule = memory->create();
  ASSERT_TRUE(granule.isOk());
  EXPECT_TRUE(memory->map(*base, *granule).isOk());
  EXPECT_TRUE(memory->unmap(*base).isOk());
  EXPECT_TRUE(memory->release(*granule).isOk());
  EXPECT_FALSE(fakeCudaCaptureBroken());
  EXPECT_TRUE(memory->free(*base, kGranule).isOk());
}

//===----------------------------------------------------------------------===//
// A cache over the driver, each call of which fails in turn
//===----------------------------------------------------------------------===//

/// All that a host does with a cache. Returns the first refusal.
Status useCache(std::unique_ptr<VirtualCache> &cache) {
  auto memory = createCudaVirtualMemory();
  if (!memory.isOk())
    return memory.takeStatus();
  VirtualCacheOptions options;
  options.numSlots = 3;
  options.capacity = 4000;
  options.shape = {32, 8, 256, 256};
  options.mostGranules = 12;
  options.aheadTokens = 16;
  auto made = VirtualCache::create(*memory, options);
  if (!made.isOk())
    return made.takeStatus();
  cache = std::move(*made);
  // 16 tokens a granule.
  auto a = cache->createSequence();
  if (!a.isOk())
    return a.takeStatus();
  if (auto append = cache->append(*a, 70); !append.isOk())
    return append.takeStatus();
  if (auto ahead = cache->mapAhead(4); !ahead.isOk())
    return ahead.takeStatus();
  auto fork = cache->fork(*a);
  if (!fork.isOk())
    return fork.takeStatus();
  if (Status status = cache->free(*a); !status.isOk())
    return status;
  if (Status status = cache->signalFence(cache->addFence()); !status.isOk())
    return status;
  // Takes what the first one has left.
  if (auto append = cache->append(fork->sequence, 120); !append.isOk())
    return append.takeStatus();
  if (Status status = cache->truncate(fork->sequence, 100); !status.isOk())
    return status;
  if (Status status = cache->signalFence(cache->addFence()); !status.isOk())
    return status;
  return cache->releaseUnused();
}

TEST(CudaVirtualMemory, FailsAtEachCall) {
  useFakeCuda();
  std::unique_ptr<VirtualCache> cache;
  // Opens the driver.
  ASSERT_TRUE(useCache(cache).isOk());
  cache.reset();
  fakeCudaReset();
  ASSERT_TRUE(useCache(cache).isOk());
  const int numCalls = fakeCudaNumCalls();
  EXPECT_EQ(cache->check(), "");
  EXPECT_EQ(cache->getStats().numGranules, 7);
  cache.reset();
  EXPECT_EQ(describeLeaks(), "");
  ASSERT_GT(numCalls, 100);
  int numRefused = 0;
  for (int k = 1; k <= numCalls; ++k) {
    fakeCudaReset();
    fakeCudaFail(k, 1, 999);
    Status status = useCache(cache);
    if (!status.isOk()) {
      ++numRefused;
      EXPECT_EQ(status.getCode(), StatusCode::device) << status.message();
      EXPECT_NE(status.getReason().find("expects cu"), std::string::npos);
    }
    if (cache) {
      EXPECT_EQ(cache->check(), "") << "call " << k;
      EXPECT_EQ(cache->getStats().numGranules, fakeCudaNumLive("granule"));
    }
    cache.reset();
    EXPECT_EQ(describeLeaks(), "") << "call " << k;
  }
  // All but what restores the thread's state.
  EXPECT_GT(numRefused, numCalls / 2);
}
} // namespace
