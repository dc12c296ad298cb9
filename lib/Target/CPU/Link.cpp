//===- Link.cpp - shared objects and artifacts ----------------------------===//

#include "attn/Target/CPU/CPU.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static std::string findLinker() {
  for (StringRef name : {"ld.lld", "ld.lld-22", "ld"})
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return {};
}

/// Links one object into a shared object. Only the phases' symbols are external
/// in the object, so nothing else is exported; it names no library, and code
/// that needs one is refused.
static FailureOr<std::string> link(ModuleOp module, StringRef object) {
  std::string linker = findLinker();
  if (linker.empty())
    return module.emitError("expects a linker on PATH to make a shared object "
                            "(ld.lld, ld.lld-22 or ld), but found none: "
                            "install lld");
  SmallString<128> input, output, messages;
  if (llvm::sys::fs::createTemporaryFile("attn", "o", input) ||
      llvm::sys::fs::createTemporaryFile("attn", "so", output) ||
      llvm::sys::fs::createTemporaryFile("attn", "txt", messages))
    return module.emitError("cannot make a temporary file to link in");
  llvm::FileRemover removeInput(input), removeOutput(output),
      removeMessages(messages);
  std::error_code error;
  {
    llvm::raw_fd_ostream stream(input, error);
    if (!error)
      stream << object;
    if (error || stream.has_error())
      return module.emitError("cannot write the object file '")
             << input << "' to link";
  }
  StringRef arguments[] = {linker, "-shared", "-z",   "noexecstack", "-z",
                           "defs", "-o",      output, input};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(messages),
                                          StringRef(messages)};
  if (int status = llvm::sys::ExecuteAndWait(linker, arguments, std::nullopt,
                                             redirects)) {
    auto text = llvm::MemoryBuffer::getFile(messages);
    return module.emitError("linker '")
           << linker << "' ended with status " << status << ": "
           << (text ? (*text)->getBuffer().trim() : StringRef());
  }
  auto bytes = llvm::MemoryBuffer::getFile(output);
  if (!bytes)
    return module.emitError("cannot read the linked file '") << output << "'";
  return (*bytes)->getBuffer().str();
}

FailureOr<CompiledCode>
attn::cpu::compileSharedObject(ModuleOp module, const CompileOptions &options) {
  FailureOr<CompiledCode> code = compile(module, options);
  if (failed(code))
    return failure();
  FailureOr<std::string> linked = link(module, code->bytes);
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
