//===- MaskReport.cpp - what a mask leaves to do at a problem's numbers ---===//

#include "attn/Driver/MaskReport.h"

#include "BoundMask.h"
#include "TileRow.h"

#include "llvm/Support/MathExtras.h"

#include <limits>
#include <map>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static constexpr int64_t kMaxRows = int64_t(1) << 24;
static constexpr int64_t kMaxItems = int64_t(1) << 22;
/// Points that are tested one by one; all others that would be are unknown.
static constexpr int64_t kMaxPoints = int64_t(1) << 26;

static int64_t multiply(int64_t a, int64_t b) {
  int64_t result;
  return llvm::MulOverflow(a, b, result) ? std::numeric_limits<int64_t>::max()
                                         : result;
}

static Status refuse(const Twine &reason, const char *alternative) {
  return Status::error(StatusCode::unsupported, "mask report", reason.str(),
                       alternative);
}

/// The first Einsum over queries and keys that has a mask, or else the first.
static EinsumOp findProduct(FuncOp func) {
  EinsumOp product;
  func.walk([&](EinsumOp op) {
    bool hasQueries = false, hasKeys = false;
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v) {
      hasQueries |= op.getVariableRank(v) == "P";
      hasKeys |= op.getVariableRank(v) == "M";
    }
    if (!hasQueries || !hasKeys || (product && !op.hasWhere()))
      return WalkResult::advance();
    product = op;
    return op.hasWhere() ? WalkResult::interrupt() : WalkResult::advance();
  });
  return product;
}

/// A rank beside the keys that no result has: a row's keys are those of all of
/// its coordinates. Null if there is none.
static StringAttr findSummedRank(FuncOp func, EinsumOp op) {
  for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v) {
    StringAttr rank = op.getVariableRank(v);
    bool isOfResult = llvm::any_of(func.getResultTypes(), [&](Type type) {
      auto tensor = dyn_cast<NamedTensorType>(type);
      return tensor && tensor.getRankPosition(rank);
    });
    if (rank != "M" && !op.isReduced(v) && !isOfResult)
      return rank;
  }
  return {};
}

namespace {
/// Fills a report in, map by map.
class Reporter {
public:
  Reporter(MaskReport &report, const MaskReportOptions &options,
           std::vector<HeadRank> ranks)
      : report(report), options(options), ranks(std::move(ranks)),
        tileRow(report.keys, report.tileKeys) {}

  Status run(EinsumOp op, const Problem &problem, const Arrays &arrays);

private:
  void countHeads();
  Status checkSize();
  void addMap(int64_t number);
  void addRow(int64_t p);
  void addUnfull(int64_t p, mask::Step range, int64_t &live, int64_t &unknown);
  int64_t addVisited(int64_t first, int64_t last);
  std::vector<int64_t> getCoordinates(int64_t number) const;
  std::string getName(ArrayRef<int64_t> coordinates) const;
  int64_t getMapOfHead(int64_t head) const;

  MaskReport &report;
  const MaskReportOptions &options;
  std::vector<HeadRank> ranks;
  /// Null if there is no mask.
  std::unique_ptr<BoundMask> mask;
  TileRow tileRow;
  std::map<std::vector<bool>, int32_t> groupNumbers;
  /// By map: its group, and the keys visited by each of its query tiles.
  std::vector<int32_t> groupOfMap;
  std::vector<int64_t> costs;
  std::vector<int64_t> coordinates;
  int64_t pointsLeft = kMaxPoints;
};
} // namespace

void Reporter::countHeads() {
  for (const HeadRank &rank : ranks) {
    report.heads = multiply(report.heads, rank.extent);
    if (rank.isAsked)
      report.maps = multiply(report.maps, rank.extent);
  }
}

Status Reporter::checkSize() {
  int64_t items = multiply(report.heads, report.countRowTiles());
  if (items > kMaxItems)
    return refuse("there are " + Twine(items) + " query tiles, more than " +
                      Twine(kMaxItems),
                  "ask for fewer heads, or give larger --tile-rows");
  int64_t rows = multiply(report.maps, report.rows);
  if (rows > kMaxRows)
    return refuse("there are " + Twine(rows) +
                      " rows with masks of their own, more than " +
                      Twine(kMaxRows),
                  "ask for fewer heads or rows");
  int64_t pairs = multiply(multiply(report.heads, report.rows), report.keys);
  if (pairs == std::numeric_limits<int64_t>::max() ||
      report.countKeyTiles() > std::numeric_limits<int32_t>::max())
    return refuse("there are too many keys to count, " + Twine(report.keys),
                  "ask for fewer");
  return {};
}

std::vector<int64_t> Reporter::getCoordinates(int64_t number) const {
  std::vector<int64_t> result;
  for (const HeadRank &rank : llvm::reverse(ranks))
    if (rank.isAsked) {
      result.insert(result.begin(), number % rank.extent);
      number /= rank.extent;
    }
  return result;
}

std::string Reporter::getName(ArrayRef<int64_t> at) const {
  std::string name;
  for (const HeadRank &rank : ranks)
    if (rank.isAsked) {
      name += (name.empty() ? "" : " ") + StringRef(rank.name).lower() + "=" +
              std::to_string(at.front());
      at = at.drop_front();
    }
  return name;
}

int64_t Reporter::getMapOfHead(int64_t head) const {
  int64_t map = 0, factor = 1;
  for (const HeadRank &rank : llvm::reverse(ranks)) {
    if (rank.isAsked) {
      map += head % rank.extent * factor;
      factor *= rank.extent;
    }
    head /= rank.extent;
  }
  return map;
}

/// What a range of keys holds that has to be looked at point by point.
void Reporter::addUnfull(int64_t p, mask::Step range, int64_t &live,
                         int64_t &unknown) {
  int64_t end = range.first + range.count;
  if (pointsLeft < range.count) {
    tileRow.addUnknown(range.first, end);
    unknown += range.count;
    return;
  }
  pointsLeft -= range.count;
  for (int64_t m = range.first; m < end; ++m) {
    TileClass point = mask->testPoint(p, m);
    if (point == TileClass::full)
      tileRow.addLive(m, m + 1);
    else if (point == TileClass::partial)
      tileRow.addUnknown(m, m + 1);
    live += point == TileClass::full;
    unknown += point == TileClass::partial;
  }
}

void Reporter::addRow(int64_t p) {
  int64_t live = 0, unknown = 0, numHeads = report.heads / report.maps;
  auto addRange = [&](mask::Step range) {
    if (!range.isFull)
      return addUnfull(p, range, live, unknown);
    tileRow.addLive(range.first, range.first + range.count);
    live += range.count;
  };
  if (mask)
    mask->forEachRange(p, addRange);
  else
    addRange({0, report.keys, true});
  report.livePairs += live * numHeads;
  report.unknownPairs += unknown * numHeads;
  if (live + unknown > 0)
    return;
  if (report.emptyRows == 0) {
    std::string head = getName(coordinates);
    report.firstEmptyRow =
        head + (head.empty() ? "p=" : " p=") + std::to_string(p);
  }
  report.emptyRows += numHeads;
}

/// The keys that a kernel visits for a query tile.
int64_t Reporter::addVisited(int64_t first, int64_t last) {
  int64_t keys = 0, steps = 0, numHeads = report.heads / report.maps;
  auto visit = [&](mask::Step range) {
    int64_t count = llvm::divideCeil(range.count, options.stepKeys);
    (range.isFull ? report.steps.full : report.steps.partial) +=
        count * numHeads;
    steps += count;
    keys += range.count;
  };
  if (mask)
    mask->forEachVisited(first, last, visit);
  else
    visit({0, report.keys, true});
  int64_t all = llvm::divideCeil(report.keys, options.stepKeys);
  report.steps.empty += std::max<int64_t>(all - steps, 0) * numHeads;
  return keys;
}

void Reporter::addMap(int64_t number) {
  coordinates = getCoordinates(number);
  int64_t numHeads = report.heads / report.maps;
  std::string guards;
  std::vector<bool> truths;
  if (mask) {
    mask->setHead(coordinates);
    truths = mask->testGuards(guards);
  }
  auto [it, isNew] = groupNumbers.try_emplace(truths, groupNumbers.size());
  if (isNew)
    report.groups.push_back({0, getName(coordinates), guards, std::nullopt});
  MaskGroup &group = report.groups[it->second];
  group.heads += numHeads;
  groupOfMap.push_back(it->second);
  std::optional<CellMapBuilder> cells;
  if (isNew && report.groups.size() <= MaskReport::maxMaps)
    cells.emplace(report.countRowTiles(), report.countKeyTiles());

  for (int64_t tile = 0, tiles = report.countRowTiles(); tile < tiles; ++tile) {
    int64_t first = tile * report.tileRows;
    int64_t last = std::min(first + report.tileRows, report.rows);
    tileRow.start(last - first);
    for (int64_t p = first; p < last; ++p)
      addRow(p);
    int64_t live = 0;
    tileRow.forEachRun([&](int64_t from, int64_t to, TileClass tileClass) {
      (tileClass == TileClass::full ? report.tiles.full
                                    : report.tiles.partial) +=
          (to - from) * numHeads;
      live += to - from;
      if (cells)
        cells->add(tile, from, to, tileClass);
    });
    report.tiles.empty += (report.countKeyTiles() - live) * numHeads;
    costs.push_back(addVisited(first, last));
  }
  if (cells)
    group.cells = cells->getCells();
}

Status Reporter::run(EinsumOp op, const Problem &problem,
                     const Arrays &arrays) {
  if (op.hasWhere()) {
    auto bound = BoundMask::create(op, problem, arrays, ranks);
    if (!bound.isOk())
      return bound.takeStatus();
    mask = std::move(*bound);
    report.hasMask = true;
    report.reasons = mask->getReasons();
  }
  countHeads();
  if (Status status = checkSize(); !status.isOk())
    return status;
  for (int64_t map = 0; map < report.maps && report.heads > 0; ++map)
    addMap(map);
  std::vector<int32_t> groups;
  for (int64_t head = 0; head < report.heads; ++head)
    groups.push_back(groupOfMap[getMapOfHead(head)]);
  int64_t rowTiles = report.countRowTiles();
  auto plan = WorkPlan::create(
      groups, rowTiles, options.workers, [&](int64_t head, int64_t tile) {
        return costs[getMapOfHead(head) * rowTiles + tile];
      });
  if (!plan.isOk())
    return plan.takeStatus();
  report.plan = std::move(*plan);
  return {};
}

Result<MaskReport> attn::reportMask(FuncOp func, const Problem &problem,
                                    const Arrays &arrays,
                                    const MaskReportOptions &options) {
  EinsumOp op = findProduct(func);
  if (!op)
    return refuse("'" + func.getSymName() +
                      "' has no Einsum over queries (P) and keys (M)",
                  "ask for another report");
  if (StringAttr rank = findSummedRank(func, op))
    return refuse("'" + func.getSymName() + "' sums over rank '" +
                      rank.getValue() + "' beside the keys",
                  "ask for another report");
  MaskReport report;
  report.rows = getExtent(func, "P", problem);
  report.keys = getExtent(func, "M", problem);
  report.tileRows = options.tileRows;
  report.tileKeys = options.tileKeys;
  Reporter reporter(report, options, getHeadRanks(op, problem));
  if (Status status = reporter.run(op, problem, arrays); !status.isOk())
    return status;
  return report;
}
