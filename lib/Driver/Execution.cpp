//===- Execution.cpp - compiles a cascade into a kernel to run ------------===//

#include "attn/Driver/Execution.h"

#include "attn/Target/CPU/CPU.h"

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

std::vector<std::pair<std::string, int64_t>>
attn::getStaticExtents(FuncOp func, const Problem &problem) {
  std::vector<std::pair<std::string, int64_t>> extents;
  for (const char *rank : {"E", "F"})
    if (auto it = problem.extents.find(rank); it != problem.extents.end())
      if (!func.getStaticExtent(rank))
        extents.push_back(*it);
  return extents;
}

std::string attn::describeNumerics(FuncOp func, const Problem &problem) {
  llvm::json::Object numerics{
      {"input", std::string(getName(problem.dtype))},
      {"accumulation", "f32"},
      {"reassoc", func.getReassoc()},
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

Result<CompiledKernel> attn::compileKernel(FuncOp func, const Problem &problem,
                                           const PipelineOptions &options,
                                           const std::string &target) {
  CompiledKernel compiled;
  double start = getMilliseconds(), copying = 0;
  OwningOpRef<ModuleOp> module = isolate(func);
  PipelineOptions stages = options;
  stages.onStage = [&](StringRef stage, ModuleOp now) {
    double before = getMilliseconds();
    auto &copy = stage == "bind"     ? compiled.bound
                 : stage == "reduce" ? compiled.reduced
                                     : compiled.tiled;
    copy = now.clone();
    copying += getMilliseconds() - before;
    if (options.onStage)
      options.onStage(stage, now);
  };
  auto refused = [&](const char *what) {
    return Status::error(StatusCode::unsupported, "compile",
                         func.getSymName().str() + " " + what,
                         "see the message above");
  };
  if (failed(runCascadeStages(*module, stages)))
    return refused("has no lowering to tile programs");
  cpu::CompileOptions cpuOptions;
  cpuOptions.target = target;
  cpuOptions.numerics = describeNumerics(func, problem);
  auto artifact = cpu::compileArtifact(*module, cpuOptions);
  if (failed(artifact))
    return refused("cannot be compiled for this target");
  auto kernel = loadKernel(*artifact);
  if (!kernel.isOk())
    return kernel.takeStatus();
  compiled.kernel = std::move(*kernel);
  compiled.manifest = std::move(artifact->manifest);
  compiled.compileMs = getMilliseconds() - start - copying;
  return compiled;
}

Result<std::map<std::string, HostTensor>>
attn::createOutputs(FuncOp func, const Problem &problem, Layout layout) {
  std::map<std::string, HostTensor> outputs;
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i) {
    auto type = cast<NamedTensorType>(func.getResultTypes()[i]);
    Result<HostTensor> tensor = HostTensor::create(
        getBoundType(type, func.getResultAttrDict(i), problem),
        problem.getShape(type), layout);
    if (!tensor.isOk())
      return tensor.takeStatus();
    tensor->setValues(std::vector<double>(
        tensor->getNumElements(), std::numeric_limits<double>::quiet_NaN()));
    outputs.emplace(func.getResultName(i).str(), std::move(*tensor));
  }
  return outputs;
}
