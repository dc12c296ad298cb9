//===- Calls.h - a kernel that is called with what comes -----------------===//

#ifndef ATTN_RUNTIME_CALLS_H
#define ATTN_RUNTIME_CALLS_H

#include "attn/Runtime/ArgumentValue.h"
#include "attn/Runtime/Status.h"
#include "attn/Runtime/Target.h"
#include "attn/Runtime/ThreadPool.h"

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace attn {

/// Calls of one kernel. The first of a layout (types, shapes, strides, devices,
/// scalars) prepares a plan; later ones give that plan their addresses, which
/// are checked as the first were. Threads may share it; their calls take turns.
class Calls {
public:
  /// Plans that are kept, those called last; captured ones are not counted.
  static constexpr size_t maxPlans = 16;

  /// Only the CPU uses `pool`; null is the calling thread.
  explicit Calls(std::shared_ptr<const LoadedKernel> kernel,
                 std::shared_ptr<ThreadPool> pool = nullptr)
      : kernel(std::move(kernel)), pool(std::move(pool)) {}

  /// Runs over all of the kernel's arguments, in the manifest's order, and
  /// returns when the outputs are written; of a GPU starts a run on `stream` (a
  /// CUstream; null is the default one). Runs of one plan may not overlap, so
  /// that streams have plans of their own. A stream that captures needs a
  /// layout that was called before, and what it has captured is kept as long as
  /// these calls: the graph may be replayed at any time.
  Status call(const ArgumentValue *values, size_t count, void *stream);

  const LoadedKernel &getKernel() const { return *kernel; }

private:
  struct Entry {
    std::string layout;
    void *stream;
    bool isCaptured;
    std::unique_ptr<PreparedPlan> plan;
  };

  /// Null where no plan serves such a call.
  Entry *find(const std::string &layout, void *stream, bool isCaptured);
  Status start(PreparedPlan &plan, void *stream) const;

  std::shared_ptr<const LoadedKernel> kernel;
  std::shared_ptr<ThreadPool> pool;
  std::mutex mutex;
  /// Those called last are in front.
  std::list<Entry> entries;
};

} // namespace attn

#endif // ATTN_RUNTIME_CALLS_H
