//===- RunReport.cpp - what a run prints ----------------------------------===//

#include "attn/Driver/RunReport.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include <cmath>

using namespace attn;

bool RunReport::isRight() const {
  if (!unrepeatable.empty() || !overrun.empty() || !changed.empty())
    return false;
  if (errors)
    for (const OutputError &error : *errors)
      if (!error.report.isRight())
        return false;
  return true;
}

/// JSON has no infinity: a number that stands for it is larger than any ratio.
static double toFinite(double value) {
  return std::isfinite(value) ? value : 1e308;
}

static void printErrors(const RunReport &report, llvm::json::OStream &json) {
  double maxRatio = 0, relative = 0;
  for (const OutputError &error : *report.errors) {
    maxRatio = std::max(maxRatio, error.report.maxRatio);
    relative = std::max(relative, error.report.relative);
  }
  json.attributeObject("error", [&] {
    json.attribute("max_ratio", toFinite(maxRatio));
    json.attribute("rel", relative);
    json.attributeObject("outputs", [&] {
      for (const OutputError &error : *report.errors)
        json.attributeObject(error.name, [&] {
          json.attribute("max_ratio", toFinite(error.report.maxRatio));
          json.attribute("rel", error.report.relative);
          json.attribute("row", error.report.row);
          json.attribute("element", error.report.element);
          json.attribute("nan_rows_spread", error.report.spreadRows);
        });
    });
  });
}

static void printTiles(const RunReport &report, llvm::json::OStream &json) {
  json.attributeObject("tiles", [&] {
    json.attribute("full", report.tiles->full);
    json.attribute("partial", report.tiles->partial);
    json.attribute("empty", report.tiles->empty);
    if (!report.mask)
      return;
    json.attribute("live_pairs", report.mask->livePairs);
    json.attribute("empty_rows", report.mask->emptyRows);
    json.attributeObject("workers", [&] {
      json.attribute("count", report.mask->workers);
      json.attribute("makespan", report.mask->makespan);
      json.attribute("bound", report.mask->bound);
    });
  });
}

void attn::printJson(const RunReport &report, llvm::raw_ostream &os) {
  llvm::json::OStream json(os);
  json.object([&] {
    json.attribute("variant", report.variant);
    json.attribute("target", report.target);
    json.attribute("dtype", std::string(getName(report.problem.dtype)));
    json.attributeObject("shape", [&] {
      for (const auto &[rank, extent] : report.problem.extents)
        json.attribute(rank, extent);
    });
    json.attributeObject("parameters", [&] {
      for (const auto &[name, value] : report.problem.scalars)
        json.attribute(name, value);
    });
    json.attributeObject("passes", [&] {
      for (const PassesOverRank &passes : report.passes)
        json.attributeObject(passes.rank, [&] {
          json.attribute("before", passes.before);
          json.attribute("after", passes.after);
        });
    });
    if (report.tiles)
      printTiles(report, json);
    if (!report.traffic.empty())
      json.attributeObject("bytes", [&] {
        for (const Traffic &traffic : report.traffic)
          json.attributeObject(traffic.level, [&] {
            json.attribute("moved", static_cast<int64_t>(traffic.moved));
            json.attribute("compulsory",
                           static_cast<int64_t>(traffic.compulsory));
            json.attribute("bound", static_cast<int64_t>(traffic.bound));
          });
      });
    if (report.errors)
      printErrors(report, json);
    auto printNames = [&](const char *key,
                          const std::vector<std::string> &names) {
      if (!names.empty())
        json.attributeArray(key, [&] {
          for (const std::string &name : names)
            json.value(name);
        });
    };
    printNames("unrepeatable", report.unrepeatable);
    printNames("overrun", report.overrun);
    printNames("changed", report.changed);
    if (report.milliseconds)
      json.attribute("ms", *report.milliseconds);
    if (report.gflops)
      json.attribute("gflops", *report.gflops);
    json.attribute("threads", report.threads);
    json.attribute("compile_ms", report.compileMs);
    if (report.isCached)
      json.attribute("cache", *report.isCached ? "hit" : "miss");
    if (report.schedule)
      json.attributeObject("schedule", [&] {
        json.attribute("rows", report.schedule->rows);
        json.attribute("keys", report.schedule->keys);
        json.attribute("slots", report.schedule->slots);
        json.attribute("turns", report.schedule->takesTurns);
        json.attribute("split", report.schedule->split);
        json.attribute("cluster", report.schedule->cluster);
        json.attribute("stream", report.schedule->isStream);
        json.attribute("by", report.scheduleOrigin);
      });
    if (!report.unscheduled.empty())
      json.attribute("unscheduled", report.unscheduled);
    if (report.errors)
      json.attribute("right", report.isRight());
  });
  os << "\n";
}

void attn::printText(const RunReport &report, llvm::raw_ostream &os) {
  os << report.variant << ", " << getName(report.problem.dtype) << ", "
     << report.target << ":";
  for (const auto &[rank, extent] : report.problem.extents)
    os << " " << rank << "=" << extent;
  os << "\n";
  for (const auto &[name, value] : report.problem.scalars)
    os << "  " << name << " = " << llvm::format("%g", value) << "\n";
  for (const PassesOverRank &passes : report.passes)
    os << "passes over " << passes.rank << ": " << passes.before << " -> "
       << passes.after << "\n";
  if (report.tiles)
    os << "tiles: " << report.tiles->full << " full, " << report.tiles->partial
       << " partial, " << report.tiles->empty << " empty\n";
  os << report.details;
  if (report.errors)
    for (const OutputError &error : *report.errors) {
      os << "error of " << error.name << ": "
         << llvm::format("%.3f", error.report.maxRatio)
         << " of what the rule allows";
      if (!error.report.isRight())
        os << " (row " << error.report.row << ", element "
           << error.report.element << ")";
      os << ", relative " << llvm::format("%.2e", error.report.relative);
      if (error.report.spreadRows)
        os << ", NaN spread to " << error.report.spreadRows << " rows";
      os << "\n";
    }
  for (const std::string &name : report.unrepeatable)
    os << name << " differs from run to run\n";
  for (const std::string &name : report.overrun)
    os << "memory around " << name << " was written\n";
  for (const std::string &name : report.changed)
    os << name << " has changed where nothing updates it\n";
  if (report.schedule)
    os << "schedule: " << format(*report.schedule) << " by "
       << report.scheduleOrigin << "\n";
  if (!report.unscheduled.empty())
    os << "by ordinary threads: " << report.unscheduled << "\n";
  bool isCached = report.isCached.value_or(false);
  os << (isCached ? "loaded from the cache in " : "compiled in ")
     << llvm::format(isCached ? "%.1f" : "%.0f", report.compileMs) << " ms\n";
  if (report.milliseconds)
    os << "run in " << llvm::format("%.4g", *report.milliseconds) << " ms on "
       << report.threads << (report.threads == 1 ? " thread" : " threads");
  if (report.milliseconds && report.gflops)
    os << ", " << llvm::format("%.1f", *report.gflops) << " GFLOP/s";
  if (report.milliseconds)
    os << "\n";
  if (report.errors)
    os << (report.isRight() ? "right" : "WRONG") << "\n";
}
