//===- Target.h - kernels and plans, whatever machine they run on ---------===//
//
// What all targets of the runtime have in common. Each implements these two
// classes; `LoadedKernel::load` chooses one by the manifest. GPUs share theirs
// (lib/Runtime/GPU): a vendor is added by its files and a line in Vendors.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_TARGET_H
#define ATTN_RUNTIME_TARGET_H

#include "attn/Runtime/ArgumentValue.h"
#include "attn/Runtime/Cache.h"
#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace attn {

struct Artifact;
struct ArtifactSet;
class ThreadPool;

/// A kernel bound to tensors, with all that its runs need. One thread may use
/// it at a time, and its runs may not overlap on the device either: they share
/// its workspace. A refusal changes nothing.
class PreparedPlan {
public:
  virtual ~PreparedPlan() = default;

  /// Gives some tensors other memory and strides, of the shapes that they have.
  /// Scalars are fixed.
  virtual Status rebind(const ArgumentValue *values, size_t numValues) = 0;

  /// Gives all tensors other memory, at the `count` addresses of `data` in the
  /// order of the manifest, with the shapes and strides that they have.
  virtual Status move(const void *const *data, size_t count) = 0;

  /// Runs and returns when the outputs are written; on a GPU after all that
  /// its default stream had to do.
  virtual Status run() = 0;

  /// Starts a run on a device's stream (a CUstream or hipStream_t; null is
  /// the default one)
  /// and returns. Allocates nothing, waits for nothing and may be captured.
  /// Refused for a kernel of the CPU, which has no streams.
  virtual Status launch(void *stream) = 0;

  /// Bytes that this plan holds for its runs, on whatever machine.
  virtual int64_t getMemoryBytes() const = 0;
};

/// A kernel that some machine here can run. Immutable, so that threads may
/// share it.
class LoadedKernel {
public:
  /// Loads an artifact for the machine that its manifest names; of a GPU kernel
  /// into the calling thread's current context or device, else device 0's. An
  /// artifact is executable code: its checksums tell damage, not who made it.
  static Result<std::shared_ptr<const LoadedKernel>>
  load(const Artifact &artifact);

  /// As `load`, of the artifact whose target this machine has: of a GPU before
  /// one of the CPU, of GPUs the newest, of CPUs that which uses most. With a
  /// `target`, of those only that are for it: "cuda", "hip", "cpu", or a name
  /// as `getTargetName` has it. A device that fails counts as none. Where none
  /// can be loaded the refusal says why of each.
  static Result<std::shared_ptr<const LoadedKernel>>
  load(const ArtifactSet &set, const std::string &target = "");

  /// As `load`, of the file at `path`, of one artifact or several.
  static Result<std::shared_ptr<const LoadedKernel>>
  loadFile(const std::string &path, const std::string &target = "");

  /// As `load`, of the artifact that `cache` keeps under `key`: the whole text
  /// that says what is compiled, for what and by what. Where it keeps none, of
  /// the one that `build` serializes, which is then kept; a refusal of `build`,
  /// and bytes that are no artifact, are returned and not kept.
  static Result<std::shared_ptr<const LoadedKernel>>
  loadCached(Cache &cache, const std::string &key, const Cache::Builder &build);

  virtual ~LoadedKernel() = default;

  virtual const Manifest &getManifest() const = 0;

  /// Binds every argument. Tensors are memory of the machine that the kernel
  /// was loaded for. Only the CPU uses `pool`; null is the calling thread.
  ///
  /// Of a GPU's multiprocessors runs leave `smMargin` to others: they have the
  /// blocks, and the memory, that they would have on a GPU with fewer. Refused
  /// are a margin that leaves none, and one for a kernel that has a block for
  /// each item, or runs on a CPU.
  virtual Result<std::unique_ptr<PreparedPlan>>
  prepare(const ArgumentValue *values, size_t numValues,
          std::shared_ptr<ThreadPool> pool, int smMargin = 0) const = 0;

  /// Whether plans are launched on streams; others run.
  virtual bool hasStreams() const = 0;

  /// Whether a graph captures what is launched on `stream`.
  virtual Result<bool> isCapturing(void *stream) const = 0;
};

} // namespace attn

#endif // ATTN_RUNTIME_TARGET_H
