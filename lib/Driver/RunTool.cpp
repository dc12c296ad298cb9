//===- RunTool.cpp - attn-run ---------------------------------------------===//
//
// Compiles a cascade for one problem to an artifact, runs that, and says
// what was asked for: the check, the time, the reports.
//
//===----------------------------------------------------------------------===//

#include "CompileGpu.h"
#include "GpuProgram.h"
#include "RunOptions.h"
#include "ScheduleOptions.h"
#include "Serve.h"

#include "attn/Driver/Check.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/PagedInputs.h"
#include "attn/Driver/Reports.h"
#include "attn/Driver/RunReport.h"
#include "attn/Driver/Source.h"
#include "attn/Driver/Tools.h"
#include "attn/Driver/Updates.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>

using namespace attn;

using Tensors = std::map<std::string, HostTensor>;

namespace {
/// One call of the tool.
class Run {
public:
  Run(RunOptions options, llvm::raw_ostream &errors)
      : options(std::move(options)), errors(errors) {}

  Status execute(RunReport &report);

private:
  Status resolve();
  Status createTensors();
  PipelineOptions getPipeline();
  Status compile(RunReport &report);
  Status runKernel(RunReport &report);
  void usePages();
  void useWhole();
  Status repeat(int threads, const std::map<std::string, NpyArray> &first,
                RunReport &report);
  Status check(RunReport &report);
  Status upload();
  Result<api::Plan> prepare(int threads);
  Status runOnce(attn_plan plan);
  Status writeOutputs();

  RunOptions options;
  llvm::raw_ostream &errors;
  std::unique_ptr<Cache> cache;
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  Source source;
  Arrays arrays;
  Problem problem;
  CompiledKernel compiled;
  Tensors inputs, outputs;
  /// What the kernel gets of inputs that lie in pages, and their tables; while
  /// it has them, the inputs.
  Tensors given, whole;
  /// Their copies, on a GPU.
  std::optional<DeviceTensors> device;
};
} // namespace

/// The program, its extents and parameters.
Status Run::resolve() {
  auto loaded = loadSource(*context, options.program, options.function);
  if (!loaded.isOk())
    return loaded.takeStatus();
  source = std::move(*loaded);
  if (options.invariant)
    source.func.setInvariant(true);
  if (Status status = applyKvOptions(source.func, options.kv); !status.isOk())
    return status;
  auto read = readArrays(source.func, options.inputFiles);
  if (!read.isOk())
    return read.takeStatus();
  arrays = std::move(*read);
  if (!arrays.empty()) {
    DType type = arrays.begin()->second.dtype;
    if (type == DType::bf16 || type == DType::f16)
      problem.dtype = type;
  }
  problem.dtype = options.dtype.value_or(problem.dtype);
  if (Status status = bindArrays(source.func, arrays, problem); !status.isOk())
    return status;
  if (Status status = resolveExtents(source.func, options.shape, problem);
      !status.isOk())
    return status;
  if (Status status = resolveScalars(source.func, options.parameters, problem);
      !status.isOk())
    return status;
  return options.dryRun ? Status()
                        : checkMemory(source.func, problem, options.check);
}

Status Run::createTensors() {
  auto created = createInputs(source.func, problem, arrays, options.inputs);
  if (!created.isOk())
    return created.takeStatus();
  inputs = std::move(*created);
  auto paged = createPages(source.func, problem, inputs, options.inputs);
  if (!paged.isOk())
    return paged.takeStatus();
  given = std::move(*paged);
  auto made = createOutputs(source.func, problem, options.outputLayout);
  if (!made.isOk())
    return made.takeStatus();
  outputs = std::move(*made);
  fillUpdates(source.func, inputs, outputs);
  for (const auto &entry : options.outputFiles)
    if (!entry.first.empty() && !outputs.count(entry.first))
      return Status::error(StatusCode::invalidArgument, "-o",
                           "there is no result '" + entry.first + "'",
                           "see --list " + options.program);
  return {};
}

PipelineOptions Run::getPipeline() {
  PipelineOptions pipeline;
  bindStatics(source.func, problem, pipeline);
  if (options.gpu.specialize)
    bindLengths(source.func, problem, pipeline);
  pipeline.dtype = std::string(getName(problem.dtype));
  setSchedule(options.reports, options.target, problem, pipeline);
  pipeline.tileKeys = options.tileKeys;
  pipeline.tileRows = options.tileRows;
  // Few queries are not worth a tile of many rows. A GPU has them beside those
  // of other heads.
  auto queries = getQueryLength(problem);
  bool isGiven = options.tileRows || options.reports.buffer ||
                 isGpuTarget(options.target) || source.func.getScheduleAttr() ||
                 source.func.getInvariant();
  if (!isGiven && queries && *queries <= kFewQueries)
    pipeline.tileRows = std::max<int64_t>(*queries, 1);
  return pipeline;
}

/// `problem` with the extents of the ranks that are packed in `bound`.
static Problem addPackedRanks(Problem problem, mlir::ModuleOp bound) {
  bound.walk([&](cascade::FuncOp func) {
    for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
      if (cascade::PackingAttr packing = func.getResultPacking(i))
        problem.extents[packing.getRank().str()] =
            problem.extents.at(packing.getOuter().str()) * packing.getWidth();
  });
  return problem;
}

Status Run::compile(RunReport &report) {
  llvm::StringRef last = options.reports.getLastStage();
  PipelineOptions pipeline = getPipeline();
  if (isGpuTarget(options.target)) {
    options.gpu.queries = getQueryLength(problem);
    std::optional<int64_t> group;
    if (auto it = problem.extents.find("G"); it != problem.extents.end())
      group = it->second;
    if (Status status = setPacking(source.func, options.gpu, group, pipeline);
        !status.isOk())
      return status;
    options.gpu.length = getKeyLength(problem);
    if (options.usesCache && (!options.dryRun || last.empty()))
      cache = openKernelCache("attn-run", errors);
    options.gpu.cache = cache.get();
  }
  auto kernel = options.dryRun && !last.empty()
                    ? compileToStage(source.func, pipeline, last)
                    : compileKernel(source.func, problem, pipeline,
                                    options.target, options.gpu);
  if (!kernel.isOk())
    return kernel.takeStatus();
  compiled = std::move(*kernel);
  report.compileMs = compiled.compileMs;
  report.isCached = compiled.isCached;
  report.schedule = compiled.schedule;
  report.scheduleOrigin = compiled.scheduleOrigin;
  report.unscheduled = compiled.unscheduled;
  const Manifest *manifest = compiled.kernel ? &compiled.manifest : nullptr;
  report.target = manifest ? manifest->target.cpu : options.target;
  report.passes = comparePasses(*compiled.bound, *compiled.reduced);
  addReports({*compiled.bound, *compiled.reduced, compiled.tiled.get(),
              manifest, arrays},
             addPackedRanks(problem, *compiled.bound), options.target,
             options.reports, report);
  return {};
}

/// Copies all tensors to the GPU, if it is one that runs.
Status Run::upload() {
  if (!isGpuTarget(options.target))
    return {};
  if (!device) {
    auto created = DeviceTensors::create(options.target);
    if (!created.isOk())
      return created.takeStatus();
    device.emplace(std::move(*created));
  }
  for (Tensors *tensors : {&inputs, &outputs})
    for (auto &[name, tensor] : *tensors) {
      // What is updated is an output that the caller has filled.
      if (tensors == &inputs && outputs.count(name))
        continue;
      if (Status status = device->upload(name, tensor); !status.isOk())
        return status;
    }
  return {};
}

Result<api::Plan> Run::prepare(int threads) {
  if (Status status = upload(); !status.isOk())
    return status;
  return preparePlan(compiled.kernel.get(), compiled.manifest, problem, inputs,
                     outputs, threads, device ? &*device : nullptr);
}

/// Runs once; the outputs are then here.
Status Run::runOnce(attn_plan plan) {
  if (Status status = runPlan(plan); !status.isOk())
    return status;
  if (device)
    for (auto &[name, tensor] : outputs)
      if (Status status = device->download(name, tensor); !status.isOk())
        return status;
  return {};
}

/// Runs again with `threads` threads: results have to have the same bits.
Status Run::repeat(int threads, const std::map<std::string, NpyArray> &first,
                   RunReport &report) {
  auto plan = prepare(threads);
  if (!plan.isOk())
    return plan.takeStatus();
  if (Status status = runOnce(plan->get()); !status.isOk())
    return status;
  for (const auto &[name, tensor] : outputs)
    if (tensor.toNpy().data != first.at(name).data)
      report.unrepeatable.push_back(name);
  return {};
}

/// Gives the kernel the pages of tensors that lie in such, and their tables.
void Run::usePages() {
  for (auto &[name, tensor] : given)
    if (auto known = inputs.extract(name))
      whole.insert(std::move(known));
  inputs.merge(given);
}

/// Takes the tensors again.
void Run::useWhole() {
  auto isArgument = [&](mlir::StringAttr name) {
    for (unsigned i = 0, e = source.func.getNumArguments(); i < e; ++i)
      if (source.func.getArgumentName(i) == name)
        return true;
    return false;
  };
  for (unsigned i = 0, e = source.func.getArgumentTypes().size(); i < e; ++i)
    if (cascade::PagesAttr pages = source.func.getPages(i))
      for (mlir::StringAttr name : pages.getArguments())
        if (!isArgument(name))
          inputs.erase(name.str());
  for (auto &[name, tensor] : whole)
    inputs.erase(name);
  inputs.merge(whole);
}

Status Run::runKernel(RunReport &report) {
  auto plan = prepare(static_cast<int>(options.threads));
  if (!plan.isOk())
    return plan.takeStatus();
  if (Status status = runOnce(plan->get()); !status.isOk())
    return status;
  for (const auto &[name, tensor] : outputs)
    if (!tensor.areGapsUntouched())
      report.overrun.push_back(name);
  if (options.check) {
    std::map<std::string, NpyArray> first;
    for (const auto &[name, tensor] : outputs)
      first.emplace(name, tensor.toNpy());
    int others = options.threads == 1 ? 3 : 1;
    if (Status status = repeat(others, first, report); !status.isOk())
      return status;
  }
  if (!options.bench)
    return {};
  auto time = measure(plan->get());
  if (!time.isOk())
    return time.takeStatus();
  report.milliseconds = *time;
  // Beyond what the interpreter counts a time has no rate.
  auto multiplications = countMultiplications(source.func, problem);
  if (multiplications.isOk() && *multiplications > 0)
    report.gflops = 2 * *multiplications / (*time * 1e6);
  report.threads = static_cast<int>(options.threads);
  return {};
}

Status Run::check(RunReport &report) {
  bool mayspread = options.inputs.nan == NaNKind::key ||
                   options.inputs.nan == NaNKind::value;
  auto errors =
      checkOutputs(source.func, problem, getReferenceArguments(inputs, problem),
                   outputs, mayspread);
  if (!errors.isOk())
    return errors.takeStatus();
  report.errors = std::move(*errors);
  auto changed = findChanged(source.func, problem, inputs, outputs);
  if (!changed.isOk())
    return changed.takeStatus();
  report.changed = std::move(*changed);
  return {};
}

Status Run::writeOutputs() {
  for (const auto &[name, file] : options.outputFiles) {
    std::string result =
        name.empty() ? source.func.getResultName(0).str() : name;
    if (Status status = writeNpy(file, outputs.at(result).toNpy());
        !status.isOk())
      return status;
  }
  return {};
}

Status Run::execute(RunReport &report) {
  if (Status status = resolve(); !status.isOk())
    return status;
  report.variant = source.name;
  report.problem = problem;
  if (Status status = compile(report); !status.isOk() || options.dryRun)
    return status;
  if (Status status = createTensors(); !status.isOk())
    return status;
  usePages();
  if (Status status = runKernel(report); !status.isOk())
    return status;
  useWhole();
  if (options.check)
    if (Status status = check(report); !status.isOk())
      return status;
  return writeOutputs();
}

int attn::runTool(llvm::ArrayRef<std::string> arguments, llvm::raw_ostream &out,
                  llvm::raw_ostream &errors) {
  auto refuse = [&](const Status &status) {
    errors << "attn-run: " << status.message() << "\n";
    return kRefused;
  };
  auto options = parseRunOptions(arguments);
  if (!options.isOk())
    return refuse(options.getStatus());
  if (options->help) {
    out << formatHelp("attn-run FILE|VARIANT [options] [--TENSOR FILE.npy ...]",
                      getRunSpecs());
    return kRight;
  }
  if (options->serve) {
    serve(std::cin, out);
    return kRight;
  }
  if (options->list && options->program.empty()) {
    out << describeVariants();
    return kRight;
  }
  if (options->list) {
    auto context = createContext();
    auto source = loadSource(*context, options->program, options->function);
    if (!source.isOk())
      return refuse(source.getStatus());
    out << describeSource(*source);
    return kRight;
  }
  bool json = options->json;
  RunReport report;
  if (Status status = Run(std::move(*options), errors).execute(report);
      !status.isOk())
    return refuse(status);
  if (json)
    printJson(report, out);
  else
    printText(report, out);
  return report.isRight() ? kRight : kWrong;
}
