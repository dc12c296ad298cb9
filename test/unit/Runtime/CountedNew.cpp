//===- CountedNew.cpp - allocations that are counted, and fail ------------===//

#include "CountedNew.h"

#include <cstdlib>
#include <new>

using namespace attn;
using namespace attn::test;

std::atomic<int> test::numAllocations{0}, test::numLeft{-1};

void *operator new(size_t size) {
  ++numAllocations;
  if (numLeft == 0) {
    numLeft = -1;
    throw std::bad_alloc();
  }
  if (numLeft > 0)
    --numLeft;
  if (void *memory = std::malloc(size))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
