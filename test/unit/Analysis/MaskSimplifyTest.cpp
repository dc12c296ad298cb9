//===- MaskSimplifyTest.cpp - normal forms without what is implied --------===//

#include "RandomMasks.h"
#include "attn/Analysis/Mask/HostMask.h"

using namespace attn::mask;

namespace {
class MaskSimplifyTest : public RandomMasks {
protected:
  std::string toString(Expr predicate) {
    std::string text;
    llvm::raw_string_ostream os(text);
    print(os, pool, normalize(pool, predicate, m));
    return text;
  }
  Expr causal = atMost(m, p), window = below(pool.sub(p, w), m),
       sinks = below(m, number(4)), n = pool.symbol("n", 0);
};
} // namespace

TEST_F(MaskSimplifyTest, BoundsThatOneOtherImpliesGo) {
  EXPECT_EQ(toString(both(causal, either(window, sinks))),
            "term 0: p + 1 - w <= m <= p\n"
            "term 1: m <= min(p - w, 3)\n");
  Expr keyBlock = pool.floorDiv(m, number(64));
  Expr rowBlock = pool.floorDiv(p, number(64));
  EXPECT_EQ(toString(both(causal, atMost(keyBlock, rowBlock))),
            "term 0: m <= p\n");
}

TEST_F(MaskSimplifyTest, EmptyTermsGo) {
  // What lies beyond the row is in its window.
  Expr isLate = atMost(n, m);
  EXPECT_EQ(toString(both(either(causal, isLate), either(window, sinks))),
            "term 0: p + 1 - w <= m <= p\n"
            "term 1: m <= min(p - w, 3)\n"
            "term 2: max(p + 1, n) <= m\n");
  EXPECT_EQ(toString(both(below(m, pool.sub(p, w)), below(p, m))),
            "no term: nothing is visible\n");
}

// A tile that a prefix and what lies before the row fill together is full.
TEST_F(MaskSimplifyTest, AlternativeBoundsAreOne) {
  EXPECT_EQ(toString(either(causal, below(m, n))),
            "term 0: m <= max(p, n - 1)\n");
  EXPECT_EQ(toString(either(atMost(n, m), either(window, atMost(b, m)))),
            "term 0: min(b, min(p + 1 - w, n)) <= m\n");
  EXPECT_EQ(toString(both(either(causal, below(m, n)), either(window, sinks))),
            "term 0: p + 1 - w <= m <= max(p, n - 1)\n"
            "term 1: m <= min(p - w, 3)\n");
}

// A guard on symbols holds for all points, so a bound may follow from it.
TEST_F(MaskSimplifyTest, GuardsWithoutVariablesCount) {
  Expr isShort = atMost(n, w);
  EXPECT_EQ(toString(both(isShort, both(atMost(m, pool.add(p, n)),
                                        atMost(m, pool.add(p, w))))),
            "term 0: m <= p + n; if w - n >= 0\n");
}

// Of rows beyond n the range of `m <= p` alone would let in keys beyond n.
TEST_F(MaskSimplifyTest, BoundsThatKeepBoxesTightStay) {
  EXPECT_EQ(toString(both(causal, both(below(p, n), below(m, n)))),
            "term 0: m <= min(p, n - 1); if n - p - 1 >= 0\n");
}

// A residual costs an evaluation a point: it goes if all others together say
// it.
TEST_F(MaskSimplifyTest, ImpliedResidualsGo) {
  Expr square = pool.mul(m, m);
  Expr isRoot = atMost(square, p);
  NormalForm form = normalize(pool, both(causal, isRoot), m);
  EXPECT_TRUE(form.hasResidual());
  Expr isFar = atMost(m, pool.add(square, p));
  form = normalize(pool, both(causal, isFar), m);
  EXPECT_FALSE(form.hasResidual());
  EXPECT_TRUE(form.reasons.empty());
}

// A product and a quotient that stand in each other's bounds: solving ends.
TEST_F(MaskSimplifyTest, ComparisonsWithoutASolutionAreResidual) {
  Expr product = pool.mul(m, b);
  Expr sum = pool.add(pool.mul(s, product), pool.mul(b, product), 2);
  Expr choice = pool.select(atMost(s, p), number(5), m);
  Expr predicate = atMost(pool.min(m, choice), sum);
  NormalForm form = normalize(pool, predicate, m);
  EXPECT_TRUE(form.hasResidual());
  EXPECT_FALSE(form.reasons.empty());
}

// A normal form holds where its predicate does, by one term.
TEST_F(MaskSimplifyTest, FormsStayExactAndDisjoint) {
  for (int seed = 0; seed < 1000; ++seed) {
    reset(seed);
    Expr predicate = makePredicate(2);
    NormalForm form = normalize(pool, predicate, m);
    int numWrong = 0;
    forEachPoint([&] {
      int numTerms = llvm::count_if(form.terms, [&](const Term &term) {
        return llvm::all_of(term.atoms, [&](const Atom &atom) {
          return evaluate(atom.predicate) != 0;
        });
      });
      numWrong += numTerms != int(evaluate(predicate));
    });
    EXPECT_EQ(numWrong, 0) << "seed " << seed << ": "
                           << pool.toString(predicate);
  }
}

// What segments are made of such forms hold every live key once.
TEST_F(MaskSimplifyTest, SegmentsHoldLiveKeys) {
  for (int seed = 0; seed < 500; ++seed) {
    reset(seed);
    Expr predicate = makePredicate(2);
    HostMask mask(pool, predicate, m, {p, b});
    TableData data;
    data.shape = {3};
    data.values = entries;
    mask.setTable("t", data);
    mask.setExtent(kGreatestVariable + 1);
    int64_t numWrong = 0;
    // The swept variable is the first: its other values are counted at 0.
    forEachPoint([&] {
      if (variables[0] != 0)
        return;
      for (auto [symbol, value] : llvm::zip(pool.getSymbols(), symbols))
        mask.setSymbol(symbol.name, value);
      mask.setBox(p, {variables[1], variables[1]});
      mask.setBox(b, {variables[2], variables[2]});
      int64_t numLive = 0;
      for (int key = kGreatestVariable; key >= 0; --key) {
        variables[0] = key;
        numLive += evaluate(predicate);
      }
      numWrong += mask.countLive() != numLive;
    });
    EXPECT_EQ(numWrong, 0) << "seed " << seed << ": "
                           << pool.toString(predicate);
  }
}
