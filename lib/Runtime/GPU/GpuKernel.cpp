//===- GpuKernel.cpp - a kernel loaded into a GPU -------------------------===//

#include "GpuKernel.h"

#include "GpuPlan.h"

using namespace attn;
using namespace attn::gpu;

Status GpuKernel::findFunctions(const std::string &name) {
  for (const Launch &launch : manifest.launches) {
    if (launch.sharedBytes > device->getMaxSharedBytes())
      return Status::error(StatusCode::unsupported, name,
                           "expects " + std::to_string(launch.sharedBytes) +
                               " bytes of shared memory for " + launch.symbol +
                               ", but this GPU has " +
                               std::to_string(device->getMaxSharedBytes()) +
                               " a block",
                           "compile with smaller tiles or fewer stages");
    Result<FunctionHandle> function =
        module->find(launch.symbol, launch.sharedBytes, name);
    if (!function.isOk())
      return function.takeStatus();
    functions.push_back(*function);
  }
  return {};
}

Result<std::shared_ptr<const LoadedKernel>>
GpuKernel::load(const Vendor &vendor, const Artifact &artifact) {
  const Manifest &manifest = artifact.manifest;
  std::string name = "kernel " + manifest.name;
  if (Status status = manifest.validate(); !status.isOk())
    return status;
  if (manifest.launches.empty())
    return Status::error(StatusCode::corrupt, name,
                         "expects launches for " + manifest.target.arch +
                             ", but got phases",
                         "compile the kernel again");
  Result<Vendor::Admission> admission = vendor.admit(artifact);
  if (!admission.isOk())
    return admission.takeStatus();
  Result<std::shared_ptr<const Module>> module =
      Module::load(admission->device, admission->payload->bytes, name);
  if (!module.isOk())
    return module.takeStatus();
  std::shared_ptr<GpuKernel> kernel(new GpuKernel);
  kernel->manifest = manifest;
  kernel->device = std::move(admission->device);
  kernel->module = std::move(*module);
  DeviceScope scope(*kernel->device);
  if (Status status = scope.enter(); !status.isOk())
    return status;
  if (Status status = kernel->findFunctions(name); !status.isOk())
    return status;
  return std::shared_ptr<const LoadedKernel>(std::move(kernel));
}

Result<std::unique_ptr<PreparedPlan>>
GpuKernel::prepare(const ArgumentValue *values, size_t numValues,
                   std::shared_ptr<ThreadPool>, int smMargin) const {
  return GpuPlan::prepare(shared_from_this(), values, numValues, smMargin);
}

Result<bool> GpuKernel::isCapturing(void *stream) const {
  return device->isCapturing(static_cast<StreamHandle>(stream),
                             "kernel " + manifest.name);
}
