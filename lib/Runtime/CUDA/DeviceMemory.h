//===- DeviceMemory.h - device memory that frees itself -------------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_DEVICEMEMORY_H
#define ATTN_LIB_RUNTIME_CUDA_DEVICEMEMORY_H

#include "Context.h"

namespace attn::cuda {

/// Memory of a context's device, or none. Freed at the end; the driver waits
/// then for the kernels that use it.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;
  ~DeviceMemory();

  /// Allocates `bytes`, aligned to 256 or more; nothing for 0. Pre-conditions:
  /// it holds nothing, and the context is current.
  Status allocate(std::shared_ptr<const Context> context, uint64_t bytes,
                  const std::string &feature);

  /// 0 where nothing was allocated.
  DevicePointer getAddress() const { return address; }

private:
  std::shared_ptr<const Context> context;
  DevicePointer address = 0;
};

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_DEVICEMEMORY_H
