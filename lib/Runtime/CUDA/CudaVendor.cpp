//===- CudaVendor.cpp - which artifacts NVIDIA's GPUs run -----------------===//

#include "CudaVendor.h"

#include "CudaDevice.h"

#include <cstdlib>
#include <string_view>

using namespace attn;
using namespace attn::cuda;

using PayloadKind = Artifact::PayloadKind;

static constexpr std::string_view archPrefix = "sm_";

static long getGeneration(const std::string &arch) {
  return std::strtol(arch.c_str() + archPrefix.size(), nullptr, 10);
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
                          const CudaDevice &device) {
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
  int got = 10 * device.getComputeMajor() + device.getComputeMinor();
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
                           std::to_string(device.getNumber()) +
                           " is of compute capability " +
                           std::to_string(device.getComputeMajor()) + "." +
                           std::to_string(device.getComputeMinor()),
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

static Result<gpu::Vendor::Admission> admit(const Artifact &artifact) {
  const Manifest &manifest = artifact.manifest;
  if (Status status = checkPayloads(artifact); !status.isOk())
    return status;
  Result<const Driver *> driver = Driver::get();
  if (!driver.isOk())
    return driver.takeStatus();
  if (Status status = checkDriver(manifest, **driver); !status.isOk())
    return status;
  Result<std::shared_ptr<const CudaDevice>> device =
      CudaDevice::acquire(**driver);
  if (!device.isOk())
    return device.takeStatus();
  // A cubin is what the driver would make of the PTX beside it.
  Status refusal;
  for (const Artifact::Payload &candidate : artifact.payloads) {
    refusal = checkDevice(manifest, candidate.kind, **device);
    if (refusal.isOk())
      return gpu::Vendor::Admission{std::move(*device), &candidate};
  }
  return refusal;
}

static Result<std::shared_ptr<const gpu::Device>> getDevice() {
  Result<const Driver *> driver = Driver::get();
  if (!driver.isOk())
    return driver.takeStatus();
  Result<std::shared_ptr<const CudaDevice>> device =
      CudaDevice::acquire(**driver);
  if (!device.isOk())
    return device.takeStatus();
  return std::shared_ptr<const gpu::Device>(std::move(*device));
}

const gpu::Vendor cuda::vendor = {"cuda", archPrefix.data(), getGeneration,
                                  admit, getDevice};
