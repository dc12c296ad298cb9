//===- Ptxas.cpp - the program ptxas --------------------------------------===//

#include "Assembler.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

namespace {
class Ptxas final : public Assembler {
public:
  explicit Ptxas(std::string program) : program(std::move(program)) {}

  FailureOr<Output> run(ModuleOp module, StringRef ptx) override;

private:
  std::string program;
};
} // namespace

FailureOr<Assembler::Output> Ptxas::run(ModuleOp module, StringRef ptx) {
  SmallString<128> input, output, log;
  llvm::scope_exit remove([&] {
    for (StringRef path : {input.str(), output.str(), log.str()})
      if (!path.empty())
        llvm::sys::fs::remove(path);
  });
  std::error_code error;
  int descriptor;
  error = llvm::sys::fs::createTemporaryFile("attn", "ptx", descriptor, input);
  if (!error) {
    llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    stream << ptx;
    stream.close();
    error = stream.error();
    stream.clear_error();
  }
  if (!error)
    error = llvm::sys::fs::createTemporaryFile("attn", "cubin", output);
  if (!error)
    error = llvm::sys::fs::createTemporaryFile("attn", "log", log);
  if (error)
    return module.emitError("expects to write temporary files for ptxas, but "
                            "got: ")
           << error.message();

  std::string target = "-arch=" + getPtxTarget(ptx).str();
  SmallVector<StringRef> arguments{program,     target, "-O3",       "-v",
                                   input.str(), "-o",   output.str()};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(program, arguments, std::nullopt,
                                         {std::nullopt, log.str(), log.str()},
                                         /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message);
  Output result;
  if (auto buffer = llvm::MemoryBuffer::getFile(log))
    result.log = (*buffer)->getBuffer().str();
  if (status != 0)
    return module.emitError("expects ptxas to accept the kernel, but it says: ")
           << (result.log.empty() ? message : result.log);
  auto buffer = llvm::MemoryBuffer::getFile(output);
  if (!buffer)
    return module.emitError("expects ptxas to write a cubin, but got: ")
           << buffer.getError().message();
  result.cubin = (*buffer)->getBuffer().str();
  return result;
}

/// What ATTN_PTXAS names, else the program on PATH or of an installation of
/// CUDA; empty where there is none.
static std::string locatePtxas() {
  if (auto path = llvm::sys::Process::GetEnv("ATTN_PTXAS"))
    return *path;
  if (auto path = llvm::sys::findProgramByName("ptxas"))
    return *path;
  std::vector<std::string> roots;
  for (const char *name : {"CUDA_HOME", "CUDA_PATH"})
    if (auto root = llvm::sys::Process::GetEnv(name))
      roots.push_back(*root);
  roots.push_back("/usr/local/cuda");
  for (const std::string &root : roots)
    if (llvm::sys::fs::can_execute(root + "/bin/ptxas"))
      return root + "/bin/ptxas";
  return "";
}

FailureOr<std::unique_ptr<Assembler>> attn::nvidia::findPtxas(ModuleOp module) {
  std::string path = locatePtxas();
  if (path.empty())
    return std::unique_ptr<Assembler>();
  if (!llvm::sys::fs::can_execute(path))
    return module.emitError("expects ATTN_PTXAS to name a program, but got '")
           << path << "'";
  return std::unique_ptr<Assembler>(std::make_unique<Ptxas>(path));
}

std::vector<std::string> attn::nvidia::listAssemblers() {
  std::vector<std::string> files = {locatePtxas()};
  if (auto library = llvm::sys::Process::GetEnv("ATTN_NVJITLINK"))
    files.push_back(*library);
  return files;
}
