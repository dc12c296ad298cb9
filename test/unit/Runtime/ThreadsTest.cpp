//===- ThreadsTest.cpp - teams, phases and equal bits ---------------------===//

#include "RowSum.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <thread>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace attn;
using namespace attn::test;

namespace {
std::shared_ptr<ThreadPool> makePool(int numThreads) {
  auto pool = ThreadPool::create(numThreads);
  return pool.isOk() ? *pool : nullptr;
}

TEST(ThreadPool, RefusesCountsOutOfRange) {
  for (int count : {-1, 0, 1025}) {
    auto pool = ThreadPool::create(count);
    ASSERT_FALSE(pool.isOk());
    EXPECT_EQ(pool.getStatus().message(),
              "thread pool: expects 1 to 1024 threads, but got " +
                  std::to_string(count) + "; give the number of cores to use");
  }
}

TEST(ThreadPool, RunsEachThreadOnceARound) {
  for (int count : {1, 2, 5}) {
    auto pool = makePool(count);
    ASSERT_EQ(pool->getNumThreads(), count);
    std::vector<int> calls(count);
    for (int round = 0; round < 500; ++round)
      pool->run(
          [](void *context, int thread) {
            ++(*static_cast<std::vector<int> *>(context))[thread];
          },
          &calls);
    EXPECT_EQ(calls, std::vector<int>(count, 500));
  }
}

// Callers of one team take turns; each sees its own task's result.
TEST(ThreadPool, SerialisesItsCallers) {
  auto pool = makePool(3);
  std::vector<std::thread> callers;
  std::atomic<int> faults{0};
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        std::atomic<int> calls{0};
        pool->run([](void *context,
                     int) { ++*static_cast<std::atomic<int> *>(context); },
                  &calls);
        faults += calls != 3;
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(faults, 0);
}

// The second phase reads rows that other threads have summed: without the
// barrier, or with an item left out or run by two, bits differ.
TEST(Threads, GiveTheSameBits) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  FloatTensor x({997, 37}), o({997});
  for (float &value : x.data)
    value = normal(random);
  std::vector<float> expected;
  for (int count = 1; count <= 8; ++count) {
    auto plan = Plan::prepare(makeRowSumKernel(),
                              {ArgumentValue::ofTensor("x", &x.view),
                               ArgumentValue::ofReal("scale", 0.3),
                               ArgumentValue::ofTensor("o", &o.view)},
                              makePool(count));
    ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::fill(o.data.begin(), o.data.end(), NAN);
      ASSERT_TRUE((*plan)->run().isOk());
      if (expected.empty())
        expected = o.data;
      ASSERT_EQ(std::memcmp(o.data.data(), expected.data(), 4 * 997), 0)
          << count << " threads, run " << repeat;
    }
  }
}

/// What the kernel of the next test saw.
struct Seen {
  std::atomic<int64_t> items[3][1000];
  std::atomic<int> misplaced{0};
} seen;

template <int phase>
void recordItems(const int64_t *, int64_t begin, int64_t end,
                 uint8_t *scratch) {
  // Scratch is this thread's own: what it writes, it reads back.
  uint64_t mine = begin * 3 + phase;
  std::memcpy(scratch, &mine, sizeof(mine));
  if (reinterpret_cast<uintptr_t>(scratch) % 64 != 0)
    ++seen.misplaced;
  for (int64_t i = begin; i < end; ++i) {
    ++seen.items[phase][i];
    // The phase before is over.
    if (phase > 0)
      for (int64_t j = 0; j < 1000; ++j)
        seen.misplaced += seen.items[phase - 1][j] != 1;
  }
  uint64_t read;
  std::memcpy(&read, scratch, sizeof(read));
  seen.misplaced += read != mine;
}

TEST(Threads, RunEachItemOnceAndPhasesInOrder) {
  Manifest m = makeRowSumManifest();
  m.ranks.clear();
  m.arguments.clear();
  m.parameters.clear();
  m.workspaceBytes = 0;
  m.scratchBytes = 8;
  m.phases = {{"a", 1000}, {"none", 0}, {"b", 1000}, {"c", 1000}};
  KernelFunction mustNotRun = [](const int64_t *, int64_t, int64_t, uint8_t *) {
    ++seen.misplaced;
  };
  std::map<std::string, KernelFunction> functions{{"a", recordItems<0>},
                                                  {"none", mustNotRun},
                                                  {"b", recordItems<1>},
                                                  {"c", recordItems<2>}};
  auto kernel = Kernel::create(
      m, [&](const std::string &symbol) { return functions[symbol]; }, nullptr);
  ASSERT_TRUE(kernel.isOk()) << kernel.getStatus().message();
  auto plan = Plan::prepare(*kernel, {}, makePool(4));
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  ASSERT_TRUE((*plan)->run().isOk());
  for (auto &phase : seen.items)
    for (auto &count : phase)
      ASSERT_EQ(count, 1);
  EXPECT_EQ(seen.misplaced, 0);
}

#if defined(__x86_64__)
// PyTorch's set_flush_denormal and the like must not change a kernel's bits.
TEST(Threads, IgnoreTheCallersFloatingPointMode) {
  FloatTensor x({1, 2}), o({1});
  x.data = {1e-40f, 1e-40f};
  auto plan = Plan::prepare(makeRowSumKernel(),
                            {ArgumentValue::ofTensor("x", &x.view),
                             ArgumentValue::ofReal("scale", 1),
                             ArgumentValue::ofTensor("o", &o.view)},
                            nullptr);
  ASSERT_TRUE(plan.isOk());
  unsigned saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040); // FTZ and DAZ.
  Status status = (*plan)->run();
  unsigned after = _mm_getcsr();
  _mm_setcsr(saved);
  ASSERT_TRUE(status.isOk());
  EXPECT_EQ(after & 0x8040u, 0x8040u);
  EXPECT_EQ(o.data[0], 1e-40f + 1e-40f);
}
#endif

Plan *planInUse;
std::string messageOfSecondRun;

TEST(Threads, RefuseAPlanInUse) {
  Manifest m = makeRowSumManifest();
  m.ranks.clear();
  m.arguments.clear();
  m.parameters.clear();
  m.workspaceBytes = 0;
  m.phases = {{"again", 1}};
  KernelFunction again = [](const int64_t *, int64_t, int64_t, uint8_t *) {
    messageOfSecondRun = planInUse->run().message();
  };
  auto kernel =
      Kernel::create(m, [&](const std::string &) { return again; }, nullptr);
  ASSERT_TRUE(kernel.isOk());
  auto plan = Plan::prepare(*kernel, {}, nullptr);
  ASSERT_TRUE(plan.isOk());
  planInUse = plan->get();
  EXPECT_TRUE((*plan)->run().isOk());
  EXPECT_EQ(messageOfSecondRun,
            "kernel rowsum: expects a plan at rest, but it is in use; prepare "
            "one plan for each thread");
  EXPECT_TRUE((*plan)->run().isOk());
}
} // namespace
