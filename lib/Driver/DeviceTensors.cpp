//===- DeviceTensors.cpp - copies of tensors on a GPU ---------------------===//

#include "attn/Driver/DeviceTensors.h"

#include "llvm/Support/DynamicLibrary.h"

#include <cstdlib>

using namespace attn;

namespace {
/// A vendor's driver by its names. Functions that CUDA and HIP both have take
/// the same arguments: HIP's addresses are pointers.
struct Names {
  const char *vendor, *environment, *library, *errors;
  DLDeviceType device;
  const char *init, *getDevice, *getName, *allocate, *release;
  const char *copyToDevice, *copyToHost, *fill, *synchronize;
};

constexpr Names kCuda = {
    "CUDA",          "ATTN_CUDA_DRIVER", "libcuda.so.1",    "CUresult",
    kDLCUDA,         "cuInit",           "cuDeviceGet",     "cuDeviceGetName",
    "cuMemAlloc_v2", "cuMemFree_v2",     "cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2",
    "cuMemsetD8_v2", "cuCtxSynchronize",
};
constexpr Names kHip = {
    "HIP",
    "ATTN_HIP_DRIVER",
    "libamdhip64.so",
    "hipError_t",
    kDLROCM,
    "hipInit",
    "hipDeviceGet",
    "hipDeviceGetName",
    "hipMalloc",
    "hipFree",
    "hipMemcpyHtoD",
    "hipMemcpyDtoH",
    "hipMemsetD8",
    "hipDeviceSynchronize",
};
} // namespace

/// The functions of a vendor's driver that copy, found at run time.
struct DeviceTensors::Driver {
  using Code = int;
  const Names *names;
  Code (*init)(unsigned);
  Code (*getDevice)(int *, int);
  Code (*allocate)(uint64_t *, size_t);
  Code (*release)(uint64_t);
  Code (*copyToDevice)(uint64_t, const void *, size_t);
  Code (*copyToHost)(void *, uint64_t, size_t);
  Code (*getName)(char *, int, int);
  Code (*fill)(uint64_t, unsigned char, size_t);
  Code (*synchronize)();
  /// CUDA's: the device's context; HIP has none.
  Code (*retainContext)(void **, int);
  Code (*setContext)(void *);
  /// HIP's.
  Code (*setDevice)(int);

  Status check(int code, const char *what) const {
    if (code == 0)
      return {};
    return Status::error(StatusCode::device, names->vendor,
                         std::string(what) + " fails with error " +
                             std::to_string(code),
                         std::string("see ") + names->vendor +
                             "'s documentation of " + names->errors);
  }

  /// Makes `device` what this thread's calls are for.
  Status choose(int device) const {
    if (setDevice)
      return check(setDevice(device), "choosing the GPU");
    void *context = nullptr;
    if (Status status =
            check(retainContext(&context, device), "retaining a context");
        !status.isOk())
      return status;
    return check(setContext(context), "choosing a context");
  }
};

static Status refuse(const std::string &reason) {
  return Status::error(StatusCode::unsupported, "--target", reason,
                       "run on a machine with a GPU, or compile with "
                       "attn-compile");
}

DeviceTensors::DeviceTensors() = default;
DeviceTensors::DeviceTensors(DeviceTensors &&) = default;

DeviceTensors::~DeviceTensors() {
  if (!driver)
    return;
  for (const auto &entry : addresses)
    driver->release(entry.second.second);
  if (scratch != 0)
    driver->release(scratch);
}

Result<DeviceTensors> DeviceTensors::create(llvm::StringRef target) {
  bool isHip = target.starts_with("gfx"); // As the runtime tells AMD's.
  const Names &names = isHip ? kHip : kCuda;
  const char *given = std::getenv(names.environment);
  std::string vendor = names.vendor, error;
  auto library = llvm::sys::DynamicLibrary::getPermanentLibrary(
      given ? given : names.library, &error);
  if (!library.isValid())
    return refuse("there is no " + vendor + " driver: " + error);
  DeviceTensors tensors;
  tensors.driver = std::make_unique<Driver>();
  Driver &driver = *tensors.driver;
  driver.names = &names;
  std::string missing;
  auto find = [&](auto &function, const char *symbol) {
    void *address = library.getAddressOfSymbol(symbol);
    if (!address)
      missing = symbol;
    function = reinterpret_cast<std::decay_t<decltype(function)>>(address);
  };
  find(driver.init, names.init);
  find(driver.getDevice, names.getDevice);
  find(driver.allocate, names.allocate);
  find(driver.release, names.release);
  find(driver.copyToDevice, names.copyToDevice);
  find(driver.copyToHost, names.copyToHost);
  find(driver.getName, names.getName);
  find(driver.fill, names.fill);
  find(driver.synchronize, names.synchronize);
  if (isHip) {
    find(driver.setDevice, "hipSetDevice");
  } else {
    driver.setDevice = nullptr;
    find(driver.retainContext, "cuDevicePrimaryCtxRetain");
    find(driver.setContext, "cuCtxSetCurrent");
  }
  if (!missing.empty())
    return refuse("the " + vendor + " driver lacks " + missing);
  int device = 0;
  if (driver.init(0) != 0 || driver.getDevice(&device, 0) != 0)
    return refuse("there is no GPU");
  if (Status status = driver.choose(device); !status.isOk())
    return status;
  char name[256] = "";
  if (Status status = driver.check(driver.getName(name, sizeof(name), device),
                                   "asking its name");
      !status.isOk())
    return status;
  tensors.deviceName = name;
  return tensors;
}

Status DeviceTensors::flushCaches() {
  // No GPU that attn compiles for caches more.
  constexpr size_t kBytes = size_t(256) << 20;
  if (scratch == 0)
    if (Status status = driver->check(driver->allocate(&scratch, kBytes),
                                      "allocating memory");
        !status.isOk())
      return status;
  if (Status status =
          driver->check(driver->fill(scratch, 0, kBytes), "writing memory");
      !status.isOk())
    return status;
  return driver->check(driver->synchronize(), "waiting for the GPU");
}

Status DeviceTensors::upload(const std::string &name, HostTensor &tensor) {
  llvm::MutableArrayRef<uint8_t> memory = tensor.getMemory();
  // Elements lie to boundaries as on the host.
  constexpr uint64_t kAlignment = 256;
  auto [it, isNew] = addresses.try_emplace(name);
  if (isNew) {
    uint64_t base = 0;
    if (Status status =
            driver->check(driver->allocate(&base, memory.size() + kAlignment),
                          "allocating memory");
        !status.isOk()) {
      addresses.erase(it);
      return status;
    }
    uint64_t rest = (base + tensor.getAlignedStart()) % kAlignment;
    it->second = {base + (kAlignment - rest) % kAlignment, base};
  }
  return driver->check(
      driver->copyToDevice(it->second.first, memory.data(), memory.size()),
      "copying to the GPU");
}

Status DeviceTensors::download(const std::string &name, HostTensor &tensor) {
  llvm::MutableArrayRef<uint8_t> memory = tensor.getMemory();
  return driver->check(driver->copyToHost(memory.data(),
                                          addresses.at(name).first,
                                          memory.size()),
                       "copying from the GPU");
}

DLTensor DeviceTensors::getView(const std::string &name,
                                HostTensor &tensor) const {
  DLTensor view = tensor.getView();
  auto *data = static_cast<uint8_t *>(view.data);
  uint64_t address =
      addresses.at(name).first + (data - tensor.getMemory().data());
  view.data = reinterpret_cast<void *>(address);
  view.device = {driver->names->device, 0};
  return view;
}
