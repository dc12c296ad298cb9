//===- CudaKernel.cpp - a kernel loaded into a CUDA context ---------------===//

#include "CudaKernel.h"

#include "CudaPlan.h"
#include "attn/Runtime/Artifact.h"

#include <cstdlib>
#include <string_view>

using namespace attn;
using namespace attn::cuda;

using PayloadKind = Artifact::PayloadKind;

static constexpr std::string_view archPrefix = "sm_";

/// Without asking for more, a function may use this much: CUDA C++ Programming
/// Guide, "Technical Specifications per Compute Capability".
static constexpr int64_t defaultSharedBytes = 48 << 10;

bool CudaKernel::runs(const Manifest &manifest) {
  return manifest.target.arch.compare(0, archPrefix.size(), archPrefix) == 0;
}

long CudaKernel::getGeneration(const Manifest &manifest) {
  return std::strtol(manifest.target.arch.c_str() + archPrefix.size(), nullptr,
                     10);
}

static Status checkDriver(const Manifest &manifest, const Driver &driver) {
  int64_t wanted = manifest.target.driver.value_or(0);
  if (driver.getVersionNumber() >= wanted)
    return {};
  return Status::error(StatusCode::unsupported, "kernel " + manifest.name,
                       "expects a driver for CUDA " +
                           Driver::formatVersion(static_cast<int>(wanted)) +
                           " or later, but got " +
                           Driver::formatVersion(driver.getVersionNumber()),
                       "install a newer NVIDIA driver or compile for this one");
}

/// Machine code runs on devices of its major version from its minor one on,
/// PTX on all later ones; with the suffix "a" both on that version only, with
/// "f" on its major version (PTX ISA, ".target").
static Status checkDevice(const Manifest &manifest, PayloadKind kind,
                          const Context &context) {
  const std::string &arch = manifest.target.arch;
  char *suffix = nullptr;
  long number = std::strtol(arch.c_str() + archPrefix.size(), &suffix, 10);
  std::string_view variant(suffix);
  if (number < 10 || number > 9999 ||
      (!variant.empty() && variant != "a" && variant != "f"))
    return Status::error(StatusCode::corrupt, "manifest.target.arch",
                         "expects a GPU such as sm_90 or sm_90a, but got '" +
                             arch + "'",
                         "compile the kernel again");
  int wanted = static_cast<int>(number);
  int got = 10 * context.getComputeMajor() + context.getComputeMinor();
  bool sameMajor = wanted / 10 == got / 10;
  bool runs = got >= wanted;
  if (variant == "a")
    runs = got == wanted;
  else if (variant == "f" || kind == PayloadKind::cubin)
    runs &= sameMajor;
  if (runs)
    return {};
  return Status::error(StatusCode::unsupported, "kernel " + manifest.name,
                       "expects a GPU that runs " + arch + ", but device " +
                           std::to_string(context.getDevice()) +
                           " is of compute capability " +
                           std::to_string(context.getComputeMajor()) + "." +
                           std::to_string(context.getComputeMinor()),
                       "compile the kernel for this GPU");
}

static Status checkPayloads(const Artifact &artifact) {
  const auto &payloads = artifact.payloads;
  auto isOf = [&](size_t number, PayloadKind kind) {
    return payloads[number].kind == kind;
  };
  if (payloads.size() == 1 &&
      (isOf(0, PayloadKind::cubin) || isOf(0, PayloadKind::ptx)))
    return {};
  if (payloads.size() == 2 && isOf(0, PayloadKind::cubin) &&
      isOf(1, PayloadKind::ptx))
    return {};
  std::string got = std::to_string(payloads.size()) + " payloads";
  if (!payloads.empty())
    got += ", the first of kind " + std::to_string(uint32_t(payloads[0].kind));
  return Status::error(StatusCode::corrupt, "kernel " + artifact.manifest.name,
                       "expects one cubin or PTX text, or both, but got " + got,
                       "compile the kernel again");
}

Status CudaKernel::findFunctions(const std::string &name) {
  const Driver &driver = context->getDriver();
  for (const Launch &launch : manifest.launches) {
    if (launch.sharedBytes > context->getMaxSharedBytes())
      return Status::error(StatusCode::unsupported, name,
                           "expects " + std::to_string(launch.sharedBytes) +
                               " bytes of shared memory for " + launch.symbol +
                               ", but this GPU has " +
                               std::to_string(context->getMaxSharedBytes()) +
                               " a block",
                           "compile with smaller tiles or fewer stages");
    Result<FunctionHandle> function = module->find(launch.symbol, name);
    if (!function.isOk())
      return function.takeStatus();
    if (launch.sharedBytes > defaultSharedBytes)
      if (Status status =
              driver.call(name, driver.setFunctionAttribute, *function,
                          maxDynamicSharedBytes, int(launch.sharedBytes));
          !status.isOk())
        return status;
    functions.push_back(*function);
  }
  return {};
}

Result<std::shared_ptr<const LoadedKernel>>
CudaKernel::load(const Artifact &artifact) {
  const Manifest &manifest = artifact.manifest;
  if (Status status = manifest.validate(); !status.isOk())
    return status;
  if (manifest.launches.empty())
    return Status::error(StatusCode::corrupt, "kernel " + manifest.name,
                         "expects launches for " + manifest.target.arch +
                             ", but got phases",
                         "compile the kernel again");
  if (Status status = checkPayloads(artifact); !status.isOk())
    return status;
  Result<const Driver *> driver = Driver::get();
  if (!driver.isOk())
    return driver.takeStatus();
  if (Status status = checkDriver(manifest, **driver); !status.isOk())
    return status;
  Result<std::shared_ptr<const Context>> context = Context::acquire(**driver);
  if (!context.isOk())
    return context.takeStatus();
  // A cubin is what the driver would make of the PTX beside it.
  const Artifact::Payload *payload = nullptr;
  Status refusal;
  for (const Artifact::Payload &candidate : artifact.payloads) {
    refusal = checkDevice(manifest, candidate.kind, **context);
    if (refusal.isOk()) {
      payload = &candidate;
      break;
    }
  }
  if (!payload)
    return refusal;

  std::string name = "kernel " + manifest.name;
  Result<std::shared_ptr<const Module>> module =
      Module::load(*context, payload->bytes, name);
  if (!module.isOk())
    return module.takeStatus();
  std::shared_ptr<CudaKernel> kernel(new CudaKernel);
  kernel->manifest = manifest;
  kernel->context = std::move(*context);
  kernel->module = std::move(*module);
  ContextScope scope(*kernel->context);
  if (Status status = scope.enter(); !status.isOk())
    return status;
  if (Status status = kernel->findFunctions(name); !status.isOk())
    return status;
  return std::shared_ptr<const LoadedKernel>(std::move(kernel));
}

Result<std::unique_ptr<PreparedPlan>>
CudaKernel::prepare(const ArgumentValue *values, size_t numValues,
                    std::shared_ptr<ThreadPool>, int smMargin) const {
  return CudaPlan::prepare(shared_from_this(), values, numValues, smMargin);
}

Result<bool> CudaKernel::isCapturing(void *stream) const {
  const Driver &driver = context->getDriver();
  CaptureStatus status = captureNone;
  auto ask = [&] {
    return driver.isCapturing.address(static_cast<StreamHandle>(stream),
                                      &status);
  };
  ResultCode code = ask();
  if (code == errorInvalidContext || code == errorInvalidHandle) {
    ContextScope scope(*context);
    if (Status entered = scope.enter(); !entered.isOk())
      return entered;
    code = ask();
  }
  if (code != success)
    return driver.report("kernel " + manifest.name, driver.isCapturing.symbol,
                         code);
  return status != captureNone;
}
