//===- Targets.cpp - the AMD GPUs that there is code for ------------------===//

#include "Models.h"

#include "attn/Target/AMD/AMD.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;

namespace {
struct Target {
  StringRef name;
  const MachineModel &(*getModel)(bool anyStrides);
};
} // namespace

/// The usual one first.
static ArrayRef<Target> getTargets() {
  static const Target all[] = {
      {"gfx942", getGfx942Model},
      {"gfx90a", getGfx90aModel},
      {"gfx1100", getGfx1100Model},
  };
  return all;
}

ArrayRef<StringRef> amd::getTargetNames() {
  static const SmallVector<StringRef> names = llvm::map_to_vector(
      getTargets(), [](const Target &target) { return target.name; });
  return names;
}

const MachineModel &amd::getMachineModel(StringRef target, bool anyStrides) {
  if (target.empty())
    target = getTargetNames().front();
  const Target *found = llvm::find_if(
      getTargets(), [&](const Target &own) { return own.name == target; });
  assert(found != getTargets().end() && "expects one of the target names");
  return found->getModel(anyStrides);
}
