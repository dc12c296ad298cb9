//===- Driver.cpp - libamdhip64's functions and errors --------------------===//

#include "Driver.h"

using namespace attn;
using namespace attn::hip;

Driver::Driver()
    : DriverLibrary({"HIP driver", "AMD's HIP runtime library", "hipError_t",
                     "install ROCm 6.0 or later"}) {}

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
    return "run on a machine where rocminfo lists a GPU";
  case errorInvalidImage:
  case errorNoBinaryForGpu:
    return "compile the kernel for this GPU";
  case errorStreamCaptureUnsupported:
  case errorStreamCaptureInvalidated:
  case errorStreamCaptureImplicit:
    return "load and prepare before the capture begins";
  case errorInvalidContext:
  case errorInvalidHandle:
    return "use a stream of the device on which the kernel was loaded";
  default:
    return "see HIP's documentation of that error; a failed kernel makes all "
           "later calls of its process fail";
  }
}

Status Driver::bind(void *library, const std::string &path) {
  const char *missing = nullptr;
  forEach([&](auto &function) {
    if (!find(library, function) && !missing)
      missing = function.symbol;
  });
  if (missing)
    return refuseWithout(missing, path);
  if (Status status = call(names.feature, getVersion, &version); !status.isOk())
    return status;
  return call(names.feature, init, 0u);
}

Result<const Driver *> Driver::get() {
  auto opened = open({"ATTN_HIP_DRIVER", "libamdhip64.so", "ROCm"},
                     []() -> std::unique_ptr<DriverLibrary> {
                       return std::unique_ptr<Driver>(new Driver);
                     });
  if (!opened.isOk())
    return opened.takeStatus();
  return static_cast<const Driver *>(*opened);
}
