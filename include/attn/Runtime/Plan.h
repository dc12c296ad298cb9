//===- Plan.h - a kernel bound to tensors, ready to run -------------------===//

#ifndef ATTN_RUNTIME_PLAN_H
#define ATTN_RUNTIME_PLAN_H

#include "attn/Runtime/ArgumentValue.h"
#include "attn/Runtime/Kernel.h"
#include "attn/Runtime/Status.h"
#include "attn/Runtime/ThreadPool.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace attn {

struct BoundArguments;
struct BoundTensor;

/// One kernel with its arguments, memory and work. Everything is allocated and
/// evaluated by `prepare`; a plan is run by one thread at a time.
class Plan {
public:
  /// Binds every argument of the kernel. Tensors are CPU memory of the declared
  /// type, aligned to their element, of any strides; strides of null mean
  /// compact and row-major; data of null is taken for empty tensors only.
  /// Refused are extents that disagree between tensors, and an output that
  /// shares memory with itself or another argument, or cannot be shown not to.
  /// A `pool` of null runs on the calling thread.
  static Result<std::unique_ptr<Plan>>
  prepare(std::shared_ptr<const Kernel> kernel, const ArgumentValue *values,
          size_t numValues, std::shared_ptr<ThreadPool> pool);
  static Result<std::unique_ptr<Plan>>
  prepare(std::shared_ptr<const Kernel> kernel,
          const std::vector<ArgumentValue> &values,
          std::shared_ptr<ThreadPool> pool) {
    return prepare(std::move(kernel), values.data(), values.size(),
                   std::move(pool));
  }
  ~Plan();
  Plan(const Plan &) = delete;
  Plan &operator=(const Plan &) = delete;

  /// Gives some tensors other memory and strides, of the shapes that they have.
  /// Checks as `prepare` does; a refusal changes nothing. Scalars are fixed.
  Status rebind(const ArgumentValue *values, size_t numValues);

  /// Gives all tensors other memory, at the addresses of `data` in the order of
  /// the manifest; otherwise as `rebind`.
  Status move(const void *const *data, size_t count);

  /// Runs all phases and returns when the outputs are written. Same inputs,
  /// same bits, for every number of threads. Allocates nothing. Refuses a plan
  /// that another thread is running.
  Status run();

  const Kernel &getKernel() const { return *kernel; }

  /// Bytes that this plan holds for its runs, all threads together.
  int64_t getMemoryBytes() const;

private:
  struct Free {
    void operator()(uint8_t *memory) const { std::free(memory); }
  };
  using Memory = std::unique_ptr<uint8_t, Free>;

  Plan();
  Status evaluate(const BoundArguments &bound);
  Status allocate(int64_t scratchBytes);
  void fillAddresses();

  std::shared_ptr<const Kernel> kernel;
  std::shared_ptr<ThreadPool> pool;
  /// One a tensor argument, in the order of the manifest's arguments; scalars
  /// have an empty one. `staged` is where rebind checks before it changes.
  std::vector<BoundTensor> tensors, staged;
  std::vector<int64_t> parameters;
  /// The number of items of each phase.
  std::vector<int64_t> items;
  Memory workspace, scratch;
  int64_t workspaceBytes = 0;
  /// Bytes from one thread's scratch to the next.
  int64_t scratchStride = 0;
  std::atomic_flag inUse = ATOMIC_FLAG_INIT;
};

} // namespace attn

#endif // ATTN_RUNTIME_PLAN_H
