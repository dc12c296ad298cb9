//===- InterpretVariant.cpp - a variant's kernels, interpreted ------------===//

#include "InterpretVariant.h"

#include "attn/Conversion/Passes.h"
#include "attn/Driver/Check.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/PagedInputs.h"
#include "attn/Driver/Updates.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Target/GPU/Pipelines.h"
#include "attn/Target/GpuTarget.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"

#include "llvm/ADT/StringSwitch.h"

#include <set>

using namespace mlir;
using namespace attn;
using namespace attn::test;

InterpretedRun::InterpretedRun(const std::string &variant,
                               const InterpretedCase &c)
    : context(createContext()), variant(variant), c(c) {}

/// As the tests of the CPU have it: what a variant cannot have is not asked.
static bool hasRank(cascade::FuncOp func, StringRef rank) {
  for (Type type : func.getArgumentTypes())
    if (auto tensor = dyn_cast<cascade::NamedTensorType>(type))
      for (auto name : tensor.getRanks())
        if (name == rank)
          return true;
  return false;
}

PipeTarget attn::test::getPipeTarget(StringRef target) {
  return llvm::StringSwitch<PipeTarget>(target)
      .Cases({"sm_80", "sm_89"}, PipeTarget::ampere)
      .Cases({"gfx942", "gfx90a", "gfx950"}, PipeTarget::cdna)
      .Case("gfx1100", PipeTarget::rdna)
      .Default(PipeTarget::hopper);
}

Status attn::test::loadCase(MLIRContext &context, const std::string &variant,
                            const InterpretedCase &c, Source &source) {
  auto loaded = loadSource(context, variant, "");
  if (!loaded.isOk())
    return loaded.takeStatus();
  source = std::move(*loaded);
  source.func.setInvariant(c.isInvariant);
  return applyKvOptions(source.func, c.kv);
}

Status InterpretedRun::prepare() {
  if (Status status = loadCase(*context, variant, c, source); !status.isOk())
    return status;
  if (!hasRank(source.func, "G"))
    c.shape.heads = c.shape.kvHeads;
  if (!hasRank(source.func, "P") || !hasRank(source.func, "M"))
    c.shape.keyLength = c.shape.queryLength;
  problem.dtype = c.dtype;
  if (Status status = resolveExtents(source.func, c.shape, problem);
      !status.isOk())
    return status;
  if (Status status = resolveScalars(source.func, c.parameters, problem);
      !status.isOk())
    return status;
  auto created = createInputs(source.func, problem, c.arrays, inputOptions);
  if (!created.isOk())
    return created.takeStatus();
  inputs = std::move(*created);
  auto empty = createOutputs(source.func, problem, Layout::contiguous);
  if (!empty.isOk())
    return empty.takeStatus();
  outputs = std::move(*empty);
  return {};
}

Result<OwningOpRef<ModuleOp>> attn::test::lowerCase(Source &source,
                                                    const Problem &problem,
                                                    const InterpretedCase &c) {
  PipelineOptions options;
  bindStatics(source.func, problem, options);
  options.dtype = std::string(getName(problem.dtype));
  options.tileRows = c.tileRows;
  options.tileKeys = c.tileKeys;
  options.fewRows = 0;
  options.halvesWeights = c.isScheduled;
  if (!c.layouts.empty())
    bindLengths(source.func, problem, options);
  options.layouts = c.layouts;
  if (c.pack) {
    PackRanksOptions packing;
    packing.width = *c.pack;
    if (auto refusal = checkPacking(source.func, packing))
      return Status::error(StatusCode::unsupported, source.name,
                           refusal->reason, "");
    options.packing = packing;
  }
  OwningOpRef<ModuleOp> module = isolate(source.func);
  PassManager passes(source.func.getContext());
  if (c.isScheduled) {
    options.fullMultiple = c.tileKeys;
    gpu::addSchedulePasses(passes, c.schedule,
                           getMachineModel(c.target, c.anyStrides));
  } else {
    gpu::addThreadPasses(passes);
  }
  if (c.sharedBytes)
    passes.addNestedPass<pipe::KernelOp>(
        createPlaceArraysPass({*c.sharedBytes}));
  if (failed(runCascadeStages(*module, options)) || failed(passes.run(*module)))
    return Status::error(StatusCode::unsupported, source.name,
                         "has no lowering", "see the message above");
  return module;
}

Result<OwningOpRef<ModuleOp>>
attn::test::lowerVariant(MLIRContext &context, const std::string &variant,
                         const InterpretedCase &c, Source &source) {
  Problem problem;
  problem.dtype = c.dtype;
  if (Status status = loadCase(context, variant, c, source); !status.isOk())
    return status;
  if (Status status = resolveExtents(source.func, c.shape, problem);
      !status.isOk())
    return status;
  if (Status status = resolveScalars(source.func, {}, problem); !status.isOk())
    return status;
  return lowerCase(source, problem, c);
}

Status InterpretedRun::lower() {
  auto lowered = lowerCase(source, problem, c);
  if (!lowered.isOk())
    return lowered.takeStatus();
  module = std::move(*lowered);
  return {};
}

/// Whether the kernel writes to its argument `index`.
static bool isWritten(pipe::KernelOp kernel, unsigned index) {
  return llvm::any_of(
      kernel.getBody().getArgument(index).getUsers(), [](Operation *user) {
        return isa<pipe::PutOp, pipe::StoreOp, pipe::BulkStoreOp>(user);
      });
}

Status InterpretedRun::interpret(const PipeLaunch &launch) {
  std::map<std::string, ReferenceTensor> known;
  for (auto &[name, tensor] : inputs)
    known[name] = tensor.toReference();
  auto pages = createPages(source.func, problem, inputs, inputOptions);
  if (!pages.isOk())
    return pages.takeStatus();
  for (auto &[name, tensor] : *pages)
    known[name] = tensor.toReference();
  std::set<std::string> updated;
  for (pipe::KernelOp kernel : module->getOps<pipe::KernelOp>()) {
    PipeArguments arguments;
    arguments.extents = problem.extents;
    for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
      std::string name = kernel.getArgumentName(index).str();
      if (!isa<pipe::GlobalType>(type)) {
        arguments.scalars[name] = problem.scalars.at(name);
        continue;
      }
      // To one kernel, workspace is what it reads or what it writes.
      bool writes = isWritten(kernel, index);
      bool updates = kernel.getArgAttrOfType<StringAttr>(
                         index, pipe::kAccessAttr) == "update";
      if (!updates)
        kernel.setArgAttr(
            index, pipe::kAccessAttr,
            StringAttr::get(context.get(), writes ? "write" : "read"));
      if (!writes || updates)
        arguments.tensors[name] = known.at(name);
      if (updates)
        updated.insert(name);
    }
    auto outcome = interpretPipe(kernel, arguments, launch);
    if (!outcome.isOk())
      return outcome.takeStatus();
    if (!outcome->findings.empty())
      return Status::error(StatusCode::invalidArgument, variant,
                           outcome->findings.front().message, "");
    for (auto &[name, tensor] : outcome->results) {
      if (outcome->unwritten[name] != 0 && !updated.count(name))
        return Status::error(StatusCode::invalidArgument, variant,
                             "leaves elements of '" + name + "' unwritten", "");
      known[name] = std::move(tensor);
    }
  }
  for (auto &[name, tensor] : outputs)
    tensor.setValues(known.at(name).values);
  return {};
}

std::string InterpretedRun::run(uint64_t seed, const PipeLaunch &launch,
                                llvm::function_ref<void(ModuleOp)> edit) {
  inputOptions.seed = seed;
  inputOptions.nan = c.nan;
  Status status = prepare();
  if (status.isOk())
    status = lower();
  if (status.isOk() && edit)
    edit(*module);
  if (status.isOk())
    status = interpret(launch);
  if (!status.isOk())
    return status.message();
  auto errors = checkOutputs(source.func, problem,
                             getReferenceArguments(inputs, problem), outputs,
                             /*mayspread=*/false);
  if (!errors.isOk())
    return errors.getStatus().message();
  auto changed = findChanged(source.func, problem, inputs, outputs);
  if (!changed.isOk())
    return changed.getStatus().message();
  if (!changed->empty())
    return changed->front() + " has changed where nothing updates it";
  // A draw of rounding errors misses the rule by a little now and then.
  constexpr double kByMuch = 2;
  for (const OutputError &error : *errors)
    if (!(error.report.maxRatio <= kByMuch))
      return error.name + " misses the error rule by " +
             std::to_string(error.report.maxRatio);
  return "";
}
