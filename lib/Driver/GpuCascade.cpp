//===- GpuCascade.cpp - the cascade that a command line names -------------===//

#include "GpuCascade.h"

#include "RunOptions.h"
#include "ScheduleOptions.h"
#include "StageDump.h"

#include "attn/Conversion/Passes.h"
#include "attn/Conversion/ScheduleTiles.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/KvOptions.h"
#include "attn/Target/GPU/Pipelines.h"
#include "attn/Target/GpuTarget.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace attn;

ArrayRef<StringRef> attn::getCascadeOptions() {
  static const StringRef names[] = {
      "function", "dtype", "head-dim", "value-dim", "batch", "heads",
      "kv-heads", "q-len", "kv-len",   "extent",    "set",   "dump-stages-to"};
  return names;
}

static Status lowerForThreads(ModuleOp module, const std::string &name) {
  PassManager passes(module.getContext());
  gpu::addThreadPasses(passes);
  if (succeeded(passes.run(module)))
    return {};
  return Status::error(StatusCode::unsupported, "compile",
                       name + " has no lowering to threads",
                       "see the message above");
}

/// The stages of a cascade's way to a GPU; the last two are written here.
static ArrayRef<StringRef> getGpuStages() {
  static const StringRef stages[] = {"source", "bind", "schedule", "reduce",
                                     "tile",   "pipe", "llvm"};
  return stages;
}

Status attn::lowerTilesForGpu(ModuleOp module, const std::string &name,
                              StringRef target) {
  // Each program by itself: what has no schedule stays.
  PassManager passes(module.getContext());
  passes.addPass(createScheduleTilesPass(getMachineModel(target),
                                         ScheduleOptions(),
                                         /*keepOthers=*/true));
  if (failed(passes.run(module)))
    return Status::error(StatusCode::unsupported, "compile",
                         name + " has no lowering to roles",
                         "see the message above");
  return lowerForThreads(module, name);
}

Result<GpuCascade> attn::loadGpuCascade(MLIRContext &context,
                                        const CommandLine &line) {
  GpuCascade cascade;
  auto source =
      loadSource(context, line.getPositionals().front(), line.get("function"));
  if (!source.isOk())
    return source.takeStatus();
  cascade.source = std::move(*source);
  if (line.has("invariant"))
    cascade.source.func.setInvariant(true);
  auto kv = parseKvOptions(line);
  if (!kv.isOk())
    return kv.takeStatus();
  if (Status status = applyKvOptions(cascade.source.func, *kv); !status.isOk())
    return status;
  Problem &problem = cascade.problem;
  std::optional<DType> dtype = parseDType(line.get("dtype", "f32"));
  if (dtype != DType::f32 && dtype != DType::bf16 && dtype != DType::f16)
    return Status::error(StatusCode::invalidArgument, "--dtype",
                         "'" + line.get("dtype") + "' is not an input type",
                         "give f32, bf16 or f16");
  problem.dtype = *dtype;
  auto shape = parseShape(line);
  if (!shape.isOk())
    return shape.takeStatus();
  if (Status status = resolveExtents(cascade.source.func, *shape, problem);
      !status.isOk())
    return status;
  auto parameters = line.getPairs("set");
  if (!parameters.isOk())
    return parameters.takeStatus();
  if (Status status = resolveScalars(cascade.source.func, *parameters, problem);
      !status.isOk())
    return status;
  bindStatics(cascade.source.func, problem, cascade.pipeline);
  cascade.pipeline.dtype = std::string(getName(problem.dtype));
  auto options = parseGpuOptions(line);
  if (!options.isOk())
    return options.takeStatus();
  cascade.options = std::move(*options);
  if (line.has("q-len"))
    cascade.options.queries = getQueryLength(problem);
  std::optional<int64_t> group;
  if (line.has("heads"))
    if (auto it = problem.extents.find("G"); it != problem.extents.end())
      group = it->second;
  if (Status status = setPacking(cascade.source.func, cascade.options, group,
                                 cascade.pipeline);
      !status.isOk())
    return status;
  if (cascade.options.specialize)
    bindLengths(cascade.source.func, problem, cascade.pipeline);
  // Of decoding the number of queries tells nothing of that of keys.
  if (line.has("kv-len") ||
      (line.has("q-len") && !cascade.options.hasFewQueries()))
    cascade.options.length = getKeyLength(problem);
  return cascade;
}

Result<GpuProgram> attn::compileGpuCascade(MLIRContext &context,
                                           const CommandLine &line,
                                           CodeKind kind, Cache *cache) {
  auto cascade = loadGpuCascade(context, line);
  if (!cascade.isOk())
    return cascade.takeStatus();
  PipelineOptions &pipeline = cascade->pipeline;
  StageDump dump(line.get("dump-stages-to"), getGpuStages());
  if (Status status = dump.open(); !status.isOk())
    return status;
  if (dump.isOn())
    pipeline.onStage = [&dump](StringRef stage, ModuleOp now) {
      std::string text;
      llvm::raw_string_ostream(text) << *now << "\n";
      dump.write(stage, text);
    };
  // Kernels from the cache have no stages and no figures of ptxas.
  if (!dump.isOn() && !line.has("report"))
    cascade->options.cache = cache;
  cascade::FuncOp func = cascade->source.func;
  if (pipeline.onStage)
    pipeline.onStage("source", *isolate(func));
  auto program = compileGpuProgram(func, pipeline, cascade->options, kind);
  if (!program.isOk())
    return program;
  if (!dump.getStatus().isOk())
    return dump.getStatus();
  program->code.manifest.numerics = describeNumerics(func, cascade->problem);
  return program;
}
