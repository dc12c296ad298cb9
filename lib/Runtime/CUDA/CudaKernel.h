//===- CudaKernel.h - a kernel loaded into a CUDA context -----------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_CUDAKERNEL_H
#define ATTN_LIB_RUNTIME_CUDA_CUDAKERNEL_H

#include "Module.h"
#include "attn/Runtime/Target.h"

#include <vector>

namespace attn {

class CudaKernel final : public LoadedKernel,
                         public std::enable_shared_from_this<CudaKernel> {
public:
  /// Whether the manifest is one of a kernel for NVIDIA's GPUs.
  static bool runs(const Manifest &manifest);

  /// The number in the name of its GPU, 90 of sm_90a; 0 where there is none.
  /// Pre-condition: runs(manifest).
  static long getGeneration(const Manifest &manifest);

  /// Loads the artifact's cubin, or its PTX where there is none or the GPU does
  /// not run it. `unsupported` without a driver, or with a driver or a GPU that
  /// the manifest does not admit; `corrupt` where a symbol is absent; `device`
  /// where the driver fails.
  static Result<std::shared_ptr<const LoadedKernel>>
  load(const Artifact &artifact);

  const Manifest &getManifest() const override { return manifest; }
  Result<std::unique_ptr<PreparedPlan>>
  prepare(const ArgumentValue *values, size_t numValues,
          std::shared_ptr<ThreadPool> pool, int smMargin) const override;
  bool hasStreams() const override { return true; }
  Result<bool> isCapturing(void *stream) const override;

  const std::shared_ptr<const cuda::Context> &getContext() const {
    return context;
  }
  /// The function of each launch, in order.
  const std::vector<cuda::FunctionHandle> &getFunctions() const {
    return functions;
  }

private:
  CudaKernel() = default;
  Status findFunctions(const std::string &name);

  Manifest manifest;
  std::shared_ptr<const cuda::Context> context;
  std::shared_ptr<const cuda::Module> module;
  std::vector<cuda::FunctionHandle> functions;
};

} // namespace attn

#endif // ATTN_LIB_RUNTIME_CUDA_CUDAKERNEL_H
