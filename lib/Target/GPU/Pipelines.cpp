//===- Pipelines.cpp - what pipelines of all GPUs have in common ----------===//

#include "attn/Target/GPU/Pipelines.h"

#include "attn/Conversion/Passes.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;

static ExactSumsPassOptions getExactSums(bool isStream,
                                         const MachineModel *machine) {
  ExactSumsPassOptions options;
  options.stream = isStream;
  for (const MachineModel *own = machine; own; own = own->sharing)
    if (own->shares > 1) {
      options.sharedRows.push_back(own->productRows);
      options.shares = own->shares;
    }
  return options;
}

void attn::gpu::addFoldPasses(OpPassManager &passes, bool isStream,
                              const MachineModel *machine) {
  passes.addPass(createSweepProductsPass());
  passes.addPass(createSplitCoordinatesPass());
  passes.addPass(createSplitLinesPass());
  passes.addPass(createFoldWideningPass());
  passes.addPass(createHoistSidesPass());
  passes.addPass(createExactSumsPass(getExactSums(isStream, machine)));
  passes.addPass(createFoldOffsetsPass());
  passes.addPass(createFoldScalesPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

void attn::gpu::addSchedulePasses(OpPassManager &passes,
                                  const ScheduleOptions &options,
                                  const MachineModel &machine) {
  addFoldPasses(passes, options.isStream, &machine);
  passes.addPass(createScheduleTilesPass(machine, options));
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addNestedPass<pipe::KernelOp>(createGatherAheadPass());
}

void attn::gpu::addThreadPasses(OpPassManager &passes) {
  passes.addPass(createFoldWideningPass());
  passes.addPass(createConvertTileToPipePass());
  passes.addPass(createCSEPass());
}

void attn::gpu::addLoweringPasses(OpPassManager &passes) {
  passes.addPass(createReconcileUnrealizedCastsPass());
  passes.addPass(createCSEPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createUBToLLVMConversionPass());
}

namespace {
constexpr const char *kTargetText = "The GPU, as --target of attn-compile";

struct LoweringPipelineOptions final
    : PassPipelineOptions<LoweringPipelineOptions> {
  Option<std::string> target{*this, "target", llvm::cl::desc(kTargetText)};
};

struct SchedulePipelineOptions final
    : PassPipelineOptions<SchedulePipelineOptions> {
  Option<bool> anyStrides{*this, "any-strides",
                          llvm::cl::desc("Tensors of any strides and "
                                         "alignment, which threads copy"),
                          llvm::cl::init(false)};
  Option<std::string> target{*this, "target", llvm::cl::desc(kTargetText)};
};
} // namespace

void attn::gpu::registerPipelines(StringRef lowering,
                                  void (*build)(OpPassManager &passes,
                                                StringRef target),
                                  StringRef schedule, const Targets &targets) {
  registerPassPipeline(
      lowering, "Lower pipe kernels to the LLVM dialect",
      [build](OpPassManager &passes, StringRef text,
              function_ref<LogicalResult(const Twine &)>) -> LogicalResult {
        LoweringPipelineOptions options;
        if (failed(options.parseFromString(text)))
          return failure();
        build(passes, options.target.getValue());
        return success();
      },
      [](function_ref<void(const mlir::detail::PassOptions &)> handle) {
        handle(LoweringPipelineOptions());
      });
  // By hand, as only so it can refuse a target.
  registerPassPipeline(
      schedule, "Give tile programs schedules for these GPUs",
      [targets](
          OpPassManager &passes, StringRef text,
          function_ref<LogicalResult(const Twine &)> refuse) -> LogicalResult {
        SchedulePipelineOptions options;
        if (failed(options.parseFromString(text)))
          return failure();
        const std::string &target = options.target.getValue();
        if (!target.empty() && !llvm::is_contained(targets.getNames(), target))
          return refuse("expects a target that is one of " +
                        llvm::join(targets.getNames(), ", ") + ", but got '" +
                        target + "'");
        addSchedulePasses(passes, {},
                          targets.getModel(target, options.anyStrides));
        return success();
      },
      [](function_ref<void(const mlir::detail::PassOptions &)> handle) {
        handle(SchedulePipelineOptions());
      });
}
