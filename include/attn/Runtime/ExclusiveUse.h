//===- ExclusiveUse.h - one user at a time, the others refused ------------===//

#ifndef ATTN_RUNTIME_EXCLUSIVEUSE_H
#define ATTN_RUNTIME_EXCLUSIVEUSE_H

#include "attn/Runtime/Status.h"

#include <atomic>
#include <string>

namespace attn {

/// Marks a plan as in use while it lives, if it was not.
class ExclusiveUse {
public:
  explicit ExclusiveUse(std::atomic_flag &inUse)
      : inUse(inUse), first(!inUse.test_and_set(std::memory_order_acquire)) {}
  ~ExclusiveUse() {
    if (first)
      inUse.clear(std::memory_order_release);
  }
  ExclusiveUse(const ExclusiveUse &) = delete;
  ExclusiveUse &operator=(const ExclusiveUse &) = delete;

  bool isFirst() const { return first; }

  /// Refuses where another thread was first.
  Status check(const std::string &kernelName) const {
    if (first)
      return {};
    return Status::error(StatusCode::invalidArgument, "kernel " + kernelName,
                         "expects a plan at rest, but it is in use",
                         "prepare one plan for each thread");
  }

private:
  std::atomic_flag &inUse;
  bool first;
};

} // namespace attn

#endif // ATTN_RUNTIME_EXCLUSIVEUSE_H
