//===- Driver.cpp - opens libcuda and names its errors --------------------===//

#include "Driver.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <mutex>

using namespace attn;
using namespace attn::cuda;

static const char *const feature = "CUDA driver";

static Status unsupported(std::string reason, std::string alternative) {
  return Status::error(StatusCode::unsupported, feature, std::move(reason),
                       std::move(alternative));
}

std::string Driver::formatVersion(int version) {
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

/// What the caller can do about an error of the driver.
static const char *getAlternative(ResultCode code) {
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

Status Driver::report(std::string_view about, const char *symbol,
                      ResultCode code, std::string_view details) const {
  const char *name = nullptr, *text = nullptr;
  std::string error;
  if (getErrorName.address(code, &name) == success && name)
    error = name;
  else
    error = "CUresult " + std::to_string(code);
  if (getErrorString.address(code, &text) == success && text)
    error += std::string(" (") + text + ")";
  if (!details.empty())
    error.append(": ").append(details);
  return Status::error(StatusCode::device, std::string(about),
                       std::string("expects ") + symbol +
                           " to succeed, but got " + error,
                       getAlternative(code));
}

/// Looks one function up.
template <typename... Parameters>
static bool find(void *library, DriverFunction<Parameters...> &function) {
  function.address = reinterpret_cast<ResultCode (*)(Parameters...)>(
      dlsym(library, function.symbol));
  return function.address != nullptr;
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
    return unsupported("expects a driver for CUDA " +
                           formatVersion(minimumVersion) +
                           " or later, but got " + formatVersion(version),
                       "install a newer NVIDIA driver");
  forEach(take);
  if (missing)
    return unsupported("expects the function " + std::string(missing) + " in " +
                           path + ", but it is absent",
                       "install a newer NVIDIA driver");
  // Again, for the status of a driver that does not even tell its version.
  if (Status status = call(feature, getVersion, &version); !status.isOk())
    return status;
  return call(feature, init, 0u);
}

Result<const Driver *> Driver::open(const std::string &path) {
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *error = dlerror();
    return unsupported("expects NVIDIA's driver library, but got: " +
                           std::string(error ? error : "no reason"),
                       "install the NVIDIA driver, or set ATTN_CUDA_DRIVER to "
                       "the path of its libcuda.so.1");
  }
  Driver *driver = new Driver;
  if (Status status = driver->bind(library, path); !status.isOk()) {
    delete driver;
    dlclose(library);
    return status;
  }
  return driver;
}

Result<const Driver *> Driver::get() {
  static std::mutex mutex;
  // Never destroyed: objects that outlive main still release through it.
  static auto &drivers = *new std::map<std::string, const Driver *>;
  const char *named = std::getenv("ATTN_CUDA_DRIVER");
  std::string path = named && *named ? named : "libcuda.so.1";
  std::lock_guard<std::mutex> lock(mutex);
  if (auto found = drivers.find(path); found != drivers.end())
    return found->second;
  Result<const Driver *> opened = open(path);
  if (opened.isOk())
    drivers.emplace(path, *opened);
  return opened;
}
