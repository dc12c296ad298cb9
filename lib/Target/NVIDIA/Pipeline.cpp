//===- Pipeline.cpp - from pipe kernels to the LLVM dialect ---------------===//

#include "attn/Target/GPU/Pipelines.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "attn/Target/NVIDIA/Passes.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace attn;

void attn::nvidia::buildPipeline(OpPassManager &passes, StringRef target) {
  passes.addPass(createConvertPipeToNVVMPass({target.str()}));
  attn::gpu::addLoweringPasses(passes);
  passes.addPass(createConvertNVVMToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
}

void attn::nvidia::registerPipelines() {
  attn::gpu::registerPipelines("nvidia-pipeline", buildPipeline,
                               "nvidia-schedule",
                               {getTargetNames, getMachineModel});
  registerPass([] { return createScheduleTilesPass(getMachineModel()); });
}
