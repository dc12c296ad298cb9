//===- Watch.h - whether a call has to give up ------------------*- C++ -*-===//

#ifndef ATTN_LIB_JIT_WATCH_H
#define ATTN_LIB_JIT_WATCH_H

#include "attn/Jit/Compiler.h"

#include <chrono>

namespace attn {

/// Counts a call's time from its beginning on.
class Watch {
public:
  /// How long something is waited for before limits are looked at again.
  static constexpr std::chrono::milliseconds interval{10};

  explicit Watch(const CompileLimits &limits) : limits(limits) {}

  /// Refuses what was taken back or has had its time.
  Status check() const;

private:
  using Clock = std::chrono::steady_clock;

  const CompileLimits &limits;
  Clock::time_point start = Clock::now();
};

} // namespace attn

#endif // ATTN_LIB_JIT_WATCH_H
