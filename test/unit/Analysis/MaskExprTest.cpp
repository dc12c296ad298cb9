//===- MaskExprTest.cpp - what makers of mask expressions fold ------------===//

#include "RandomMasks.h"

using namespace attn::mask;

namespace {
class MaskExpr : public RandomMasks {
protected:
  void drawPoint() {
    variables.clear();
    for (size_t i = 0; i < pool.getVariables().size(); ++i)
      variables.push_back(pick(0, kGreatestVariable));
    symbols.clear();
    for (const Symbol &symbol : pool.getSymbols())
      symbols.push_back(pick(int(*symbol.least), kGreatestSymbol));
  }
};
} // namespace

// What a maker returns has the value of what it was asked for.
TEST_F(MaskExpr, FoldsAreIdentities) {
  for (int seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    reset(seed);
    Expr x = makeExpr(2), y = makeExpr(2), c = makePredicate(1),
         d = makePredicate(1);
    Expr divisor = pick(0, 1) ? s : number(pick(1, 5));
    int64_t scale = pick(-3, 3);
    Expr sum = pool.add(x, y, scale), difference = pool.sub(x, y),
         product = pool.mul(x, y), quotient = pool.floorDiv(x, divisor),
         up = pool.ceilDiv(x, divisor), rest = pool.mod(x, divisor),
         least = pool.min(x, y), most = pool.max(x, y),
         choice = pool.select(c, x, y), isNatural = pool.nonNegative(x),
         isZero = pool.zero(x), both = pool.conjunction(c, d),
         either = pool.disjunction(c, d), opposite = pool.negation(c);
    for (int i = 0; i < 20; ++i) {
      drawPoint();
      int64_t a = evaluate(x), b = evaluate(y), n = evaluate(divisor);
      bool left = evaluate(c), right = evaluate(d);
      EXPECT_EQ(evaluate(sum), scale * a + b);
      EXPECT_EQ(evaluate(difference), a - b);
      EXPECT_EQ(evaluate(product), a * b);
      EXPECT_EQ(evaluate(quotient), llvm::divideFloorSigned(a, n));
      EXPECT_EQ(evaluate(up), llvm::divideCeilSigned(a, n));
      EXPECT_EQ(evaluate(rest), a - llvm::divideFloorSigned(a, n) * n);
      EXPECT_EQ(evaluate(least), std::min(a, b));
      EXPECT_EQ(evaluate(most), std::max(a, b));
      EXPECT_EQ(evaluate(choice), left ? a : b);
      EXPECT_EQ(evaluate(isNatural), a >= 0);
      EXPECT_EQ(evaluate(isZero), a == 0);
      EXPECT_EQ(evaluate(both), left && right);
      EXPECT_EQ(evaluate(either), left || right);
      EXPECT_EQ(evaluate(opposite), !left);
    }
  }
}

// Bounds hold, and what an expression does not depend on does not matter.
TEST_F(MaskExpr, FactsHold) {
  for (int seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    reset(seed);
    Expr expr = makeExpr(3);
    auto least = pool.getLeast(expr), greatest = pool.getGreatest(expr);
    for (int i = 0; i < 20; ++i) {
      drawPoint();
      int64_t value = evaluate(expr);
      EXPECT_TRUE(!least || *least <= value);
      EXPECT_TRUE(!greatest || value <= *greatest);
      if (auto constant = pool.getConstant(expr))
        EXPECT_EQ(value, *constant);
      for (Expr variable : {m, p, b})
        if (!pool.dependsOn(expr, variable)) {
          int64_t &coordinate = variables[pool[variable].number];
          coordinate = pick(0, kGreatestVariable);
          EXPECT_EQ(evaluate(expr), value);
        }
    }
  }
}

// Equal terms are one node, so that comparing is comparing two numbers.
TEST_F(MaskExpr, EqualTermsAreOne) {
  Expr sixteen = number(16);
  EXPECT_EQ(pool.floorDiv(pool.add(m, p, 16), sixteen),
            pool.add(pool.floorDiv(p, sixteen), m));
  EXPECT_EQ(pool.mod(pool.add(m, p, 16), sixteen), pool.mod(p, sixteen));
  EXPECT_EQ(pool.min(m, pool.plus(m, 1)), m);
  EXPECT_EQ(pool.max(m, pool.plus(m, 1)), pool.plus(m, 1));
  EXPECT_EQ(pool.sub(pool.add(m, p), pool.add(p, m)), number(0));
  EXPECT_EQ(pool.mul(m, number(3)), pool.scale(m, 3));
  EXPECT_EQ(pool.negation(pool.negation(below(m, p))), below(m, p));
  EXPECT_EQ(pool.conjunction(below(m, p), below(m, p)), below(m, p));
  EXPECT_EQ(pool.select(below(m, p), b, b), b);
  EXPECT_EQ(atMost(number(0), m), pool.truth(true));
  EXPECT_EQ(pool.floorDiv(pool.floorDiv(m, s), number(1)), pool.floorDiv(m, s));
}
