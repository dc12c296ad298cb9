//===- CudaDeviceMemoryTest.cpp - a cache in a GPU's memory ---------------===//
//
// Skipped without a GPU.
//
//===----------------------------------------------------------------------===//

#include "KvRows.h"

#include "attn/Runtime/KvCache/DeviceBlocks.h"
#include "attn/Runtime/KvCache/VirtualCache.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <vector>

using namespace attn;
using namespace attn::test;

namespace {
using Address = VirtualMemory::Address;

/// Copies of the driver, which the runtime does not need.
struct Copies {
  int (*toDevice)(Address, const void *, size_t) = nullptr;
  int (*toHost)(void *, Address, size_t) = nullptr;
  int (*onDevice)(Address, Address, size_t) = nullptr;
  int (*retain)(void **, int) = nullptr;
  int (*setCurrent)(void *) = nullptr;

  /// Loads them, and makes device 0's primary context current.
  bool load() {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
      return false;
    auto find = [&](const char *symbol, auto &function) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(
          dlsym(library, symbol));
      return function != nullptr;
    };
    return find("cuMemcpyHtoD_v2", toDevice) &&
           find("cuMemcpyDtoH_v2", toHost) &&
           find("cuMemcpyDtoD_v2", onDevice) &&
           find("cuDevicePrimaryCtxRetain", retain) &&
           find("cuCtxSetCurrent", setCurrent) && use();
  }

private:
  bool use() const {
    void *context = nullptr;
    return retain(&context, 0) == 0 && setCurrent(context) == 0;
  }
};

// Blocks are copied on the device, their first tokens only.
TEST(CudaDeviceMemory, CopiesBlocks) {
  for (KvOrder order : {KvOrder::byLayer, KvOrder::byToken}) {
    KvLayout layout = makeLayout(makeOddShape(), 4, order);
    auto made = DeviceBlocks::create(layout, 2);
    if (!made.isOk())
      GTEST_SKIP() << made.getStatus().message();
    Copies copies;
    ASSERT_TRUE(copies.load());
    std::vector<std::byte> host(size_t(2 * layout.getBlockBytes()));
    std::byte *second = host.data() + layout.getBlockBytes();
    for (int token = 0; token < 4; ++token) {
      writeToken(layout, host.data(), token, uint32_t(token));
      writeToken(layout, second, token, uint32_t(4 + token));
    }
    ASSERT_EQ(copies.toDevice((*made)->getAddress(), host.data(), host.size()),
              0);
    ASSERT_TRUE((*made)->copy({0, 1, 3}, nullptr).isOk());
    ASSERT_EQ(copies.toHost(host.data(), (*made)->getAddress(), host.size()),
              0);
    for (int token = 0; token < 4; ++token) {
      EXPECT_EQ(readToken(layout, host.data(), token, uint32_t(token)), "");
      EXPECT_EQ(
          readToken(layout, second, token, uint32_t(token < 3 ? token : 7)),
          "");
    }
  }
}

// Sequences grow, are forked and freed, and each reads its tokens from the
// device; a freed one's memory goes to another.
TEST(CudaDeviceMemory, HoldsWhatACacheSays) {
  auto memory = createCudaVirtualMemory();
  if (!memory.isOk())
    GTEST_SKIP() << memory.getStatus().message();
  Copies copies;
  ASSERT_TRUE(copies.load());

  VirtualCacheOptions options;
  options.numSlots = 3;
  options.capacity = 4000;
  options.shape = {3, 2, 1000, 3000};
  options.mostGranules = 9;
  auto made = VirtualCache::create(*memory, options);
  ASSERT_TRUE(made.isOk()) << made.getStatus().message();
  VirtualCache &cache = **made;
  const KvLayout &layout = cache.getLayout();
  std::vector<std::byte> block(size_t(layout.getBlockBytes()));
  auto write = [&](SequenceId id, int64_t first, int64_t end, uint32_t token) {
    for (int64_t place = first; place < end; ++place)
      writeToken(layout, block.data(), place, token + uint32_t(place));
    int64_t offset = first * layout.getTokenBytes();
    return copies.toDevice(*cache.getAddress(id) + Address(offset),
                           block.data() + offset,
                           size_t((end - first) * layout.getTokenBytes()));
  };
  auto read = [&](SequenceId id, int64_t first, int64_t end, uint32_t token) {
    std::fill(block.begin(), block.end(), std::byte(0));
    int64_t length = *cache.getLength(id);
    if (copies.toHost(block.data(), *cache.getAddress(id),
                      size_t(length * layout.getTokenBytes())) != 0)
      return std::string("the driver does not read");
    for (int64_t place = first; place < end; ++place)
      if (std::string wrong =
              readToken(layout, block.data(), place, token + uint32_t(place));
          !wrong.empty())
        return wrong;
    return std::string();
  };

  SequenceId a = *cache.createSequence();
  // 24,000 bytes a token, 87.4 tokens a granule.
  ASSERT_TRUE(cache.append(a, 300).isOk());
  EXPECT_EQ(cache.getStats().numGranules, 4);
  ASSERT_EQ(write(a, 0, 300, 1000), 0);
  EXPECT_EQ(read(a, 0, 300, 1000), "");
  auto fork = cache.fork(a);
  ASSERT_TRUE(fork.isOk()) << fork.getStatus().message();
  SequenceId b = fork->sequence;
  EXPECT_EQ(cache.getStats().numGranules, 5);
  for (const RangeCopy &copy : fork->copies)
    ASSERT_EQ(copies.onDevice(copy.to, copy.from, copy.numBytes), 0);
  ASSERT_TRUE(cache.append(a, 40).isOk() && cache.append(b, 40).isOk());
  ASSERT_EQ(write(a, 300, 340, 2000), 0);
  ASSERT_EQ(write(b, 300, 340, 3000), 0);
  EXPECT_EQ(read(a, 0, 300, 1000) + read(a, 300, 340, 2000), "");
  EXPECT_EQ(read(b, 0, 300, 1000) + read(b, 300, 340, 3000), "");

  // The copies above are done when they return.
  ASSERT_TRUE(cache.free(a).isOk());
  ASSERT_TRUE(cache.signalFence(cache.addFence()).isOk());
  ASSERT_TRUE(cache.append(b, 400).isOk());
  ASSERT_EQ(write(b, 340, 740, 4000), 0);
  EXPECT_EQ(read(b, 0, 300, 1000) + read(b, 300, 340, 3000) +
                read(b, 340, 740, 4000),
            "");
  EXPECT_EQ(cache.getStats().numGranules, 9);
  EXPECT_EQ(cache.append(b, 100).getStatus().getCode(),
            StatusCode::resourceExhausted);
  ASSERT_TRUE(cache.free(b).isOk());
  ASSERT_TRUE(cache.signalFence(cache.addFence()).isOk());
  ASSERT_TRUE(cache.releaseUnused().isOk());
  EXPECT_EQ(cache.getStats().numGranules, 0);
  EXPECT_EQ(cache.check(), "");
}
} // namespace
