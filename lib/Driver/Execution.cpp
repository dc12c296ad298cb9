//===- Execution.cpp - compiles a cascade and runs the kernel -------------===//

#include "attn/Driver/Execution.h"

#include "attn/Target/CPU/CPU.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include <algorithm>
#include <chrono>
#include <cmath>
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
  auto kernel = cpu::compileToJit(*module, cpuOptions);
  if (failed(kernel))
    return refused("cannot be compiled for this target");
  compiled.kernel = *kernel;
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

Result<std::unique_ptr<Plan>>
attn::preparePlan(const std::shared_ptr<const Kernel> &kernel,
                  const Problem &problem,
                  std::map<std::string, HostTensor> &inputs,
                  std::map<std::string, HostTensor> &outputs,
                  std::shared_ptr<ThreadPool> pool) {
  std::vector<DLTensor> views;
  std::vector<ArgumentValue> values;
  const auto &arguments = kernel->getManifest().arguments;
  views.reserve(arguments.size()); // Arguments point into it.
  for (const Manifest::Argument &argument : arguments) {
    if (argument.kind == Manifest::Argument::Kind::scalar) {
      auto it = problem.scalars.find(argument.name);
      double value = it == problem.scalars.end() ? 0 : it->second;
      values.push_back(isInteger(argument.dtype)
                           ? ArgumentValue::ofInteger(
                                 argument.name, static_cast<int64_t>(value))
                           : ArgumentValue::ofReal(argument.name, value));
      continue;
    }
    auto &tensors = inputs.count(argument.name) ? inputs : outputs;
    views.push_back(tensors.at(argument.name).getView());
    values.push_back(ArgumentValue::ofTensor(argument.name, &views.back()));
  }
  return Plan::prepare(kernel, values, std::move(pool));
}

Result<double> attn::measure(Plan &plan) {
  std::vector<double> times;
  double total = 0;
  // The first run warms the caches.
  if (Status status = plan.run(); !status.isOk())
    return status;
  while (times.size() < 5 || (total < 300 && times.size() < 10000)) {
    double start = getMilliseconds();
    if (Status status = plan.run(); !status.isOk())
      return status;
    times.push_back(getMilliseconds() - start);
    total += times.back();
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2,
                   times.end());
  return times[times.size() / 2];
}
