//===- NormalForm.cpp - a mask as a union of disjoint terms ---------------===//

#include "attn/Analysis/Mask/Proofs.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SaveAndRestore.h"
#include <iterator>

using namespace attn::mask;
using llvm::ArrayRef;
using llvm::SmallVector;

static constexpr size_t kMostTerms = 32;
// Sums of quotients and products of the swept variable can turn into each other
// without an end: each becomes the other's bound.
static constexpr unsigned kMostSteps = 16;

bool NormalForm::hasResidual() const {
  return llvm::any_of(terms, [](const Term &term) {
    return llvm::any_of(term.atoms, [](const Atom &atom) {
      return atom.kind == AtomKind::Residual;
    });
  });
}

namespace {
/// Terms that are disjoint.
using Union = SmallVector<Term, 2>;

class Normalizer {
public:
  Normalizer(ExprPool &pool, Expr swept) : pool(pool), swept(swept) {}

  Union expand(Expr predicate, bool negated);
  bool isTooLarge() const { return tooLarge; }
  std::vector<std::string> reasons;

private:
  Union expandEither(ArrayRef<Expr> operands);
  void joinAlternatives(SmallVector<Expr> &operands);
  Union expandZero(Expr expr, bool negated);
  Union solve(Expr expr);
  Union solveChoice(Expr atom, int64_t factor, Expr rest);
  Union residual(Expr predicate, const std::string &reason);
  Union makeBound(bool isLower, Expr axis, Expr bound);
  std::optional<Atom> getOneBound(const Union &terms, std::optional<Atom> like);
  std::optional<Union> joinBounds(const Union &lhs, const Union &rhs);
  Union cross(const Union &lhs, const Union &rhs);
  /// False if the term cannot hold with `atom`.
  bool addAtom(Term &term, const Atom &atom);
  bool addBound(Term &term, const Atom &atom);
  void collect(Expr predicate, bool negated,
               llvm::SmallVectorImpl<Expr> &operands);
  static constexpr unsigned kMostCost = 3;
  unsigned getCost(Expr predicate);
  bool dependsOnSwept(Expr expr) { return pool.dependsOn(expr, swept); }

  ExprPool &pool;
  Expr swept;
  bool tooLarge = false;
  /// Nested calls of solve().
  unsigned numSteps = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// Terms
//===----------------------------------------------------------------------===//

bool Normalizer::addBound(Term &term, const Atom &atom) {
  bool isLower = atom.kind == AtomKind::Lower;
  const ExprNode &axis = pool[atom.axis];
  // Coordinates and digits are not negative, digits end at their modulus.
  if (isLower && pool.getGreatest(atom.bound).value_or(1) <= 0)
    return true;
  if (!isLower && pool.getGreatest(atom.bound).value_or(0) < 0)
    return false;
  if (axis.kind == ExprKind::Mod) {
    Expr last = pool.plus(axis.operands[1], -1);
    if (isLower && pool.getGreatest(pool.sub(last, atom.bound)).value_or(0) < 0)
      return false;
    if (!isLower && pool.getLeast(pool.sub(atom.bound, last)).value_or(-1) >= 0)
      return true;
  }
  for (Atom &other : term.atoms) {
    bool isBound =
        other.kind == AtomKind::Lower || other.kind == AtomKind::Upper;
    if (!isBound || other.axis != atom.axis)
      continue;
    if (other.kind == atom.kind) {
      // Of two bounds that differ by a constant one is enough.
      if (auto more = pool.getConstant(pool.sub(atom.bound, other.bound))) {
        if ((*more > 0) == isLower)
          other = atom;
        return true;
      }
      continue;
    }
    Expr upper = isLower ? other.bound : atom.bound;
    Expr lower = isLower ? atom.bound : other.bound;
    if (pool.getGreatest(pool.sub(upper, lower)).value_or(0) < 0)
      return false;
  }
  term.atoms.push_back(atom);
  return true;
}

bool Normalizer::addAtom(Term &term, const Atom &atom) {
  for (const Atom &other : term.atoms) {
    if (other.predicate == atom.predicate)
      return true;
    if (other.predicate == pool.negation(atom.predicate))
      return false;
  }
  if (atom.kind == AtomKind::Lower || atom.kind == AtomKind::Upper)
    return addBound(term, atom);
  term.atoms.push_back(atom);
  return true;
}

Union Normalizer::cross(const Union &lhs, const Union &rhs) {
  Union result;
  for (const Term &left : lhs)
    for (const Term &right : rhs) {
      Term both = left;
      if (llvm::all_of(right.atoms,
                       [&](const Atom &atom) { return addAtom(both, atom); }))
        result.push_back(std::move(both));
    }
  tooLarge |= result.size() > kMostTerms;
  if (tooLarge)
    result.clear();
  return result;
}

Union Normalizer::residual(Expr predicate, const std::string &reason) {
  if (!llvm::is_contained(reasons, reason))
    reasons.push_back(reason);
  return {{{Atom{AtomKind::Residual, predicate}}}};
}

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

/// The operands of nested disjunctions (of conjunctions, if negated).
void Normalizer::collect(Expr predicate, bool negated,
                         llvm::SmallVectorImpl<Expr> &operands) {
  ExprKind kind = negated ? ExprKind::And : ExprKind::Or;
  const ExprNode node = pool[predicate];
  if (node.kind == ExprKind::Not)
    return collect(node.operands[0], !negated, operands);
  if (node.kind != kind) {
    operands.push_back(negated ? pool.negation(predicate) : predicate);
    return;
  }
  for (Expr operand : node.operands)
    collect(operand, negated, operands);
}

/// What a predicate is good for: no sweep at all, a range, equality, or less.
unsigned Normalizer::getCost(Expr predicate) {
  if (!dependsOnSwept(predicate))
    return 0;
  const ExprNode &node = pool[predicate];
  switch (node.kind) {
  case ExprKind::NonNegative:
    return 1;
  case ExprKind::Zero:
    return 2;
  case ExprKind::And:
  case ExprKind::Or:
  case ExprKind::Not: {
    unsigned cost = 0;
    for (Expr operand : node.operands)
      cost = std::max(cost, getCost(operand));
    return cost;
  }
  default:
    return kMostCost;
  }
}

/// Comparisons that are one bound each, of one axis and in one direction, are
/// one bound: so tiles that two of them fill together are known to be full.
void Normalizer::joinAlternatives(SmallVector<Expr> &operands) {
  auto isBound = [](const Union &terms) {
    return terms.size() == 1 && terms[0].atoms.size() == 1 &&
           (terms[0].atoms[0].kind == AtomKind::Lower ||
            terms[0].atoms[0].kind == AtomKind::Upper);
  };
  SmallVector<std::pair<unsigned, Union>> bounds;
  SmallVector<unsigned> taken;
  for (auto [i, operand] : llvm::enumerate(operands)) {
    if (pool[operand].kind != ExprKind::NonNegative)
      continue;
    Union terms = expand(operand, false);
    if (!isBound(terms))
      continue;
    std::optional<Union> joined;
    for (auto &[other, bound] : bounds) {
      joined = joinBounds(bound, terms);
      if (!joined || !isBound(*joined))
        continue;
      bound = *joined;
      operands[other] = bound[0].atoms[0].predicate;
      taken.push_back(i);
      break;
    }
    if (taken.empty() || taken.back() != i)
      bounds.push_back({unsigned(i), std::move(terms)});
  }
  for (unsigned i : llvm::reverse(taken))
    operands.erase(operands.begin() + i);
}

/// Disjoint: each operand without those before it, the cheap ones first.
Union Normalizer::expandEither(ArrayRef<Expr> operands) {
  SmallVector<Expr> ordered;
  for (unsigned cost = 0; cost <= kMostCost; ++cost)
    llvm::copy_if(operands, std::back_inserter(ordered),
                  [&](Expr operand) { return getCost(operand) == cost; });
  Union result, others = {Term()};
  for (Expr operand : ordered) {
    for (Term &term : cross(others, expand(operand, false)))
      result.push_back(std::move(term));
    others = cross(others, expand(operand, true));
  }
  tooLarge |= result.size() > kMostTerms;
  return result;
}

Union Normalizer::expand(Expr predicate, bool negated) {
  if (tooLarge)
    return {};
  if (!dependsOnSwept(predicate)) {
    Expr guard = negated ? pool.negation(predicate) : predicate;
    if (pool[guard].kind == ExprKind::Truth)
      return pool[guard].number ? Union{Term()} : Union();
    return {{{Atom{AtomKind::Guard, guard}}}};
  }
  const ExprNode node = pool[predicate];
  Expr whole = negated ? pool.negation(predicate) : predicate;
  switch (node.kind) {
  case ExprKind::Not:
    return expand(node.operands[0], !negated);
  case ExprKind::And:
  case ExprKind::Or: {
    if ((node.kind == ExprKind::And) != negated) {
      Union lhs = expand(node.operands[0], negated);
      return cross(lhs, expand(node.operands[1], negated));
    }
    SmallVector<Expr> operands;
    collect(predicate, negated, operands);
    joinAlternatives(operands);
    return expandEither(operands);
  }
  case ExprKind::NonNegative:
    return solve(negated ? pool.plus(pool.scale(node.operands[0], -1), -1)
                         : node.operands[0]);
  case ExprKind::Zero:
    return expandZero(node.operands[0], negated);
  case ExprKind::Member:
    if (!negated)
      return {{{Atom{AtomKind::Member, predicate, node.operands[0]}}}};
    return residual(whole, "what is not in a list has no bounds");
  case ExprKind::Unknown:
    return residual(whole, pool.getReason(node).str());
  default:
    return residual(whole, "it is no comparison");
  }
}

Union Normalizer::expandZero(Expr expr, bool negated) {
  Expr predicate = pool.zero(expr);
  const ExprNode node = pool[expr];
  // `x mod d = y mod d + number`, in any order, is a congruence.
  ExprNode sum = node;
  if (sum.kind != ExprKind::Linear)
    sum = {ExprKind::Linear, 0, {1}, {expr}};
  Expr multiple = pool.constant(sum.number);
  std::optional<Expr> modulus;
  bool isCongruence = sum.operands.size() <= 2;
  for (auto [atom, factor] : llvm::zip(sum.operands, sum.coefficients)) {
    const ExprNode part = pool[atom];
    isCongruence &= part.kind == ExprKind::Mod && std::abs(factor) == 1 &&
                    (!modulus || *modulus == part.operands[1]);
    if (!isCongruence)
      break;
    modulus = part.operands[1];
    multiple = pool.add(part.operands[0], multiple, factor);
  }
  // One `mod` alone meets a number that is no remainder never.
  if (isCongruence && sum.operands.size() == 1) {
    Expr remainder = pool.constant(-sum.number * sum.coefficients[0]);
    isCongruence = pool.getLeast(remainder).value_or(-1) >= 0 &&
                   pool.getLeast(pool.sub(*modulus, remainder)).value_or(0) > 0;
  } else {
    isCongruence &=
        sum.number == 0 && sum.coefficients.front() == -sum.coefficients.back();
  }
  // Where residues lie in blocks, as in a layout that brings those of one
  // residue together, an equal one is an interval of a digit.
  if (isCongruence && sum.operands.size() == 2 && !negated)
    for (Expr operand : sum.operands) {
      const ExprNode &inner = pool[pool[operand].operands[0]];
      if (dependsOnSwept(operand) && inner.kind == ExprKind::FloorDiv &&
          pool.getConstant(inner.operands[1]).value_or(0) >= kLeastBlock)
        isCongruence = false;
    }
  if (isCongruence) {
    Atom atom{AtomKind::Congruence, predicate, multiple, *modulus};
    if (!negated)
      return {{{atom}}};
    return residual(pool.negation(predicate),
                    "what is not congruent has no bounds");
  }
  Expr minus = pool.scale(expr, -1);
  if (!negated)
    return cross(solve(expr), solve(minus));
  Union result = solve(pool.plus(expr, -1));
  for (Term &term : solve(pool.plus(minus, -1)))
    result.push_back(std::move(term));
  return result;
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

Union Normalizer::makeBound(bool isLower, Expr axis, Expr bound) {
  Expr difference = isLower ? pool.sub(axis, bound) : pool.sub(bound, axis);
  Term term;
  if (!addAtom(term, {isLower ? AtomKind::Lower : AtomKind::Upper,
                      pool.nonNegative(difference), axis, bound}))
    return {};
  return {term};
}

/// factor * atom + rest >= 0, the atom being a minimum, maximum or choice.
Union Normalizer::solveChoice(Expr atom, int64_t factor, Expr rest) {
  const ExprNode node = pool[atom];
  auto with = [&](Expr value) { return pool.add(value, rest, factor); };
  if (node.kind == ExprKind::Select) {
    Union result =
        cross(expand(node.operands[0], false), solve(with(node.operands[1])));
    for (Term &term :
         cross(expand(node.operands[0], true), solve(with(node.operands[2]))))
      result.push_back(std::move(term));
    return result;
  }
  Expr lhs = with(node.operands[0]), rhs = with(node.operands[1]);
  if ((node.kind == ExprKind::Min) == (factor > 0)) {
    Union left = solve(lhs);
    return cross(left, solve(rhs));
  }
  if (auto bound = joinBounds(solve(lhs), solve(rhs)))
    return *bound;
  return expandEither({pool.nonNegative(lhs), pool.nonNegative(rhs)});
}

/// A union of one term as one bound, guards and all: where they do not hold,
/// the bound lets nothing through. Guards alone are a bound of `axis` likewise.
std::optional<Atom> Normalizer::getOneBound(const Union &terms,
                                            std::optional<Atom> like) {
  if (terms.size() != 1)
    return std::nullopt;
  Expr guard = pool.truth(true);
  std::optional<Atom> bound;
  for (const Atom &atom : terms[0].atoms) {
    bool isBound = atom.kind == AtomKind::Lower || atom.kind == AtomKind::Upper;
    if (atom.kind == AtomKind::Guard)
      guard = pool.conjunction(guard, atom.predicate);
    else if (!isBound || bound)
      return std::nullopt;
    else
      bound = atom;
  }
  Expr none = pool.constant(-ExprPool::kBeyond);
  Expr all = pool.constant(ExprPool::kBeyond);
  if (!bound && like) {
    bound = like;
    if (like->kind == AtomKind::Lower)
      std::swap(none, all);
    bound->bound = pool.select(guard, all, none);
    return bound;
  }
  if (bound)
    bound->bound = pool.select(guard, bound->bound,
                               bound->kind == AtomKind::Lower ? all : none);
  return bound;
}

/// x <= a or x <= b is x <= max(a, b): so the inverse of a monotone function
/// made by minima and maxima stays one bound.
std::optional<Union> Normalizer::joinBounds(const Union &lhs,
                                            const Union &rhs) {
  auto left = getOneBound(lhs, std::nullopt);
  auto right = getOneBound(rhs, left);
  if (!left)
    left = getOneBound(lhs, right);
  if (!left || !right || left->kind != right->kind || left->axis != right->axis)
    return std::nullopt;
  bool isLower = left->kind == AtomKind::Lower;
  Expr bound = isLower ? pool.min(left->bound, right->bound)
                       : pool.max(left->bound, right->bound);
  return makeBound(isLower, left->axis, bound);
}

/// The terms of `expr >= 0`.
Union Normalizer::solve(Expr expr) {
  if (tooLarge)
    return {};
  Expr predicate = pool.nonNegative(expr);
  if (pool[predicate].kind == ExprKind::Truth)
    return pool[predicate].number ? Union{Term()} : Union();
  if (!dependsOnSwept(expr))
    return {{{Atom{AtomKind::Guard, predicate}}}};
  if (numSteps == kMostSteps)
    return residual(predicate, "a comparison takes more than " +
                                   std::to_string(kMostSteps) +
                                   " steps to solve for '" +
                                   pool.toString(swept) + "'");
  llvm::SaveAndRestore nested(numSteps, numSteps + 1);
  ExprNode sum = pool[expr];
  if (sum.kind != ExprKind::Linear)
    sum = {ExprKind::Linear, 0, {1}, {expr}};
  // The atom to solve for: choices first, then what stands for the most keys;
  // finer digits stay in the bound.
  std::optional<unsigned> main;
  int mainRank = 0;
  for (auto [i, atom] : llvm::enumerate(sum.operands)) {
    if (!dependsOnSwept(atom))
      continue;
    const ExprNode &node = pool[atom];
    bool isQuotient =
        node.operands.size() == 2 && !dependsOnSwept(node.operands[1]);
    int rank = 0;
    if (node.kind == ExprKind::Min || node.kind == ExprKind::Max ||
        node.kind == ExprKind::Select)
      rank = 5;
    else if (node.kind == ExprKind::Variable)
      rank = 4;
    else if (node.kind == ExprKind::FloorDiv && isQuotient)
      rank = 3;
    else if (node.kind == ExprKind::Product)
      rank = 2;
    else if (node.kind == ExprKind::Mod && isQuotient)
      rank = 1;
    bool isLarger =
        main && rank == mainRank &&
        std::abs(sum.coefficients[i]) > std::abs(sum.coefficients[*main]);
    if (rank > mainRank || isLarger) {
      main = i;
      mainRank = rank;
    }
  }
  if (!main)
    return residual(predicate, "'" + pool.toString(expr) +
                                   " >= 0' cannot be solved for '" +
                                   pool.toString(swept) + "'");
  Expr atom = sum.operands[*main];
  int64_t factor = sum.coefficients[*main];
  Expr rest = pool.add(atom, expr, -factor);
  if (mainRank == 5)
    return solveChoice(atom, factor, rest);
  bool isLower = factor > 0;
  const ExprNode node = pool[atom];
  // factor * atom >= -rest, or -factor * atom <= rest.
  auto getBound = [&](Expr divisor) {
    return isLower ? pool.ceilDiv(pool.scale(rest, -1), divisor)
                   : pool.floorDiv(rest, divisor);
  };
  Expr size = pool.constant(std::abs(factor));
  if (node.kind == ExprKind::Variable || node.kind == ExprKind::Mod)
    return makeBound(isLower, atom, getBound(size));
  if (node.kind == ExprKind::FloorDiv) {
    // x floordiv d >= b is x >= b * d, and <= b is x < (b + 1) * d.
    Expr divisor = node.operands[1];
    Expr least = pool.mul(getBound(size), divisor);
    if (isLower)
      return solve(pool.sub(node.operands[0], least));
    Expr greatest = pool.plus(pool.add(least, divisor), -1);
    return solve(pool.sub(greatest, node.operands[0]));
  }
  Expr inner = node.operands[0], other = node.operands[1];
  if (!dependsOnSwept(inner))
    std::swap(inner, other);
  if (dependsOnSwept(other) || !pool.isPositive(other))
    return residual(predicate, "'" + pool.toString(atom) +
                                   "' is no product with a positive number "
                                   "that '" +
                                   pool.toString(swept) + "' leaves alone");
  Expr bound = getBound(pool.mul(size, other));
  return solve(isLower ? pool.sub(inner, bound) : pool.sub(bound, inner));
}

NormalForm attn::mask::normalize(ExprPool &pool, Expr predicate, Expr swept) {
  NormalForm form;
  form.swept = swept;
  bool hadOverflow = pool.hasOverflow();
  Normalizer normalizer(pool, swept);
  Union terms = normalizer.expand(predicate, false);
  auto leaveWhole = [&](std::string reason) {
    form.terms = {{{Atom{AtomKind::Residual, predicate}}}};
    form.reasons = {std::move(reason)};
    return form;
  };
  if (normalizer.isTooLarge())
    return leaveWhole("it has more than " + std::to_string(kMostTerms) +
                      " terms");
  if (pool.hasOverflow() && !hadOverflow)
    return leaveWhole("its numbers overflow 64 bits");
  form.terms.assign(terms.begin(), terms.end());
  simplify(pool, form.terms);
  // A residual of a term that was found impossible is none.
  if (form.hasResidual())
    form.reasons = std::move(normalizer.reasons);
  return form;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static void printTerm(llvm::raw_ostream &os, const ExprPool &pool,
                      const Term &term) {
  SmallVector<std::string> parts;
  SmallVector<Expr> axes;
  for (const Atom &atom : term.atoms)
    if ((atom.kind == AtomKind::Lower || atom.kind == AtomKind::Upper) &&
        !llvm::is_contained(axes, atom.axis))
      axes.push_back(atom.axis);
  auto join = [&](Expr axis, AtomKind kind, llvm::StringRef function) {
    SmallVector<std::string> bounds;
    for (const Atom &atom : term.atoms)
      if (atom.kind == kind && atom.axis == axis)
        bounds.push_back(pool.toString(atom.bound));
    if (bounds.size() < 2)
      return bounds.empty() ? std::string() : bounds[0];
    return (function + "(" + llvm::join(bounds, ", ") + ")").str();
  };
  for (Expr axis : axes) {
    std::string lower = join(axis, AtomKind::Lower, "max");
    std::string upper = join(axis, AtomKind::Upper, "min");
    parts.push_back((lower.empty() ? "" : lower + " <= ") +
                    pool.toString(axis) +
                    (upper.empty() ? "" : " <= " + upper));
  }
  for (const Atom &atom : term.atoms) {
    std::string text = pool.toString(atom.predicate);
    switch (atom.kind) {
    case AtomKind::Lower:
    case AtomKind::Upper:
      break;
    case AtomKind::Guard:
      parts.push_back("if " + text);
      break;
    case AtomKind::Congruence:
      parts.push_back(pool.toString(atom.axis) + " = 0 mod " +
                      pool.toString(atom.bound));
      break;
    case AtomKind::Member:
      parts.push_back(text);
      break;
    case AtomKind::Residual:
      parts.push_back("residual: " + text);
      break;
    }
  }
  os << (parts.empty() ? "all" : llvm::join(parts, "; "));
}

void attn::mask::print(llvm::raw_ostream &os, const ExprPool &pool,
                       const NormalForm &form) {
  if (form.terms.empty())
    os << "no term: nothing is visible\n";
  for (auto [i, term] : llvm::enumerate(form.terms)) {
    os << "term " << i << ": ";
    printTerm(os, pool, term);
    os << "\n";
  }
  for (const std::string &reason : form.reasons)
    os << "residual because " << reason << "\n";
}
