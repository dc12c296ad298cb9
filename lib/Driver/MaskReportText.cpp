//===- MaskReportText.cpp - reports of masks as text and as SVG -----------===//

#include "attn/Driver/MaskReport.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace attn;

static const char *plural(int64_t count) { return count == 1 ? "" : "s"; }

static void printCounts(const MaskReport &report, llvm::raw_ostream &os) {
  os << "mask: " << report.rows << " queries x " << report.keys
     << " keys, in tiles of " << report.tileRows << " x " << report.tileKeys
     << "; " << report.heads << " head" << plural(report.heads);
  if (!report.hasMask)
    os << ", without a mask\n";
  else if (report.maps == 1)
    os << ", the same mask for all\n";
  else
    os << ", " << report.maps << " masks\n";
  for (const std::string &reason : report.reasons)
    os << "mask: " << reason << "\n";
  os << "mask: " << report.tiles.full << " tile" << plural(report.tiles.full)
     << " full, " << report.tiles.partial << " partial, " << report.tiles.empty
     << " empty\n";
  double pairs = double(report.rows) * double(report.keys) * report.heads;
  os << "mask: " << report.livePairs << " live pairs, "
     << llvm::format("%.3g", pairs > 0 ? 100 * report.livePairs / pairs : 0)
     << "% of all";
  if (report.unknownPairs > 0)
    os << ", and " << report.unknownPairs << " that may be live";
  os << "\n";
  if (report.emptyRows > 0)
    os << "mask: " << report.emptyRows << " row" << plural(report.emptyRows)
       << " without a live key, the first at " << report.firstEmptyRow << "\n";
  else
    os << "mask: no row without a live key"
       << (report.unknownPairs > 0 ? " that is known\n" : "\n");
}

static void printWork(const WorkPlan &plan, llvm::raw_ostream &os) {
  os << "work: " << plan.total << " keys visited by " << plan.items.size()
     << " query tile" << plural(plan.items.size()) << ", longest first to "
     << plan.countWorkers() << " worker" << plural(plan.countWorkers())
     << ": makespan " << plan.makespan << ", lower bound " << plan.lowerBound
     << "\n";
  constexpr int64_t maxLoads = 64;
  if (plan.countWorkers() <= maxLoads) {
    os << "work: loads";
    for (int64_t load : plan.loads)
      os << ' ' << load;
    os << "\n";
    return;
  }
  auto [least, most] =
      std::minmax_element(plan.loads.begin(), plan.loads.end());
  os << "work: loads from " << *least << " to " << *most << "\n";
}

/// Tiles, not cells, are counted in a title.
static TileMap getMap(const MaskReport &report, size_t number) {
  const MaskGroup &group = report.groups[number];
  std::string title = "group " + std::to_string(number) + ": " +
                      std::to_string(group.heads) + " head" +
                      plural(group.heads);
  if (!group.guards.empty())
    title += " with " + group.guards;
  if (!group.first.empty())
    title += "; the first is " + group.first;
  return {title, report.countRowTiles(), report.countKeyTiles(), {}};
}

void attn::printText(const MaskReport &report, llvm::raw_ostream &os) {
  printCounts(report, os);
  printWork(report.plan, os);
  for (size_t i = 0; i < report.groups.size(); ++i) {
    if (const std::optional<CellMap> &cells = report.groups[i].cells)
      printText(getMap(report, i), *cells, os);
    else
      os << getMap(report, i).title << "\n";
  }
}

void attn::printSvg(const MaskReport &report, llvm::StringRef title,
                    llvm::raw_ostream &os) {
  std::vector<MapPicture> maps;
  for (size_t i = 0; i < report.groups.size(); ++i)
    if (const std::optional<CellMap> &cells = report.groups[i].cells) {
      maps.push_back({getMap(report, i), *cells});
      maps.back().map.title = (title + ", " + maps.back().map.title).str();
    }
  printSvg(maps, report.plan, (title + ", keys visited by each worker").str(),
           os);
}
