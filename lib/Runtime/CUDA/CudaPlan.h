//===- CudaPlan.h - a GPU kernel bound to tensors, ready to launch --------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_CUDAPLAN_H
#define ATTN_LIB_RUNTIME_CUDA_CUDAPLAN_H

#include "CudaKernel.h"
#include "DeviceMemory.h"
#include "ParameterBlock.h"

#include <atomic>
#include <vector>

namespace attn {

/// Everything is evaluated, encoded and allocated by `prepare`, so that a
/// launch is one call of the driver for each launch of the manifest.
class CudaPlan final : public PreparedPlan {
public:
  /// Binds device tensors of the kernel's context. Refuses what bindArguments
  /// and ParameterBlock refuse, grids that the hardware does not have, and to
  /// prepare while the default stream cannot be used because another captures.
  /// Waits for the default stream, which clears the state.
  static Result<std::unique_ptr<PreparedPlan>>
  prepare(std::shared_ptr<const CudaKernel> kernel, const ArgumentValue *values,
          size_t numValues, int smMargin);

  Status rebind(const ArgumentValue *values, size_t numValues) override;
  Status move(const void *const *data, size_t count) override;
  Status run() override;
  /// Of a warm launch each call is one cuLaunchKernelEx. Where the thread has
  /// no or another context current, the kernel's is made so for the call.
  Status launch(void *stream) override;
  int64_t getMemoryBytes() const override {
    return memory.stateBytes + memory.workspaceBytes;
  }

private:
  /// A launch of at least one block.
  struct Item {
    cuda::FunctionHandle function;
    cuda::LaunchConfig config;
    cuda::LaunchAttribute cluster;
    const Launch *launch;
  };

  CudaPlan() = default;
  Status setMargin(int smMargin);
  DLDevice getDevice() const;
  std::string getFeature(std::string_view part) const;
  Expr::Lookup makeDeviceLookup(const BoundArguments &arguments) const;
  Status evaluateGrids();
  Status evaluateGrid(const Launch &launch, cuda::FunctionHandle function);
  Status allocate();
  Status fill(const BoundArguments &arguments,
              std::vector<cuda::ParameterBlock> &blocks) const;
  cuda::ResultCode launchItem(size_t index, cuda::StreamHandle stream);
  Status launchAll(cuda::StreamHandle stream);

  std::shared_ptr<const CudaKernel> kernel;
  /// Those that the plan's blocks are for.
  int multiprocessors = 0;
  BoundArguments bound;
  std::vector<Item> items;
  /// One an item.
  std::vector<cuda::ParameterBlock> blocks;
  cuda::DeviceMemory state, workspace, zeros;
  cuda::PlanMemory memory;
  std::atomic_flag inUse = ATOMIC_FLAG_INIT;
};

} // namespace attn

#endif // ATTN_LIB_RUNTIME_CUDA_CUDAPLAN_H
