//===- GpuProgram.cpp - a cascade as kernels for a GPU --------------------===//

#include "GpuProgram.h"

#include "RunOptions.h"
#include "StageDump.h"

#include "attn/Conversion/Passes.h"
#include "attn/Conversion/ScheduleTiles.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/Source.h"
#include "attn/Target/NVIDIA/NVIDIA.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <set>

using namespace mlir;
using namespace attn;

/// Tiles of which a few fit a block's shared memory at any head dimension.
static constexpr int64_t kThreadRows = 16, kThreadKeys = 32;

ArrayRef<StringRef> attn::getCascadeOptions() {
  static const StringRef names[] = {
      "function",  "dtype",  "head-dim", "value-dim",     "tile-rows",
      "tile-keys", "batch",  "heads",    "kv-heads",      "q-len",
      "kv-len",    "extent", "set",      "dump-stages-to"};
  return names;
}

static Status lowerForThreads(ModuleOp module, const std::string &name) {
  PassManager passes(module.getContext());
  passes.addPass(createConvertTileToPipePass());
  passes.addPass(createCSEPass());
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

static void show(const PipelineOptions &options, StringRef stage,
                 ModuleOp module) {
  if (options.onStage)
    options.onStage(stage, module);
}

/// Compiles kernels at the pipe level, and shows them and what they become.
static FailureOr<nvidia::CompiledCode>
compilePipe(ModuleOp module, const PipelineOptions &options,
            nvidia::CodeKind kind) {
  show(options, "pipe", module);
  auto code = nvidia::compile(module, kind);
  if (succeeded(code))
    show(options, "llvm", module);
  return code;
}

/// Runs `stages` and keeps what they say of a failure.
static std::optional<std::string>
catchRefusal(ModuleOp module, llvm::function_ref<LogicalResult()> stages) {
  std::string reason;
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
            reason.empty())
          reason = diagnostic.str();
        return success();
      });
  if (succeeded(stages()))
    return std::nullopt;
  return reason;
}

static Status refuse(const std::string &name, const char *what) {
  return Status::error(StatusCode::unsupported, "compile", name + what,
                       "see the message above");
}

/// The code of `func` with schedules for tiles of `shape`, or why there is
/// none. Registers for a role are counted in its tiles; only ptxas knows what
/// addresses take, of which the role that loads may have more than the
/// machine's first split gives it.
static std::optional<std::string> tryShape(cascade::FuncOp func,
                                           const PipelineOptions &options,
                                           std::pair<int64_t, int64_t> shape,
                                           nvidia::CodeKind kind,
                                           nvidia::CompiledCode &code) {
  PipelineOptions stages = options;
  std::tie(stages.tileRows, stages.tileKeys) = shape;
  stages.fullMultiple = stages.tileKeys;
  std::optional<std::string> refusal;
  bool isLowered = true;
  int64_t numSplits = nvidia::getMachineModel().getRegisters(1).size();
  ScheduleOptions schedule;
  for (; isLowered && schedule.split < numSplits; ++schedule.split) {
    OwningOpRef<ModuleOp> module = isolate(func);
    refusal = catchRefusal(*module, [&] {
      PassManager passes(func.getContext());
      nvidia::addSchedulePasses(passes, schedule);
      if (failed(runCascadeStages(*module, stages)) ||
          failed(passes.run(*module)))
        return failure();
      auto compiled = compilePipe(*module, stages, kind);
      if (failed(compiled))
        return failure();
      code = std::move(*compiled);
      return success();
    });
    if (!refusal)
      return std::nullopt;
    isLowered = !module->getOps<LLVM::LLVMFuncOp>().empty();
  }
  return refusal;
}

Result<GpuProgram> attn::compileGpuProgram(cascade::FuncOp func,
                                           const PipelineOptions &options,
                                           nvidia::CodeKind kind) {
  std::string name = func.getSymName().str();
  PipelineOptions stages = options;
  stages.fewRows = 0;
  GpuProgram program;
  std::set<std::pair<int64_t, int64_t>> tried;
  int64_t width = 0;
  for (const auto &[rank, extent] : options.extents)
    width = std::max(width, extent);
  for (auto [rows, keys] : nvidia::getTileShapes(width)) {
    std::pair<int64_t, int64_t> shape = {options.tileRows.value_or(rows),
                                         options.tileKeys.value_or(keys)};
    if (!tried.insert(shape).second)
      continue;
    auto refusal = tryShape(func, stages, shape, kind, program.code);
    if (!refusal) {
      program.reason.clear();
      return program;
    }
    program.reason = *refusal;
  }
  stages.tileRows = options.tileRows.value_or(kThreadRows);
  stages.tileKeys = options.tileKeys.value_or(kThreadKeys);
  OwningOpRef<ModuleOp> module = isolate(func);
  if (failed(runCascadeStages(*module, stages)))
    return refuse(name, " has no lowering to tile programs");
  if (Status status = lowerForThreads(*module, name); !status.isOk())
    return status;
  auto code = compilePipe(*module, stages, kind);
  if (failed(code))
    return refuse(name, " cannot be compiled for this target");
  program.code = std::move(*code);
  return program;
}

Artifact attn::makeArtifact(const nvidia::CompiledCode &code) {
  Artifact artifact;
  artifact.manifest = code.manifest;
  bool isCubin = code.kind == nvidia::CodeKind::Cubin;
  artifact.payloads.push_back(
      {isCubin ? Artifact::PayloadKind::cubin : Artifact::PayloadKind::ptx,
       code.bytes});
  return artifact;
}

Status attn::lowerTilesForGpu(ModuleOp module, const std::string &name) {
  // Each program by itself: what has no schedule stays.
  PassManager passes(module.getContext());
  passes.addPass(createScheduleTilesPass(nvidia::getMachineModel(),
                                         ScheduleOptions(),
                                         /*keepOthers=*/true));
  if (failed(passes.run(module)))
    return Status::error(StatusCode::unsupported, "compile",
                         name + " has no lowering to roles",
                         "see the message above");
  return lowerForThreads(module, name);
}

Result<GpuProgram> attn::compileGpuCascade(MLIRContext &context,
                                           const CommandLine &line,
                                           nvidia::CodeKind kind) {
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
  std::pair<const char *, std::optional<int64_t> *> tiles[] = {
      {"tile-rows", &pipeline.tileRows}, {"tile-keys", &pipeline.tileKeys}};
  for (auto [option, value] : tiles) {
    auto number = line.getInteger(option, 1, cascade::kMaxTile);
    if (!number.isOk())
      return number.takeStatus();
    *value = *number;
  }
  StageDump dump(line.get("dump-stages-to"), getGpuStages());
  if (Status status = dump.open(); !status.isOk())
    return status;
  if (dump.isOn())
    pipeline.onStage = [&dump](StringRef stage, ModuleOp now) {
      std::string text;
      llvm::raw_string_ostream(text) << *now << "\n";
      dump.write(stage, text);
    };
  show(pipeline, "source", *isolate(source->func));
  auto program = compileGpuProgram(source->func, pipeline, kind);
  if (program.isOk() && !dump.getStatus().isOk())
    return dump.getStatus();
  return program;
}
