//===- Compile.cpp - from pipe kernels to a manifest and LLVM -------------===//

#include "Compile.h"

#include "Lowering.h"
#include "attn/Target/GPU/LaunchRecipe.h"
#include "attn/Version.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace attn;

/// What the code is made from, by what.
static std::string computeCacheKey(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << '\0' << ATTN_VERSION << '\0' << LLVM_VERSION_STRING;
  return llvm::toHex(llvm::SHA256::hash(llvm::arrayRefFromStringRef(text)),
                     /*LowerCase=*/true);
}

FailureOr<CompiledCode>
attn::gpu::lowerToLLVM(ModuleOp module, const Architecture &architecture,
                       void (*build)(OpPassManager &passes, StringRef target),
                       CodeKind kind) {
  FailureOr<Manifest> manifest = buildManifest(module, architecture);
  if (failed(manifest))
    return failure();
  manifest->cacheKey = computeCacheKey(module);

  PassManager passes(module.getContext());
  build(passes, architecture.name);
  if (failed(passes.run(module)))
    return failure();
  for (Launch &launch : manifest->launches) {
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(launch.symbol);
    launch.threads =
        function->getAttrOfType<IntegerAttr>(kBlockThreadsAttr).getInt();
    launch.sharedBytes =
        function->getAttrOfType<IntegerAttr>(kSharedBytesAttr).getInt();
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
  }
  return code;
}
