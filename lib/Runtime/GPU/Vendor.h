//===- Vendor.h - which artifacts a vendor's GPUs run ---------------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_VENDOR_H
#define ATTN_LIB_RUNTIME_GPU_VENDOR_H

#include "Device.h"
#include "attn/Runtime/Artifact.h"

namespace attn::gpu {

/// One vendor. Added by its files and a line in Vendors.cpp.
struct Vendor {
  /// What a caller of LoadedKernel::load asks for, as "cuda".
  const char *name;
  /// What the names of its architectures begin with, as "sm_".
  const char *archPrefix;
  /// The number in the name of an architecture that has the prefix, 0 where
  /// there is none: of two the newer GPU's is greater.
  long (*getGeneration)(const std::string &arch);

  /// Where a kernel is loaded, and the payload that is loaded there.
  struct Admission {
    std::shared_ptr<const Device> device;
    const Artifact::Payload *payload;
  };
  /// `unsupported` without a driver, or with a driver or a GPU that the
  /// manifest does not admit; `corrupt` where the payloads are not its own.
  Result<Admission> (*admit)(const Artifact &artifact);

  /// The calling thread's current device.
  Result<std::shared_ptr<const Device>> (*getDevice)();
};

/// The vendor whose GPUs an artifact is for; null for a kernel of the CPU.
const Vendor *findVendor(const Manifest &manifest);

/// The device of the first vendor that has a driver here, in the order in which
/// they stand. The refusal says of each why there is none.
Result<std::shared_ptr<const Device>> getAnyDevice();

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_VENDOR_H
