//===- HipVendor.cpp - which artifacts AMD's GPUs run ---------------------===//

#include "HipVendor.h"

#include "HipDevice.h"

#include <cstdlib>

using namespace attn;
using namespace attn::hip;

static constexpr char archPrefix[] = "gfx";

/// The version and, in hexadecimal, the stepping of gfx90a as one number.
static long getGeneration(const std::string &arch) {
  return std::strtol(arch.c_str() + sizeof(archPrefix) - 1, nullptr, 16);
}

static Status corrupt(const Manifest &manifest, std::string reason) {
  return Status::error(StatusCode::corrupt, "kernel " + manifest.name,
                       std::move(reason), "compile the kernel again");
}

/// What only kernels of NVIDIA's GPUs ask for.
static Status checkManifest(const Manifest &manifest) {
  if (manifest.target.driver)
    return corrupt(manifest, "expects no CUDA driver for " +
                                 manifest.target.arch + ", but got " +
                                 std::to_string(*manifest.target.driver));
  for (const Launch &launch : manifest.launches) {
    for (int64_t extent : launch.cluster)
      if (extent != 1)
        return corrupt(manifest, "expects no clusters for " +
                                     manifest.target.arch + ", but " +
                                     launch.symbol + " has them");
    for (const Launch::Parameter &parameter : launch.parameters)
      if (parameter.kind == Launch::Parameter::Kind::tensorMap)
        return corrupt(manifest, "expects no tensor maps for " +
                                     manifest.target.arch + ", but " +
                                     launch.symbol + " has one of " +
                                     parameter.name);
  }
  return {};
}

static Status checkPayloads(const Artifact &artifact) {
  const auto &payloads = artifact.payloads;
  if (payloads.size() == 1 &&
      payloads[0].kind == Artifact::PayloadKind::codeObject)
    return {};
  std::string got = std::to_string(payloads.size()) + " payloads";
  if (!payloads.empty())
    got += ", the first of kind " + std::to_string(uint32_t(payloads[0].kind));
  return corrupt(artifact.manifest, "expects one code object, but got " + got);
}

static Result<std::shared_ptr<const HipDevice>> acquire() {
  Result<const Driver *> driver = Driver::get();
  if (!driver.isOk())
    return driver.takeStatus();
  return HipDevice::acquire(**driver);
}

static Result<gpu::Vendor::Admission> admit(const Artifact &artifact) {
  const Manifest &manifest = artifact.manifest;
  if (Status status = checkManifest(manifest); !status.isOk())
    return status;
  if (Status status = checkPayloads(artifact); !status.isOk())
    return status;
  Result<std::shared_ptr<const HipDevice>> device = acquire();
  if (!device.isOk())
    return device.takeStatus();
  // Machine code of one GPU is none of another's (AMDGPU usage, "Processors").
  if ((*device)->getArch() != manifest.target.arch)
    return Status::error(StatusCode::unsupported, "kernel " + manifest.name,
                         "expects a GPU of " + manifest.target.arch +
                             ", but device " +
                             std::to_string((*device)->getNumber()) +
                             " is of " + (*device)->getArch(),
                         "compile the kernel for this GPU");
  return gpu::Vendor::Admission{std::move(*device), &artifact.payloads[0]};
}

static Result<std::shared_ptr<const gpu::Device>> getDevice() {
  Result<std::shared_ptr<const HipDevice>> device = acquire();
  if (!device.isOk())
    return device.takeStatus();
  return std::shared_ptr<const gpu::Device>(std::move(*device));
}

const gpu::Vendor hip::vendor = {"hip", archPrefix, getGeneration, admit,
                                 getDevice};
