//===- MaskProofsTest.cpp - proofs on masks against enumeration -----------===//

#include "RandomMasks.h"
#include "attn/Analysis/Mask/Proofs.h"

#include <ctime>

using namespace attn::mask;

namespace {
class MaskProofsTest : public RandomMasks {
protected:
  ~MaskProofsTest() override {
    // Questions are asked when a kernel is compiled, many of them.
    EXPECT_LT(slowest, 0.060) << "seconds for one question";
    std::cout << "slowest question: " << int64_t(slowest * 1e6) << " us\n";
  }

  /// What `question` answers, timed.
  bool ask(llvm::function_ref<bool()> question) {
    std::clock_t start = std::clock();
    bool answer = question();
    slowest = std::max(slowest, double(std::clock() - start) / CLOCKS_PER_SEC);
    return answer;
  }

  static Term term(llvm::ArrayRef<Expr> predicates) {
    Term result;
    for (Expr predicate : predicates)
      result.atoms.push_back({AtomKind::Guard, predicate});
    return result;
  }
  bool isEmpty(llvm::ArrayRef<Expr> predicates) {
    return ask([&] { return isProvedEmpty(pool, term(predicates)); });
  }
  bool implies(llvm::ArrayRef<Expr> facts, Expr predicate) {
    Term all = term(facts);
    return ask([&] { return isProvedImplied(pool, all.atoms, predicate); });
  }
  bool isMultiple(Expr expr, int64_t divisor) {
    return ask([&] { return isProvedMultiple(pool, expr, divisor); });
  }

  double slowest = 0;
};
} // namespace

// What has to be proved for the masks that are in use.
TEST_F(MaskProofsTest, ProvesWhatMasksNeed) {
  Expr q = pool.floorDiv(p, number(64)), block = pool.scale(q, 64);
  // A comparison and its opposite, of blocks.
  EXPECT_TRUE(isEmpty({atMost(block, m), below(m, block)}));
  EXPECT_TRUE(implies({}, atMost(block, p)));
  EXPECT_TRUE(implies({}, below(p, pool.plus(block, 64))));
  EXPECT_TRUE(implies({atMost(m, pool.sub(p, w))}, atMost(m, p)));
  EXPECT_FALSE(implies({atMost(m, p)}, atMost(m, pool.sub(p, w))));
  // Sinks that the window does not reach, and the window.
  Term window = term({below(pool.sub(p, w), m), atMost(m, p)});
  Term sinks = term({below(m, number(4)), atMost(m, pool.sub(p, w))});
  EXPECT_TRUE(ask([&] { return areProvedDisjoint(pool, window, sinks); }));
  Term allSinks = term({below(m, number(4)), atMost(m, p)});
  EXPECT_FALSE(ask([&] { return areProvedDisjoint(pool, window, allSinks); }));
  // Alignment.
  EXPECT_TRUE(isMultiple(pool.plus(pool.scale(b, 128), 64), 64));
  EXPECT_FALSE(isMultiple(pool.plus(pool.scale(b, 128), 64), 128));
  EXPECT_TRUE(isMultiple(pool.min(pool.scale(b, 128), block), 64));
  EXPECT_TRUE(isMultiple(pool.sub(p, pool.mod(p, number(16))), 16));
  Term isAligned = term({pool.zero(pool.mod(p, number(32)))});
  EXPECT_TRUE(isProvedMultiple(pool, p, 16, isAligned.atoms));
  EXPECT_FALSE(isProvedMultiple(pool, p, 64, isAligned.atoms));
  // Numbers that have no room to compute with are left out.
  Expr huge = pool.scale(b, int64_t(1) << 61);
  EXPECT_FALSE(isEmpty({atMost(huge, p)}));
  // Clamped neighborhoods: the window is within the image.
  Expr last = pool.sub(s, w), start = pool.sub(p, pool.floorDiv(w, number(2)));
  Expr low = pool.min(pool.max(start, number(0)), last);
  EXPECT_TRUE(implies({atMost(number(0), last)}, atMost(number(0), low)));
  EXPECT_TRUE(implies({}, atMost(pool.add(low, w), s)));
  // Blocks whose size is known at run time.
  Expr own = pool.mul(pool.floorDiv(p, s), s);
  EXPECT_TRUE(implies({}, atMost(own, p)));
  EXPECT_TRUE(implies({}, below(p, pool.add(own, s))));
  EXPECT_TRUE(implies({}, below(pool.mod(p, s), s)));
  // Two residues at once, and numbers that no integer is.
  EXPECT_TRUE(isEmpty({pool.zero(pool.mod(m, number(4))),
                       pool.zero(pool.plus(pool.mod(m, number(6)), -3))}));
  EXPECT_TRUE(
      isEmpty({pool.zero(pool.plus(
                   pool.add(pool.mod(m, number(2)), pool.scale(p, 2)), -7)),
               pool.zero(pool.mod(m, number(4)))}));
  // A choice, and the list that it asks.
  Expr listed = pool.member(table, m, number(0), w, {});
  Expr choice = pool.select(listed, p, pool.plus(p, 8));
  EXPECT_TRUE(implies({atMost(m, p)}, atMost(m, choice)));
  EXPECT_TRUE(
      isEmpty({below(m, pool.plus(p, 1)), atMost(choice, pool.plus(m, -1))}));
  EXPECT_TRUE(isEmpty({listed, below(p, choice)}));
}

// What is proved of random predicates holds at every small point.
TEST_F(MaskProofsTest, ProofsHoldAtEveryPoint) {
  int numProved[4] = {}, numTrue[4] = {};
  for (int seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    reset(seed);
    Expr lhs = makePredicate(2), rhs = makePredicate(1), expr = makeExpr(2);
    expr = pool.scale(expr, pick(1, 2));
    int64_t divisor = pick(2, 4);
    bool proved[] = {isEmpty({lhs}), ask([&] {
                       return areProvedDisjoint(pool, term({lhs}), term({rhs}));
                     }),
                     implies({lhs}, rhs), isMultiple(expr, divisor)};
    bool holds[] = {true, true, true, true};
    forEachPoint([&] {
      bool left = evaluate(lhs), right = evaluate(rhs);
      holds[0] &= !left;
      holds[1] &= !left || !right;
      holds[2] &= !left || right;
      holds[3] &= evaluate(expr) % divisor == 0;
    });
    for (int i = 0; i < 4; ++i) {
      numProved[i] += proved[i];
      numTrue[i] += holds[i];
      EXPECT_TRUE(!proved[i] || holds[i])
          << "question " << i << ": " << pool.toString(lhs) << " | "
          << pool.toString(rhs) << " | " << pool.toString(expr);
    }
  }
  // Most of what is true in the small box only is not provable.
  for (int i = 0; i < 4; ++i) {
    std::cout << "question " << i << ": " << numProved[i] << " proved, "
              << numTrue[i] << " true in the box\n";
    EXPECT_GT(numProved[i], numTrue[i] / 2);
  }
}

// Large predicates, and larger numbers, take no longer.
TEST_F(MaskProofsTest, AnswersInTime) {
  for (int seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    reset(seed);
    unit = seed % 2 ? 64 : 7;
    Expr lhs = makePredicate(3), rhs = makePredicate(2);
    isEmpty({lhs});
    implies({lhs}, rhs);
    isMultiple(makeExpr(3), 48);
  }
}
