//===- Pipeline.cpp - from pipe kernels to the LLVM dialect ---------------===//

#include "attn/Target/AMD/AMD.h"
#include "attn/Target/AMD/Passes.h"
#include "attn/Target/GPU/Pipelines.h"

#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"

using namespace mlir;
using namespace attn;

void amd::buildPipeline(OpPassManager &passes, StringRef target) {
  passes.addPass(createConvertPipeToROCDLPass({target.str()}));
  attn::gpu::addLoweringPasses(passes);
  passes.addPass(createReconcileUnrealizedCastsPass());
}

void amd::registerPipelines() {
  attn::gpu::registerPipelines("amd-pipeline", buildPipeline, "amd-schedule",
                               {getTargetNames, getMachineModel});
}
