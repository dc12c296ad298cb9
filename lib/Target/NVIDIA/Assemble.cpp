//===- Assemble.cpp - from PTX to machine code, checked -------------------===//

#include "Assembler.h"
#include "GPU/Lowering.h"
#include "Instructions.h"
#include "attn/Target/NVIDIA/NVIDIA.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

StringRef attn::nvidia::getPtxTarget(StringRef ptx) {
  constexpr StringLiteral kDirective = "\n.target ";
  size_t at = ptx.find(kDirective);
  if (at == StringRef::npos)
    return "";
  StringRef rest = ptx.drop_front(at + kDirective.size());
  return rest.take_until([](char c) { return c == ',' || llvm::isSpace(c); });
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
  for (const Resources &kernel : assembly.kernels) {
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(kernel.kernel);
    auto allowed =
        function
            ? function->getAttrOfType<IntegerAttr>(attn::gpu::kSpilledBytesAttr)
            : IntegerAttr();
    // What is stored once may be read at two places.
    if (std::max(kernel.spillStores, kernel.spillLoads / 2) >
        (allowed ? allowed.getInt() : 0))
      return module.emitError("expects kernel ")
             << kernel.kernel << " to fit its registers, but ptxas spills "
             << kernel.spillStores << " bytes of stores and "
             << kernel.spillLoads << " of loads; use smaller tiles or a larger "
             << "budget";
  }
  return success();
}

/// The compiler for `ptx`, or null. A name in the environment goes first.
static FailureOr<std::unique_ptr<Assembler>> findAssembler(ModuleOp module,
                                                           StringRef ptx) {
  // nvJitLink compiles for further linking, and ignores budgets then (C7504).
  bool canLink = !ptx.contains("setmaxnreg");
  if (canLink &&
      llvm::sys::Process::GetEnv("ATTN_PTXAS").value_or("").empty() &&
      llvm::sys::Process::GetEnv("ATTN_NVJITLINK"))
    return findLinkLibrary(module);
  FailureOr<std::unique_ptr<Assembler>> assembler = findPtxas(module);
  if (failed(assembler) || *assembler || !canLink)
    return assembler;
  return findLinkLibrary(module);
}

FailureOr<bool> attn::nvidia::canAssemble(ModuleOp module, StringRef ptx) {
  FailureOr<std::unique_ptr<Assembler>> assembler = findAssembler(module, ptx);
  if (failed(assembler))
    return failure();
  return *assembler != nullptr;
}

FailureOr<Assembly> attn::nvidia::assemble(ModuleOp module, StringRef ptx) {
  FailureOr<std::unique_ptr<Assembler>> assembler = findAssembler(module, ptx);
  if (failed(assembler))
    return failure();
  if (!*assembler)
    return module.emitError(
        "expects ptxas on PATH to make a cubin, but found none; install CUDA's "
        "compiler, set ATTN_PTXAS, or emit PTX for the driver to compile");
  FailureOr<Assembler::Output> output = (*assembler)->run(module, ptx);
  if (failed(output))
    return failure();
  Assembly assembly;
  assembly.cubin = std::move(output->cubin);
  assembly.log = std::move(output->log);
  assembly.kernels = parseResources(assembly.log);
  if (failed(checkLog(module, assembly)))
    return failure();
  return assembly;
}
