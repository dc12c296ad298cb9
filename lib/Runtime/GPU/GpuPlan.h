//===- GpuPlan.h - a GPU kernel bound to tensors, ready to launch ---------===//

#ifndef ATTN_LIB_RUNTIME_GPU_GPUPLAN_H
#define ATTN_LIB_RUNTIME_GPU_GPUPLAN_H

#include "DeviceMemory.h"
#include "GpuKernel.h"
#include "ParameterBlock.h"

#include <atomic>
#include <vector>

namespace attn::gpu {

/// Everything is evaluated, encoded and allocated by `prepare`, so that a
/// launch is one call of the driver for each launch of the manifest.
class GpuPlan final : public PreparedPlan {
public:
  /// Binds tensors of the kernel's device. Refuses what bindArguments
  /// and ParameterBlock refuse, grids that the hardware does not have, and to
  /// prepare while the default stream cannot be used because another captures.
  /// Waits for the default stream, which clears the state.
  static Result<std::unique_ptr<PreparedPlan>>
  prepare(std::shared_ptr<const GpuKernel> kernel, const ArgumentValue *values,
          size_t numValues, int smMargin);

  Status rebind(const ArgumentValue *values, size_t numValues) override;
  Status move(const void *const *data, size_t count) override;
  Status run() override;
  /// One Device::launch for each item.
  Status launch(void *stream) override;
  int64_t getMemoryBytes() const override {
    return memory.stateBytes + memory.workspaceBytes;
  }

private:
  /// A launch of at least one block.
  struct Item {
    FunctionHandle function;
    LaunchShape shape;
    const Launch *launch;
  };

  GpuPlan() = default;
  Status setMargin(int smMargin);
  const Device &getDevice() const { return *kernel->getDevice(); }
  std::string getFeature(std::string_view part) const;
  Expr::Lookup makeDeviceLookup(const BoundArguments &arguments) const;
  Status evaluateGrids();
  Status evaluateGrid(const Launch &launch, FunctionHandle function);
  Status allocate();
  Status fill(const BoundArguments &arguments,
              std::vector<ParameterBlock> &blocks) const;
  Status launchAll(StreamHandle stream);

  std::shared_ptr<const GpuKernel> kernel;
  /// Those that the plan's blocks are for.
  int multiprocessors = 0;
  BoundArguments bound;
  std::vector<Item> items;
  /// One an item.
  std::vector<ParameterBlock> blocks;
  DeviceMemory state, workspace, zeros;
  PlanMemory memory;
  std::atomic_flag inUse = ATOMIC_FLAG_INIT;
};

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_GPUPLAN_H
