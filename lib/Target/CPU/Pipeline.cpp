//===- Pipeline.cpp - from tile programs to the LLVM dialect --------------===//

#include "KernelInterface.h"
#include "attn/Target/CPU/CPU.h"
#include "attn/Target/CPU/Passes.h"
#include "attn/Version.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

using AddPass = std::function<void(OpPassManager &)>;

/// The stages in order. Every one can be run from the printed form of the one
/// before.
static SmallVector<std::pair<StringRef, AddPass>> getStages(StringRef target) {
  std::string name = target.str();
  return {
      {"split",
       [](OpPassManager &passes) {
         passes.addPass(createSplitSweepPass());
         passes.addPass(createCSEPass());
       }},
      {"vector",
       [name](OpPassManager &passes) {
         ConvertTileToVectorPassOptions options;
         options.target = name;
         passes.addPass(createConvertTileToVectorPass(options));
         passes.addPass(createCSEPass());
       }},
      {"arith",
       [name](OpPassManager &passes) {
         ExpandVectorMathPassOptions options;
         options.target = name;
         passes.addPass(createExpandVectorMathPass(options));
         passes.addPass(arith::createArithExpandOpsPass());
         passes.addPass(createLowerAffinePass());
         passes.addPass(createCSEPass());
       }},
      {"llvm",
       [](OpPassManager &passes) {
         passes.addPass(createSCFToControlFlowPass());
         passes.addPass(createConvertVectorToLLVMPass());
         passes.addPass(createConvertMathToLLVMPass());
         passes.addPass(createArithToLLVMConversionPass());
         passes.addPass(createUBToLLVMConversionPass());
         passes.addPass(createConvertControlFlowToLLVMPass());
         passes.addPass(createConvertFuncToLLVMPass());
         passes.addPass(createReconcileUnrealizedCastsPass());
       }},
  };
}

void attn::cpu::buildPipeline(OpPassManager &passes, StringRef target) {
  for (auto &[name, add] : getStages(target))
    add(passes);
}

namespace {
struct TargetOptions : PassPipelineOptions<TargetOptions> {
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("machine to write for"),
                             llvm::cl::init("host")};
};
} // namespace

void attn::cpu::registerPipelines() {
  PassPipelineRegistration<TargetOptions>(
      "cpu-pipeline", "Lower tile programs to the LLVM dialect",
      [](OpPassManager &passes, const TargetOptions &options) {
        buildPipeline(passes, options.target);
      });
  for (size_t i = 0; i < getStages("host").size(); ++i) {
    std::string name = "cpu-to-" + getStages("host")[i].first.str();
    PassPipelineRegistration<TargetOptions>(
        name, "Run this stage of cpu-pipeline on the one before",
        [i](OpPassManager &passes, const TargetOptions &options) {
          getStages(options.target)[i].second(passes);
        });
  }
}

/// Identifies the code: what it is compiled from, for what and by what.
static std::string computeCacheKey(ModuleOp module, const Machine &machine,
                                   const CompileOptions &options) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << '\0' << machine.name << '\0' << options.numerics << '\0'
         << options.cacheText << '\0' << ATTN_VERSION << '\0'
         << LLVM_VERSION_STRING;
  auto hash = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  return llvm::toHex(hash, /*LowerCase=*/true);
}

FailureOr<Manifest> attn::cpu::lowerToLLVM(ModuleOp module,
                                           const CompileOptions &options) {
  std::optional<Machine> machine = getMachine(options.target);
  if (!machine)
    return module.emitError("expects a CPU target (")
           << llvm::join(getMachineNames(), ", ") << "), but got '"
           << options.target << "'";
  Manifest manifest;
  std::string cacheKey = computeCacheKey(module, *machine, options);
  int64_t scratchBytes = 0;
  for (auto &[name, add] : getStages(options.target)) {
    // The last form of the programs says what their parameters are.
    if (name == "vector") {
      FailureOr<KernelInterface> interface = KernelInterface::create(module);
      if (failed(interface))
        return failure();
      manifest = interface->getManifest();
    }
    PassManager passes(module.getContext());
    // Once a stage is often enough, and half the time.
    passes.enableVerifier(false);
    add(passes);
    if (failed(passes.run(module)) || failed(verify(module)))
      return failure();
    for (auto function : module.getOps<func::FuncOp>())
      if (auto bytes =
              function->getAttrOfType<IntegerAttr>("attn.scratch_bytes"))
        scratchBytes = std::max(scratchBytes, bytes.getInt());
    if (options.onStage)
      options.onStage(name, module);
  }
  manifest.attnVersion = ATTN_VERSION;
  manifest.llvmVersion = LLVM_VERSION_STRING;
  manifest.numerics = options.numerics;
  manifest.cacheKey = cacheKey;
  manifest.target = {"x86-64", machine->cpu, machine->features};
  manifest.scratchBytes = scratchBytes;
  if (Status status = manifest.validate(); !status.isOk())
    return module.emitError("expects a kernel that a manifest can describe: ")
           << status.message();
  return manifest;
}
