//===- Sequence.cpp - what drives the runs of a term ----------------------===//

#include "attn/Analysis/Mask/Sequence.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn::mask;

namespace {
/// `expr` as (swept + offset) floordiv block + shift.
struct BlockNumber {
  Expr offset, block, shift;
};
} // namespace

static std::optional<BlockNumber> matchBlock(ExprPool &pool, Expr expr,
                                             Expr swept) {
  ExprNode sum = pool[expr];
  if (sum.kind != ExprKind::Linear)
    sum = {ExprKind::Linear, 0, {1}, {expr}};
  std::optional<BlockNumber> found;
  for (auto [atom, factor] : llvm::zip(sum.operands, sum.coefficients)) {
    if (!pool.dependsOn(atom, swept))
      continue;
    const ExprNode node = pool[atom];
    if (found || factor != 1)
      return std::nullopt;
    if (atom == swept) {
      found = BlockNumber{pool.constant(0), pool.constant(1),
                          pool.sub(expr, swept)};
      continue;
    }
    if (node.kind != ExprKind::FloorDiv ||
        pool.dependsOn(node.operands[1], swept))
      return std::nullopt;
    Expr offset = pool.sub(node.operands[0], swept);
    if (pool.dependsOn(offset, swept))
      return std::nullopt;
    found = BlockNumber{offset, node.operands[1], pool.sub(expr, atom)};
  }
  return found;
}

/// Of a digit: (swept + offset) floordiv weight mod modulus.
static std::optional<std::pair<TermPlan::Digit, Expr>>
matchDigit(ExprPool &pool, Expr axis, Expr swept) {
  const ExprNode node = pool[axis];
  if (node.kind != ExprKind::Mod || pool.dependsOn(node.operands[1], swept))
    return std::nullopt;
  const ExprNode quotient = pool[node.operands[0]];
  Expr inner = node.operands[0], weight = pool.constant(1);
  if (quotient.kind == ExprKind::FloorDiv) {
    inner = quotient.operands[0];
    weight = quotient.operands[1];
  }
  Expr offset = pool.sub(inner, swept);
  if (pool.dependsOn(offset, swept))
    return std::nullopt;
  return std::pair(TermPlan::Digit{axis, weight, node.operands[1]}, offset);
}

/// Orders digits from coarse to fine, each beginning where the next ends; false
/// if they do not follow each other, with the first one alone kept.
static bool chain(ExprPool &pool,
                  llvm::SmallVectorImpl<TermPlan::Digit> &digits) {
  auto precedes = [&](const TermPlan::Digit &coarse,
                      const TermPlan::Digit &fine) {
    return coarse.weight == pool.mul(fine.weight, fine.modulus);
  };
  llvm::SmallVector<TermPlan::Digit, 2> ordered;
  for (const TermPlan::Digit &digit : digits)
    if (llvm::none_of(digits, [&](const TermPlan::Digit &other) {
          return precedes(other, digit);
        })) {
      ordered.push_back(digit);
      break;
    }
  for (bool grows = !ordered.empty(); grows;) {
    grows = false;
    for (const TermPlan::Digit &digit : digits)
      if (precedes(ordered.back(), digit)) {
        ordered.push_back(digit);
        grows = true;
        break;
      }
  }
  bool isWhole = ordered.size() == digits.size();
  digits = ordered;
  return isWhole;
}

/// `expr` never falls where a variable rises, and rises by 1 at the most where
/// one does by 1 if `inSmallSteps`. Its extremes over a box are then those of
/// two corners, as intervals give them.
static bool isRising(const ExprPool &pool, Expr expr, bool inSmallSteps,
                     llvm::function_ref<bool(Expr)> isPoint) {
  if (isPoint(expr))
    return true;
  const ExprNode &node = pool[expr];
  auto isOperandRising = [&](Expr operand) {
    return isRising(pool, operand, inSmallSteps, isPoint);
  };
  switch (node.kind) {
  case ExprKind::Variable:
    return true;
  case ExprKind::Linear: {
    unsigned numMoving = 0;
    for (auto [operand, factor] : llvm::zip(node.operands, node.coefficients)) {
      if (isPoint(operand))
        continue;
      numMoving += 1;
      if (factor < 1 || (inSmallSteps && factor != 1) ||
          !isOperandRising(operand))
        return false;
    }
    return numMoving == 1 || !inSmallSteps;
  }
  case ExprKind::FloorDiv:
    return pool.getConstant(node.operands[1]).value_or(0) > 0 &&
           isOperandRising(node.operands[0]);
  case ExprKind::Min:
  case ExprKind::Max:
    return llvm::all_of(node.operands, isOperandRising);
  default:
    return false;
  }
}

/// Whether rows decide `expr` by `rows` alone.
static bool dependsThrough(const ExprPool &pool, Expr expr, Expr rows,
                           llvm::function_ref<bool(Expr)> isPoint) {
  const ExprNode &node = pool[expr];
  return expr == rows || isPoint(expr) ||
         (!node.operands.empty() &&
          llvm::all_of(node.operands, [&](Expr operand) {
            return dependsThrough(pool, operand, rows, isPoint);
          }));
}

bool attn::mask::isGapless(ExprPool &pool, const NormalForm &form,
                           const Term &term, const TermPlan &plan,
                           llvm::function_ref<bool(Expr)> isPoint) {
  if (plan.isPartial || plan.driver == TermPlan::Driver::Digits ||
      !llvm::all_of(plan.tested, [&](unsigned tested) {
        return isPoint(term.atoms[tested].predicate) ||
               llvm::is_contained(plan.guardsOfRows, tested);
      }))
    return false;
  // Bounds that differ from row to row. What the others cut off is the same for
  // all rows.
  llvm::SmallVector<Expr, 2> lowers, uppers;
  for (const Atom &atom : term.atoms) {
    bool isBound = atom.kind == AtomKind::Lower || atom.kind == AtomKind::Upper;
    if (isBound && !isPoint(atom.bound))
      (atom.kind == AtomKind::Lower ? lowers : uppers).push_back(atom.bound);
  }
  // The rows that guards leave follow each other.
  if (!plan.rowGuards.empty() &&
      !llvm::all_of(llvm::concat<Expr>(lowers, uppers), [&](Expr bound) {
        return dependsThrough(pool, bound, plan.rows, isPoint);
      }))
    return false;
  return areGapless(pool, lowers, uppers, isPoint);
}

bool attn::mask::areGapless(ExprPool &pool, llvm::ArrayRef<Expr> lowers,
                            llvm::ArrayRef<Expr> uppers,
                            llvm::function_ref<bool(Expr)> isPoint) {
  // Windows of one width, each overlapping the next or ending where it begins.
  bool isWindow = !lowers.empty() && !uppers.empty();
  if (isWindow && (lowers.size() > 1 || uppers.size() > 1 ||
                   !isPoint(pool.sub(uppers[0], lowers[0]))))
    return false;
  return llvm::all_of(
      llvm::concat<const Expr>(lowers, uppers),
      [&](Expr bound) { return isRising(pool, bound, isWindow, isPoint); });
}

/// Adds what `guard` says of where rows begin or end; false if it says more.
static bool addRowGuards(ExprPool &pool, Expr guard, TermPlan &plan,
                         llvm::function_ref<bool(Expr)> isPoint) {
  if (isPoint(guard))
    return true;
  const ExprNode predicate = pool[guard];
  if (predicate.kind == ExprKind::And) {
    bool isAll = true;
    for (Expr operand : predicate.operands)
      isAll &= addRowGuards(pool, operand, plan, isPoint);
    return isAll;
  }
  if (predicate.kind != ExprKind::NonNegative)
    return false;
  Expr sum = predicate.operands[0], rows = sum;
  int64_t factor = 1;
  if (pool[sum].kind == ExprKind::Linear) {
    unsigned numMoving = 0;
    for (auto [operand, coefficient] :
         llvm::zip(pool[sum].operands, pool[sum].coefficients))
      if (!isPoint(operand)) {
        numMoving += 1;
        rows = operand;
        factor = coefficient;
      }
    if (numMoving != 1)
      return false;
  }
  if ((factor != 1 && factor != -1) ||
      (!plan.rowGuards.empty() && plan.rows != rows) ||
      !isRising(pool, rows, /*inSmallSteps=*/true, isPoint))
    return false;
  Expr rest = pool.add(rows, sum, -factor);
  plan.rows = rows;
  bool isLower = factor == 1;
  plan.rowGuards.push_back({isLower, isLower ? pool.scale(rest, -1) : rest});
  return true;
}

TermPlan attn::mask::planTerm(ExprPool &pool, const NormalForm &form,
                              const Term &term,
                              llvm::function_ref<bool(Expr)> isPoint) {
  TermPlan plan;
  plan.offset = plan.block = plan.shift = pool.constant(0);
  auto isTaken = [&] { return plan.driver != TermPlan::Driver::None; };
  auto drive = [&](TermPlan::Driver driver, const BlockNumber &number,
                   unsigned atom) {
    plan.driver = driver;
    plan.offset = number.offset;
    plan.block = number.block;
    plan.shift = number.shift;
    plan.atom = atom;
  };
  for (auto [i, atom] : llvm::enumerate(term.atoms)) {
    plan.isPartial |= atom.kind == AtomKind::Residual;
    if (atom.kind == AtomKind::Guard) {
      plan.tested.push_back(i);
      if (addRowGuards(pool, atom.predicate, plan, isPoint))
        plan.guardsOfRows.push_back(i);
    }
    if (atom.kind != AtomKind::Member)
      continue;
    auto number = matchBlock(pool, atom.axis, form.swept);
    auto rest = llvm::ArrayRef(pool[atom.predicate].operands).drop_front();
    bool isList = number && number->shift == pool.constant(0) &&
                  llvm::all_of(rest.drop_front(2), isPoint) &&
                  isPoint(number->offset) && isPoint(number->block);
    if (!isList || isTaken()) {
      plan.tested.push_back(i);
      continue;
    }
    drive(TermPlan::Driver::List, *number, i);
    // Of rows with lists of their own the entries of all are run through.
    if (!isPoint(rest[0]) || !isPoint(rest[1]))
      plan.isPartial = true;
  }
  for (auto [i, atom] : llvm::enumerate(term.atoms)) {
    if (atom.kind != AtomKind::Congruence)
      continue;
    auto number = matchBlock(pool, atom.axis, form.swept);
    if (!number)
      number = matchBlock(pool, pool.scale(atom.axis, -1), form.swept);
    bool isRun =
        number && isPoint(number->shift) && isPoint(number->offset) &&
        isPoint(number->block) && isPoint(atom.bound) &&
        pool.getConstant(number->block).value_or(kLeastBlock) >= kLeastBlock;
    if (isRun && !isTaken())
      drive(TermPlan::Driver::Congruence, *number, i);
    else
      plan.tested.push_back(i);
  }
  std::optional<Expr> offset;
  for (auto [i, atom] : llvm::enumerate(term.atoms)) {
    bool isBound = atom.kind == AtomKind::Lower || atom.kind == AtomKind::Upper;
    if (!isBound || atom.axis == form.swept)
      continue;
    auto digit = matchDigit(pool, atom.axis, form.swept);
    bool isDigit = digit && !isTaken() && isPoint(digit->second) &&
                   isPoint(digit->first.weight) &&
                   isPoint(digit->first.modulus) &&
                   offset.value_or(digit->second) == digit->second;
    if (!isDigit) {
      plan.tested.push_back(i);
      continue;
    }
    offset = digit->second;
    if (llvm::none_of(plan.digits,
                      [axis = atom.axis](const TermPlan::Digit &other) {
                        return other.axis == axis;
                      }))
      plan.digits.push_back(digit->first);
  }
  if (!plan.digits.empty()) {
    // Digits that do not follow each other: of the finer ones nothing is told.
    plan.isPartial |= !chain(pool, plan.digits);
    plan.driver = TermPlan::Driver::Digits;
    plan.offset = *offset;
  }
  return plan;
}
