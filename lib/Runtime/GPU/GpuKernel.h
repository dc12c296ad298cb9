//===- GpuKernel.h - a kernel loaded into a GPU ---------------------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_GPUKERNEL_H
#define ATTN_LIB_RUNTIME_GPU_GPUKERNEL_H

#include "Module.h"
#include "Vendor.h"
#include "attn/Runtime/Target.h"

#include <vector>

namespace attn::gpu {

class GpuKernel final : public LoadedKernel,
                        public std::enable_shared_from_this<GpuKernel> {
public:
  /// Loads what the vendor takes of the artifact. Refuses what
  /// `Vendor::admit` does; `corrupt` where a symbol is absent; `device` where
  /// the driver fails.
  static Result<std::shared_ptr<const LoadedKernel>>
  load(const Vendor &vendor, const Artifact &artifact);

  const Manifest &getManifest() const override { return manifest; }
  Result<std::unique_ptr<PreparedPlan>>
  prepare(const ArgumentValue *values, size_t numValues,
          std::shared_ptr<ThreadPool> pool, int smMargin) const override;
  bool hasStreams() const override { return true; }
  Result<bool> isCapturing(void *stream) const override;

  const std::shared_ptr<const Device> &getDevice() const { return device; }
  /// The function of each launch, in order.
  const std::vector<FunctionHandle> &getFunctions() const { return functions; }

private:
  GpuKernel() = default;
  Status findFunctions(const std::string &name);

  Manifest manifest;
  std::shared_ptr<const Device> device;
  std::shared_ptr<const Module> module;
  std::vector<FunctionHandle> functions;
};

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_GPUKERNEL_H
