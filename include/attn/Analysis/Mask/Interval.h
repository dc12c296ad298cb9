//===- Interval.h - the values that an expression takes over a box -*- C++ -*-//
//
// Interval arithmetic on mask expressions, written once for numbers on the host
// and for IR that computes them when a kernel runs. `Ops` gives the numbers:
//
//   Value, Bool
//   Value constant(int64_t), add, sub, mul, floorDiv, mod, min, max (Value,
//   Value), select(Bool, Value, Value)
//   Bool truth(bool), atMost(Value, Value), equal, both, either, negate
//   Value symbol(unsigned number)
//   Value entries(unsigned table): the extent of its last rank
//   Range<Ops> read(unsigned table, ArrayRef<Range<Ops>> coordinates)
//   Truth<Ops> member(unsigned table, Range<Ops> element, first, last,
//                     ArrayRef<Range<Ops>> coordinates)
//
// A range that is a *point* is known to hold one value when the code is
// written; its ends are then the same `Value`. Ranges hold every value that the
// expression takes, and are exact for functions that are monotone in each
// variable and have each variable once, or more often but always in one
// direction: all of a variable's uses then take their extremes at one corner of
// the box.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_INTERVAL_H
#define ATTN_ANALYSIS_MASK_INTERVAL_H

#include "attn/Analysis/Mask/NormalForm.h"

namespace attn::mask {

/// Values lo to hi, both included.
template <typename Ops> struct Range {
  typename Ops::Value lo{}, hi{};
  bool isPoint = false;
};

/// Whether a predicate may hold somewhere, and whether it must everywhere.
template <typename Ops> struct Truth {
  typename Ops::Bool any{}, all{};
};

template <typename Ops> class IntervalEvaluator {
public:
  using Value = typename Ops::Value;
  using Bool = typename Ops::Bool;

  IntervalEvaluator(Ops &ops, const ExprPool &pool)
      : ops(ops), pool(pool), box(pool.getVariables().size()) {}

  /// Sets the range of a variable.
  void set(Expr variable, Range<Ops> range) {
    box[pool[variable].number] = range;
    ++epoch;
  }
  /// From here on `expr` lies in `range`, until something else is said of the
  /// box.
  void assume(Expr expr, Range<Ops> range) {
    ++epoch;
    known.resize(std::max(known.size(), pool.size()));
    known[expr.id] = {epoch, range};
  }
  /// Forgets what was computed: symbols or tables changed.
  void invalidate() { ++epoch; }
  const Range<Ops> &get(Expr variable) const {
    return box[pool[variable].number];
  }

  Range<Ops> evaluate(Expr expr);
  Truth<Ops> test(Expr predicate);
  /// That `axis` is a multiple of `modulus` somewhere, and everywhere.
  Truth<Ops> testMultiple(Expr axis, Expr modulus);
  Truth<Ops> test(const Atom &atom) {
    return atom.kind == AtomKind::Congruence
               ? testMultiple(atom.axis, atom.bound)
               : test(atom.predicate);
  }

private:
  Range<Ops> point(Value value) { return {value, value, true}; }
  Range<Ops> compute(const ExprNode &node);
  Range<Ops> computeLinear(const ExprNode &node);
  Range<Ops> computeProduct(const ExprNode &node);
  Range<Ops> computeQuotient(Range<Ops> lhs, Range<Ops> rhs);
  Range<Ops> computeMod(Range<Ops> lhs, Range<Ops> rhs);
  Range<Ops> computeSelect(const ExprNode &node);
  Range<Ops> hull(llvm::ArrayRef<Value> values);
  Truth<Ops> constant(bool any, bool all) {
    return {ops.truth(any), ops.truth(all)};
  }

  Ops &ops;
  const ExprPool &pool;
  std::vector<Range<Ops>> box;
  /// Ranges that were computed for the present box, by expression.
  std::vector<std::pair<unsigned, Range<Ops>>> known;
  unsigned epoch = 1;
};

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

template <typename Ops> Range<Ops> IntervalEvaluator<Ops>::evaluate(Expr expr) {
  if (known.size() < pool.size())
    known.resize(pool.size());
  if (known[expr.id].first == epoch)
    return known[expr.id].second;
  Range<Ops> range = compute(pool[expr]);
  known[expr.id] = {epoch, range};
  return range;
}

template <typename Ops>
Range<Ops> IntervalEvaluator<Ops>::hull(llvm::ArrayRef<Value> values) {
  Range<Ops> range = {values[0], values[0], false};
  for (Value value : values.drop_front()) {
    range.lo = ops.min(range.lo, value);
    range.hi = ops.max(range.hi, value);
  }
  return range;
}

template <typename Ops>
Range<Ops> IntervalEvaluator<Ops>::computeLinear(const ExprNode &node) {
  Range<Ops> sum = point(ops.constant(node.number));
  for (auto [atom, factor] : llvm::zip(node.operands, node.coefficients)) {
    Range<Ops> range = evaluate(atom);
    Value scale = ops.constant(factor);
    bool rises = factor > 0;
    Value least = ops.mul(rises ? range.lo : range.hi, scale);
    sum.lo = ops.add(sum.lo, least);
    bool isPoint = sum.isPoint && range.isPoint;
    sum.hi = isPoint
                 ? sum.lo
                 : ops.add(sum.hi,
                           range.isPoint
                               ? least
                               : ops.mul(rises ? range.hi : range.lo, scale));
    sum.isPoint = isPoint;
  }
  return sum;
}

template <typename Ops>
Range<Ops> IntervalEvaluator<Ops>::computeProduct(const ExprNode &node) {
  Range<Ops> lhs = evaluate(node.operands[0]);
  Range<Ops> rhs = evaluate(node.operands[1]);
  if (lhs.isPoint && rhs.isPoint)
    return point(ops.mul(lhs.lo, rhs.lo));
  auto isNatural = [&](unsigned i) {
    return pool.getLeast(node.operands[i]).value_or(-1) >= 0;
  };
  bool scalesLhs = rhs.isPoint && isNatural(1);
  bool scalesRhs = lhs.isPoint && isNatural(0);
  if (scalesLhs || scalesRhs || (isNatural(0) && isNatural(1)))
    return {ops.mul(lhs.lo, rhs.lo), ops.mul(lhs.hi, rhs.hi), false};
  return hull({ops.mul(lhs.lo, rhs.lo), ops.mul(lhs.lo, rhs.hi),
               ops.mul(lhs.hi, rhs.lo), ops.mul(lhs.hi, rhs.hi)});
}

template <typename Ops>
Range<Ops> IntervalEvaluator<Ops>::computeQuotient(Range<Ops> lhs,
                                                   Range<Ops> rhs) {
  Value least = ops.floorDiv(lhs.lo, rhs.lo);
  if (lhs.isPoint && rhs.isPoint)
    return point(least);
  if (rhs.isPoint)
    return {least, ops.floorDiv(lhs.hi, rhs.lo), false};
  return hull({least, ops.floorDiv(lhs.lo, rhs.hi),
               ops.floorDiv(lhs.hi, rhs.lo), ops.floorDiv(lhs.hi, rhs.hi)});
}

template <typename Ops>
Range<Ops> IntervalEvaluator<Ops>::computeMod(Range<Ops> lhs, Range<Ops> rhs) {
  if (lhs.isPoint && rhs.isPoint)
    return point(ops.mod(lhs.lo, rhs.lo));
  Value zero = ops.constant(0);
  Value last = ops.sub(rhs.hi, ops.constant(1));
  if (!rhs.isPoint)
    return {zero, last, false};
  // Without a multiple between the ends, the remainders keep their order.
  Value first = ops.floorDiv(lhs.lo, rhs.lo);
  Bool isOneRun = ops.equal(first, ops.floorDiv(lhs.hi, rhs.lo));
  Value start = ops.mul(first, rhs.lo);
  return {ops.select(isOneRun, ops.sub(lhs.lo, start), zero),
          ops.select(isOneRun, ops.sub(lhs.hi, start), last), false};
}

template <typename Ops>
Range<Ops> IntervalEvaluator<Ops>::computeSelect(const ExprNode &node) {
  Truth<Ops> condition = test(node.operands[0]);
  Range<Ops> lhs = evaluate(node.operands[1]);
  Range<Ops> rhs = evaluate(node.operands[2]);
  if (lhs.isPoint && rhs.isPoint && condition.any == condition.all)
    return point(ops.select(condition.all, lhs.lo, rhs.lo));
  auto choose = [&](Value left, Value right, Value either) {
    Value unlessAll = ops.select(condition.any, either, right);
    return ops.select(condition.all, left, unlessAll);
  };
  return {choose(lhs.lo, rhs.lo, ops.min(lhs.lo, rhs.lo)),
          choose(lhs.hi, rhs.hi, ops.max(lhs.hi, rhs.hi)), false};
}

template <typename Ops>
Range<Ops> IntervalEvaluator<Ops>::compute(const ExprNode &node) {
  auto pair = [&] {
    return std::pair(evaluate(node.operands[0]), evaluate(node.operands[1]));
  };
  switch (node.kind) {
  case ExprKind::Linear:
    return computeLinear(node);
  case ExprKind::Variable:
    return box[node.number];
  case ExprKind::Symbol:
    return point(ops.symbol(node.number));
  case ExprKind::Product:
    return computeProduct(node);
  case ExprKind::FloorDiv: {
    auto [lhs, rhs] = pair();
    return computeQuotient(lhs, rhs);
  }
  case ExprKind::Mod: {
    auto [lhs, rhs] = pair();
    return computeMod(lhs, rhs);
  }
  case ExprKind::Min: {
    auto [lhs, rhs] = pair();
    Value lo = ops.min(lhs.lo, rhs.lo);
    bool isPoint = lhs.isPoint && rhs.isPoint;
    return {lo, isPoint ? lo : ops.min(lhs.hi, rhs.hi), isPoint};
  }
  case ExprKind::Max: {
    auto [lhs, rhs] = pair();
    Value lo = ops.max(lhs.lo, rhs.lo);
    bool isPoint = lhs.isPoint && rhs.isPoint;
    return {lo, isPoint ? lo : ops.max(lhs.hi, rhs.hi), isPoint};
  }
  case ExprKind::Select:
    return computeSelect(node);
  default: { // Read: predicates are tested.
    llvm::SmallVector<Range<Ops>, 3> coordinates;
    for (Expr operand : node.operands)
      coordinates.push_back(evaluate(operand));
    return ops.read(node.number, coordinates);
  }
  }
}

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

template <typename Ops>
Truth<Ops> IntervalEvaluator<Ops>::testMultiple(Expr axis, Expr modulus) {
  Range<Ops> range = evaluate(axis);
  Value divisor = evaluate(modulus).lo, zero = ops.constant(0);
  Bool isMultiple = ops.equal(ops.mod(range.lo, divisor), zero);
  if (range.isPoint)
    return {isMultiple, isMultiple};
  Value last = ops.mul(ops.floorDiv(range.hi, divisor), divisor);
  Bool isOnly = ops.both(isMultiple, ops.equal(range.lo, range.hi));
  return {ops.atMost(range.lo, last),
          ops.either(isOnly, ops.equal(divisor, ops.constant(1)))};
}

template <typename Ops>
Truth<Ops> IntervalEvaluator<Ops>::test(Expr predicate) {
  const ExprNode &node = pool[predicate];
  Value zero = ops.constant(0);
  switch (node.kind) {
  case ExprKind::Truth:
    return constant(node.number, node.number);
  case ExprKind::NonNegative: {
    Range<Ops> range = evaluate(node.operands[0]);
    Bool any = ops.atMost(zero, range.hi);
    return {any, range.isPoint ? any : ops.atMost(zero, range.lo)};
  }
  case ExprKind::Zero: {
    Range<Ops> range = evaluate(node.operands[0]);
    if (range.isPoint) {
      Bool isZero = ops.equal(range.lo, zero);
      return {isZero, isZero};
    }
    return {ops.both(ops.atMost(range.lo, zero), ops.atMost(zero, range.hi)),
            ops.both(ops.equal(range.lo, zero), ops.equal(range.hi, zero))};
  }
  case ExprKind::Member: {
    llvm::SmallVector<Range<Ops>, 3> coordinates;
    for (Expr operand : llvm::ArrayRef(node.operands).drop_front(3))
      coordinates.push_back(evaluate(operand));
    return ops.member(node.number, evaluate(node.operands[0]),
                      evaluate(node.operands[1]), evaluate(node.operands[2]),
                      coordinates);
  }
  case ExprKind::And: {
    Truth<Ops> lhs = test(node.operands[0]), rhs = test(node.operands[1]);
    return {ops.both(lhs.any, rhs.any), ops.both(lhs.all, rhs.all)};
  }
  case ExprKind::Or: {
    Truth<Ops> lhs = test(node.operands[0]), rhs = test(node.operands[1]);
    return {ops.either(lhs.any, rhs.any), ops.either(lhs.all, rhs.all)};
  }
  case ExprKind::Not: {
    Truth<Ops> inner = test(node.operands[0]);
    return {ops.negate(inner.all), ops.negate(inner.any)};
  }
  default:
    return constant(true, false);
  }
}

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_INTERVAL_H
