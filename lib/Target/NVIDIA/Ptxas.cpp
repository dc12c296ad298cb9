//===- Ptxas.cpp - from PTX to machine code, by ptxas ---------------------===//

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

static FailureOr<std::string> findPtxas(ModuleOp module) {
  if (std::optional<std::string> path =
          llvm::sys::Process::GetEnv("ATTN_PTXAS")) {
    if (llvm::sys::fs::can_execute(*path))
      return *path;
    return module.emitError("expects ATTN_PTXAS to name a program, but got '")
           << *path << "'";
  }
  if (auto path = llvm::sys::findProgramByName("ptxas"))
    return *path;
  return module.emitError(
      "expects ptxas on PATH to make a cubin, but found none; install CUDA's "
      "compiler, set ATTN_PTXAS, or emit PTX for the driver to compile");
}

static int64_t matchNumber(StringRef line, StringRef pattern) {
  SmallVector<StringRef> groups;
  int64_t value = 0;
  if (llvm::Regex(pattern).match(line, &groups))
    groups[1].getAsInteger(10, value);
  return value;
}

/// Reads `ptxas -v`: a line that names the function, then its figures.
static std::vector<Resources> parseResources(StringRef log) {
  std::vector<Resources> kernels;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  for (StringRef line : lines) {
    SmallVector<StringRef> groups;
    if (llvm::Regex("Compiling entry function '([^']*)'").match(line, &groups))
      kernels.emplace_back().kernel = groups[1].str();
    if (kernels.empty())
      continue;
    Resources &last = kernels.back();
    last.stackBytes += matchNumber(line, "([0-9]+) bytes stack frame");
    last.spillStores += matchNumber(line, "([0-9]+) bytes spill stores");
    last.spillLoads += matchNumber(line, "([0-9]+) bytes spill loads");
    last.registers += matchNumber(line, "Used ([0-9]+) registers");
  }
  return kernels;
}

/// A slow kernel is not what was asked for: ptxas serialises products (C7510 to
/// C7519) or spills with a mere warning.
static LogicalResult checkLog(ModuleOp module, const Assembly &assembly) {
  SmallVector<StringRef> lines;
  StringRef(assembly.log).split(lines, '\n');
  SmallVector<StringRef> warnings;
  for (StringRef line : lines)
    if (llvm::Regex("\\(C75[0-9][0-9]\\)").match(line))
      warnings.push_back(line.trim());
  if (!warnings.empty())
    return module.emitError("expects ptxas to keep products asynchronous, but "
                            "it says: ")
           << llvm::join(warnings, "; ");
  for (const Resources &kernel : assembly.kernels)
    if (kernel.spillStores || kernel.spillLoads)
      return module.emitError("expects kernel ")
             << kernel.kernel << " to fit its registers, but ptxas spills "
             << kernel.spillStores << " bytes of stores and "
             << kernel.spillLoads << " of loads; use smaller tiles or a larger "
             << "budget";
  return success();
}

FailureOr<Assembly> attn::nvidia::assemble(ModuleOp module, StringRef ptx) {
  FailureOr<std::string> program = findPtxas(module);
  if (failed(program))
    return failure();
  SmallString<128> input, output, log;
  auto remove = llvm::make_scope_exit([&] {
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

  SmallVector<StringRef> arguments{
      *program, "-arch=sm_90a", "-O3", "-v", input.str(), "-o", output.str()};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(*program, arguments, std::nullopt,
                                         {std::nullopt, log.str(), log.str()},
                                         /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message);
  Assembly assembly;
  if (auto buffer = llvm::MemoryBuffer::getFile(log))
    assembly.log = (*buffer)->getBuffer().str();
  if (status != 0)
    return module.emitError("expects ptxas to accept the kernel, but it says: ")
           << (assembly.log.empty() ? message : assembly.log);
  auto buffer = llvm::MemoryBuffer::getFile(output);
  if (!buffer)
    return module.emitError("expects ptxas to write a cubin, but got: ")
           << buffer.getError().message();
  assembly.cubin = (*buffer)->getBuffer().str();
  assembly.kernels = parseResources(assembly.log);
  if (failed(checkLog(module, assembly)))
    return failure();
  return assembly;
}
