//===- Reports.cpp - what the analyses say of a compilation ---------------===//

#include "attn/Driver/Reports.h"

#include "attn/Analysis/IoModel.h"
#include "attn/Analysis/PassCount.h"
#include "attn/Conversion/CascadeToTile.h"
#include "attn/Driver/TileCount.h"
#include "attn/Target/CPU/Machine.h"
#include "dialects/Tile/Tile.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;

static cascade::FuncOp getCascade(ModuleOp module) {
  auto functions = module.getOps<cascade::FuncOp>();
  return functions.empty() ? cascade::FuncOp() : *functions.begin();
}

std::vector<PassesOverRank> attn::comparePasses(ModuleOp before,
                                                ModuleOp after) {
  std::vector<PassesOverRank> result;
  SmallVector<RankPasses> reduced = countPasses(getCascade(after));
  for (const RankPasses &passes : countPasses(getCascade(before))) {
    const auto *same = llvm::find_if(reduced, [&](const RankPasses &other) {
      return other.rank == passes.rank;
    });
    if (passes.passes != 0 && same != reduced.end())
      result.push_back({passes.rank.str(), passes.passes, same->passes});
  }
  return result;
}

static RankExtents getExtents(const Problem &problem) {
  RankExtents extents;
  for (const auto &[rank, extent] : problem.extents)
    extents[rank] = extent;
  return extents;
}

static std::string describePassesOf(StringRef title, ModuleOp module,
                                    const Problem &problem) {
  cascade::FuncOp func = getCascade(module);
  std::string text = ("passes " + title + ":\n").str();
  for (const ReportLine &line :
       describePasses(func, countPasses(func), getExtents(problem)))
    text += "  " + line.text + "\n";
  return text;
}

/// Rows of a tile of the program that runs for `rows` rows, and keys of a step,
/// 0 where the schedule leaves them as they are.
static std::pair<int64_t, int64_t> getSchedule(cascade::FuncOp func,
                                               int64_t rows) {
  CascadeToTileOptions defaults;
  auto schedule = func.getScheduleAttr();
  if (!schedule)
    return {defaults.tileRows, 0};
  if (cascade::FewRowsAttr few = schedule.getFew();
      few && rows < few.getBelow())
    return {few.getRows(), few.getKeys()};
  return {schedule.getRows() ? schedule.getRows() : defaults.tileRows, 0};
}

/// The tile of the program that runs at `problem`'s extents.
static TileChoice getTile(cascade::FuncOp func, const IoModel &model,
                          const MemoryLevel &level) {
  auto [rows, stepKeys] =
      getSchedule(func, static_cast<int64_t>(model.problem.rows));
  uint64_t keys = stepKeys ? stepKeys : model.keyGranule;
  TileChoice choice = evaluateStreamed(model.problem, rows, keys);
  // A step over all keys that the buffer does not hold: they come by again for
  // the next rows, as if there were several steps.
  if (choice.heldBytes > level.bytes && choice.keys == model.problem.keys &&
      choice.keys > 1) {
    choice = evaluateStreamed(model.problem, rows, choice.keys - 1);
    choice.keys = model.problem.keys;
  }
  return choice;
}

/// The buffer of the report: the cache that one work item has for itself.
static std::optional<MemoryLevel> getLevel(StringRef target,
                                           const ReportRequest &request) {
  if (request.buffer)
    return request.buffer;
  if (auto machine = cpu::getMachine(target))
    return MemoryLevel{"L2", machine->l2Bytes};
  return std::nullopt;
}

/// The model speaks of one streamed sweep; a cascade without one has no such
/// report.
static void addTraffic(const ReportSources &sources, const Problem &problem,
                       StringRef target, const ReportRequest &request,
                       RunReport &report) {
  cascade::FuncOp func =
      getCascade(request.unfused ? sources.bound : sources.reduced);
  std::optional<MemoryLevel> level = getLevel(target, request);
  if (!level)
    return;
  for (const auto &entry : problem.extents)
    if (entry.second == 0)
      return;
  IoModelOptions options;
  options.extents = getExtents(problem);
  options.holdPoints = request.holdPoints;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
    if (type.isIntOrIndex())
      if (auto it = problem.scalars.find(func.getArgumentName(i).str());
          it != problem.scalars.end())
        options.scalars[it->first] = static_cast<int64_t>(it->second);
  std::string refusal;
  ScopedDiagnosticHandler handler(func.getContext(), [&](Diagnostic &diag) {
    refusal = diag.str();
    return success();
  });
  FailureOr<IoModel> model = buildIoModel(func, options);
  if (failed(model)) {
    if (request.has("io"))
      report.details += "io: " + refusal + "\n";
    return;
  }
  TileChoice choice = request.unfused ? evaluateUnfused(model->problem)
                                      : getTile(func, *model, *level);
  report.traffic.push_back({level->name, choice.movedBytes,
                            getCompulsoryBytes(model->problem),
                            getBoundBytes(model->problem, level->bytes)});
  if (request.has("io"))
    report.details += describeTraffic(*model, *level, choice) + "\n" +
                      describeSchedule(*model, *level, choice) + "\n";
}

StringRef ReportRequest::getLastStage() const {
  if (has("resources"))
    return "";
  return has("tiles") ? "tile" : "reduce";
}

void attn::setSchedule(const ReportRequest &request, StringRef target,
                       const Problem &problem, PipelineOptions &pipeline) {
  if (!request.buffer) {
    if (auto machine = cpu::getMachine(target))
      pipeline.schedule = cpu::getScheduleTarget(*machine);
    return;
  }
  ScheduleTarget buffer;
  buffer.bufferBytes = request.buffer->bytes;
  buffer.limits.rowGranule = request.rowGranule;
  buffer.limits.rowsDivide = request.rowsDivide;
  buffer.holdPoints = request.holdPoints;
  pipeline.schedule = buffer;
  for (const auto &[rank, extent] : problem.extents)
    if (extent > 0)
      pipeline.scheduleExtents.push_back(rank + "=" + std::to_string(extent));
}

/// The extent of the rank that the cascade's first scan sweeps; 0 without one.
static int64_t getSweptExtent(ModuleOp reduced, const Problem &problem) {
  int64_t extent = 0;
  getCascade(reduced).walk([&](cascade::ScanOp scan) {
    auto it = problem.extents.find(scan.getRank().str());
    extent = it == problem.extents.end() ? 0 : it->second;
    return WalkResult::interrupt();
  });
  return extent;
}

static std::string describeResources(const Manifest &manifest) {
  std::string text = "resources:\n";
  text += "  workspace " + manifest.workspaceBytes.toString() + " bytes\n";
  text += "  scratch " + manifest.scratchBytes.toString() + " bytes a thread\n";
  for (const Manifest::Phase &phase : manifest.phases)
    text +=
        "  phase " + phase.symbol + ": " + phase.items.toString() + " items\n";
  text += "  features";
  for (const std::string &feature : manifest.target.features)
    text += " " + feature;
  return text + "\n";
}

Result<MaskReport> attn::getMaskReport(const ReportSources &sources,
                                       const Problem &problem,
                                       const ReportRequest &request) {
  MaskReportOptions options;
  auto rows = problem.extents.find("P");
  options.tileRows =
      getSchedule(getCascade(sources.reduced),
                  rows == problem.extents.end() ? 0 : rows->second)
          .first;
  options.tileKeys = options.stepKeys = request.tileKeys;
  if (sources.tiled)
    ModuleOp(sources.tiled).walk([&](tile::SweepOp sweep) {
      options.stepKeys = static_cast<int64_t>(sweep.getTile());
    });
  options.workers = request.workers;
  return reportMask(getCascade(sources.bound), problem, sources.arrays,
                    options);
}

/// What the mask says; its steps stand for tiles whose bounds cannot be told.
static void addMask(const ReportSources &sources, const Problem &problem,
                    const ReportRequest &request, RunReport &report) {
  auto mask = getMaskReport(sources, problem, request);
  if (!mask.isOk()) {
    report.details += mask.getStatus().message() + "\n";
    if (!report.tiles)
      report.details += "tiles: the bounds of a sweep depend on data\n";
    return;
  }
  if (!report.tiles)
    report.tiles = mask->steps;
  report.mask = {mask->livePairs, mask->emptyRows, mask->plan.countWorkers(),
                 mask->plan.makespan, mask->plan.lowerBound};
  llvm::raw_string_ostream os(report.details);
  printText(*mask, os);
}

void attn::addReports(const ReportSources &sources, const Problem &problem,
                      StringRef target, const ReportRequest &request,
                      RunReport &report) {
  if (request.has("passes"))
    report.details += describePassesOf("as written", sources.bound, problem) +
                      describePassesOf("as compiled", sources.reduced, problem);
  addTraffic(sources, problem, target, request, report);
  if (sources.tiled)
    report.tiles = countTiles(sources.tiled, problem,
                              getSweptExtent(sources.reduced, problem));
  if (request.has("tiles"))
    addMask(sources, problem, request, report);
  if (request.has("resources") && sources.manifest)
    report.details += describeResources(*sources.manifest);
}
