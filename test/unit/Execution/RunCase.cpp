//===- RunCase.cpp - one problem compiled, run and checked ----------------===//

#include "RunCase.h"

#include "attn/Driver/Updates.h"

#include <sstream>

using namespace attn;
using namespace attn::test;

/// Text that names how keys and values lie.
static std::string describeKv(const KvOptions &kv) {
  if (!kv.dtype)
    return "";
  return " --kv-dtype=" + std::string(getName(*kv.dtype)) + " scales " +
         std::to_string(static_cast<int>(kv.scales));
}

std::string Case::describe() const {
  std::ostringstream os;
  auto number = [&](const char *name, const std::optional<int64_t> &value) {
    if (value)
      os << " --" << name << "=" << *value;
  };
  os << variant;
  number("batch", shape.batch);
  number("heads", shape.heads);
  number("kv-heads", shape.kvHeads);
  number("q-len", shape.queryLength);
  number("kv-len", shape.keyLength);
  number("head-dim", shape.headDim);
  number("value-dim", shape.valueDim);
  os << " --dtype=" << getName(dtype) << describeKv(kv)
     << " --seed=" << inputs.seed << " input " << static_cast<int>(inputs.kind)
     << " nan " << static_cast<int>(inputs.nan) << " layout "
     << static_cast<int>(inputs.layout) << " --threads=" << threads
     << " --target=" << target;
  if (tileKeys != 0)
    os << " --tile-keys=" << tileKeys;
  for (auto &[name, value] : scalars)
    os << " --set " << name << "=" << value;
  for (auto &[name, array] : arrays) {
    os << " given " << name;
    for (int64_t extent : array.shape)
      os << " " << extent;
  }
  return os.str();
}

CaseRunner::CaseRunner() : context(createContext()) {}
CaseRunner::~CaseRunner() = default;

Source *CaseRunner::getSource(const std::string &variant, const KvOptions &kv,
                              std::string &refusal) {
  std::string key = variant + describeKv(kv);
  auto source = sources.find(key);
  if (source == sources.end()) {
    auto loaded = loadSource(*context, variant, "");
    Status status =
        loaded.isOk() ? applyKvOptions(loaded->func, kv) : loaded.takeStatus();
    if (!status.isOk()) {
      refusal = status.message();
      return nullptr;
    }
    source = sources.emplace(key, std::move(*loaded)).first;
  }
  return &source->second;
}

bool CaseRunner::hasRank(const std::string &variant, llvm::StringRef rank) {
  std::string refusal;
  Source *source = getSource(variant, {}, refusal);
  return source &&
         llvm::any_of(source->func.getArgumentTypes(), [&](mlir::Type type) {
           auto tensor = mlir::dyn_cast<cascade::NamedTensorType>(type);
           return tensor && tensor.getRankPosition(rank);
         });
}

Outcome CaseRunner::run(const Case &c, const Mutation &mutate, bool check) {
  Outcome outcome;
  auto refuse = [&](const Status &status) {
    outcome.refusal = status.message();
    return outcome;
  };
  Source *source = getSource(c.variant, c.kv, outcome.refusal);
  if (!source)
    return outcome;
  cascade::FuncOp func = source->func;
  Problem problem;
  problem.dtype = c.dtype;
  Arrays arrays = c.arrays;
  if (Status status = bindArrays(func, arrays, problem); !status.isOk())
    return refuse(status);
  if (Status status = resolveExtents(func, c.shape, problem); !status.isOk())
    return refuse(status);
  if (Status status = resolveScalars(func, c.scalars, problem); !status.isOk())
    return refuse(status);
  auto inputs = createInputs(func, problem, arrays, c.inputs);
  if (!inputs.isOk())
    return refuse(inputs.takeStatus());
  auto outputs = createOutputs(func, problem, c.inputs.layout);
  if (!outputs.isOk())
    return refuse(outputs.takeStatus());
  fillUpdates(func, *inputs, *outputs);

  PipelineOptions options;
  bindStatics(func, problem, options);
  options.dtype = std::string(getName(problem.dtype));
  if (c.tileKeys != 0)
    options.tileKeys = c.tileKeys;
  if (mutate)
    options.onStage = [&](llvm::StringRef stage, mlir::ModuleOp module) {
      if (stage == "tile")
        mutate(module);
    };
  std::string key = c.variant + describeKv(c.kv) + "|" + options.dtype + "|" +
                    c.target + "|" + std::to_string(c.tileKeys);
  for (auto &[rank, extent] : options.extents)
    key += "|" + rank + "=" + std::to_string(extent);
  for (auto &[name, value] : options.scalars)
    key += "|" + name + "=" + std::to_string(value);
  auto kernel = kernels.find(key);
  if (mutate || kernel == kernels.end()) {
    auto compiled = compileKernel(func, problem, options, c.target);
    if (!compiled.isOk())
      return refuse(compiled.takeStatus());
    if (mutate)
      key += "|mutated";
    kernel = kernels.insert_or_assign(key, std::move(*compiled)).first;
  }
  auto plan = preparePlan(kernel->second.kernel.get(), kernel->second.manifest,
                          problem, *inputs, *outputs, c.threads);
  if (!plan.isOk())
    return refuse(plan.takeStatus());
  if (Status status = runPlan(plan->get()); !status.isOk())
    return refuse(status);
  for (auto &[name, tensor] : *outputs) {
    outcome.outputs[name] = tensor.getValues();
    outcome.gapsUntouched &= tensor.areGapsUntouched();
  }
  if (!check)
    return outcome;
  auto errors =
      checkOutputs(func, problem, getReferenceArguments(*inputs, problem),
                   *outputs, c.inputs.nan != NaNKind::none);
  if (!errors.isOk())
    return refuse(errors.takeStatus());
  for (const OutputError &error : *errors)
    outcome.maxRatio = std::max(outcome.maxRatio, error.report.maxRatio);
  auto changed = findChanged(func, problem, *inputs, *outputs);
  if (!changed.isOk())
    return refuse(changed.takeStatus());
  outcome.isRestKept = changed->empty();
  return outcome;
}

std::string attn::test::findFailure(CaseRunner &runner, Case c) {
  constexpr double kByMuch = 8;
  unsigned misses = 0;
  double worst = 0;
  for (int draw = 0; draw < 5; ++draw, ++c.inputs.seed) {
    Outcome outcome = runner.run(c);
    if (!outcome.refusal.empty())
      return outcome.refusal;
    if (!outcome.gapsUntouched)
      return "wrote beside the outputs";
    if (!outcome.isRestKept)
      return "changed what it had to keep";
    worst = std::max(worst, outcome.maxRatio);
    if (!(outcome.maxRatio <= kByMuch))
      break;
    misses += outcome.maxRatio > 1;
    if (draw == 0 && misses == 0)
      return "";
  }
  if (worst <= kByMuch && misses < 4)
    return "";
  return "ratio " + std::to_string(worst) + ", missed by " +
         std::to_string(misses) + " of 5 draws";
}
