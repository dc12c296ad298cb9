//===- HipDevice.cpp - a device of HIP ------------------------------------===//

#include "HipDevice.h"

#include "../GPU/Refusals.h"

#include <algorithm>
#include <cstring>

using namespace attn;
using namespace attn::hip;

static const char *const feature = "HIP device";

// Architected Queuing Language: an extent of a dispatch is a number of work
// items, of 32 bits. HIP's own limits of blocks lie above these.
static constexpr int64_t maxWorkItems = (int64_t(1) << 32) - 1;
static constexpr int64_t maxBlocks[3] = {2147483647, 65535, 65535};

static void *getPointer(DevicePointer address) {
  return reinterpret_cast<void *>(static_cast<uintptr_t>(address));
}

Result<std::shared_ptr<const HipDevice>>
HipDevice::acquire(const Driver &driver) {
  std::shared_ptr<HipDevice> device(new HipDevice(driver));
  if (Status status = device->initialize(); !status.isOk())
    return status;
  return std::shared_ptr<const HipDevice>(std::move(device));
}

Status HipDevice::initialize() {
  const Driver &driver = getHipDriver();
  if (Status status = driver.call(feature, driver.getDevice, &number);
      !status.isOk())
    return status;
  const std::pair<int *, DeviceAttribute> attributes[] = {
      {&multiprocessors, multiprocessorCount},
      {&maxSharedBytes, maxSharedMemoryPerBlock}};
  for (auto [value, attribute] : attributes)
    if (Status status = driver.call(feature, driver.getDeviceAttribute, value,
                                    attribute, number);
        !status.isOk())
      return status;
  auto properties = std::make_unique<DeviceProperties>();
  if (Status status = driver.call(feature, driver.getDeviceProperties,
                                  properties.get(), number);
      !status.isOk())
    return status;
  const char *name = properties->gcnArchName;
  arch.assign(name, strnlen(name, sizeof(properties->gcnArchName)));
  arch.resize(std::min(arch.find(':'), arch.size()));
  return {};
}

int64_t HipDevice::getMaxBlocks(size_t dim, int64_t threads) const {
  return std::min(maxBlocks[dim],
                  dim == 0 ? maxWorkItems / threads : maxWorkItems);
}

Status HipDevice::enter(Entry &entry) const {
  const Driver &driver = getHipDriver();
  if (Status status = driver.call(feature, driver.getDevice, &entry.previous);
      !status.isOk())
    return status;
  if (Status status = driver.call(feature, driver.setDevice, number);
      !status.isOk())
    return status;
  entry.isEntered = true;
  CaptureMode mode = captureModeRelaxed;
  Status status = driver.call(feature, driver.exchangeCaptureMode, &mode);
  entry.isRelaxed = status.isOk();
  entry.mode = mode;
  return status;
}

void HipDevice::leave(Entry &entry) const {
  const Driver &driver = getHipDriver();
  auto mode = static_cast<CaptureMode>(entry.mode);
  if (entry.isRelaxed)
    driver.exchangeCaptureMode.address(&mode);
  if (entry.isEntered)
    driver.setDevice.address(entry.previous);
}

Status HipDevice::checkNoCapture(const std::string &about) const {
  const Driver &driver = getHipDriver();
  for (StreamHandle stream : {StreamHandle(nullptr), getPerThreadStream()}) {
    CaptureStatus status = captureNone;
    ResultCode code = driver.isCapturing.address(stream, &status);
    if (code == errorStreamCaptureImplicit || status == captureActive)
      return gpu::refuseCapture(about);
    if (code != success)
      return driver.report(about, driver.isCapturing.symbol, code);
  }
  return {};
}

Status HipDevice::synchronize(const std::string &about) const {
  const Driver &driver = getHipDriver();
  return driver.call(about, driver.synchronize, nullptr);
}

Status HipDevice::allocate(DevicePointer &address, uint64_t bytes,
                           const std::string &about) const {
  const Driver &driver = getHipDriver();
  void *memory = nullptr;
  ResultCode code = driver.allocate.address(&memory, bytes);
  if (code != success)
    return driver.report(about, driver.allocate.symbol, code,
                         std::to_string(bytes) + " bytes");
  address = reinterpret_cast<uintptr_t>(memory);
  return {};
}

void HipDevice::release(DevicePointer address) const {
  getHipDriver().release.address(getPointer(address));
}

Status HipDevice::clear(DevicePointer address, uint64_t bytes,
                        const std::string &about) const {
  const Driver &driver = getHipDriver();
  return driver.call(about, driver.fill, getPointer(address), 0, size_t(bytes));
}

Status HipDevice::copy(DevicePointer to, DevicePointer from, uint64_t bytes,
                       StreamHandle stream, const char *about) const {
  const Driver &driver = getHipDriver();
  return driver.call(about, driver.copy, getPointer(to), getPointer(from),
                     size_t(bytes), stream);
}

Status HipDevice::loadModule(ModuleHandle &module, const std::string &image,
                             const std::string &about) const {
  const Driver &driver = getHipDriver();
  return driver.call(about, driver.loadModule, &module, image.data());
}

void HipDevice::unloadModule(ModuleHandle module) const {
  getHipDriver().unloadModule.address(module);
}

Result<FunctionHandle> HipDevice::findFunction(ModuleHandle module,
                                               const std::string &symbol,
                                               int64_t,
                                               const std::string &about) const {
  const Driver &driver = getHipDriver();
  FunctionHandle function = nullptr;
  ResultCode code =
      driver.getFunction.address(&function, module, symbol.c_str());
  if (code == errorNotFound)
    return gpu::refuseSymbol(symbol, about);
  if (code != success)
    return driver.report(about, driver.getFunction.symbol, code);
  return function;
}

Result<bool> HipDevice::isCapturing(StreamHandle stream,
                                    const std::string &about) const {
  const Driver &driver = getHipDriver();
  CaptureStatus status = captureNone;
  if (Status called = driver.call(about, driver.isCapturing, stream, &status);
      !called.isOk())
    return called;
  return status != captureNone;
}

Status HipDevice::launch(const gpu::LaunchShape &shape, FunctionHandle function,
                         StreamHandle stream, void **parameters,
                         const Launch &launch, const std::string &name) const {
  const Driver &driver = getHipDriver();
  std::string_view symbol = launch.symbol;
  // The default stream is the current device's, so that a thread of another
  // one would launch elsewhere without being told.
  int current = number;
  ResultCode code = driver.getDevice.address(&current);
  if (code != success)
    return driver.report("kernel " + name, driver.getDevice.symbol, code,
                         symbol);
  gpu::DeviceScope scope(*this);
  if (current != number)
    if (Status status = scope.enter(); !status.isOk())
      return status;
  // The code states the shared memory that it takes; no more is asked for.
  code = driver.launch.address(function, shape.grid[0], shape.grid[1],
                               shape.grid[2], shape.threads, 1, 1,
                               /*sharedBytes=*/0, stream, parameters, nullptr);
  if (code == success)
    return {};
  return driver.report("kernel " + name, driver.launch.symbol, code, symbol);
}
