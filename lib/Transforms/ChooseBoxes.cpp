//===- ChooseBoxes.cpp - how a canvas is cut into boxes -------------------===//

#include "attn/Transforms/ChooseBoxes.h"

#include "attn/Analysis/Mask/HostMask.h"
#include "attn/Analysis/Mask/Hull.h"
#include "attn/Analysis/Mask/Import.h"
#include "attn/Transforms/SetLayout.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"

#include <deque>
#include <map>
#include <set>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// What a step costs beside its keys: maxima, sums and the accumulator's new
/// scale take as long as so many keys (boxes of 64, 96 and 128 keys, H100).
static constexpr int64_t kStepKeys = 40;

//===----------------------------------------------------------------------===//
// Canvases
//===----------------------------------------------------------------------===//

SmallVector<int64_t, 3> attn::findCanvas(FuncOp func, StringRef rank) {
  std::optional<int64_t> points = func.getStaticExtent(rank);
  if (!points)
    return {};
  std::set<int64_t> divisors;
  func.walk([&](EinsumOp einsum) {
    if (!einsum.hasWhere())
      return;
    for (auto index : einsum.getWhere().getOps<IndexOp>()) {
      unsigned variable = *einsum.getVariablePosition(index.getVariable());
      if (einsum.getVariableRank(variable) != rank)
        continue;
      for (Operation *user : index->getUsers()) {
        APInt divisor;
        bool divides =
            isa<arith::DivUIOp, arith::FloorDivSIOp, arith::RemUIOp>(user) &&
            user->getOperand(0) == index &&
            matchPattern(user->getOperand(1), m_ConstantInt(&divisor));
        if (divides && divisor.getSExtValue() > 1)
          divisors.insert(divisor.getSExtValue());
      }
    }
  });
  SmallVector<int64_t, 3> extents;
  int64_t inner = 1;
  for (int64_t divisor : divisors) {
    if (divisor % inner != 0)
      return {};
    extents.insert(extents.begin(), divisor / inner);
    inner = divisor;
  }
  constexpr size_t kMaxAxes = 3;
  if (extents.empty() || extents.size() + 1 > kMaxAxes || *points % inner != 0)
    return {};
  extents.insert(extents.begin(), *points / inner);
  return extents;
}

//===----------------------------------------------------------------------===//
// Steps along an axis
//===----------------------------------------------------------------------===//

namespace {
/// The keys that rows see along one axis.
class AxisCounter {
public:
  AxisCounter(mask::ExprPool &pool, const mask::RowCoordinate &coordinate,
              const mask::Hull::Interval *interval, int64_t extent)
      : coordinate(coordinate), interval(interval), extent(extent), ops(pool),
        evaluator(ops, pool) {}

  /// Boxes of `keys` that boxes of `rows` see, on average.
  double count(int64_t rows, int64_t keys) {
    auto [known, isNew] = counts.try_emplace({rows, keys}, 0);
    if (!isNew)
      return known->second;
    int64_t boxes = 0, number = 0;
    for (int64_t first = 0; first < extent; first += rows, ++number) {
      auto [lo, hi] = getKeys(first, std::min(first + rows, extent) - 1);
      if (lo <= hi)
        boxes += hi / keys - lo / keys + 1;
    }
    return known->second = double(boxes) / number;
  }

private:
  std::pair<int64_t, int64_t> getKeys(int64_t first, int64_t last) {
    int64_t lo = 0, hi = extent - 1;
    if (!interval)
      return {lo, hi};
    evaluator.set(coordinate.variable, {first, last, false});
    for (mask::Expr lower : interval->lowers)
      lo = std::max(lo, evaluator.evaluate(lower).lo);
    for (mask::Expr upper : interval->uppers)
      hi = std::min(hi, evaluator.evaluate(upper).hi);
    return {lo, hi};
  }

  const mask::RowCoordinate &coordinate;
  const mask::Hull::Interval *interval;
  int64_t extent;
  mask::HostOps ops;
  mask::IntervalEvaluator<mask::HostOps> evaluator;
  std::map<std::pair<int64_t, int64_t>, double> counts;
};
} // namespace

/// All boxes of `points` on a canvas: a list of extents each.
static void addBoxes(ArrayRef<int64_t> extents, int64_t points, int64_t granule,
                     SmallVector<int64_t, 3> &box,
                     std::vector<SmallVector<int64_t, 3>> &boxes) {
  bool isLast = box.size() + 1 == extents.size();
  for (int64_t size = 1; size <= points; ++size) {
    if (points % size != 0 || (isLast && size != points))
      continue;
    // A box may stand out of the canvas, but not by its own size.
    if (size >= 2 * extents[box.size()] || (isLast && size % granule != 0))
      continue;
    box.push_back(size);
    if (isLast)
      boxes.push_back(box);
    else
      addBoxes(extents, points / size, granule, box, boxes);
    box.pop_back();
  }
}

static RankLayout makeLayout(ArrayRef<int64_t> extents,
                             ArrayRef<int64_t> tiles) {
  RankLayout layout;
  for (auto [extent, tile] : llvm::zip(extents, tiles))
    layout.axes.push_back({extent, tile});
  return layout;
}

/// The one predicate over both ranks.
static EinsumOp findPredicate(FuncOp func, StringRef rows, StringRef keys) {
  EinsumOp found;
  func.walk([&](EinsumOp op) {
    bool hasRows = false, hasKeys = false;
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v) {
      hasRows |= op.getVariableRank(v) == rows;
      hasKeys |= op.getVariableRank(v) == keys;
    }
    if (op.hasWhere() && hasRows && hasKeys)
      found = op;
  });
  return found;
}

std::vector<BoxChoice> attn::rankBoxes(FuncOp func, StringRef rows,
                                       StringRef keys, int64_t numRows,
                                       ArrayRef<int64_t> keyCounts,
                                       int64_t granule) {
  SmallVector<int64_t, 3> canvas = findCanvas(func, rows);
  if (canvas.empty() || findCanvas(func, keys) != canvas)
    return {};
  // With points as boxes, coordinates stand in the predicate.
  OwningOpRef<ModuleOp> module = ModuleOp::create(func.getLoc());
  module->push_back(func->clone());
  FuncOp copy = *module->getOps<FuncOp>().begin();
  RankLayout points =
      makeLayout(canvas, SmallVector<int64_t>(canvas.size(), 1));
  for (StringRef rank : {rows, keys})
    if (failed(setLayout(copy, rank, points)))
      return {};
  EinsumOp op = findPredicate(copy, rows, keys);
  if (!op)
    return {};
  std::unique_ptr<mask::ImportedMask> mask = mask::importMask(op);
  mask::ExprPool &pool = mask->pool;
  mask::Expr rowVariable = mask->getVariable(rows),
             keyVariable = mask->getVariable(keys);
  SmallVector<mask::RowCoordinate, 3> coordinates;
  for (auto [axis, extent] : llvm::enumerate(canvas))
    coordinates.push_back({mask::getCoordinate(pool, points, axis, rowVariable),
                           pool.variable("row." + std::to_string(axis)),
                           extent - 1});
  std::optional<mask::Hull> hull;
  if (mask->gaps.empty())
    hull = mask::findHull(pool, mask->predicate, keyVariable, rowVariable,
                          coordinates);
  if (!hull)
    return {};
  std::deque<AxisCounter> axes;
  size_t numBounded = 0;
  for (auto [axis, extent] : llvm::enumerate(canvas)) {
    mask::Expr key = mask::getCoordinate(pool, points, axis, keyVariable);
    const auto *own = llvm::find_if(hull->intervals, [&](const auto &interval) {
      return interval.key == key;
    });
    bool isBounded = own != hull->intervals.end();
    numBounded += isBounded;
    axes.emplace_back(pool, coordinates[axis], isBounded ? own : nullptr,
                      extent);
  }
  if (numBounded != hull->intervals.size() || numBounded == 0)
    return {};

  std::vector<SmallVector<int64_t, 3>> rowBoxes, keyBoxes;
  SmallVector<int64_t, 3> box;
  addBoxes(canvas, numRows, granule, box, rowBoxes);
  for (int64_t count : keyCounts)
    addBoxes(canvas, count, granule, box, keyBoxes);
  std::vector<BoxChoice> choices;
  for (const auto &rowBox : rowBoxes)
    for (const auto &keyBox : keyBoxes) {
      double steps = 1;
      for (auto [axis, r, k] : llvm::zip(axes, rowBox, keyBox))
        steps *= axis.count(r, k);
      BoxChoice choice{makeLayout(canvas, rowBox), makeLayout(canvas, keyBox),
                       steps, 0};
      // Rows of padding are computed too.
      double waste = double(choice.rows.countPositions()) /
                     double(choice.rows.countPoints());
      choice.cost =
          steps * waste * double(llvm::product_of(keyBox) + kStepKeys);
      choices.push_back(std::move(choice));
    }
  llvm::stable_sort(choices, [](const BoxChoice &a, const BoxChoice &b) {
    return a.cost < b.cost;
  });
  return choices;
}
