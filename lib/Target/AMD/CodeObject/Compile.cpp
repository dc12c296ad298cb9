//===- Compile.cpp - from pipe kernels to an AMD GPU's code ---------------===//

#include "attn/Target/AMD/AMD.h"
#include "attn/Target/AMD/CodeObject.h"

#include "AMD/Instructions.h"
#include "GPU/Compile.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;

FailureOr<CompiledCode> attn::amd::compile(ModuleOp module, CodeKind kind,
                                           StringRef target) {
  const attn::gpu::Architecture *architecture = getArchitecture(module, target);
  if (!architecture)
    return failure();
  FailureOr<CompiledCode> code =
      attn::gpu::lowerToLLVM(module, *architecture, buildPipeline, kind);
  if (failed(code) || kind == CodeKind::LLVMDialect)
    return code;
  if (kind == CodeKind::Best)
    code->kind = CodeKind::MachineCode;
  auto emit = code->kind == CodeKind::LLVMIR     ? emitLLVMIR
              : code->kind == CodeKind::Assembly ? emitAssembly
                                                 : emitCodeObject;
  FailureOr<std::string> bytes =
      emit(module, architecture->name, code->manifest.launches);
  if (failed(bytes))
    return failure();
  code->bytes = std::move(*bytes);
  if (code->kind != CodeKind::MachineCode)
    return code;
  auto kernels = readMetadata(module, code->bytes);
  if (failed(kernels) || failed(verifyMetadata(module, *kernels, code->manifest,
                                               architecture->warpSize)))
    return failure();
  for (const KernelMetadata &kernel : *kernels)
    code->resources.push_back(
        {kernel.name, kernel.vectorRegisters, kernel.spilledVectorRegisters * 4,
         kernel.spilledVectorRegisters * 4, kernel.scratchBytes});
  return code;
}

static Result<ScheduleTable> readScheduleTable(StringRef target) {
  const attn::gpu::Architecture *architecture = findArchitecture(target);
  assert(architecture && "expects one of the target names");
  return ScheduleTable::parse(architecture->schedules,
                              architecture->name.str() + ".schedules");
}

static const GpuVendor::Form forms[] = {
    {"mlir", CodeKind::LLVMDialect},
    {"llvm", CodeKind::LLVMIR},
    {"asm", CodeKind::Assembly},
    {"hsaco", CodeKind::MachineCode, Artifact::PayloadKind::codeObject},
};

const GpuVendor &amd::getVendor() {
  static const GpuVendor vendor = {
      getTargetNames,
      getMachineModel,
      readScheduleTable,
      compile,
      forms,
      /*assemblyNote=*/"",
      // ld.lld writes the same code whichever it is.
      /*listAssemblers=*/[] { return std::vector<std::string>(); },
  };
  return vendor;
}
