//===- EmitCode.cpp - from the LLVM dialect to AMD's machine code ---------===//
//
// As for NVIDIA, no LLVM pass runs before the back end, which has its own.
//
//===----------------------------------------------------------------------===//

#include "attn/Support/Linker.h"
#include "attn/Target/AMD/CodeObject.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/ROCDL/ROCDLToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace attn;

/// User guide for AMDGPU back end, "Address spaces": shared memory.
static constexpr unsigned kSharedSpace = 3;

/// The version of code objects that ROCm 6.0 loads too.
static constexpr unsigned kCodeObjectVersion = 500;

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(StringRef gpu) {
  static const bool initialised = [] {
    LLVMInitializeAMDGPUTargetInfo();
    LLVMInitializeAMDGPUTarget();
    LLVMInitializeAMDGPUTargetMC();
    LLVMInitializeAMDGPUAsmPrinter();
    return true;
  }();
  (void)initialised;
  llvm::Triple triple("amdgcn-amd-amdhsa");
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, gpu, /*Features=*/"", options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

/// Gives the kernel an array of its own of so many bytes in place of those that
/// a launch would size.
static void sizeSharedMemory(llvm::Function &kernel, int64_t bytes) {
  llvm::Module &module = *kernel.getParent();
  auto *type = llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()),
                                    static_cast<uint64_t>(bytes));
  llvm::GlobalVariable *own = nullptr;
  for (llvm::GlobalVariable &global :
       llvm::make_early_inc_range(module.globals())) {
    if (global.getAddressSpace() != kSharedSpace || !global.isDeclaration())
      continue;
    // Uses in constant expressions are the kernels' together.
    llvm::convertUsersOfConstantsToInstructions({&global}, &kernel);
    llvm::SmallVector<llvm::Use *> uses;
    for (llvm::Use &use : global.uses())
      if (auto *user = dyn_cast<llvm::Instruction>(use.getUser());
          user && user->getFunction() == &kernel)
        uses.push_back(&use);
    if (uses.empty())
      continue;
    if (!own) {
      own = new llvm::GlobalVariable(
          module, type, /*isConstant=*/false,
          llvm::GlobalValue::InternalLinkage, llvm::PoisonValue::get(type),
          kernel.getName() + "_shared", nullptr,
          llvm::GlobalValue::NotThreadLocal, kSharedSpace);
      own->setAlignment(global.getAlign());
    }
    for (llvm::Use *use : uses)
      use->set(own);
  }
}

/// Translates `module` for the machine and makes what `launches` say part of
/// it.
static std::unique_ptr<llvm::Module> translate(ModuleOp module,
                                               llvm::LLVMContext &context,
                                               llvm::TargetMachine &machine,
                                               ArrayRef<Launch> launches) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerROCDLDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  std::unique_ptr<llvm::Module> translated =
      translateModuleToLLVMIR(module, context, "attn");
  if (!translated)
    return nullptr;
  translated->setTargetTriple(machine.getTargetTriple());
  translated->setDataLayout(machine.createDataLayout());
  translated->addModuleFlag(llvm::Module::Error, "amdhsa_code_object_version",
                            kCodeObjectVersion);
  for (const Launch &launch : launches) {
    llvm::Function *kernel = translated->getFunction(launch.symbol);
    if (!kernel ||
        kernel->getCallingConv() != llvm::CallingConv::AMDGPU_KERNEL) {
      module.emitError("expects a kernel '")
          << launch.symbol << "' in the module, but it "
          << (kernel ? "is a function for kernels to call" : "is not there")
          << "; give it the attribute rocdl.kernel";
      return nullptr;
    }
    std::string threads = std::to_string(launch.threads);
    kernel->addFnAttr("amdgpu-flat-work-group-size", threads + "," + threads);
    sizeSharedMemory(*kernel, launch.sharedBytes);
  }
  return translated;
}

namespace {
/// Hands LLVM's errors to MLIR, where LLVM would end the process.
struct ErrorHandler final : llvm::DiagnosticHandler {
  explicit ErrorHandler(ModuleOp module) : module(module) {}

  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    std::string text;
    llvm::raw_string_ostream stream(text);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    module.emitError("LLVM's back end refuses the code: ") << text;
    HasErrors = true;
    return true;
  }

  ModuleOp module;
};
} // namespace

static FailureOr<std::string> emitFile(ModuleOp module, StringRef gpu,
                                       ArrayRef<Launch> launches,
                                       llvm::CodeGenFileType type) {
  llvm::LLVMContext context;
  context.setDiagnosticHandler(std::make_unique<ErrorHandler>(module));
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(gpu);
  if (!machine)
    return module.emitError("expects an LLVM with the AMDGPU back end");
  std::unique_ptr<llvm::Module> translated =
      translate(module, context, *machine, launches);
  if (!translated)
    return failure();
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, type))
    return module.emitError("expects a back end that writes machine code");
  passes.run(*translated);
  if (context.getDiagHandlerPtr()->HasErrors)
    return failure();
  return bytes.str().str();
}

FailureOr<std::string> attn::amd::emitLLVMIR(ModuleOp module, StringRef gpu,
                                             ArrayRef<Launch> launches) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(gpu);
  if (!machine)
    return module.emitError("expects an LLVM with the AMDGPU back end");
  std::unique_ptr<llvm::Module> translated =
      translate(module, context, *machine, launches);
  if (!translated)
    return failure();
  std::string text;
  llvm::raw_string_ostream stream(text);
  translated->print(stream, nullptr);
  return text;
}

FailureOr<std::string> attn::amd::emitAssembly(ModuleOp module, StringRef gpu,
                                               ArrayRef<Launch> launches) {
  return emitFile(module, gpu, launches, llvm::CodeGenFileType::AssemblyFile);
}

FailureOr<std::string> attn::amd::emitCodeObject(ModuleOp module, StringRef gpu,
                                                 ArrayRef<Launch> launches) {
  FailureOr<std::string> object =
      emitFile(module, gpu, launches, llvm::CodeGenFileType::ObjectFile);
  if (failed(object))
    return failure();
  // The library that lld also is would bring the back ends of all targets.
  return linkSharedObject(module, *object, {"ld.lld", "ld.lld-22"},
                          {"-z", "defs"});
}
