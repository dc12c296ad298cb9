//===- Pipelines.cpp - from a cascade to tile programs --------------------===//

#include "attn/Pipelines/Pipelines.h"

#include "attn/Conversion/Passes.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Cascade/Cascade.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace attn;

ArrayRef<StringRef> attn::getCascadeStages() {
  static const StringRef stages[] = {"bind", "schedule", "reduce", "tile"};
  return stages;
}

static ChooseSchedulePassOptions
getScheduleOptions(const PipelineOptions &options) {
  ChooseSchedulePassOptions choose;
  choose.rows = options.tileRows.value_or(0);
  choose.keys = options.tileKeys.value_or(0);
  choose.extentOptions.append(options.scheduleExtents.begin(),
                              options.scheduleExtents.end());
  choose.onlyGiven = !options.schedule;
  if (!options.schedule)
    return choose;
  const ScheduleTarget &target = *options.schedule;
  choose.buffer = target.bufferBytes;
  choose.rowGranule = target.limits.rowGranule;
  choose.keyGranule = target.limits.keyGranule;
  choose.rowsDivide = target.limits.rowsDivide;
  choose.holdPoints = target.holdPoints;
  choose.copiesKeys = target.copiesKeys;
  choose.pointBytes = target.pointBytes;
  choose.flopsPerByte = target.flopsPerByte;
  choose.hasNarrowRate = target.hasNarrowRate;
  choose.fewBelow = target.fewBelow;
  choose.fewBytes = target.fewBytes;
  return choose;
}

static SetLayoutPassOptions getLayoutOptions(const std::string &rank,
                                             const RankLayout &layout) {
  SetLayoutPassOptions options;
  options.rank = rank;
  options.view = true;
  for (const RankLayout::Axis &axis : layout.axes) {
    options.extents.push_back(axis.extent);
    options.tiles.push_back(axis.tile);
  }
  return options;
}

void attn::addCascadeStage(OpPassManager &passes, StringRef stage,
                           const PipelineOptions &options) {
  if (stage == "bind") {
    BindPassOptions bind;
    for (const auto &[rank, extent] : options.extents)
      bind.extents.push_back(rank + "=" + std::to_string(extent));
    for (const auto &[name, value] : options.scalars)
      bind.scalars.push_back(name + "=" + std::to_string(value));
    bind.dtype = options.dtype;
    passes.addNestedPass<cascade::FuncOp>(createBindPass(bind));
    passes.addNestedPass<cascade::FuncOp>(createJoinRanksPass());
    passes.addPass(createCSEPass());
    if (options.packing) {
      PackRanksPassOptions pack;
      pack.outer = options.packing->outer;
      pack.inner = options.packing->inner;
      pack.width = options.packing->width;
      passes.addNestedPass<cascade::FuncOp>(createPackRanksPass(pack));
      passes.addPass(createCSEPass());
    }
    if (options.layouts.empty())
      return;
    // Numbers that were bound fold before and after.
    passes.addPass(createCanonicalizerPass());
    for (const auto &[rank, layout] : options.layouts)
      passes.addNestedPass<cascade::FuncOp>(
          createSetLayoutPass(getLayoutOptions(rank, layout)));
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  } else if (stage == "schedule") {
    // Head dimensions are bound: products are put in order before sums are.
    passes.addNestedPass<cascade::FuncOp>(createMoveFactorsPass());
    if (options.halvesWeights)
      passes.addNestedPass<cascade::FuncOp>(createHalveWeightsPass());
    passes.addNestedPass<cascade::FuncOp>(createReassociatePass());
    passes.addNestedPass<cascade::FuncOp>(
        createChooseSchedulePass(getScheduleOptions(options)));
  } else if (stage == "reduce") {
    passes.addNestedPass<cascade::FuncOp>(createReducePassesPass());
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  } else if (stage == "tile") {
    ConvertCascadeToTilePassOptions convert;
    if (options.fewRows)
      convert.fewRows = *options.fewRows;
    if (options.fullMultiple)
      convert.fullMultiple = *options.fullMultiple;
    passes.addPass(createConvertCascadeToTilePass(convert));
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
    passes.addPass(createHoistMasksPass());
    passes.addPass(createOrderStepsPass());
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
