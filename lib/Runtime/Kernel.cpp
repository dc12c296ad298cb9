//===- Kernel.cpp - machine code together with its manifest ---------------===//

#include "attn/Runtime/Kernel.h"

#include "SharedObject.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/CpuFeatures.h"

using namespace attn;

Result<std::shared_ptr<const Kernel>>
Kernel::create(Manifest manifest, const Resolver &resolve,
               std::shared_ptr<void> owner) {
  if (Status status = manifest.validate(); !status.isOk())
    return status;
  if (Status status = checkHostSupports(manifest.target); !status.isOk())
    return status;
  if (!manifest.launches.empty())
    return Status::error(StatusCode::corrupt, "kernel " + manifest.name,
                         "expects phases for a CPU, but got launches",
                         "compile the kernel for " + manifest.target.arch);
  std::shared_ptr<Kernel> kernel(new Kernel);
  for (const Manifest::Phase &phase : manifest.phases) {
    KernelFunction function = resolve(phase.symbol);
    if (!function)
      return Status::error(StatusCode::corrupt, "kernel " + manifest.name,
                           "expects the symbol '" + phase.symbol +
                               "', but the code does not define it",
                           "compile the kernel again");
    kernel->functions.push_back(function);
  }
  kernel->manifest = std::move(manifest);
  kernel->owner = std::move(owner);
  return std::shared_ptr<const Kernel>(std::move(kernel));
}

Result<std::shared_ptr<const Kernel>> Kernel::load(const Artifact &artifact) {
  const std::string &name = artifact.manifest.name;
  // Before the code enters the process: its constructors may already use what
  // this machine lacks.
  if (Status status = checkHostSupports(artifact.manifest.target);
      !status.isOk())
    return status;
  if (artifact.payloads.size() != 1 ||
      artifact.payloads[0].kind != Artifact::PayloadKind::sharedObject)
    return Status::error(
        StatusCode::corrupt, "kernel " + name,
        "expects one shared object, but got " +
            std::to_string(artifact.payloads.size()) + " payloads" +
            (artifact.payloads.empty()
                 ? std::string()
                 : ", the first of kind " +
                       std::to_string(uint32_t(artifact.payloads[0].kind))),
        "compile the kernel again");
  Result<std::shared_ptr<SharedObject>> code =
      SharedObject::load(artifact.payloads[0].bytes, "kernel " + name);
  if (!code.isOk())
    return code.takeStatus();
  SharedObject &object = **code;
  return create(
      artifact.manifest,
      [&](const std::string &symbol) {
        return reinterpret_cast<KernelFunction>(object.find(symbol));
      },
      *code);
}

Result<std::shared_ptr<const Kernel>>
Kernel::loadFile(const std::string &path) {
  Result<Artifact> artifact = Artifact::readFile(path);
  if (!artifact.isOk())
    return artifact.takeStatus();
  return load(*artifact);
}
