//===- RandomMasks.h - random mask expressions and their values -*- C++ -*-===//
//
// Terms over three variables, two symbols and a table, and what they are at
// every point of a small box. Numbers come from a seed.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_ANALYSIS_RANDOMMASKS_H
#define ATTN_TEST_UNIT_ANALYSIS_RANDOMMASKS_H

#include "attn/Analysis/Mask/Expr.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <functional>
#include <gtest/gtest.h>
#include <random>

namespace attn::mask {

class RandomMasks : public testing::Test {
protected:
  RandomMasks() { reset(0); }
  /// An empty pool, and the numbers that follow from `seed`.
  void reset(int seed);

  static constexpr int kGreatestVariable = 6, kGreatestSymbol = 4;

  Expr number(int64_t value) { return pool.constant(value); }
  Expr atMost(Expr a, Expr b) { return pool.nonNegative(pool.sub(b, a)); }
  Expr below(Expr a, Expr b) { return atMost(pool.plus(a, 1), b); }
  Expr both(Expr a, Expr b) { return pool.conjunction(a, b); }
  Expr either(Expr a, Expr b) { return pool.disjunction(a, b); }

  int pick(int least, int greatest) {
    return std::uniform_int_distribution<>(least, greatest)(random);
  }
  Expr makeExpr(int depth);
  Expr makePredicate(int depth);

  /// The value at `variables` and `symbols`.
  int64_t evaluate(Expr expr) const;
  void forEachPoint(const std::function<void()> &visit);

  ExprPool pool;
  /// Variables, and symbols: `w` is not negative, `s` is positive.
  Expr m, p, b, w, s;
  unsigned table = 0;
  std::mt19937 random;
  /// Random numbers are multiples of it.
  int64_t unit = 1;
  std::vector<int64_t> variables, symbols;
  int64_t entries[3] = {2, -1, 5};
};

inline void RandomMasks::reset(int seed) {
  pool = ExprPool();
  m = pool.variable("m");
  p = pool.variable("p");
  b = pool.variable("b");
  w = pool.symbol("w", 0);
  s = pool.symbol("s", 1);
  table = pool.table("t", 1);
  random.seed(seed);
}

inline Expr RandomMasks::makeExpr(int depth) {
  Expr leaves[] = {m, m, p, p, b, w, s, pool.constant(pick(-3, 6) * unit)};
  if (depth == 0)
    return leaves[pick(0, 7)];
  auto make = [&] { return makeExpr(depth - 1); };
  Expr divisor = pick(0, 3) ? pool.constant(pick(1, 4) * unit) : s;
  switch (pick(0, 10)) {
  case 0:
  case 1:
  case 2:
    return pool.add(make(), make(), pick(-2, 2));
  case 3:
    return pool.mul(make(), pick(0, 2) ? divisor : make());
  case 4:
    return pool.floorDiv(make(), divisor);
  case 5:
    return pool.mod(make(), divisor);
  case 6:
    return pool.min(make(), make());
  case 7:
    return pool.max(make(), make());
  case 8:
    return pool.select(makePredicate(0), make(), make());
  case 9:
    return pool.read(table, {make()});
  default:
    return make();
  }
}

inline Expr RandomMasks::makePredicate(int depth) {
  int kind = pick(0, depth ? 8 : 3);
  auto make = [&] { return makePredicate(depth - 1); };
  if (kind < 3)
    return atMost(makeExpr(pick(0, 2)), makeExpr(pick(0, 2)));
  if (kind == 3)
    return pool.zero(makeExpr(pick(1, 2)));
  if (kind < 6)
    return pool.conjunction(make(), make());
  if (kind == 8)
    return pool.negation(make());
  return pool.disjunction(make(), make());
}

inline int64_t RandomMasks::evaluate(Expr expr) const {
  const ExprNode &node = pool[expr];
  auto at = [&](unsigned i) { return evaluate(node.operands[i]); };
  switch (node.kind) {
  case ExprKind::Linear: {
    int64_t sum = node.number;
    for (auto [operand, factor] : llvm::zip(node.operands, node.coefficients))
      sum += factor * evaluate(operand);
    return sum;
  }
  case ExprKind::Variable:
    return variables[node.number];
  case ExprKind::Symbol:
    return symbols[node.number];
  case ExprKind::Product:
    return at(0) * at(1);
  case ExprKind::FloorDiv:
    return llvm::divideFloorSigned(at(0), at(1));
  case ExprKind::Mod:
    return at(0) - llvm::divideFloorSigned(at(0), at(1)) * at(1);
  case ExprKind::Min:
    return std::min(at(0), at(1));
  case ExprKind::Max:
    return std::max(at(0), at(1));
  case ExprKind::Select:
    return at(0) ? at(1) : at(2);
  case ExprKind::Read:
    return at(0) >= 0 && at(0) < 3 ? entries[at(0)] : 0;
  case ExprKind::Truth:
    return node.number;
  case ExprKind::NonNegative:
    return at(0) >= 0;
  case ExprKind::Zero:
    return at(0) == 0;
  case ExprKind::And:
    return at(0) && at(1);
  case ExprKind::Or:
    return at(0) || at(1);
  case ExprKind::Not:
    return !at(0);
  default:
    ADD_FAILURE() << "expects no " << pool.toString(expr);
    return 0;
  }
}

inline void RandomMasks::forEachPoint(const std::function<void()> &visit) {
  auto walk = [&](auto &&self, std::vector<int64_t> &values, size_t i,
                  auto &&next) -> void {
    if (i == values.size())
      return next();
    bool isSymbol = &values == &symbols;
    int64_t least = isSymbol ? *pool.getSymbols()[i].least : 0;
    for (int64_t value = least;
         value <= (isSymbol ? kGreatestSymbol : kGreatestVariable); ++value) {
      values[i] = value;
      self(self, values, i + 1, next);
    }
  };
  variables.resize(pool.getVariables().size());
  symbols.resize(pool.getSymbols().size());
  walk(walk, variables, 0, [&] { walk(walk, symbols, 0, visit); });
}

} // namespace attn::mask

#endif // ATTN_TEST_UNIT_ANALYSIS_RANDOMMASKS_H
