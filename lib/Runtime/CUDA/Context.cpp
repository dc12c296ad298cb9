//===- Context.cpp - the context of a device that kernels live in ---------===//

#include "Context.h"

using namespace attn;
using namespace attn::cuda;

static const char *const feature = "CUDA device";

Result<std::shared_ptr<const Context>> Context::acquire(const Driver &driver) {
  std::shared_ptr<Context> context(new Context(driver));
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
  return std::shared_ptr<const Context>(std::move(context));
}

Status Context::initialize() {
  ContextScope scope(*this);
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

Context::~Context() {
  if (retained)
    driver.releasePrimaryContext.address(device);
}

Status ContextScope::enter() {
  const Driver &driver = context.getDriver();
  if (Status status =
          driver.call(feature, driver.pushContext, context.getHandle());
      !status.isOk())
    return status;
  isPushed = true;
  Status status = driver.call(feature, driver.exchangeCaptureMode, &mode);
  isRelaxed = status.isOk();
  return status;
}

ContextScope::~ContextScope() {
  const Driver &driver = context.getDriver();
  ContextHandle popped;
  if (isRelaxed)
    driver.exchangeCaptureMode.address(&mode);
  if (isPushed)
    driver.popContext.address(&popped);
}

Status attn::cuda::checkNoCapture(const Context &context,
                                  const std::string &about) {
  const Driver &driver = context.getDriver();
  for (StreamHandle stream : {getLegacyStream(), getPerThreadStream()}) {
    CaptureStatus status = captureNone;
    ResultCode code = driver.isCapturing.address(stream, &status);
    if (code == errorStreamCaptureImplicit || status == captureActive)
      return Status::error(StatusCode::invalidArgument, about,
                           "expects no stream to capture, but one does, and "
                           "preparing needs the default stream",
                           "load and prepare before the capture begins");
    if (code != success)
      return driver.report(about, driver.isCapturing.symbol, code);
  }
  return {};
}
