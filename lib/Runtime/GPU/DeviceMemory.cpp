//===- DeviceMemory.cpp - device memory that frees itself -----------------===//

#include "DeviceMemory.h"

using namespace attn;
using namespace attn::gpu;

Status DeviceMemory::allocate(std::shared_ptr<const Device> owner,
                              uint64_t bytes, const std::string &feature) {
  if (bytes == 0)
    return {};
  if (Status status = owner->allocate(address, bytes, feature);
      !status.isOk()) {
    address = 0;
    return status;
  }
  device = std::move(owner);
  return {};
}

DeviceMemory::~DeviceMemory() {
  if (address == 0)
    return;
  // Best effort, as for a module.
  DeviceScope scope(*device);
  (void)scope.enter();
  device->release(address);
}
