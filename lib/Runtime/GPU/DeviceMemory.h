//===- DeviceMemory.h - device memory that frees itself -------------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_DEVICEMEMORY_H
#define ATTN_LIB_RUNTIME_GPU_DEVICEMEMORY_H

#include "Device.h"

namespace attn::gpu {

/// Memory of a device, or none. Freed at the end; the driver waits
/// then for the kernels that use it.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;
  ~DeviceMemory();

  /// Allocates `bytes`, aligned to 256 or more; nothing for 0. Pre-conditions:
  /// it holds nothing, and the device is entered.
  Status allocate(std::shared_ptr<const Device> device, uint64_t bytes,
                  const std::string &feature);

  /// 0 where nothing was allocated.
  DevicePointer getAddress() const { return address; }

private:
  std::shared_ptr<const Device> device;
  DevicePointer address = 0;
};

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_DEVICEMEMORY_H
