//===- ThreadsProgram.cpp - a cascade as kernels of ordinary threads ------===//

#include "ThreadsProgram.h"

#include "RunOptions.h"

#include "attn/Conversion/Passes.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/Source.h"
#include "attn/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace attn;

/// Tiles of which a few fit a block's shared memory at any head dimension.
static constexpr int64_t kTileRows = 16, kTileKeys = 32;

ArrayRef<StringRef> attn::getCascadeOptions() {
  static const StringRef names[] = {
      "function",  "dtype",  "head-dim", "value-dim", "tile-rows",
      "tile-keys", "batch",  "heads",    "kv-heads",  "q-len",
      "kv-len",    "extent", "set"};
  return names;
}

Status attn::lowerTilesForThreads(ModuleOp module, const std::string &name) {
  PassManager passes(module.getContext());
  passes.addPass(createConvertTileToPipePass());
  passes.addPass(createCSEPass());
  if (succeeded(passes.run(module)))
    return {};
  return Status::error(StatusCode::unsupported, "compile",
                       name + " has no lowering to threads",
                       "see the message above");
}

Result<OwningOpRef<ModuleOp>>
attn::lowerCascadeForThreads(MLIRContext &context, const CommandLine &line) {
  const std::string &name = line.getPositionals().front();
  auto source = loadSource(context, name, line.get("function"));
  if (!source.isOk())
    return source.takeStatus();
  Problem problem;
  std::optional<DType> dtype = parseDType(line.get("dtype", "f32"));
  if (dtype != DType::f32 && dtype != DType::bf16 && dtype != DType::f16)
    return Status::error(StatusCode::invalidArgument, "--dtype",
                         "'" + line.get("dtype") + "' is not an input type",
                         "give f32, bf16 or f16");
  problem.dtype = *dtype;
  auto shape = parseShape(line);
  if (!shape.isOk())
    return shape.takeStatus();
  if (Status status = resolveExtents(source->func, *shape, problem);
      !status.isOk())
    return status;
  auto parameters = line.getPairs("set");
  if (!parameters.isOk())
    return parameters.takeStatus();
  if (Status status = resolveScalars(source->func, *parameters, problem);
      !status.isOk())
    return status;
  PipelineOptions pipeline;
  bindStatics(source->func, problem, pipeline);
  pipeline.dtype = std::string(getName(problem.dtype));
  pipeline.fewRows = 0;
  struct {
    const char *name;
    std::optional<int64_t> *value;
    int64_t fallback;
  } tiles[] = {{"tile-rows", &pipeline.tileRows, kTileRows},
               {"tile-keys", &pipeline.tileKeys, kTileKeys}};
  for (auto [option, value, fallback] : tiles) {
    auto number = line.getInteger(option, 1, cascade::kMaxTile);
    if (!number.isOk())
      return number.takeStatus();
    *value = number->value_or(fallback);
  }
  OwningOpRef<ModuleOp> module = isolate(source->func);
  if (failed(runCascadeStages(*module, pipeline)))
    return Status::error(StatusCode::unsupported, "compile",
                         name + " has no lowering to tile programs",
                         "see the message above");
  if (Status status = lowerTilesForThreads(*module, name); !status.isOk())
    return status;
  return std::move(module);
}
