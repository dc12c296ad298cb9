//===- Compile.cpp - from pipe kernels to an artifact --------------------===//

#include "Instructions.h"
#include "attn/Target/GPU/LaunchRecipe.h"
#include "attn/Target/NVIDIA/NVIDIA.h"

#include "GPU/Compile.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

FailureOr<Manifest> attn::nvidia::buildManifest(ModuleOp module,
                                                StringRef target) {
  const Architecture *architecture = getArchitecture(module, target);
  if (!architecture)
    return failure();
  return gpu::buildManifest(module, *architecture);
}

FailureOr<CompiledCode> attn::nvidia::compile(ModuleOp module, CodeKind kind,
                                              StringRef target) {
  const Architecture *architecture = getArchitecture(module, target);
  if (!architecture)
    return failure();
  FailureOr<CompiledCode> lowered =
      gpu::lowerToLLVM(module, *architecture, buildPipeline, kind);
  if (failed(lowered) || kind == CodeKind::LLVMDialect)
    return lowered;
  CompiledCode code = std::move(*lowered);
  FailureOr<std::string> ptx = emitPtx(module, target);
  if (failed(ptx))
    return failure();
  if (kind == CodeKind::Best) {
    FailureOr<bool> can = canAssemble(module, *ptx);
    if (failed(can))
      return failure();
    code.kind = *can ? CodeKind::MachineCode : CodeKind::Assembly;
  }
  if (code.kind == CodeKind::Assembly) {
    code.bytes = std::move(*ptx);
    return code;
  }
  FailureOr<Assembly> assembly = assemble(module, *ptx);
  if (failed(assembly))
    return failure();
  code.bytes = std::move(assembly->cubin);
  code.resources = std::move(assembly->kernels);
  if (architecture->isPortable)
    code.portable = std::move(*ptx);
  return code;
}
