//===- Hull.cpp - the keys that a box of rows sees, by key alone ----------===//

#include "attn/Analysis/Mask/Hull.h"

#include "attn/Analysis/Mask/Sequence.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn::mask;

namespace {
class HullFinder {
public:
  HullFinder(ExprPool &pool, Expr swept, Expr rows,
             llvm::ArrayRef<RowCoordinate> coordinates)
      : pool(pool), swept(swept), rows(rows), coordinates(coordinates) {}

  std::optional<Hull> run(Expr predicate);

private:
  bool add(Expr predicate);
  bool addComparison(Expr difference);
  bool addAxis(const Hull::Interval &interval);
  /// `expr` of the coordinates' variables.
  Expr substitute(Expr expr);
  Expr substituteSum(Expr expr);
  /// The multiple of a coordinate that the sum `expr` has, if it is one.
  std::optional<int64_t> matchCoordinate(Expr expr, Expr coordinate);

  ExprPool &pool;
  Expr swept, rows;
  llvm::ArrayRef<RowCoordinate> coordinates;
  Hull hull;
  llvm::SmallVector<Expr, 3> taken;
};
} // namespace

/// The terms of `expr` as a sum.
static ExprNode getSum(const ExprPool &pool, Expr expr) {
  ExprNode node = pool[expr];
  if (node.kind == ExprKind::Linear)
    return node;
  return {ExprKind::Linear, 0, {1}, {expr}};
}

std::optional<int64_t> HullFinder::matchCoordinate(Expr expr, Expr coordinate) {
  ExprNode sum = getSum(pool, expr), part = getSum(pool, coordinate);
  std::optional<int64_t> multiple;
  for (auto [operand, coefficient] :
       llvm::zip(part.operands, part.coefficients)) {
    auto *found = llvm::find(sum.operands, operand);
    if (found == sum.operands.end())
      return std::nullopt;
    int64_t own = sum.coefficients[found - sum.operands.begin()];
    if (own % coefficient != 0 ||
        multiple.value_or(own / coefficient) != own / coefficient)
      return std::nullopt;
    multiple = own / coefficient;
  }
  return multiple;
}

Expr HullFinder::substituteSum(Expr expr) {
  Expr rest = expr, result = pool.constant(0);
  for (const RowCoordinate &coordinate : coordinates)
    if (auto multiple = matchCoordinate(rest, coordinate.value)) {
      rest = pool.add(coordinate.value, rest, -*multiple);
      result = pool.add(coordinate.variable, result, *multiple);
    }
  ExprNode node = getSum(pool, rest);
  result = pool.plus(result, node.number);
  for (auto [operand, coefficient] :
       llvm::zip(node.operands, node.coefficients)) {
    // A term that is `expr` itself is no sum.
    Expr term = operand == expr ? operand : substitute(operand);
    result = pool.add(term, result, coefficient);
  }
  return result;
}

Expr HullFinder::substitute(Expr expr) {
  if (!pool.dependsOn(expr, rows))
    return expr;
  for (const RowCoordinate &coordinate : coordinates)
    if (expr == coordinate.value)
      return coordinate.variable;
  ExprNode node = pool[expr];
  auto operand = [&](unsigned i) { return substitute(node.operands[i]); };
  switch (node.kind) {
  case ExprKind::Linear:
    return substituteSum(expr);
  case ExprKind::Product:
    return pool.mul(operand(0), operand(1));
  case ExprKind::FloorDiv:
    return pool.floorDiv(operand(0), operand(1));
  case ExprKind::Mod:
    return pool.mod(operand(0), operand(1));
  case ExprKind::Min:
  case ExprKind::Max: {
    Expr result = operand(0);
    for (unsigned i = 1; i < node.operands.size(); ++i)
      result = node.kind == ExprKind::Min ? pool.min(result, operand(i))
                                          : pool.max(result, operand(i));
    return result;
  }
  default:
    return expr;
  }
}

/// That `difference`, of the key and of rows, is not negative.
bool HullFinder::addComparison(Expr difference) {
  ExprNode sum = getSum(pool, difference);
  Expr key = pool.constant(0), row = pool.constant(sum.number);
  for (auto [operand, coefficient] :
       llvm::zip(sum.operands, sum.coefficients)) {
    bool ofKey = pool.dependsOn(operand, swept);
    if (ofKey && pool.dependsOn(operand, rows))
      return false;
    Expr &side = ofKey ? key : row;
    side = pool.add(operand, side, coefficient);
  }
  row = substitute(row);
  // key + row >= 0
  Expr negative = pool.scale(key, -1);
  for (Hull::Interval &interval : hull.intervals) {
    if (interval.key == key) {
      interval.lowers.push_back(pool.scale(row, -1));
      return true;
    }
    if (interval.key == negative) {
      interval.uppers.push_back(row);
      return true;
    }
  }
  bool isUpper = getSum(pool, key).coefficients.front() < 0;
  Hull::Interval interval{isUpper ? negative : key, {}, {}};
  if (isUpper)
    interval.uppers.push_back(row);
  else
    interval.lowers.push_back(pool.scale(row, -1));
  hull.intervals.push_back(interval);
  return true;
}

bool HullFinder::add(Expr predicate) {
  const ExprNode node = pool[predicate];
  if (node.kind == ExprKind::And)
    return llvm::all_of(node.operands, [&](Expr part) { return add(part); });
  if (!pool.dependsOn(predicate, rows)) {
    // Without the key too it holds for all keys or for none, which are then
    // not asked for.
    hull.guards.push_back(predicate);
    return true;
  }
  if (node.kind != ExprKind::NonNegative)
    return false;
  if (pool.dependsOn(predicate, swept))
    return addComparison(node.operands[0]);
  // That the row is there.
  return llvm::any_of(coordinates, [&](const RowCoordinate &coordinate) {
    return substitute(node.operands[0]) ==
           pool.sub(pool.constant(coordinate.last), coordinate.variable);
  });
}

/// Bounds move with one coordinate, that no other interval moves with.
bool HullFinder::addAxis(const Hull::Interval &interval) {
  llvm::SmallVector<Expr, 4> lowers, uppers;
  std::optional<Expr> axis;
  for (bool isLower : {true, false})
    for (Expr bound : isLower ? interval.lowers : interval.uppers) {
      if (pool.dependsOn(bound, rows) || pool.dependsOn(bound, swept))
        return false;
      bool moves = false;
      for (const RowCoordinate &coordinate : coordinates) {
        if (!pool.dependsOn(bound, coordinate.variable))
          continue;
        if (axis.value_or(coordinate.variable) != coordinate.variable)
          return false;
        axis = coordinate.variable;
        moves = true;
      }
      if (moves)
        (isLower ? lowers : uppers).push_back(bound);
    }
  if (!axis)
    return true;
  if (llvm::is_contained(taken, *axis))
    return false;
  taken.push_back(*axis);
  hull.isExact &= areGapless(pool, lowers, uppers, [&](Expr expr) {
    return !pool.dependsOn(expr, *axis);
  });
  // Between windows of no keys nothing is seen.
  for (Expr lower : lowers)
    for (Expr upper : uppers)
      hull.isExact &= pool.getLeast(pool.sub(upper, lower)).value_or(-1) >= 0;
  return true;
}

Expr attn::mask::getCoordinate(ExprPool &pool, const RankLayout &layout,
                               unsigned axis, Expr position) {
  Expr coordinate = pool.constant(0);
  llvm::SmallVector<RankLayout::Digit, 9> digits = layout.getDigits();
  llvm::erase_if(digits,
                 [](const RankLayout::Digit &d) { return d.radix == 1; });
  for (auto [i, digit] : llvm::enumerate(digits)) {
    Expr radix = pool.constant(digit.radix);
    // As cascade-set-layout writes it, which the expression has to equal.
    bool isWhole = i + 1 == digits.size() && digit.weight != 1;
    Expr value = isWhole ? position : pool.mod(position, radix);
    position = pool.floorDiv(position, radix);
    if (digit.axis == axis)
      coordinate = pool.add(value, coordinate, digit.weight);
  }
  return coordinate;
}

std::optional<Hull> HullFinder::run(Expr predicate) {
  if (!add(predicate) ||
      !llvm::all_of(hull.intervals, [&](const Hull::Interval &interval) {
        return addAxis(interval);
      }))
    return std::nullopt;
  return std::move(hull);
}

std::optional<Hull>
attn::mask::findHull(ExprPool &pool, Expr predicate, Expr swept, Expr rows,
                     llvm::ArrayRef<RowCoordinate> coordinates) {
  return HullFinder(pool, swept, rows, coordinates).run(predicate);
}
