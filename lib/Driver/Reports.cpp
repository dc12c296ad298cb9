//===- Reports.cpp - what the analyses say of a compilation ---------------===//

#include "attn/Driver/Reports.h"

#include "attn/Analysis/IoModel.h"
#include "attn/Analysis/PassCount.h"
#include "attn/Driver/TileCount.h"

#include "llvm/Support/FormatVariadic.h"

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

/// Bytes through the cache that one work item has for itself. The model speaks
/// of one streamed sweep; a cascade without one has no such report.
static void addTraffic(ModuleOp reduced, const Problem &problem,
                       const PipelineOptions &pipeline, bool isAsked,
                       RunReport &report) {
  cascade::FuncOp func = getCascade(reduced);
  for (const auto &entry : problem.extents)
    if (entry.second == 0)
      return;
  IoModelOptions options;
  options.extents = getExtents(problem);
  std::string refusal;
  ScopedDiagnosticHandler handler(func.getContext(), [&](Diagnostic &diag) {
    refusal = diag.str();
    return success();
  });
  FailureOr<IoModel> model = buildIoModel(func, options);
  if (failed(model)) {
    if (isAsked)
      report.details += "io: " + refusal + "\n";
    return;
  }
  // One core's second-level cache on the machines of the target table.
  MemoryLevel level{"L2", uint64_t(1) << 20};
  TileChoice choice =
      evaluateStreamed(model->problem, static_cast<uint64_t>(pipeline.tileRows),
                       static_cast<uint64_t>(pipeline.tileKeys));
  report.traffic.push_back({level.name, choice.movedBytes,
                            getCompulsoryBytes(model->problem),
                            getBoundBytes(model->problem, level.bytes)});
  if (isAsked)
    report.details += describeTraffic(*model, level, choice) + "\n" +
                      describeSchedule(*model, level, choice) + "\n";
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

void attn::addReports(const ReportSources &sources, const Problem &problem,
                      const PipelineOptions &pipeline,
                      const std::set<std::string> &names, RunReport &report) {
  if (names.count("passes"))
    report.details += describePassesOf("as written", sources.bound, problem) +
                      describePassesOf("as compiled", sources.reduced, problem);
  addTraffic(sources.reduced, problem, pipeline, names.count("io") != 0,
             report);
  report.tiles = countTiles(sources.tiled, problem,
                            getSweptExtent(sources.reduced, problem));
  if (names.count("tiles") && !report.tiles)
    report.details += "tiles: the bounds of a sweep depend on data\n";
  if (names.count("resources"))
    report.details += describeResources(sources.manifest);
}
