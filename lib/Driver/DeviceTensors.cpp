//===- DeviceTensors.cpp - copies of tensors on a GPU ---------------------===//

#include "attn/Driver/DeviceTensors.h"

#include "llvm/Support/DynamicLibrary.h"

#include <cstdlib>

using namespace attn;

/// The functions of the CUDA driver that copy, found at run time.
struct DeviceTensors::Driver {
  using Code = int;
  Code (*init)(unsigned);
  Code (*getDevice)(int *, int);
  Code (*retainContext)(void **, int);
  Code (*setContext)(void *);
  Code (*allocate)(uint64_t *, size_t);
  Code (*release)(uint64_t);
  Code (*copyToDevice)(uint64_t, const void *, size_t);
  Code (*copyToHost)(void *, uint64_t, size_t);
  Code (*getName)(char *, int, int);
  Code (*fill)(uint64_t, unsigned char, size_t);
  Code (*synchronize)();
};

static Status refuse(const std::string &reason) {
  return Status::error(StatusCode::unsupported, "--target", reason,
                       "run on a machine with a GPU, or compile with "
                       "attn-compile");
}

static Status check(int code, const char *what) {
  if (code == 0)
    return {};
  return Status::error(StatusCode::device, "CUDA",
                       std::string(what) + " fails with error " +
                           std::to_string(code),
                       "see CUDA's documentation of CUresult");
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

Result<DeviceTensors> DeviceTensors::create() {
  const char *given = std::getenv("ATTN_CUDA_DRIVER");
  std::string error;
  auto library = llvm::sys::DynamicLibrary::getPermanentLibrary(
      given ? given : "libcuda.so.1", &error);
  if (!library.isValid())
    return refuse("there is no CUDA driver: " + error);
  DeviceTensors tensors;
  tensors.driver = std::make_unique<Driver>();
  Driver &driver = *tensors.driver;
  std::string missing;
  auto find = [&](auto &function, const char *symbol) {
    void *address = library.getAddressOfSymbol(symbol);
    if (!address)
      missing = symbol;
    function = reinterpret_cast<std::decay_t<decltype(function)>>(address);
  };
  find(driver.init, "cuInit");
  find(driver.getDevice, "cuDeviceGet");
  find(driver.retainContext, "cuDevicePrimaryCtxRetain");
  find(driver.setContext, "cuCtxSetCurrent");
  find(driver.allocate, "cuMemAlloc_v2");
  find(driver.release, "cuMemFree_v2");
  find(driver.copyToDevice, "cuMemcpyHtoD_v2");
  find(driver.copyToHost, "cuMemcpyDtoH_v2");
  find(driver.getName, "cuDeviceGetName");
  find(driver.fill, "cuMemsetD8_v2");
  find(driver.synchronize, "cuCtxSynchronize");
  if (!missing.empty())
    return refuse("the CUDA driver lacks " + missing);
  int device = 0;
  void *context = nullptr;
  if (driver.init(0) != 0 || driver.getDevice(&device, 0) != 0)
    return refuse("there is no GPU");
  if (Status status =
          check(driver.retainContext(&context, device), "retaining a context");
      !status.isOk())
    return status;
  if (Status status = check(driver.setContext(context), "choosing a context");
      !status.isOk())
    return status;
  char name[256] = "";
  if (Status status =
          check(driver.getName(name, sizeof(name), device), "asking its name");
      !status.isOk())
    return status;
  tensors.deviceName = name;
  return tensors;
}

Status DeviceTensors::flushCaches() {
  // No GPU that attn compiles for caches more.
  constexpr size_t kBytes = size_t(256) << 20;
  if (scratch == 0)
    if (Status status =
            check(driver->allocate(&scratch, kBytes), "allocating memory");
        !status.isOk())
      return status;
  if (Status status = check(driver->fill(scratch, 0, kBytes), "writing memory");
      !status.isOk())
    return status;
  return check(driver->synchronize(), "waiting for the GPU");
}

Status DeviceTensors::upload(const std::string &name, HostTensor &tensor) {
  llvm::MutableArrayRef<uint8_t> memory = tensor.getMemory();
  // Elements lie to boundaries as on the host.
  constexpr uint64_t kAlignment = 256;
  auto [it, isNew] = addresses.try_emplace(name);
  if (isNew) {
    uint64_t base = 0;
    if (Status status =
            check(driver->allocate(&base, memory.size() + kAlignment),
                  "allocating memory");
        !status.isOk()) {
      addresses.erase(it);
      return status;
    }
    uint64_t rest = (base + tensor.getAlignedStart()) % kAlignment;
    it->second = {base + (kAlignment - rest) % kAlignment, base};
  }
  return check(
      driver->copyToDevice(it->second.first, memory.data(), memory.size()),
      "copying to the GPU");
}

Status DeviceTensors::download(const std::string &name, HostTensor &tensor) {
  llvm::MutableArrayRef<uint8_t> memory = tensor.getMemory();
  return check(driver->copyToHost(memory.data(), addresses.at(name).first,
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
  view.device = {kDLCUDA, 0};
  return view;
}
