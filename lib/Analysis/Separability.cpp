//===- Separability.cpp - F(a, y) = G(a) * H(y) ---------------------------===//
//
// Structural induction over the expression. Each rule is an equality over the
// reals:
//   same monoid     (g1*h1) * (g2*h2) = (g1*g2) * (h1*h2)
//   its inverse     (g1*h1) / (g2*h2) = (g1/g2) * (h1/h2)
//   homomorphism    f(g + h) = f(g) * f(h)
//   distribution    c . (g + h) = c.g + c.h, c free of elements and barriers
//   common factor   g1*h + g2*h = (g1+g2) * h, * distributing over +
//   order           max(g1*h, g2*h) = max(g1, g2) * h for h >= 0
//   choice          c ? g1*h : g2*h = (c ? g1 : g2) * h
// The induction ends because every rule moves to operands.
//
//===----------------------------------------------------------------------===//

#include "attn/Analysis/Separability.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {
struct Dependence {
  bool element = false, barrier = false;
};

class Separator {
public:
  Separator(const AlgebraRegistry &algebra,
            llvm::function_ref<LeafRole(unsigned)> roleOf,
            SeparationFailure &why)
      : algebra(algebra), roleOf(roleOf), why(why) {}

  std::optional<Separation> run(const MonoidInfo &monoid,
                                const ScalarExpr &expr) {
    Dependence dependence = getDependence(expr);
    if (!dependence.barrier)
      return Separation{expr, nullptr};
    if (!dependence.element)
      return Separation{nullptr, expr};
    if (expr->kind == ScalarExprNode::Kind::Combine) {
      if (expr->monoid->name == monoid.name)
        return separateProduct(monoid, expr, expr->inverse);
      return fail(nullptr,
                  "'" + expr->monoid->name + "' is not '" + monoid.name + "'");
    }
    Operation *op = expr->op;
    std::optional<ScalarFacts> facts = algebra.lookupFacts(op);
    if (!facts)
      return fail(op, "nothing is known of '" + name(op) + "'");
    if (isa<arith::SelectOp>(op))
      return separateSelect(monoid, expr);
    if (facts->monoid == monoid.name)
      return separateProduct(monoid, expr, /*inverse=*/false);
    if (facts->inverseOf == monoid.name && monoid.combineInverse)
      return separateProduct(monoid, expr, /*inverse=*/true);
    for (const Homomorphism &homomorphism : facts->homomorphisms)
      if (homomorphism.to == monoid.name)
        return separateHomomorphism(homomorphism, expr);
    if (auto separation = separateDistribution(monoid, *facts, expr))
      return separation;
    if (const MonoidInfo *outer = algebra.lookupMonoid(facts->monoid))
      return separateCommonFactor(monoid, *outer, expr);
    return fail(op, "'" + name(op) + "' is no homomorphism into '" +
                        monoid.name + "'");
  }

private:
  static std::string name(Operation *op) {
    return op->getName().getStringRef().str();
  }

  std::nullopt_t fail(Operation *op, std::string law) {
    if (why.law.empty())
      why = {op, std::move(law)};
    return std::nullopt;
  }

  Dependence getDependence(const ScalarExpr &expr) {
    Dependence result;
    forEachLeaf(expr, [&](unsigned leaf) {
      result.element |= roleOf(leaf) == LeafRole::Element;
      result.barrier |= roleOf(leaf) == LeafRole::Barrier;
    });
    return result;
  }

  ValueInterval getElementRange(const ScalarExpr &expr) {
    return getRange(algebra, expr, [](unsigned) { return ValueInterval{}; });
  }

  std::optional<Separation> separateProduct(const MonoidInfo &monoid,
                                            const ScalarExpr &expr,
                                            bool inverse) {
    auto lhs = run(monoid, expr->operands[0]);
    if (!lhs)
      return std::nullopt;
    auto rhs = run(monoid, expr->operands[1]);
    if (!rhs)
      return std::nullopt;
    return Separation{
        makeCombine(monoid, inverse, lhs->element, rhs->element, expr->type),
        makeCombine(monoid, inverse, lhs->barrier, rhs->barrier, expr->type),
        lhs->mayOverflow || rhs->mayOverflow};
  }

  std::optional<Separation>
  separateHomomorphism(const Homomorphism &homomorphism,
                       const ScalarExpr &expr) {
    const MonoidInfo *from = algebra.lookupMonoid(homomorphism.from);
    if (!from)
      return fail(expr->op, "monoid '" + homomorphism.from + "' is unknown");
    auto inner = run(*from, expr->operands[0]);
    if (!inner)
      return std::nullopt;
    // sqrt(g * h) is sqrt(g) * sqrt(h) only where both are defined.
    if (std::optional<ValueInterval> domain = homomorphism.domain)
      for (const ScalarExpr &part : {inner->element, inner->barrier})
        if (part && !(getElementRange(part).lo >= domain->lo &&
                      getElementRange(part).hi <= domain->hi))
          return fail(expr->op, "'" + name(expr->op) +
                                    "' takes no parts that may be negative");
    Separation result;
    result.mayOverflow = inner->mayOverflow;
    if (inner->element) {
      result.element = makeOperation(expr->op, {inner->element});
      // Factors within these bounds leave room for a sum in f32.
      constexpr double kSafe = 1e18;
      ValueInterval range = getElementRange(result.element);
      result.mayOverflow |= !(range.lo > 1 / kSafe && range.hi < kSafe) &&
                            homomorphism.from != homomorphism.to;
    }
    if (inner->barrier)
      result.barrier = makeOperation(expr->op, {inner->barrier});
    return result;
  }

  /// c . (g * h) where the operation's monoid distributes over `monoid`.
  std::optional<Separation> separateDistribution(const MonoidInfo &monoid,
                                                 const ScalarFacts &facts,
                                                 const ScalarExpr &expr) {
    const MonoidInfo *outer = algebra.lookupMonoid(
        facts.monoid.empty() ? facts.inverseOf : facts.monoid);
    if (!outer || expr->operands.size() != 2 ||
        !llvm::is_contained(outer->distributesOver, monoid.name))
      return std::nullopt;
    for (unsigned i : {0u, 1u}) {
      // (g + h) / c distributes, c / (g + h) does not.
      if (i == 0 && facts.monoid.empty())
        continue;
      Dependence dependence = getDependence(expr->operands[i]);
      if (dependence.element || dependence.barrier)
        continue;
      auto inner = run(monoid, expr->operands[1 - i]);
      if (!inner)
        return std::nullopt;
      auto scale = [&](const ScalarExpr &part) -> ScalarExpr {
        if (!part)
          return nullptr;
        return makeOperation(
            expr->op, i == 0 ? ArrayRef<ScalarExpr>{expr->operands[0], part}
                             : ArrayRef<ScalarExpr>{part, expr->operands[1]});
      };
      return Separation{scale(inner->element), scale(inner->barrier),
                        inner->mayOverflow};
    }
    return std::nullopt;
  }

  /// g1*h + g2*h, and max(g1*h, g2*h) for h >= 0. A side that is the identity
  /// of nothing (zero) has every factor.
  std::optional<Separation> separateCommonFactor(const MonoidInfo &monoid,
                                                 const MonoidInfo &outer,
                                                 const ScalarExpr &expr) {
    bool ordered =
        monoid.name == "mul" && (outer.name == "max" || outer.name == "min");
    if (!ordered && !llvm::is_contained(monoid.distributesOver, outer.name))
      return fail(expr->op, "'" + monoid.name + "' does not distribute over '" +
                                outer.name + "'");
    auto lhs = run(monoid, expr->operands[0]);
    if (!lhs)
      return std::nullopt;
    auto rhs = run(monoid, expr->operands[1]);
    if (!rhs)
      return std::nullopt;
    bool lhsZero = monoid.name == "mul" && isZero(expr->operands[0]);
    bool rhsZero = monoid.name == "mul" && isZero(expr->operands[1]);
    ScalarExpr factor = lhsZero ? rhs->barrier : lhs->barrier;
    if (!lhsZero && !rhsZero && !isEqual(lhs->barrier, rhs->barrier))
      return fail(expr->op, "the operands of '" + name(expr->op) +
                                "' have no common factor");
    if (ordered && factor && !(getElementRange(factor).lo >= 0))
      return fail(expr->op, "'" + name(expr->op) +
                                "' keeps a factor only if it is not negative");
    if (!lhs->element || !rhs->element)
      return fail(expr->op,
                  "an operand of '" + name(expr->op) + "' has no element part");
    return Separation{makeOperation(expr->op, {lhs->element, rhs->element}),
                      factor, lhs->mayOverflow || rhs->mayOverflow};
  }

  std::optional<Separation> separateSelect(const MonoidInfo &monoid,
                                           const ScalarExpr &expr) {
    if (getDependence(expr->operands[0]).barrier)
      return fail(expr->op, "the condition of 'arith.select' depends on the "
                            "late value");
    auto lhs = run(monoid, expr->operands[1]);
    if (!lhs)
      return std::nullopt;
    auto rhs = run(monoid, expr->operands[2]);
    if (!rhs)
      return std::nullopt;
    bool lhsZero = monoid.name == "mul" && isZero(expr->operands[1]);
    bool rhsZero = monoid.name == "mul" && isZero(expr->operands[2]);
    if ((!lhsZero && !rhsZero && !isEqual(lhs->barrier, rhs->barrier)) ||
        !lhs->element || !rhs->element)
      return fail(expr->op, "the branches of 'arith.select' have no common "
                            "factor");
    return Separation{makeOperation(expr->op, {expr->operands[0], lhs->element,
                                               rhs->element}),
                      lhsZero ? rhs->barrier : lhs->barrier,
                      lhs->mayOverflow || rhs->mayOverflow};
  }

  static bool isZero(const ScalarExpr &expr) {
    Attribute constant;
    return expr->op && matchPattern(expr->op, m_Constant(&constant)) &&
           getNumericValue(constant) == 0.0;
  }

  const AlgebraRegistry &algebra;
  llvm::function_ref<LeafRole(unsigned)> roleOf;
  SeparationFailure &why;
};
} // namespace

std::optional<Separation>
attn::separate(const AlgebraRegistry &algebra, const MonoidInfo &monoid,
               const ScalarExpr &expr,
               llvm::function_ref<LeafRole(unsigned)> roleOf,
               SeparationFailure &why) {
  return Separator(algebra, roleOf, why).run(monoid, expr);
}

//===----------------------------------------------------------------------===//
// Rescaling
//===----------------------------------------------------------------------===//

static bool
hasMovingLeaf(const ScalarExpr &expr,
              llvm::function_ref<std::optional<unsigned>(unsigned)> after) {
  bool moving = false;
  forEachLeaf(expr, [&](unsigned leaf) { moving |= after(leaf).has_value(); });
  return moving;
}

std::optional<ScalarExpr>
attn::makeRescale(const AlgebraRegistry &algebra, const MonoidInfo &monoid,
                  const ScalarExpr &barrier,
                  llvm::function_ref<std::optional<unsigned>(unsigned)> after) {
  // A factor that does not change cancels.
  if (!barrier || !hasMovingLeaf(barrier, after))
    return ScalarExpr(nullptr);
  auto moved = [&](const ScalarExpr &expr) {
    return renameLeaves(
        expr, [&](unsigned leaf) { return after(leaf).value_or(leaf); });
  };
  auto recurse = [&](const MonoidInfo &inner, unsigned operand) {
    return makeRescale(algebra, inner, barrier->operands[operand], after);
  };
  if (barrier->kind != ScalarExprNode::Kind::Leaf) {
    std::optional<ScalarFacts> facts;
    if (barrier->op)
      facts = algebra.lookupFacts(barrier->op);
    bool product = barrier->kind == ScalarExprNode::Kind::Combine
                       ? barrier->monoid->name == monoid.name
                       : facts && (facts->monoid == monoid.name ||
                                   facts->inverseOf == monoid.name);
    bool inverse = barrier->kind == ScalarExprNode::Kind::Combine
                       ? barrier->inverse
                       : facts && facts->inverseOf == monoid.name;
    if (product) {
      std::optional<ScalarExpr> lhs = ScalarExpr(nullptr);
      if (barrier->operands[0])
        lhs = recurse(monoid, 0);
      auto rhs = recurse(monoid, 1);
      if (!lhs || !rhs)
        return std::nullopt;
      // 1 / (y' / y) is y / y'.
      if (!*lhs && inverse && *rhs &&
          (*rhs)->kind == ScalarExprNode::Kind::Combine && (*rhs)->inverse &&
          (*rhs)->monoid == &monoid && (*rhs)->operands[0])
        return makeCombine(monoid, true, (*rhs)->operands[1],
                           (*rhs)->operands[0], barrier->type);
      return makeCombine(monoid, inverse, *lhs, *rhs, barrier->type);
    }
    if (facts)
      for (const Homomorphism &homomorphism : facts->homomorphisms)
        if (homomorphism.to == monoid.name)
          if (const MonoidInfo *from =
                  algebra.lookupMonoid(homomorphism.from)) {
            auto inner = recurse(*from, 0);
            if (!inner)
              return std::nullopt;
            return makeOperation(barrier->op, {*inner});
          }
    // c . h distributes over the monoid: c . (h' - h).
    if (facts && barrier->operands.size() == 2) {
      const MonoidInfo *outer = algebra.lookupMonoid(
          facts->monoid.empty() ? facts->inverseOf : facts->monoid);
      bool distributes =
          outer && llvm::is_contained(outer->distributesOver, monoid.name);
      for (unsigned i : {0u, 1u}) {
        if (!distributes || hasMovingLeaf(barrier->operands[i], after) ||
            (i == 0 && facts->monoid.empty()))
          continue;
        auto inner = recurse(monoid, 1 - i);
        if (!inner)
          return std::nullopt;
        return makeOperation(
            barrier->op,
            i == 0 ? ArrayRef<ScalarExpr>{barrier->operands[0], *inner}
                   : ArrayRef<ScalarExpr>{*inner, barrier->operands[1]});
      }
    }
  }
  if (!monoid.combineInverse)
    return std::nullopt;
  // A factor that passes through zero on its way leaves nothing to correct.
  ValueInterval range =
      getRange(algebra, barrier, [](unsigned) { return ValueInterval{}; });
  if (monoid.name == "mul" && !(range.lo > 0) && !(range.hi < 0))
    return std::nullopt;
  return makeCombine(monoid, /*inverse=*/true, moved(barrier), barrier,
                     barrier->type);
}

//===----------------------------------------------------------------------===//
// Evidence for remarks
//===----------------------------------------------------------------------===//

std::optional<std::string>
attn::findSeparationWitness(const MonoidInfo &monoid, const ScalarExpr &expr,
                            llvm::function_ref<LeafRole(unsigned)> roleOf) {
  bool multiplicative = monoid.name == "mul";
  if (!multiplicative && monoid.name != "add")
    return std::nullopt;
  std::mt19937 random(20240817);
  std::uniform_real_distribution<double> uniform(-3.0, 3.0);
  for (int trial = 0; trial < 64; ++trial) {
    // Quarters are exact in every format and print short.
    auto draw = [&] { return std::round(uniform(random) * 4) / 4; };
    double x = draw(), x0 = draw(), y = draw(), y0 = draw(), other = draw();
    auto at = [&](double a, double b) {
      return evaluate(expr, [&](unsigned leaf) {
        LeafRole role = roleOf(leaf);
        return role == LeafRole::Element   ? a
               : role == LeafRole::Barrier ? b
                                           : other;
      });
    };
    auto f = at(x, y), f00 = at(x0, y0), fx = at(x, y0), fy = at(x0, y);
    if (!f || !f00 || !fx || !fy)
      return std::nullopt;
    double lhs = multiplicative ? *f * *f00 : *f + *f00;
    double rhs = multiplicative ? *fx * *fy : *fx + *fy;
    double scale = std::max({1.0, std::fabs(lhs), std::fabs(rhs)});
    if (std::isfinite(lhs) && std::isfinite(rhs) &&
        std::fabs(lhs - rhs) > 1e-3 * scale)
      return llvm::formatv("F({0},{1}) {2} F({3},{4}) = {5} but F({0},{4}) {2} "
                           "F({3},{1}) = {6}",
                           x, y, multiplicative ? "*" : "+", x0, y0, lhs, rhs)
          .str();
  }
  return std::nullopt;
}

static constexpr unsigned kMaxDegree = 8;

std::optional<SmallVector<ScalarExpr>>
attn::expandPolynomial(const AlgebraRegistry &algebra, const ScalarExpr &expr,
                       llvm::function_ref<LeafRole(unsigned)> roleOf) {
  bool hasBarrier = false;
  forEachLeaf(expr, [&](unsigned leaf) {
    hasBarrier |= roleOf(leaf) == LeafRole::Barrier;
  });
  if (!hasBarrier)
    return SmallVector<ScalarExpr>{expr};
  const MonoidInfo *add = algebra.lookupMonoid("add");
  const MonoidInfo *mul = algebra.lookupMonoid("mul");
  if (!add || !mul)
    return std::nullopt;
  if (expr->kind == ScalarExprNode::Kind::Leaf) {
    // y = 0 + 1 * y; the coefficient 1 is the empty product.
    Builder builder(expr->type.getContext());
    return SmallVector<ScalarExpr>{nullptr, makeLeaf(~0u, expr->type)};
  }
  if (expr->operands.size() != 2)
    return std::nullopt;
  StringRef product, quotient;
  std::optional<ScalarFacts> facts;
  if (expr->kind == ScalarExprNode::Kind::Combine) {
    (expr->inverse ? quotient : product) = expr->monoid->name;
  } else {
    facts = algebra.lookupFacts(expr->op);
    if (!facts)
      return std::nullopt;
    product = facts->monoid;
    quotient = facts->inverseOf;
  }
  SmallVector<ScalarExpr> none = {nullptr};
  auto lhs = expr->operands[0]
                 ? expandPolynomial(algebra, expr->operands[0], roleOf)
                 : std::optional(none);
  auto rhs = expandPolynomial(algebra, expr->operands[1], roleOf);
  if (!lhs || !rhs)
    return std::nullopt;
  Type type = expr->type;
  bool isSum = product == "add", isDifference = quotient == "add";
  if (isSum || isDifference) {
    SmallVector<ScalarExpr> result(std::max(lhs->size(), rhs->size()));
    for (unsigned i = 0; i < result.size(); ++i)
      result[i] =
          makeCombine(*add, isDifference, i < lhs->size() ? (*lhs)[i] : nullptr,
                      i < rhs->size() ? (*rhs)[i] : nullptr, type);
    return result;
  }
  if (product == "mul") {
    if (lhs->size() + rhs->size() - 2 > kMaxDegree)
      return std::nullopt;
    SmallVector<ScalarExpr> result(lhs->size() + rhs->size() - 1);
    for (unsigned i = 0; i < lhs->size(); ++i)
      for (unsigned j = 0; j < rhs->size(); ++j)
        if ((*lhs)[i] && (*rhs)[j])
          result[i + j] = makeCombine(
              *add, false, result[i + j],
              makeCombine(*mul, false, (*lhs)[i], (*rhs)[j], type), type);
    return result;
  }
  return std::nullopt;
}
