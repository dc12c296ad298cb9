//===- Pipelines.cpp - from a cascade to tile programs --------------------===//

#include "attn/Pipelines/Pipelines.h"

#include "attn/Conversion/Passes.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Cascade/Cascade.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace attn;

ArrayRef<StringRef> attn::getCascadeStages() {
  static const StringRef stages[] = {"bind", "reduce", "tile"};
  return stages;
}

void attn::addCascadeStage(OpPassManager &passes, StringRef stage,
                           const PipelineOptions &options) {
  if (stage == "bind") {
    BindPassOptions bind;
    for (const auto &[rank, extent] : options.extents)
      bind.extents.push_back(rank + "=" + std::to_string(extent));
    bind.dtype = options.dtype;
    passes.addNestedPass<cascade::FuncOp>(createBindPass(bind));
    passes.addPass(createCSEPass());
  } else if (stage == "reduce") {
    // Head dimensions are bound: products are put in order before sums are.
    passes.addNestedPass<cascade::FuncOp>(createReassociatePass());
    ReducePassesPassOptions reduce;
    reduce.tile = options.tileKeys;
    passes.addNestedPass<cascade::FuncOp>(createReducePassesPass(reduce));
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  } else if (stage == "tile") {
    ConvertCascadeToTilePassOptions tile;
    tile.tileRows = options.tileRows;
    passes.addPass(createConvertCascadeToTilePass(tile));
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  }
}

LogicalResult attn::runCascadeStages(ModuleOp module,
                                     const PipelineOptions &options,
                                     StringRef last) {
  for (StringRef stage : getCascadeStages()) {
    PassManager passes(module.getContext());
    addCascadeStage(passes, stage, options);
    if (failed(passes.run(module)))
      return failure();
    if (options.onStage)
      options.onStage(stage, module);
    if (stage == last)
      break;
  }
  return success();
}
