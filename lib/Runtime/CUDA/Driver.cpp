//===- Driver.cpp - libcuda's functions, version and errors ---------------===//

#include "Driver.h"

using namespace attn;
using namespace attn::cuda;

Driver::Driver()
    : DriverLibrary({"CUDA driver", "NVIDIA's driver library", "CUresult",
                     "install a newer NVIDIA driver"}) {}

std::string Driver::formatVersion(int version) {
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

const char *Driver::getErrorName(ResultCode code) const {
  const char *name = nullptr;
  return nameError.address(code, &name) == success ? name : nullptr;
}

const char *Driver::getErrorText(ResultCode code) const {
  const char *text = nullptr;
  return describeError.address(code, &text) == success ? text : nullptr;
}

const char *Driver::getAlternative(ResultCode code) const {
  switch (code) {
  case errorOutOfMemory:
    return "free device memory or use smaller shapes";
  case errorNoDevice:
    return "run on a machine where nvidia-smi lists a GPU";
  case errorInvalidImage:
  case errorNoBinaryForGpu:
    return "compile the kernel for this GPU";
  case errorInvalidPtx:
    return "compile the kernel again";
  case errorUnsupportedPtxVersion:
    return "install a newer NVIDIA driver or compile for an older one";
  case errorStreamCaptureUnsupported:
  case errorStreamCaptureInvalidated:
  case errorStreamCaptureImplicit:
    return "load and prepare before the capture begins";
  case errorInvalidContext:
  case errorInvalidHandle:
    return "use a stream of the context in which the kernel was loaded";
  default:
    return "see the CUDA driver's documentation of that error; a failed kernel "
           "makes all later calls of its process fail";
  }
}

Status Driver::bind(void *library, const std::string &path) {
  const char *missing = nullptr;
  auto take = [&](auto &function) {
    if (!find(library, function) && !missing)
      missing = function.symbol;
  };
  take(getVersion);
  // An old driver lacks functions: its age is the better reason.
  if (!missing && getVersion.address(&version) == success &&
      version < minimumVersion)
    return refuse("expects a driver for CUDA " + formatVersion(minimumVersion) +
                  " or later, but got " + formatVersion(version));
  forEach(take);
  if (missing)
    return refuseWithout(missing, path);
  // Again, for the status of a driver that does not even tell its version.
  if (Status status = call(names.feature, getVersion, &version); !status.isOk())
    return status;
  return call(names.feature, init, 0u);
}

Result<const Driver *> Driver::get() {
  auto opened = open({"ATTN_CUDA_DRIVER", "libcuda.so.1", "the NVIDIA driver"},
                     []() -> std::unique_ptr<DriverLibrary> {
                       return std::unique_ptr<Driver>(new Driver);
                     });
  if (!opened.isOk())
    return opened.takeStatus();
  return static_cast<const Driver *>(*opened);
}
