//===- TuneTool.cpp - attn-compile --tune ---------------------------------===//

#include "TuneTool.h"

#include "GpuCascade.h"
#include "GpuLowering.h"
#include "RunOptions.h"
#include "ScheduleOptions.h"
#include "TuneWorker.h"

#include "attn/Runtime/File.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <csignal>
#include <ctime>

using namespace attn;
using llvm::StringRef;

llvm::ArrayRef<StringRef> attn::getTuneOptionNames() {
  static const StringRef names[] = {"tune", "tune-budget", "tune-table",
                                    "tune-length"};
  return names;
}

static Status refuse(std::string feature, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::unsupported, std::move(feature),
                       std::move(reason), std::move(alternative));
}

static double getSeconds() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

//===----------------------------------------------------------------------===//
// Interrupts
//===----------------------------------------------------------------------===//

static volatile std::sig_atomic_t isInterrupted = 0;

namespace {
/// While it lives the first interrupt ends the search, and the second the
/// program.
class InterruptScope {
public:
  InterruptScope() {
    isInterrupted = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { isInterrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before);
  }
  ~InterruptScope() { ::sigaction(SIGINT, &before, nullptr); }

private:
  struct sigaction before;
};

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

/// Builds here and runs in a worker.
class DeviceMeasurer final : public TuneMeasurer {
public:
  DeviceMeasurer(GpuLowering &lowering, TuneWorker &worker)
      : lowering(lowering), worker(worker) {}

  TuneMeasurement prepare(const TileSchedule &schedule) override;
  TuneMeasurement measure(const TileSchedule &schedule) override;

private:
  struct Built {
    TileSchedule schedule;
    std::string artifact;
  };

  GpuLowering &lowering;
  TuneWorker &worker;
  std::vector<Built> built;
};
} // namespace

static TuneOutcome getOutcome(BuildFailure::Kind kind) {
  switch (kind) {
  case BuildFailure::Kind::refused:
    return TuneOutcome::refused;
  case BuildFailure::Kind::registers:
    return TuneOutcome::registers;
  case BuildFailure::Kind::sharedMemory:
    return TuneOutcome::sharedMemory;
  case BuildFailure::Kind::assembler:
    return TuneOutcome::assembler;
  }
  llvm_unreachable("unknown kind");
}

TuneMeasurement DeviceMeasurer::prepare(const TileSchedule &schedule) {
  auto code = lowering.build(schedule, CodeKind::MachineCode);
  if (auto *failure = std::get_if<BuildFailure>(&code))
    return {getOutcome(failure->kind), 0, failure->reason};
  auto bytes = makeArtifact(std::get<CompiledCode>(code)).serialize();
  if (!bytes.isOk())
    return {TuneOutcome::refused, 0, bytes.getStatus().message()};
  built.push_back({schedule, std::move(*bytes)});
  return worker.load(built.size() - 1, built.back().artifact);
}

TuneMeasurement DeviceMeasurer::measure(const TileSchedule &schedule) {
  size_t number = 0;
  while (!(built[number].schedule == schedule))
    ++number;
  // A worker that was started anew has none of the kernels.
  if (!worker.has(number)) {
    TuneMeasurement loaded = worker.load(number, built[number].artifact);
    if (loaded.outcome != TuneOutcome::measured)
      return loaded;
  }
  return worker.measure(number);
}

//===----------------------------------------------------------------------===//
// What to run on
//===----------------------------------------------------------------------===//

static Status fill(cascade::FuncOp func, TuneProblem &problem) {
  auto inputs = createInputs(func, problem.problem, {}, InputOptions());
  if (!inputs.isOk())
    return inputs.takeStatus();
  problem.inputs = std::move(*inputs);
  return {};
}

/// The same problem for the oracle: a few heads, some tiles of rows and steps,
/// the last ones cut. Nothing where that contradicts parameters, as those of a
/// grid do.
static Result<std::optional<TuneProblem>>
createSmall(const CommandLine &line, const GpuCascade &cascade) {
  constexpr int64_t kQueries = 200, kKeys = 300;
  auto shape = parseShape(line);
  if (!shape.isOk())
    return shape.takeStatus();
  const auto &extents = cascade.problem.extents;
  auto limit = [&](const char *rank, int64_t most) {
    auto extent = extents.find(rank);
    return extent == extents.end() ? most : std::min(extent->second, most);
  };
  bool hasQueries = extents.count("P") != 0;
  shape->batch = limit("B", 1);
  shape->kvHeads = limit("H", 1);
  shape->heads = *shape->kvHeads * (extents.count("G") ? limit("G", 2) : 1);
  shape->keyLength = limit("M", kKeys);
  shape->queryLength = hasQueries ? limit("P", kQueries) : *shape->keyLength;
  std::optional<TuneProblem> small(std::in_place);
  small->problem.dtype = cascade.problem.dtype;
  cascade::FuncOp func = cascade.source.func;
  auto parameters = line.getPairs("set");
  if (!parameters.isOk())
    return parameters.takeStatus();
  if (!resolveExtents(func, *shape, small->problem).isOk() ||
      !resolveScalars(func, *parameters, small->problem).isOk() ||
      !fill(func, *small).isOk())
    return std::optional<TuneProblem>();
  auto expected =
      computeExpected(func, small->problem,
                      getReferenceArguments(small->inputs, small->problem));
  if (!expected.isOk())
    return std::optional<TuneProblem>();
  small->expected = std::move(*expected);
  return small;
}

//===----------------------------------------------------------------------===//
// The tool
//===----------------------------------------------------------------------===//

static std::string describeMeasurement(const TuneResult &result,
                                       const Problem &problem,
                                       const std::string &device) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << llvm::format("%.4g ms at", result.milliseconds);
  for (const auto &[rank, extent] : problem.extents)
    stream << " " << rank << "=" << extent;
  char date[16] = "";
  std::time_t now = std::time(nullptr);
  std::tm utc = {};
  if (gmtime_r(&now, &utc))
    std::strftime(date, sizeof(date), "%Y-%m-%d", &utc);
  stream << " " << getName(problem.dtype) << ", " << device << ", " << date;
  return text;
}

/// Adds `entry` to the table in `path` as it is now.
static Status mergeEntry(const std::string &path, const ScheduleEntry &entry) {
  auto table = readScheduleFile(path, /*mayBeAbsent=*/true);
  if (!table.isOk())
    return table.takeStatus();
  table->set(entry);
  return replaceFile(path, table->print());
}

Status attn::tuneForGpu(const CommandLine &line, llvm::raw_ostream &out,
                        llvm::raw_ostream &errors) {
  auto budget = line.getInteger("tune-budget", 1);
  if (!budget.isOk())
    return budget.takeStatus();
  auto length = line.getInteger("tune-length", 1);
  if (!length.isOk())
    return length.takeStatus();
  std::string path = line.get("tune-table");
  // Rather now than after the search.
  if (!path.empty())
    if (auto table = readScheduleFile(path, /*mayBeAbsent=*/true);
        !table.isOk())
      return table.takeStatus();

  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto cascade = loadGpuCascade(*context, line);
  if (!cascade.isOk())
    return cascade.takeStatus();
  cascade::FuncOp func = cascade->source.func;
  if (cascade->options.anyStrides)
    return refuse("--tune", "the table has no schedules for any strides",
                  "leave --any-strides out");
  GpuLowering lowering(func, cascade->pipeline,
                       getMachineModel(cascade->options.target));
  std::optional<ScheduleKey> key = lowering.getKey();
  auto model = lowering.getModel();
  if (auto *reason = std::get_if<std::string>(&model))
    return refuse("--tune", cascade->source.name + ": " + *reason,
                  "tune a program that has schedules");
  if (!key)
    return refuse("--tune", cascade->source.name + " cannot be bound",
                  "see attn-compile without --tune");
  std::vector<TileSchedule> candidates;
  int64_t numUnfit = 0;
  for (const ScheduleCandidate &candidate :
       std::get<ScheduleModel>(model).rank(cascade->options.schedule,
                                           /*isSearch=*/true)) {
    if (candidate.estimate.refusal.empty())
      candidates.push_back(candidate.schedule);
    else
      ++numUnfit;
  }

  if (Status status = checkMemory(func, cascade->problem, false);
      !status.isOk())
    return status;
  TuneWork work{func, {cascade->problem, {}, {}}, {}};
  // Whether there is a device costs less to find out than inputs to make.
  {
    TuneWork none{func, {}, {}};
    if (auto device = TuneWorker(none).start(); !device.isOk())
      return device.takeStatus();
  }
  if (Status status = fill(func, work.large); !status.isOk())
    return status;
  auto small = createSmall(line, *cascade);
  if (!small.isOk())
    return small.takeStatus();
  work.small = std::move(*small);
  if (!work.small)
    errors << "attn-compile: note: no small problem has these parameters: "
              "results are compared with each other only\n";
  TuneWorker worker(work);
  auto device = worker.start();
  if (!device.isOk())
    return device.takeStatus();
  errors << "tune: " << candidates.size() << " candidates, " << numUnfit
         << " do not fit by the model; " << *device << "\n";

  DeviceMeasurer measurer(lowering, worker);
  TuneOptions options;
  options.budgetSeconds = static_cast<double>(budget->value_or(120));
  options.clock = getSeconds;
  options.isInterrupted = [] { return isInterrupted != 0; };
  options.progress = &errors;
  TuneResult result;
  {
    InterruptScope scope;
    result = tune(candidates, measurer, options);
  }
  errors << "tune: " << describe(result) << "\n";
  if (!result.best)
    return refuse("--tune", "no candidate ran: " + describe(result),
                  "see the reasons above; a longer --tune-budget tries more");
  ScheduleEntry entry{func.getSymName().str(), *key, *result.best,
                      describeMeasurement(result, cascade->problem, *device)};
  entry.key.length = *length;
  if (path.empty()) {
    out << format(entry) << "\n";
    return {};
  }
  if (Status status = mergeEntry(path, entry); !status.isOk())
    return status;
  errors << "tune: wrote to " << path << ": " << format(entry) << "\n";
  return {};
}
