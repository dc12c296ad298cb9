//===- Compile.cpp - from pipe kernels to an artifact --------------------===//

#include "Instructions.h"
#include "attn/Target/NVIDIA/LaunchRecipe.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "attn/Version.h"

#include "GPU/Lowering.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

/// What the code is made from, by what.
static std::string computeCacheKey(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << '\0' << ATTN_VERSION << '\0' << LLVM_VERSION_STRING;
  return llvm::toHex(llvm::SHA256::hash(llvm::arrayRefFromStringRef(text)),
                     /*LowerCase=*/true);
}

FailureOr<CompiledCode> attn::nvidia::compile(ModuleOp module, CodeKind kind,
                                              StringRef target) {
  const Architecture *architecture = getArchitecture(module, target);
  if (!architecture)
    return failure();
  FailureOr<Manifest> manifest = buildManifest(module, target);
  if (failed(manifest))
    return failure();
  manifest->cacheKey = computeCacheKey(module);

  PassManager passes(module.getContext());
  buildPipeline(passes, target);
  if (failed(passes.run(module)))
    return failure();
  for (Launch &launch : manifest->launches) {
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(launch.symbol);
    launch.threads =
        function->getAttrOfType<IntegerAttr>(gpu::kBlockThreadsAttr).getInt();
    launch.sharedBytes =
        function->getAttrOfType<IntegerAttr>(gpu::kSharedBytesAttr).getInt();
  }
  if (Status status = manifest->validate(); !status.isOk())
    return module.emitError("expects a launch that a host can make: ")
           << status.message();

  CompiledCode code;
  code.manifest = std::move(*manifest);
  code.kind = kind;
  if (kind == CodeKind::LLVMDialect) {
    llvm::raw_string_ostream stream(code.bytes);
    module.print(stream);
    stream << '\n';
    return code;
  }
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
