//===- Pipeline.cpp - from pipe kernels to the LLVM dialect ---------------===//

#include "Instructions.h"

#include "attn/Conversion/ScheduleTiles.h"
#include "attn/Pipelines/GpuPasses.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "attn/Target/NVIDIA/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;

void attn::nvidia::buildPipeline(OpPassManager &passes, StringRef target) {
  passes.addPass(createConvertPipeToNVVMPass({target.str()}));
  passes.addPass(createReconcileUnrealizedCastsPass());
  passes.addPass(createCSEPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createUBToLLVMConversionPass());
  passes.addPass(createConvertNVVMToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
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

void attn::nvidia::registerPipelines() {
  PassPipelineRegistration<LoweringPipelineOptions>(
      "nvidia-pipeline", "Lower pipe kernels to the LLVM dialect",
      [](OpPassManager &passes, const LoweringPipelineOptions &options) {
        buildPipeline(passes, options.target.getValue());
      });
  // By hand, as only so it can refuse a target.
  registerPassPipeline(
      "nvidia-schedule", "Give tile programs schedules for NVIDIA GPUs",
      [](OpPassManager &passes, StringRef text,
         function_ref<LogicalResult(const Twine &)> refuse) -> LogicalResult {
        SchedulePipelineOptions options;
        if (failed(options.parseFromString(text)))
          return failure();
        if (!findArchitecture(options.target))
          return refuse("expects a target that is one of " +
                        llvm::join(getTargetNames(), ", ") + ", but got '" +
                        options.target + "'");
        addSchedulePasses(
            passes, {},
            getMachineModel(options.target.getValue(), options.anyStrides));
        return success();
      },
      [](function_ref<void(const detail::PassOptions &)> handle) {
        handle(SchedulePipelineOptions());
      });
  registerPass([] { return createScheduleTilesPass(getMachineModel()); });
}
