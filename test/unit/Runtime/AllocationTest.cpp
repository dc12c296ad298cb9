//===- AllocationTest.cpp - runs do not allocate, caches survive it -------===//

#include "CountedNew.h"
#include "CudaKernels.h"
#include "RowSum.h"

#include "attn/Runtime/KvCache/PagedCache.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn;
using namespace attn::test;

namespace {
TEST(Allocation, IsOverWhenThePlanIsPrepared) {
  auto pool = ThreadPool::create(3);
  ASSERT_TRUE(pool.isOk());
  FloatTensor x({100, 3}), o({100});
  auto plan = Plan::prepare(makeRowSumKernel(),
                            {ArgumentValue::ofTensor("x", &x.view),
                             ArgumentValue::ofReal("scale", 1),
                             ArgumentValue::ofTensor("o", &o.view)},
                            *pool);
  ASSERT_TRUE(plan.isOk());
  int before = numAllocations;
  EXPECT_GT(before, 0);
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(numAllocations, before);
}

TEST(Allocation, IsOverWhenTheDevicesPlanIsPrepared) {
  useFakeCuda();
  CudaCall call;
  auto kernel = LoadedKernel::load(makeCudaArtifact());
  ASSERT_TRUE(kernel.isOk()) << kernel.getStatus().message();
  auto plan = (*kernel)->prepare(call.values.data(), 4, nullptr);
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  // The fake records what it is called with, and allocates for it elsewhere:
  // in a library that does not see this operator new.
  fakeCudaSetCurrent(0);
  int before = numAllocations;
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE((*plan)->launch(nullptr).isOk());
  EXPECT_EQ(numAllocations, before);
}

/// What can be seen of a cache.
std::string describe(const PagedCache &cache,
                     const std::vector<SequenceId> &sequences) {
  PagedCacheStats stats = cache.getStats();
  std::string text = std::to_string(stats.numFree) + " free, " +
                     std::to_string(stats.numIdle) + " idle, " +
                     std::to_string(stats.numSequences) + " sequences";
  for (SequenceId id : sequences) {
    text += ";";
    auto table = cache.getTable(id, 64);
    for (PageId page : *table)
      text += " " + std::to_string(page);
    text += " " + std::to_string(*cache.getLength(id));
  }
  return text;
}

// Each allocation of each call fails once: the call is refused and nothing is
// different, and then it is done.
TEST(Allocation, LeavesACacheAsItWasWhereItFails) {
  auto made = PagedCache::create({12, 3, true});
  ASSERT_TRUE(made.isOk());
  PagedCache &cache = *made;
  std::vector<SequenceId> sequences;
  std::mt19937 random(7);
  int numFailures = 0;
  for (int step = 0; step < 3000; ++step) {
    std::vector<TokenId> tokens(random() % 9);
    for (TokenId &token : tokens)
      token = static_cast<TokenId>(random() % 2);
    size_t kind = sequences.empty() ? 0 : random() % 6, at = 0;
    if (!sequences.empty())
      at = random() % sequences.size();
    if (sequences.size() == 8)
      kind = 5;
    std::string before = describe(cache, sequences);
    for (int left = 0;; ++left) {
      // The result is made before numLeft is set back.
      numLeft = left;
      Status status;
      SequenceId id;
      if (kind == 0) {
        auto created = cache.createSequence(tokens);
        numLeft = -1;
        if (created.isOk())
          id = created->sequence;
        else
          status = created.takeStatus();
      } else if (kind == 1) {
        auto forked = cache.fork(sequences[at]);
        numLeft = -1;
        if (forked.isOk())
          id = *forked;
        else
          status = forked.takeStatus();
      } else if (kind == 2) {
        auto append = cache.append(sequences[at], tokens);
        numLeft = -1;
        if (!append.isOk())
          status = append.takeStatus();
      } else if (kind == 3) {
        status = cache.commit(sequences[at]);
      } else if (kind == 4) {
        status = cache.truncate(sequences[at], 1);
      } else {
        status = cache.free(sequences[at]);
      }
      bool wasReached = numLeft == -1;
      numLeft = -1;
      ASSERT_EQ(cache.check(), "") << "step " << step;
      if (status.isOk()) {
        if (kind < 2)
          sequences.push_back(id);
        if (kind == 5)
          sequences.erase(sequences.begin() + static_cast<ptrdiff_t>(at));
        break;
      }
      ASSERT_EQ(describe(cache, sequences), before) << status.message();
      bool isHost = status.message().find("the host") != std::string::npos;
      if (!isHost)
        break;
      ASSERT_TRUE(wasReached);
      ++numFailures;
    }
  }
  EXPECT_GT(numFailures, 1000);
}
} // namespace
