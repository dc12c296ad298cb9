//===- Vendors.cpp - the vendors that the runtime knows -------------------===//

#include "Vendor.h"

#include "../CUDA/CudaVendor.h"
#include "../HIP/HipVendor.h"

#include <cstring>

using namespace attn;
using namespace attn::gpu;

static const Vendor *const vendors[] = {
    &cuda::vendor,
    &hip::vendor,
};

const Vendor *gpu::findVendor(const Manifest &manifest) {
  for (const Vendor *vendor : vendors)
    if (manifest.target.arch.compare(0, std::strlen(vendor->archPrefix),
                                     vendor->archPrefix) == 0)
      return vendor;
  return nullptr;
}

Result<std::shared_ptr<const Device>> gpu::getAnyDevice() {
  Status refusal;
  for (const Vendor *vendor : vendors) {
    Result<std::shared_ptr<const Device>> device = vendor->getDevice();
    // A driver that is there and fails is not passed over for another.
    if (device.isOk() ||
        device.getStatus().getCode() != StatusCode::unsupported)
      return device;
    if (refusal.isOk())
      refusal = device.takeStatus();
    else
      refusal = Status::error(StatusCode::unsupported, refusal.getFeature(),
                              refusal.getReason() + "; " +
                                  device.getStatus().getReason(),
                              refusal.getAlternative());
  }
  return refusal;
}
