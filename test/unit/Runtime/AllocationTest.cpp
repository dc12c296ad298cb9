//===- AllocationTest.cpp - runs do not allocate --------------------------===//
//
// An executable of its own, since it replaces the global operator new, as
// sanitizers do for the others.
//
//===----------------------------------------------------------------------===//

#include "CudaKernels.h"
#include "RowSum.h"

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

using namespace attn;
using namespace attn::test;

/// Calls of operator new in this process.
static std::atomic<int> numAllocations{0};

void *operator new(size_t size) {
  ++numAllocations;
  if (void *memory = std::malloc(size))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

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
} // namespace
