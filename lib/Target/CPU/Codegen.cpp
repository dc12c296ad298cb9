//===- Codegen.cpp - from the LLVM dialect to machine code ----------------===//

#include "attn/Target/CPU/CInterface.h"
#include "attn/Target/CPU/CPU.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// The first x86-64 CPU: a later one's name would let code use what the
/// manifest does not ask for, and end on SIGILL elsewhere.
static constexpr StringLiteral kBaseCpu = "x86-64";

static std::string getFeatureString(const Machine &machine) {
  return "+" + llvm::join(machine.features, ",+");
}

static std::unique_ptr<llvm::TargetMachine>
createTargetMachine(const Machine &machine) {
  static const bool initialised = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  (void)initialised;
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  // Level "Less" generates the same loops a tenth faster than "Default".
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, kBaseCpu, getFeatureString(machine), llvm::TargetOptions(),
      llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Less));
}

/// LLVM's passes: the loops are as the lowering wants them, so what is left is
/// to simplify addresses, move what loops repeat, and rotate loops. The default
/// pipelines take three times as long for the same kernels. By its default,
/// instcombine aborts the process where one iteration leaves more to combine.
static constexpr StringLiteral kPasses =
    "function(simplifycfg,early-cse,instcombine<no-verify-fixpoint>,"
    "simplifycfg,loop-mssa(loop-rotate,licm),instcombine<no-verify-fixpoint>,"
    "simplifycfg,loop(indvars),early-cse<memssa>)";

static void optimise(llvm::Module &module, llvm::TargetMachine &target,
                     const Machine &machine) {
  module.setTargetTriple(target.getTargetTriple());
  module.setDataLayout(target.createDataLayout());
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("no-builtins");
    function.addFnAttr("target-cpu", kBaseCpu);
    function.addFnAttr("target-features", getFeatureString(machine));
    function.addFnAttr("tune-cpu", machine.tune);
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&target);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  llvm::ModulePassManager passes;
  llvm::cantFail(builder.parsePassPipeline(passes, kPasses));
  passes.run(module, modules);
}

std::unique_ptr<llvm::Module>
attn::cpu::translateToLLVMIR(ModuleOp module, llvm::LLVMContext &context,
                             const Machine &machine) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  std::unique_ptr<llvm::Module> result =
      translateModuleToLLVMIR(module, context, "attn");
  if (!result)
    return nullptr;
  std::unique_ptr<llvm::TargetMachine> target = createTargetMachine(machine);
  if (!target) {
    module.emitError("expects an LLVM with the X86 target");
    return nullptr;
  }
  optimise(*result, *target, machine);
  return result;
}

FailureOr<CompiledCode> attn::cpu::compile(ModuleOp module,
                                           const CompileOptions &options,
                                           CodeKind kind) {
  FailureOr<Manifest> manifest = lowerToLLVM(module, options);
  if (failed(manifest))
    return failure();
  Machine machine = *getMachine(options.target);
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translateToLLVMIR(module, context, machine);
  if (!code)
    return failure();
  if (options.cSymbol && kind == CodeKind::Object) {
    auto interface = CInterface::create(*manifest, options.cSymbol->empty()
                                                       ? manifest->name
                                                       : *options.cSymbol);
    if (!interface.isOk())
      return module.emitError(interface.getStatus().message());
    interface->addFunctions(*code);
  }
  CompiledCode result{std::move(*manifest), {}};
  if (kind == CodeKind::LLVMIR) {
    llvm::raw_string_ostream stream(result.bytes);
    code->print(stream, nullptr);
    return result;
  }
  std::unique_ptr<llvm::TargetMachine> target = createTargetMachine(machine);
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  auto fileType = kind == CodeKind::Object
                      ? llvm::CodeGenFileType::ObjectFile
                      : llvm::CodeGenFileType::AssemblyFile;
  if (target->addPassesToEmitFile(passes, stream, nullptr, fileType))
    return module.emitError("expects an LLVM that emits object files");
  passes.run(*code);
  result.bytes.assign(bytes.begin(), bytes.end());
  return result;
}

FailureOr<std::shared_ptr<const Kernel>>
attn::cpu::compileToJit(ModuleOp module, const CompileOptions &options) {
  FailureOr<CompiledCode> code = compile(module, options);
  if (failed(code))
    return failure();
  auto report = [&](llvm::Error error) {
    return module.emitError("cannot load the compiled code: ")
           << llvm::toString(std::move(error));
  };
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return report(jit.takeError());
  std::shared_ptr<llvm::orc::LLJIT> owner = std::move(*jit);
  if (llvm::Error error = owner->addObjectFile(
          llvm::MemoryBuffer::getMemBufferCopy(code->bytes, "attn")))
    return report(std::move(error));
  std::string problem;
  auto resolve = [&](const std::string &symbol) -> KernelFunction {
    auto address = owner->lookup(symbol);
    if (address)
      return address->toPtr<KernelFunction>();
    problem = llvm::toString(address.takeError());
    return nullptr;
  };
  Result<std::shared_ptr<const Kernel>> kernel =
      Kernel::create(code->manifest, resolve, owner);
  if (!kernel.isOk())
    return module.emitError("cannot load the compiled code: ")
           << kernel.getStatus().message() << (problem.empty() ? "" : ": ")
           << problem;
  return *kernel;
}
