//===- Execution.cpp - compiles a cascade into a kernel to run ------------===//

#include "attn/Driver/Execution.h"

#include "CompileGpu.h"
#include "GpuProgram.h"

#include "attn/Target/CPU/CPU.h"
#include "attn/Target/CPU/Machine.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include <chrono>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static double getMilliseconds() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

/// The ranks whose extents a kernel is compiled for. Queries that are turned by
/// the launch that appends stand, as their keys do, in one tile a token and
/// head.
static SmallVector<StringRef> getStaticRanks(FuncOp func) {
  SmallVector<StringRef> ranks = {"E", "F"};
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
    if (func.getUpdatedArgument(i)) {
      ranks.push_back("G");
      break;
    }
  return ranks;
}

void attn::bindStatics(FuncOp func, const Problem &problem,
                       PipelineOptions &pipeline) {
  for (StringRef rank : getStaticRanks(func))
    if (auto it = problem.extents.find(rank.str()); it != problem.extents.end())
      if (!func.getStaticExtent(rank))
        pipeline.extents.push_back(*it);
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i) {
    auto it = problem.scalars.find(func.getArgumentName(i).str());
    if (func.getArgAttr(i, kStaticAttr) && it != problem.scalars.end())
      pipeline.scalars.emplace_back(it->first,
                                    static_cast<int64_t>(it->second));
  }
}

void attn::bindLengths(FuncOp func, const Problem &problem,
                       PipelineOptions &pipeline) {
  for (llvm::StringRef rank : {kQueryRank, kKeyRank})
    if (auto it = problem.extents.find(rank.str());
        it != problem.extents.end() && it->second > 0 &&
        !func.getStaticExtent(rank))
      pipeline.extents.push_back(*it);
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i) {
    auto it = problem.scalars.find(func.getArgumentName(i).str());
    if (it != problem.scalars.end() && !func.getArgAttr(i, kStaticAttr) &&
        func.getArgumentTypes()[i].isIntOrIndex())
      pipeline.scalars.emplace_back(it->first,
                                    static_cast<int64_t>(it->second));
  }
}

std::string attn::describeNumerics(FuncOp func, const Problem &problem) {
  llvm::json::Object numerics{
      {"input", std::string(getName(problem.dtype))},
      {"accumulation", "f32"},
      {"reassoc", func.getReassoc()},
      {"invariant", func.getInvariant()},
      {"error_factor",
       getNumericValue(func->getAttr("cascade.error_factor")).value_or(2)}};
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(numerics));
  return text;
}

OwningOpRef<ModuleOp> attn::isolate(FuncOp func) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(func.getLoc());
  module->push_back(func->clone());
  return module;
}

static Status refuse(FuncOp func, const char *what) {
  return Status::error(StatusCode::unsupported, "compile",
                       func.getSymName().str() + " " + what,
                       "see the message above");
}

/// `options`, keeping in `compiled` what stages make; `copying` grows by the
/// time that this takes.
static PipelineOptions keepStages(const PipelineOptions &options,
                                  CompiledKernel &compiled, double &copying) {
  PipelineOptions stages = options;
  stages.onStage = [&](StringRef stage, ModuleOp now) {
    double before = getMilliseconds();
    if (stage == "bind")
      compiled.bound = now.clone();
    else if (stage == "reduce")
      compiled.reduced = now.clone();
    else if (stage == "tile")
      compiled.tiled = now.clone();
    copying += getMilliseconds() - before;
    if (options.onStage)
      options.onStage(stage, now);
  };
  return stages;
}

/// Runs the stages on `module` and keeps what they make; returns the time, less
/// that of keeping.
static Result<double> runStages(FuncOp func, ModuleOp module,
                                const PipelineOptions &options, StringRef last,
                                CompiledKernel &compiled) {
  double start = getMilliseconds(), copying = 0;
  PipelineOptions stages = keepStages(options, compiled, copying);
  if (failed(runCascadeStages(module, stages, last)))
    return refuse(func, "has no lowering to tile programs");
  return getMilliseconds() - start - copying;
}

Result<CompiledKernel> attn::compileToStage(FuncOp func,
                                            const PipelineOptions &options,
                                            StringRef last) {
  CompiledKernel compiled;
  OwningOpRef<ModuleOp> module = isolate(func);
  auto time = runStages(func, *module, options, last, compiled);
  if (!time.isOk())
    return time.takeStatus();
  compiled.compileMs = *time;
  return compiled;
}

static Result<CompiledKernel> compileGpuKernel(FuncOp func,
                                               const Problem &problem,
                                               const PipelineOptions &options,
                                               const GpuOptions &gpu) {
  CompiledKernel compiled;
  double start = getMilliseconds(), copying = 0;
  auto program = compileGpuProgram(func, keepStages(options, compiled, copying),
                                   gpu, CodeKind::Best);
  if (!program.isOk())
    return program.takeStatus();
  compiled.unscheduled = program->reason;
  compiled.schedule = program->schedule;
  if (program->schedule)
    compiled.scheduleOrigin = getName(program->origin).str();
  if (gpu.cache)
    compiled.isCached = program->isCached;
  CompiledCode &code = program->code;
  code.manifest.numerics = describeNumerics(func, problem);
  auto kernel = openKernel(makeArtifact(code));
  if (!kernel.isOk())
    return kernel.takeStatus();
  compiled.kernel = std::move(*kernel);
  compiled.manifest = std::move(code.manifest);
  compiled.compileMs = getMilliseconds() - start - copying;
  if (!program->isCached)
    return compiled;
  // Reports speak of stages, which a kernel from the cache has not gone
  // through.
  PipelineOptions stages = options;
  stages.fewRows = 0;
  if (program->schedule) {
    stages.tileRows = program->schedule->rows;
    stages.tileKeys = stages.fullMultiple = program->schedule->keys;
  }
  auto stage = compileToStage(func, stages, "tile");
  if (!stage.isOk())
    return stage.takeStatus();
  compiled.bound = std::move(stage->bound);
  compiled.reduced = std::move(stage->reduced);
  compiled.tiled = std::move(stage->tiled);
  return compiled;
}

Result<CompiledKernel> attn::compileKernel(FuncOp func, const Problem &problem,
                                           const PipelineOptions &options,
                                           const std::string &target,
                                           const GpuOptions &gpu) {
  if (isGpuTarget(target))
    return compileGpuKernel(func, problem, options, gpu);
  CompiledKernel compiled;
  PipelineOptions stages = options;
  if (!stages.schedule)
    if (auto machine = cpu::getMachine(target))
      stages.schedule = cpu::getScheduleTarget(*machine);
  OwningOpRef<ModuleOp> module = isolate(func);
  auto time = runStages(func, *module, stages, /*last=*/"", compiled);
  if (!time.isOk())
    return time.takeStatus();
  double start = getMilliseconds();
  cpu::CompileOptions cpuOptions;
  cpuOptions.target = target;
  cpuOptions.numerics = describeNumerics(func, problem);
  auto artifact = cpu::compileArtifact(*module, cpuOptions);
  if (failed(artifact))
    return refuse(func, "cannot be compiled for this target");
  auto kernel = openKernel(*artifact);
  if (!kernel.isOk())
    return kernel.takeStatus();
  compiled.kernel = std::move(*kernel);
  compiled.manifest = std::move(artifact->manifest);
  compiled.compileMs = *time + getMilliseconds() - start;
  return compiled;
}

Result<std::map<std::string, HostTensor>>
attn::createOutputs(FuncOp func, const Problem &problem, Layout layout) {
  std::map<std::string, HostTensor> outputs;
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i) {
    auto type = cast<NamedTensorType>(func.getResultTypes()[i]);
    Result<HostTensor> tensor = HostTensor::create(
        getBoundType(type, func.getResultDescription(i), problem),
        problem.getShape(type), layout);
    if (!tensor.isOk())
      return tensor.takeStatus();
    tensor->setValues(std::vector<double>(
        tensor->getNumElements(), std::numeric_limits<double>::quiet_NaN()));
    outputs.emplace(func.getResultName(i).str(), std::move(*tensor));
  }
  return outputs;
}
