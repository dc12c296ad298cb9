//===- Proofs.cpp - what holds of a mask whatever its numbers are ---------===//
//
// A case search: predicates that are conjunctions of comparisons become rows,
// choices wait until the rows alone, which hold in all cases, are not empty
// already. It ends because each case takes one choice away and only finitely
// many subexpressions, of which there are at most kMostColumns, bring new ones.
//
//===----------------------------------------------------------------------===//

#include "attn/Analysis/Mask/Proofs.h"

#include "LinearSystem.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn::mask;
using llvm::ArrayRef;
using llvm::SmallVector;

// Questions of this size take below 10 ms, by MaskProofsTest.
static constexpr unsigned kMostColumns = 24, kMostRows = 64;
// Products of two such numbers, and sums of a few of them, have 64 bits.
static constexpr int64_t kMostFactor = int64_t(1) << 30;

namespace {
/// Predicates that are to hold at one point.
class Conjunction {
public:
  explicit Conjunction(ExprPool &pool) : pool(pool) {}

  void assume(Expr predicate, bool negated = false);
  void assume(ArrayRef<Atom> atoms) {
    for (const Atom &atom : atoms)
      assume(atom.predicate);
  }
  bool isProvedEmpty() {
    Budget budget;
    return isProvedEmpty(budget);
  }

private:
  /// Of one question.
  struct Budget {
    unsigned cases = 48, searches = 3;
  };
  struct Choice {
    Expr predicate;
    bool negated;
  };

  bool isProvedEmpty(Budget &budget);
  void addRow(Expr expr, bool isEquality);
  void addNonNegative(Expr expr) { addRow(expr, false); }
  void addZero(Expr expr) { addRow(expr, true); }
  unsigned getColumn(Expr atom);
  void addFacts(Expr atom);
  void addDivisionFacts(Expr atom, const ExprNode &node);
  void addProductFacts(Expr atom, const ExprNode &node);
  bool hasSmallFactors(Expr expr) const;

  ExprPool &pool;
  std::map<Expr, unsigned> columns;
  LinearSystem system;
  std::vector<Choice> choices;
  bool isContradiction = false, isTooLarge = false;
};
} // namespace

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

void Conjunction::assume(Expr predicate, bool negated) {
  const ExprNode node = pool[predicate];
  switch (node.kind) {
  case ExprKind::Truth:
    isContradiction |= (node.number != 0) == negated;
    return;
  case ExprKind::NonNegative:
    return addNonNegative(negated
                              ? pool.plus(pool.scale(node.operands[0], -1), -1)
                              : node.operands[0]);
  case ExprKind::Zero:
    if (!negated)
      return addZero(node.operands[0]);
    choices.push_back({predicate, negated});
    return;
  case ExprKind::Not:
    return assume(node.operands[0], !negated);
  case ExprKind::And:
  case ExprKind::Or:
    if ((node.kind == ExprKind::And) == negated) {
      choices.push_back({predicate, negated});
      return;
    }
    assume(node.operands[0], negated);
    return assume(node.operands[1], negated);
  default:
    // Its column is 1 where it holds and 0 elsewhere.
    return addZero(pool.plus(predicate, negated ? 0 : -1));
  }
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// `expr` = 0 or `expr` >= 0.
void Conjunction::addRow(Expr expr, bool isEquality) {
  ExprNode sum = pool[expr];
  if (sum.kind != ExprKind::Linear)
    sum = {ExprKind::Linear, 0, {1}, {expr}};
  Row row = {{}, sum.number, isEquality};
  for (auto [atom, coefficient] : llvm::zip(sum.operands, sum.coefficients)) {
    unsigned column = getColumn(atom);
    if (isTooLarge)
      return;
    if (row.coefficients.size() <= column)
      row.coefficients.resize(column + 1);
    row.coefficients[column] = coefficient;
  }
  system.add(std::move(row));
  isTooLarge |= system.getNumRows() > kMostRows;
}

unsigned Conjunction::getColumn(Expr atom) {
  auto [it, isNew] = columns.try_emplace(atom, columns.size());
  unsigned column = it->second;
  isTooLarge |= columns.size() > kMostColumns;
  if (isNew && !isTooLarge)
    addFacts(atom);
  return column;
}

static bool isFactor(int64_t number) {
  return number >= -kMostFactor && number <= kMostFactor;
}

bool Conjunction::hasSmallFactors(Expr expr) const {
  const ExprNode &node = pool[expr];
  return node.kind != ExprKind::Linear ||
         (isFactor(node.number) && llvm::all_of(node.coefficients, isFactor));
}

/// What is known of an integer wherever it occurs.
void Conjunction::addFacts(Expr atom) {
  const ExprNode node = pool[atom];
  if (auto least = pool.getLeast(atom))
    addNonNegative(pool.plus(atom, -*least));
  if (auto greatest = pool.getGreatest(atom))
    addNonNegative(pool.plus(pool.scale(atom, -1), *greatest));
  if (!llvm::all_of(node.operands, [&](Expr e) { return hasSmallFactors(e); }))
    return;
  switch (node.kind) {
  case ExprKind::FloorDiv:
  case ExprKind::Mod:
    return addDivisionFacts(atom, node);
  case ExprKind::Product:
    return addProductFacts(atom, node);
  case ExprKind::Min:
  case ExprKind::Max: {
    // Below (above) both operands, and above (below) one of them.
    Expr isOne = pool.truth(false);
    for (Expr operand : node.operands) {
      Expr above = pool.sub(atom, operand), below = pool.sub(operand, atom);
      if (node.kind == ExprKind::Max)
        std::swap(above, below);
      addNonNegative(below);
      isOne = pool.disjunction(isOne, pool.nonNegative(above));
    }
    return assume(isOne);
  }
  case ExprKind::Select: {
    auto isOperand = [&](unsigned i) {
      return pool.zero(pool.sub(atom, node.operands[i]));
    };
    Expr condition = node.operands[0];
    return assume(pool.disjunction(
        pool.conjunction(condition, isOperand(1)),
        pool.conjunction(pool.negation(condition), isOperand(2))));
  }
  default:
    return;
  }
}

/// x = q * d + r, 0 <= r < d: of q or r, each of which brings the other.
void Conjunction::addDivisionFacts(Expr atom, const ExprNode &node) {
  Expr dividend = node.operands[0], divisor = node.operands[1];
  if (!pool.isPositive(divisor))
    return;
  bool isMod = node.kind == ExprKind::Mod;
  Expr quotient = isMod ? pool.floorDiv(dividend, divisor) : atom;
  Expr rest = pool.sub(dividend, pool.mul(quotient, divisor));
  if (isMod)
    addZero(pool.sub(rest, atom));
  addNonNegative(rest);
  addNonNegative(pool.plus(pool.sub(divisor, rest), -1));
}

/// (a - bound of a) * (b - bound of b) has a known sign and is linear in a, b
/// and their product.
void Conjunction::addProductFacts(Expr atom, const ExprNode &node) {
  Expr a = node.operands[0], b = node.operands[1];
  for (bool isLeastA : {true, false})
    for (bool isLeastB : {true, false}) {
      auto boundA = isLeastA ? pool.getLeast(a) : pool.getGreatest(a);
      auto boundB = isLeastB ? pool.getLeast(b) : pool.getGreatest(b);
      if (!boundA || !boundB || !isFactor(*boundA) || !isFactor(*boundB))
        continue;
      Expr linear = pool.add(a, pool.add(b, atom, -*boundA), -*boundB);
      linear = pool.plus(linear, *boundA * *boundB);
      addNonNegative(pool.scale(linear, isLeastA == isLeastB ? 1 : -1));
    }
}

//===----------------------------------------------------------------------===//
// Emptiness
//===----------------------------------------------------------------------===//

bool Conjunction::isProvedEmpty(Budget &budget) {
  if (isContradiction)
    return true;
  if (isTooLarge || budget.cases == 0)
    return false;
  --budget.cases;
  Emptiness emptiness = system.classify();
  if (emptiness == Emptiness::Empty)
    return true;
  if (choices.empty()) {
    if (emptiness == Emptiness::Inhabited || budget.searches == 0)
      return false;
    --budget.searches;
    return system.isEmptyOverIntegers();
  }
  Choice choice = choices.front();
  choices.erase(choices.begin());
  const ExprNode node = pool[choice.predicate];
  SmallVector<Expr, 2> cases(node.operands.begin(), node.operands.end());
  bool negated = choice.negated;
  if (node.kind == ExprKind::Zero) {
    Expr minus = pool.scale(node.operands[0], -1);
    cases = {pool.nonNegative(pool.plus(node.operands[0], -1)),
             pool.nonNegative(pool.plus(minus, -1))};
    negated = false;
  }
  return llvm::all_of(cases, [&](Expr predicate) {
    Conjunction one = *this;
    one.assume(predicate, negated);
    return one.isProvedEmpty(budget);
  });
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

bool attn::mask::isProvedEmpty(ExprPool &pool, const Term &term) {
  Conjunction all(pool);
  all.assume(term.atoms);
  return all.isProvedEmpty();
}

bool attn::mask::areProvedDisjoint(ExprPool &pool, const Term &lhs,
                                   const Term &rhs) {
  Conjunction both(pool);
  both.assume(lhs.atoms);
  both.assume(rhs.atoms);
  return both.isProvedEmpty();
}

bool attn::mask::isProvedImplied(ExprPool &pool, ArrayRef<Atom> facts,
                                 Expr predicate) {
  Conjunction counterexample(pool);
  counterexample.assume(facts);
  counterexample.assume(predicate, true);
  return counterexample.isProvedEmpty();
}

bool attn::mask::isProvedMultiple(ExprPool &pool, Expr expr, int64_t divisor,
                                  ArrayRef<Atom> facts) {
  Expr rest = pool.mod(expr, pool.constant(divisor));
  return isProvedImplied(pool, facts, pool.zero(rest));
}
