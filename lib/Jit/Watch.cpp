//===- Watch.cpp - whether a call has to give up -------------------------===//

#include "Watch.h"

using namespace attn;

Status Watch::check() const {
  if (limits.cancelled && limits.cancelled->load(std::memory_order_relaxed))
    return Status::error(StatusCode::cancelled, "compile",
                         "expects to go on, but was taken back",
                         "call it again");
  // In milliseconds: the longest limits are no numbers of nanoseconds.
  auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(
      Clock::now() - start);
  if (limits.timeMs > 0 && passed.count() >= limits.timeMs)
    return Status::error(StatusCode::resourceExhausted, "compile",
                         "expects to end within " +
                             std::to_string(limits.timeMs) + " ms, but has not",
                         "give it more time");
  return {};
}
