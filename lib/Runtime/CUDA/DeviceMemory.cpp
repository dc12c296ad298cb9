//===- DeviceMemory.cpp - device memory that frees itself -----------------===//

#include "DeviceMemory.h"

using namespace attn;
using namespace attn::cuda;

Status DeviceMemory::allocate(std::shared_ptr<const Context> owner,
                              uint64_t bytes, const std::string &feature) {
  if (bytes == 0)
    return {};
  const Driver &driver = owner->getDriver();
  ResultCode code = driver.allocate.address(&address, bytes);
  if (code != success) {
    address = 0;
    return driver.report(feature, driver.allocate.symbol, code,
                         std::to_string(bytes) + " bytes");
  }
  context = std::move(owner);
  return {};
}

DeviceMemory::~DeviceMemory() {
  if (address == 0)
    return;
  // Best effort, as for a module.
  ContextScope scope(*context);
  (void)scope.enter();
  context->getDriver().release.address(address);
}
