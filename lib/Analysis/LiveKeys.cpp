//===- LiveKeys.cpp - the keys that a mask leaves to each row -------------===//

#include "attn/Analysis/LiveKeys.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

//===----------------------------------------------------------------------===//
// The governing predicate
//===----------------------------------------------------------------------===//

/// True if the value is empty wherever the predicate of `where` is false, for
/// Einsums of one block.
static bool isEmptyOutside(Value value, EinsumOp where) {
  auto op = value.getDefiningOp<EinsumOp>();
  if (!op)
    return false;
  if (op == where)
    return true;
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    if (op.getMerge(i) == Merge::Absorb && isEmptyOutside(input, where))
      return true;
  return false;
}

EinsumOp
attn::findGoverningWhere(Block &block,
                         llvm::function_ref<bool(EinsumOp, unsigned)> isSwept) {
  EinsumOp governing;
  for (auto op : block.getOps<EinsumOp>()) {
    bool isOver = false;
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
      isOver |= isSwept(op, v);
    if (!isOver || !op.hasWhere())
      continue;
    if (governing)
      return {};
    governing = op;
  }
  if (!governing)
    return {};
  for (auto op : block.getOps<EinsumOp>()) {
    bool reduces = false;
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
      reduces |= op.isReduced(v) && isSwept(op, v);
    if (!reduces)
      continue;
    bool masked = op == governing;
    for (auto [i, input] : llvm::enumerate(op.getInputs()))
      masked |=
          op.getMerge(i) == Merge::Absorb && isEmptyOutside(input, governing);
    if (!masked)
      return {};
  }
  return governing;
}

//===----------------------------------------------------------------------===//
// Its live keys
//===----------------------------------------------------------------------===//

/// Products of two such numbers, and of one and a row, fit in 64 bits.
static constexpr int64_t kLargest = int64_t(1) << 31;
static constexpr int64_t kMostRows = 1 << 24;

namespace {
/// Disjoint ranges of keys in ascending order.
using KeySet = SmallVector<KeyRange, 2>;

/// key * keys + row * rows + base * bases + constant.
struct Linear {
  int64_t key = 0, row = 0, base = 0, constant = 0;
  bool isConstant() const { return key == 0 && row == 0 && base == 0; }
};

class Finder {
public:
  Finder(EinsumOp op, StringAttr rows, StringAttr keys,
         const RankExtents &extents, const IntegerScalars &scalars)
      : op(op), rows(rows), keys(keys), extents(extents), scalars(scalars),
        numKeys(extents.lookup(keys)), scan(op->getParentOfType<ScanOp>()) {}

  std::optional<LiveKeys> run();

private:
  /// What `value` is, unless a factor or the constant is beyond kLargest.
  std::optional<Linear> getLinear(Value value);
  std::optional<Linear> readLinear(Value value);
  std::optional<Linear> getVariable(StringRef name);
  /// Collects the comparisons of `predicate`; false if one is not understood.
  bool prepare(Value predicate);
  KeySet evaluate(Value predicate, int64_t row);
  KeySet compare(arith::CmpIOp op, int64_t row);
  KeySet below(int64_t factor, int64_t rest);
  KeySet range(int64_t first, int64_t last);

  EinsumOp op;
  StringAttr rows, keys;
  const RankExtents &extents;
  const IntegerScalars &scalars;
  int64_t numKeys;
  ScanOp scan;
  /// Left minus right side.
  llvm::DenseMap<Operation *, Linear> differences;
};
} // namespace

static KeySet complement(const KeySet &set, uint64_t numKeys) {
  KeySet result;
  uint64_t first = 0;
  for (const KeyRange &range : set) {
    if (range.first > first)
      result.push_back({first, range.first});
    first = range.last;
  }
  if (first < numKeys)
    result.push_back({first, numKeys});
  return result;
}

static KeySet intersect(const KeySet &lhs, const KeySet &rhs) {
  KeySet result;
  for (size_t i = 0, j = 0; i < lhs.size() && j < rhs.size();) {
    KeyRange both = {std::max(lhs[i].first, rhs[j].first),
                     std::min(lhs[i].last, rhs[j].last)};
    if (both.first < both.last)
      result.push_back(both);
    lhs[i].last < rhs[j].last ? ++i : ++j;
  }
  return result;
}

KeySet Finder::range(int64_t first, int64_t last) {
  first = std::clamp<int64_t>(first, 0, numKeys);
  last = std::clamp<int64_t>(last, 0, numKeys);
  KeySet result;
  if (first < last)
    result.push_back(
        {static_cast<uint64_t>(first), static_cast<uint64_t>(last)});
  return result;
}

/// Where factor * key + rest < 0.
KeySet Finder::below(int64_t factor, int64_t rest) {
  if (factor == 0)
    return rest < 0 ? range(0, numKeys) : KeySet();
  return factor > 0
             ? range(0, llvm::divideCeilSigned(-rest, factor))
             : range(llvm::divideFloorSigned(rest, -factor) + 1, numKeys);
}

KeySet Finder::compare(arith::CmpIOp compare, int64_t row) {
  const Linear &linear = differences[compare];
  int64_t factor = linear.key, rest = linear.constant + linear.row * row;
  switch (compare.getPredicate()) {
  case arith::CmpIPredicate::slt:
    return below(factor, rest);
  case arith::CmpIPredicate::sle:
    return below(factor, rest - 1);
  case arith::CmpIPredicate::sgt:
    return below(-factor, -rest);
  case arith::CmpIPredicate::sge:
    return below(-factor, -rest - 1);
  case arith::CmpIPredicate::eq:
    return intersect(below(factor, rest - 1), below(-factor, -rest - 1));
  default: // ne, as prepare() sees to.
    return complement(
        intersect(below(factor, rest - 1), below(-factor, -rest - 1)), numKeys);
  }
}

KeySet Finder::evaluate(Value predicate, int64_t row) {
  Operation *define = predicate.getDefiningOp();
  if (auto comparison = dyn_cast<arith::CmpIOp>(define))
    return compare(comparison, row);
  KeySet lhs = evaluate(define->getOperand(0), row);
  KeySet rhs = evaluate(define->getOperand(1), row);
  if (isa<arith::AndIOp>(define))
    return intersect(lhs, rhs);
  return complement(
      intersect(complement(lhs, numKeys), complement(rhs, numKeys)), numKeys);
}

std::optional<Linear> Finder::getVariable(StringRef name) {
  StringAttr rank = op.getVariableRank(*op.getVariablePosition(name));
  if (rank == rows)
    return Linear{0, 1, 0, 0};
  bool isStep = scan && scan.getRankAttr() == keys && scan.getByAttr() == rank;
  if (rank == keys || isStep)
    return Linear{1, 0, 0, 0};
  return std::nullopt;
}

std::optional<Linear> Finder::getLinear(Value value) {
  std::optional<Linear> linear = readLinear(value);
  if (!linear)
    return std::nullopt;
  for (int64_t number :
       {linear->key, linear->row, linear->base, linear->constant})
    if (number > kLargest || number < -kLargest)
      return std::nullopt;
  return linear;
}

std::optional<Linear> Finder::readLinear(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (scan && argument == scan.getBase() && scan.getByAttr())
      return Linear{0, 0, 1, 0};
    auto func = dyn_cast<FuncOp>(argument.getOwner()->getParentOp());
    if (!func)
      return std::nullopt;
    auto it = scalars.find(func.getArgumentName(argument.getArgNumber()));
    return it == scalars.end() ? std::nullopt
                               : std::optional(Linear{0, 0, 0, it->second});
  }
  Operation *define = value.getDefiningOp();
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return Linear{0, 0, 0, constant.getSExtValue()};
  if (auto index = dyn_cast<IndexOp>(define))
    return getVariable(index.getVariable());
  if (auto extent = dyn_cast<ExtentOp>(define)) {
    auto it = extents.find(extent.getRank());
    return it == extents.end() ? std::nullopt
                               : std::optional(Linear{0, 0, 0, it->second});
  }
  if (isa<arith::IndexCastOp>(define))
    return getLinear(define->getOperand(0));
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(define))
    return std::nullopt;
  auto lhs = getLinear(define->getOperand(0));
  auto rhs = getLinear(define->getOperand(1));
  if (!lhs || !rhs)
    return std::nullopt;
  if (isa<arith::MulIOp>(define)) {
    if (!rhs->isConstant())
      std::swap(lhs, rhs);
    int64_t factor = rhs->constant;
    if (!rhs->isConstant())
      return std::nullopt;
    return Linear{lhs->key * factor, lhs->row * factor, lhs->base * factor,
                  lhs->constant * factor};
  }
  int64_t sign = isa<arith::AddIOp>(define) ? 1 : -1;
  return Linear{lhs->key + sign * rhs->key, lhs->row + sign * rhs->row,
                lhs->base + sign * rhs->base,
                lhs->constant + sign * rhs->constant};
}

bool Finder::prepare(Value predicate) {
  Operation *define = predicate.getDefiningOp();
  if (!define)
    return false;
  if (isa<arith::AndIOp, arith::OrIOp>(define))
    return prepare(define->getOperand(0)) && prepare(define->getOperand(1));
  auto compare = dyn_cast<arith::CmpIOp>(define);
  if (!compare || compare.getPredicate() >= arith::CmpIPredicate::ult)
    return false;
  auto lhs = getLinear(compare.getLhs());
  auto rhs = getLinear(compare.getRhs());
  if (!lhs || !rhs)
    return false;
  Linear difference = {lhs->key - rhs->key, lhs->row - rhs->row,
                       lhs->base - rhs->base, lhs->constant - rhs->constant};
  // In a scan the key is its base and the coordinate in the step.
  bool isStep = scan && scan.getRankAttr() == keys;
  if (difference.base != (isStep ? difference.key : 0))
    return false;
  differences[compare] = difference;
  return true;
}

std::optional<LiveKeys> Finder::run() {
  int64_t numRows = extents.lookup(rows);
  Value predicate = op.getWhere().front().getTerminator()->getOperand(0);
  if (numRows > kMostRows || numKeys > kLargest || !prepare(predicate))
    return std::nullopt;
  LiveKeys live;
  live.ranges.reserve(numRows);
  for (int64_t row = 0; row < numRows; ++row) {
    KeySet set = evaluate(predicate, row);
    live.ranges.push_back(set.empty()
                              ? KeyRange()
                              : KeyRange{set.front().first, set.back().last});
    for (const KeyRange &range : set)
      live.points += range.last - range.first;
  }
  return live;
}

std::optional<LiveKeys> attn::findLiveKeys(EinsumOp op, StringAttr rows,
                                           StringAttr keys,
                                           const RankExtents &extents,
                                           const IntegerScalars &scalars) {
  return op.hasWhere() ? Finder(op, rows, keys, extents, scalars).run()
                       : std::nullopt;
}
