//===- CountedNew.h - allocations that are counted, and fail ----*- C++ -*-===//
//
// Linking CountedNew.cpp replaces the global operator new, as sanitizers do:
// for an executable of its own.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_RUNTIME_COUNTEDNEW_H
#define ATTN_TEST_UNIT_RUNTIME_COUNTEDNEW_H

#include <atomic>

namespace attn::test {

/// Calls of operator new in this process, and how many more succeed before one
/// fails, if not negative.
extern std::atomic<int> numAllocations, numLeft;

} // namespace attn::test

#endif // ATTN_TEST_UNIT_RUNTIME_COUNTEDNEW_H
