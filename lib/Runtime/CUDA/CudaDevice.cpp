//===- CudaDevice.cpp - a device in a context of CUDA ---------------------===//

#include "CudaDevice.h"

#include "../GPU/Refusals.h"
#include "TensorMapEncoder.h"

using namespace attn;
using namespace attn::cuda;

static const char *const feature = "CUDA device";

/// Without asking for more, a function may use this much: CUDA C++ Programming
/// Guide, "Technical Specifications per Compute Capability".
static constexpr int64_t defaultSharedBytes = 48 << 10;
/// The same: blocks of a grid in x, y and z.
static constexpr int64_t maxBlocks[3] = {2147483647, 65535, 65535};

Result<std::shared_ptr<const CudaDevice>>
CudaDevice::acquire(const Driver &driver) {
  std::shared_ptr<CudaDevice> context(new CudaDevice(driver));
  if (Status status =
          driver.call(feature, driver.getCurrentContext, &context->handle);
      !status.isOk())
    return status;
  if (!context->handle) {
    if (Status status =
            driver.call(feature, driver.getDevice, &context->device, 0);
        !status.isOk())
      return status;
    if (Status status = driver.call(feature, driver.retainPrimaryContext,
                                    &context->handle, context->device);
        !status.isOk())
      return status;
    context->retained = true;
  }
  if (Status status = context->initialize(); !status.isOk())
    return status;
  return std::shared_ptr<const CudaDevice>(std::move(context));
}

Status CudaDevice::initialize() {
  const Driver &driver = getCudaDriver();
  gpu::DeviceScope scope(*this);
  if (Status status = scope.enter(); !status.isOk())
    return status;
  if (Status status = driver.call(feature, driver.getContextDevice, &device);
      !status.isOk())
    return status;
  if (Status status = driver.call(feature, driver.getContextId, handle, &id);
      !status.isOk())
    return status;
  const std::pair<int *, DeviceAttribute> attributes[] = {
      {&multiprocessors, multiprocessorCount},
      {&maxSharedBytes, maxSharedBytesPerBlockOptin},
      {&computeMajor, computeCapabilityMajor},
      {&computeMinor, computeCapabilityMinor}};
  for (auto [value, attribute] : attributes)
    if (Status status = driver.call(feature, driver.getDeviceAttribute, value,
                                    attribute, device);
        !status.isOk())
      return status;
  return {};
}

CudaDevice::~CudaDevice() {
  if (retained)
    getCudaDriver().releasePrimaryContext.address(device);
}

int64_t CudaDevice::getMaxBlocks(size_t dim, int64_t) const {
  return maxBlocks[dim];
}

Status CudaDevice::enter(Entry &entry) const {
  const Driver &driver = getCudaDriver();
  if (Status status = driver.call(feature, driver.pushContext, handle);
      !status.isOk())
    return status;
  entry.isEntered = true;
  CaptureMode mode = captureModeRelaxed;
  Status status = driver.call(feature, driver.exchangeCaptureMode, &mode);
  entry.isRelaxed = status.isOk();
  entry.mode = mode;
  return status;
}

void CudaDevice::leave(Entry &entry) const {
  const Driver &driver = getCudaDriver();
  ContextHandle popped;
  auto mode = static_cast<CaptureMode>(entry.mode);
  if (entry.isRelaxed)
    driver.exchangeCaptureMode.address(&mode);
  if (entry.isEntered)
    driver.popContext.address(&popped);
}

Status CudaDevice::checkNoCapture(const std::string &about) const {
  const Driver &driver = getCudaDriver();
  for (StreamHandle stream : {getLegacyStream(), getPerThreadStream()}) {
    CaptureStatus status = captureNone;
    ResultCode code = driver.isCapturing.address(stream, &status);
    if (code == errorStreamCaptureImplicit || status == captureActive)
      return gpu::refuseCapture(about);
    if (code != success)
      return driver.report(about, driver.isCapturing.symbol, code);
  }
  return {};
}

Status CudaDevice::synchronize(const std::string &about) const {
  const Driver &driver = getCudaDriver();
  return driver.call(about, driver.synchronize, getLegacyStream());
}

Status CudaDevice::allocate(DevicePointer &address, uint64_t bytes,
                            const std::string &about) const {
  const Driver &driver = getCudaDriver();
  ResultCode code = driver.allocate.address(&address, bytes);
  if (code == success)
    return {};
  return driver.report(about, driver.allocate.symbol, code,
                       std::to_string(bytes) + " bytes");
}

void CudaDevice::release(DevicePointer address) const {
  getCudaDriver().release.address(address);
}

Status CudaDevice::clear(DevicePointer address, uint64_t bytes,
                         const std::string &about) const {
  const Driver &driver = getCudaDriver();
  return driver.call(about, driver.fill, address, 0, size_t(bytes));
}

Status CudaDevice::copy(DevicePointer to, DevicePointer from, uint64_t bytes,
                        StreamHandle stream, const char *about) const {
  const Driver &driver = getCudaDriver();
  return driver.call(about, driver.copy, to, from, size_t(bytes), stream);
}

/// The first line of what the compiler of PTX wrote.
static std::string_view getFirstLine(const char *log) {
  std::string_view text(log);
  return text.substr(0, text.find('\n'));
}

Status CudaDevice::loadModule(ModuleHandle &module, const std::string &image,
                              const std::string &about) const {
  const Driver &driver = getCudaDriver();
  char log[1024] = {};
  JitOption options[] = {jitErrorLogBuffer, jitErrorLogBufferBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  ResultCode code =
      driver.loadModule.address(&module, image.c_str(), 2, options, values);
  if (code == success)
    return {};
  log[sizeof(log) - 1] = '\0';
  return driver.report(about, driver.loadModule.symbol, code,
                       getFirstLine(log));
}

void CudaDevice::unloadModule(ModuleHandle module) const {
  getCudaDriver().unloadModule.address(module);
}

Result<FunctionHandle>
CudaDevice::findFunction(ModuleHandle module, const std::string &symbol,
                         int64_t sharedBytes, const std::string &about) const {
  const Driver &driver = getCudaDriver();
  FunctionHandle function = nullptr;
  ResultCode code =
      driver.getFunction.address(&function, module, symbol.c_str());
  if (code == errorNotFound)
    return gpu::refuseSymbol(symbol, about);
  if (code != success)
    return driver.report(about, driver.getFunction.symbol, code);
  if (sharedBytes > defaultSharedBytes)
    if (Status status =
            driver.call(about, driver.setFunctionAttribute, function,
                        maxDynamicSharedBytes, static_cast<int>(sharedBytes));
        !status.isOk())
      return status;
  return function;
}

Status CudaDevice::encodeTensorMap(const Manifest::Argument &argument,
                                   const Launch::Parameter &parameter,
                                   const BoundTensor &tensor,
                                   DevicePointer zeros, bool isMove,
                                   void *place) const {
  TensorMap &map = *static_cast<TensorMap *>(place);
  if (isMove)
    return moveTensorMap(getCudaDriver(), argument, tensor, map);
  return cuda::encodeTensorMap(getCudaDriver(), argument, parameter, tensor,
                               zeros, map);
}

Result<bool> CudaDevice::isCapturing(StreamHandle stream,
                                     const std::string &about) const {
  const Driver &driver = getCudaDriver();
  CaptureStatus status = captureNone;
  ResultCode code = driver.isCapturing.address(stream, &status);
  if (code == errorInvalidContext || code == errorInvalidHandle) {
    gpu::DeviceScope scope(*this);
    if (Status entered = scope.enter(); !entered.isOk())
      return entered;
    code = driver.isCapturing.address(stream, &status);
  }
  if (code != success)
    return driver.report(about, driver.isCapturing.symbol, code);
  return status != captureNone;
}

Status CudaDevice::launch(const gpu::LaunchShape &shape,
                          FunctionHandle function, StreamHandle stream,
                          void **parameters, const Launch &launch,
                          const std::string &name) const {
  const Driver &driver = getCudaDriver();
  LaunchAttribute cluster{};
  cluster.id = clusterDimension;
  LaunchConfig config{};
  config.sharedBytes = shape.sharedBytes;
  config.stream = stream;
  config.attributes = &cluster;
  for (int d = 0; d < 3; ++d) {
    config.grid[d] = shape.grid[d];
    config.block[d] = d == 0 ? shape.threads : 1;
    cluster.value.clusterSize[d] = shape.cluster[d];
    if (shape.cluster[d] != 1)
      config.numAttributes = 1;
  }
  auto start = [&] {
    return driver.launch.address(&config, function, parameters, nullptr);
  };
  ResultCode code = start();
  // These two say that nothing was launched, as of a thread that has not the
  // kernel's context.
  if (code == errorInvalidContext || code == errorInvalidHandle) {
    gpu::DeviceScope scope(*this);
    if (Status status = scope.enter(); !status.isOk())
      return status;
    code = start();
  }
  if (code == success)
    return {};
  return driver.report("kernel " + name, driver.launch.symbol, code,
                       launch.symbol);
}
