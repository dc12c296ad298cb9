//===- Linker.cpp - shared objects by a linker on PATH --------------------===//

#include "attn/Support/Linker.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;

static std::string findLinker(ArrayRef<StringRef> names) {
  for (StringRef name : names)
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return {};
}

FailureOr<std::string> attn::linkSharedObject(Operation *where,
                                              StringRef object,
                                              ArrayRef<StringRef> linkers,
                                              ArrayRef<StringRef> options) {
  std::string linker = findLinker(linkers);
  if (linker.empty())
    return where->emitError(
               "expects a linker on PATH to make a shared object (")
           << llvm::join(linkers, ", ") << "), but found none: install lld";
  SmallString<128> input, output, messages;
  if (llvm::sys::fs::createTemporaryFile("attn", "o", input) ||
      llvm::sys::fs::createTemporaryFile("attn", "so", output) ||
      llvm::sys::fs::createTemporaryFile("attn", "txt", messages))
    return where->emitError("cannot make a temporary file to link in");
  llvm::FileRemover removeInput(input), removeOutput(output),
      removeMessages(messages);
  std::error_code error;
  {
    llvm::raw_fd_ostream stream(input, error);
    if (!error)
      stream << object;
    if (error || stream.has_error())
      return where->emitError("cannot write the object file '")
             << input << "' to link";
  }
  SmallVector<StringRef> arguments = {linker, "-shared"};
  arguments.append(options.begin(), options.end());
  arguments.append({"-o", output, input});
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(messages),
                                          StringRef(messages)};
  if (int status = llvm::sys::ExecuteAndWait(linker, arguments, std::nullopt,
                                             redirects)) {
    auto text = llvm::MemoryBuffer::getFile(messages);
    return where->emitError("linker '")
           << linker << "' ended with status " << status << ": "
           << (text ? (*text)->getBuffer().trim() : StringRef());
  }
  auto bytes = llvm::MemoryBuffer::getFile(output);
  if (!bytes)
    return where->emitError("cannot read the linked file '") << output << "'";
  return (*bytes)->getBuffer().str();
}
