//===- Link.cpp - shared objects and artifacts ----------------------------===//

#include "attn/Support/Linker.h"
#include "attn/Target/CPU/CPU.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

FailureOr<CompiledCode>
attn::cpu::compileSharedObject(ModuleOp module, const CompileOptions &options) {
  FailureOr<CompiledCode> code = compile(module, options);
  if (failed(code))
    return failure();
  // Only the phases' symbols are external in the object, so that nothing else
  // is exported.
  FailureOr<std::string> linked =
      linkSharedObject(module, code->bytes, {"ld.lld", "ld.lld-22", "ld"},
                       {"-z", "noexecstack", "-z", "defs"});
  if (failed(linked))
    return failure();
  return CompiledCode{std::move(code->manifest), std::move(*linked)};
}

FailureOr<Artifact> attn::cpu::compileArtifact(ModuleOp module,
                                               const CompileOptions &options) {
  FailureOr<CompiledCode> code = compileSharedObject(module, options);
  if (failed(code))
    return failure();
  Artifact artifact;
  artifact.manifest = std::move(code->manifest);
  artifact.payloads.push_back(
      {Artifact::PayloadKind::sharedObject, std::move(code->bytes)});
  return artifact;
}
