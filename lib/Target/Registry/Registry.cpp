//===- Registry.cpp - the vendors of GPUs that there is code for ----------===//

#include "attn/Target/AMD/CodeObject.h"
#include "attn/Target/GpuTarget.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Pipe/Pipe.h"

#include "mlir/Pass/PassManager.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;

ArrayRef<const GpuVendor *> attn::getGpuVendors() {
  static const GpuVendor *const vendors[] = {
      &nvidia::getVendor(),
      &amd::getVendor(),
  };
  return vendors;
}

const GpuVendor::Form *GpuVendor::findForm(StringRef name) const {
  auto *form =
      llvm::find_if(forms, [&](const Form &own) { return own.name == name; });
  return form == forms.end() ? nullptr : form;
}

const GpuVendor::Form *GpuVendor::findForm(CodeKind kind) const {
  auto *form =
      llvm::find_if(forms, [&](const Form &own) { return own.kind == kind; });
  return form == forms.end() ? nullptr : form;
}

const GpuVendor *attn::findGpuVendor(StringRef target) {
  if (target.empty())
    return getGpuVendors().front();
  for (const GpuVendor *vendor : getGpuVendors())
    if (llvm::is_contained(vendor->getTargetNames(), target))
      return vendor;
  return nullptr;
}

const GpuVendor &attn::getGpuVendor(StringRef target) {
  const GpuVendor *vendor = findGpuVendor(target);
  assert(vendor && "expects one of the target names");
  return *vendor;
}

std::vector<StringRef> attn::getGpuTargetNames() {
  std::vector<StringRef> names;
  for (const GpuVendor *vendor : getGpuVendors())
    llvm::append_range(names, vendor->getTargetNames());
  return names;
}

const MachineModel &attn::getMachineModel(StringRef target, bool anyStrides) {
  return getGpuVendor(target).getMachineModel(target, anyStrides);
}

FailureOr<CompiledCode> attn::compileKernels(ModuleOp module, CodeKind kind,
                                             StringRef target) {
  const GpuVendor &vendor = getGpuVendor(target);
  PassManager passes(module.getContext());
  passes.addNestedPass<pipe::KernelOp>(createPlaceArraysPass(
      {vendor.getMachineModel(target, /*anyStrides=*/false).sharedBytes}));
  if (failed(passes.run(module)))
    return failure();
  return vendor.compile(module, kind, target);
}
