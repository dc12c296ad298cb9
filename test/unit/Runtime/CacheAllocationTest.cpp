//===- CacheAllocationTest.cpp - caches survive failed allocations --------===//
//
// Each allocation of each call fails once: the call is refused and nothing is
// different, and then it ends as it would have.
//
//===----------------------------------------------------------------------===//

#include "CountedNew.h"

#include "attn/Runtime/KvCache/DenseCache.h"
#include "attn/Runtime/KvCache/StreamingCache.h"
#include "attn/Runtime/KvCache/VirtualCache.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn;
using namespace attn::test;

namespace {
/// What differs between the caches.
struct Dense {
  using Cache = DenseCache;
  static Result<DenseCache> create() { return DenseCache::create(4, 60); }
  static Cache &get(DenseCache &cache) { return cache; }
  static std::string describe(const Cache &) { return {}; }
  static Status use(Cache &, SequenceId) { return {}; }
};

struct Streaming {
  using Cache = StreamingCache;
  inline static const StreamingCacheOptions options{
      4, 60, 9, {{2, 8}, {0, 60}}};
  static Result<StreamingCache> create() {
    return StreamingCache::create(options);
  }
  static Cache &get(StreamingCache &cache) { return cache; }
  static std::string describe(const Cache &) { return {}; }
  static Status use(Cache &cache, SequenceId id) {
    auto segments = cache.getSegments(id, 0, 1);
    return segments.isOk() ? Status() : segments.takeStatus();
  }
};

struct Virtual {
  using Cache = VirtualCache;
  static Result<std::unique_ptr<VirtualCache>> create() {
    auto memory = createHostVirtualMemory(4096);
    if (!memory.isOk())
      return memory.takeStatus();
    VirtualCacheOptions options;
    options.numSlots = 4;
    options.capacity = 60;
    options.shape = {1, 1, 500, 500};
    options.mostGranules = 20;
    options.aheadTokens = 9;
    return VirtualCache::create(*memory, options);
  }
  static Cache &get(const std::unique_ptr<VirtualCache> &cache) {
    return *cache;
  }
  static std::string describe(const Cache &cache) {
    VirtualCacheStats stats = cache.getStats();
    return cache.check() + " " + std::to_string(stats.numUsed) + " used, " +
           std::to_string(stats.numShared) + " shared";
  }
  static Status use(Cache &cache, SequenceId) {
    auto ahead = cache.mapAhead(3);
    if (!ahead.isOk())
      return ahead.takeStatus();
    if (Status status = cache.signalFence(cache.addFence()); !status.isOk())
      return status;
    return cache.releaseUnused();
  }
};

template <typename Kind>
std::string describe(const typename Kind::Cache &cache,
                     const std::vector<SequenceId> &sequences) {
  std::string text = Kind::describe(cache);
  for (SequenceId id : sequences)
    text += "; " + std::to_string(*cache.getSlot(id)) + ": " +
            std::to_string(*cache.getLength(id));
  return text;
}

template <typename Kind> class CacheAllocation : public testing::Test {};
using Kinds = testing::Types<Dense, Streaming, Virtual>;
TYPED_TEST_SUITE(CacheAllocation, Kinds);

bool isOfHost(const Status &status) {
  return status.message().find("the host") != std::string::npos;
}

TYPED_TEST(CacheAllocation, LeavesACacheAsItWasWhereItFails) {
  int numFailures = 0;
  for (int left = 0; left < 1000; ++left) {
    numLeft = left;
    auto made = TypeParam::create();
    bool wasReached = numLeft == -1;
    numLeft = -1;
    if (!wasReached)
      break;
    ASSERT_TRUE(!made.isOk() && isOfHost(made.getStatus())) << left;
    ++numFailures;
  }
  EXPECT_GT(numFailures, 0);
  numFailures = 0;
  auto made = TypeParam::create();
  ASSERT_TRUE(made.isOk());
  auto &cache = TypeParam::get(*made);
  std::vector<SequenceId> sequences;
  std::mt19937 random(7);
  for (int step = 0; step < 3000; ++step) {
    size_t kind = sequences.empty() ? 0 : random() % 10, at = 0;
    if (!sequences.empty())
      at = random() % sequences.size();
    auto number = int64_t(random() % 12);
    std::string before = describe<TypeParam>(cache, sequences);
    for (int left = 0;; ++left) {
      // The result is made before numLeft is set back.
      numLeft = left;
      Status status;
      SequenceId id;
      if (kind == 0) {
        auto created = cache.createSequence();
        numLeft = -1;
        if (created.isOk())
          id = *created;
        else
          status = created.takeStatus();
      } else if (kind == 1) {
        auto forked = cache.fork(sequences[at]);
        numLeft = -1;
        if (forked.isOk())
          id = forked->sequence;
        else
          status = forked.takeStatus();
      } else if (kind < 6) {
        auto append = cache.append(sequences[at], number);
        numLeft = -1;
        if (!append.isOk())
          status = append.takeStatus();
      } else if (kind == 6) {
        status = cache.truncate(sequences[at], number);
      } else if (kind == 7) {
        status = cache.free(sequences[at]);
      } else if (kind == 8) {
        status = cache.truncate({uint32_t(number), 77}, 0);
      } else {
        status = TypeParam::use(cache, sequences[at]);
      }
      numLeft = -1;
      if (status.isOk()) {
        if (kind < 2)
          sequences.push_back(id);
        if (kind == 7)
          sequences.erase(sequences.begin() + ptrdiff_t(at));
        break;
      }
      ASSERT_EQ(describe<TypeParam>(cache, sequences), before)
          << status.message();
      if (!isOfHost(status))
        break;
      ++numFailures;
    }
  }
  EXPECT_GT(numFailures, 1000);
}
} // namespace
