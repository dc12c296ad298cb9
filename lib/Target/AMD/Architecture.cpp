//===- Architecture.cpp - the AMD GPUs that there is code for -------------===//

#include "Instructions.h"

#include "attn/Target/AMD/AMD.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;

/// The usual one first.
static ArrayRef<const gpu::Architecture *> getArchitectures() {
  static const gpu::Architecture *const all[] = {
#define ATTN_AMD_TARGET(NAME) &get##NAME(),
#include "Targets.def"
#undef ATTN_AMD_TARGET
  };
  return all;
}

const gpu::Architecture *amd::findArchitecture(StringRef name) {
  if (name.empty())
    return getArchitectures().front();
  for (const gpu::Architecture *architecture : getArchitectures())
    if (architecture->name == name)
      return architecture;
  return nullptr;
}

const gpu::Architecture *amd::getArchitecture(Operation *where,
                                              StringRef name) {
  if (const gpu::Architecture *architecture = findArchitecture(name))
    return architecture;
  where->emitError("expects a target that is one of ")
      << llvm::join(getTargetNames(), ", ") << ", but got '" << name << "'";
  return nullptr;
}

ArrayRef<StringRef> amd::getTargetNames() {
  static const SmallVector<StringRef> names = llvm::map_to_vector(
      getArchitectures(),
      [](const gpu::Architecture *architecture) -> StringRef {
        return architecture->name;
      });
  return names;
}

const MachineModel &amd::getMachineModel(StringRef target, bool anyStrides) {
  const gpu::Architecture *architecture = findArchitecture(target);
  assert(architecture && "expects one of the target names");
  return architecture->getModel(anyStrides);
}
