//===- GpuPasses.cpp - from tile programs to pipe kernels -----------------===//

#include "attn/Pipelines/GpuPasses.h"

#include "attn/Conversion/Passes.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace attn;

void attn::addFoldPasses(OpPassManager &passes) {
  passes.addPass(createSweepProductsPass());
  passes.addPass(createSplitCoordinatesPass());
  passes.addPass(createSplitLinesPass());
  passes.addPass(createFoldWideningPass());
  passes.addPass(createFoldOffsetsPass());
  passes.addPass(createFoldScalesPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

void attn::addSchedulePasses(OpPassManager &passes,
                             const ScheduleOptions &options,
                             const MachineModel &machine) {
  addFoldPasses(passes);
  passes.addPass(createScheduleTilesPass(machine, options));
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

void attn::addThreadPasses(OpPassManager &passes) {
  passes.addPass(createFoldWideningPass());
  passes.addPass(createConvertTileToPipePass());
  passes.addPass(createCSEPass());
}
