//===- Architecture.cpp - the NVIDIA GPUs that there is code for ----------===//

#include "Instructions.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

/// The usual one first.
static ArrayRef<const Architecture *> getArchitectures() {
  static const Architecture *const all[] = {
      &getHopper(),
      &getAmpere(),
      &getAda(),
  };
  return all;
}

const Architecture *attn::nvidia::findArchitecture(StringRef name) {
  if (name.empty())
    return getArchitectures().front();
  for (const Architecture *architecture : getArchitectures())
    if (architecture->name == name)
      return architecture;
  return nullptr;
}

const Architecture *attn::nvidia::getArchitecture(Operation *where,
                                                  StringRef name) {
  if (const Architecture *architecture = findArchitecture(name))
    return architecture;
  where->emitError("expects a target that is one of ")
      << llvm::join(getTargetNames(), ", ") << ", but got '" << name << "'";
  return nullptr;
}

ArrayRef<StringRef> attn::nvidia::getTargetNames() {
  static const SmallVector<StringRef> names = llvm::map_to_vector(
      getArchitectures(), [](const Architecture *architecture) -> StringRef {
        return architecture->name;
      });
  return names;
}

const MachineModel &attn::nvidia::getMachineModel(StringRef target,
                                                  bool anyStrides) {
  const Architecture *architecture = findArchitecture(target);
  assert(architecture && "expects one of the target names");
  return architecture->getModel(anyStrides);
}

Result<ScheduleTable> attn::nvidia::readScheduleTable(StringRef target) {
  const Architecture *architecture = findArchitecture(target);
  assert(architecture && "expects one of the target names");
  return ScheduleTable::parse(architecture->schedules,
                              architecture->name.str() + ".schedules");
}
