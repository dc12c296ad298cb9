//===- MaskIntervalTest.cpp - ranges of expressions hold their values -----===//

#include "FaultyMask.h"
#include "test/unit/Analysis/RandomMasks.h"

using namespace attn::mask;
using attn::test::FaultyOps;
using attn::test::OpFault;

namespace {
class MaskInterval : public RandomMasks {
protected:
  /// Whether ranges and truths of random expressions over random boxes hold
  /// what the expressions are at each point; computed with the fault.
  bool isSound(int seed, OpFault fault);
  /// The same box for the evaluator and for forEachValue.
  void drawBox(HostOps &host, IntervalEvaluator<FaultyOps> &evaluator);
  void forEachValue(Expr expr, llvm::function_ref<void(int64_t)> visit);
  Expr makeMonotone(int depth);

  std::vector<Span> box;
};
} // namespace

void MaskInterval::drawBox(HostOps &host,
                           IntervalEvaluator<FaultyOps> &evaluator) {
  host.tables[table].shape = {3};
  host.tables[table].values = entries;
  symbols.clear();
  for (const Symbol &symbol : pool.getSymbols())
    symbols.push_back(pick(int(*symbol.least), kGreatestSymbol));
  host.symbols = symbols;
  box.clear();
  for (Expr variable : {m, p, b}) {
    int64_t first = pick(0, kGreatestVariable);
    int64_t last = pick(0, 1) ? first : pick(int(first), kGreatestVariable);
    box.push_back({first, last});
    evaluator.set(variable, {first, last, first == last});
  }
}

void MaskInterval::forEachValue(Expr expr,
                                llvm::function_ref<void(int64_t)> visit) {
  variables.resize(box.size());
  auto walk = [&](auto &&self, size_t i) -> void {
    if (i == box.size())
      return visit(evaluate(expr));
    for (int64_t value = box[i].first; value <= box[i].last; ++value) {
      variables[i] = value;
      self(self, i + 1);
    }
  };
  walk(walk, 0);
}

bool MaskInterval::isSound(int seed, OpFault fault) {
  reset(seed);
  Expr expr = makeExpr(3), predicate = makePredicate(2);
  HostOps host(pool);
  FaultyOps ops(host, fault);
  IntervalEvaluator<FaultyOps> evaluator(ops, pool);
  bool isSound = true;
  for (int i = 0; i < 4; ++i) {
    drawBox(host, evaluator);
    Range<FaultyOps> range = evaluator.evaluate(expr);
    forEachValue(expr, [&](int64_t value) {
      isSound &= range.lo <= value && value <= range.hi &&
                 (!range.isPoint || range.lo == range.hi);
    });
    Truth<FaultyOps> truth = evaluator.test(predicate);
    forEachValue(predicate, [&](int64_t value) {
      isSound &= value ? truth.any : !truth.all;
    });
  }
  return isSound;
}

TEST_F(MaskInterval, RangesHoldAllValues) {
  for (int seed = 0; seed < 3000; ++seed)
    EXPECT_TRUE(isSound(seed, OpFault::none)) << "seed " << seed;
}

// Coordinates and dividends are negative here, as those of masks are not.
TEST_F(MaskInterval, WrongOperationsAreFound) {
  for (OpFault fault :
       {OpFault::minIsMax, OpFault::maxIsMin, OpFault::floorIsTruncated,
        OpFault::floorIsCeil, OpFault::modHasSign, OpFault::modIsOneLess,
        OpFault::mulIsPositive, OpFault::selectIsSwapped,
        OpFault::atMostIsBelow, OpFault::equalIsAlways, OpFault::bothIsEither,
        OpFault::eitherIsBoth, OpFault::negateIsNothing, OpFault::readsOneEntry,
        OpFault::readsNothingOutside}) {
    bool isFound = false;
    for (int seed = 0; seed < 3000 && !isFound; ++seed)
      isFound = !isSound(seed, fault);
    EXPECT_TRUE(isFound) << "fault " << int(fault);
  }
}

/// No operand falls where a variable rises, so that all extremes are corners.
Expr MaskInterval::makeMonotone(int depth) {
  if (depth == 0)
    return makeExpr(0);
  auto make = [&] { return makeMonotone(depth - 1); };
  switch (pick(0, 5)) {
  case 0:
    return pool.add(make(), make(), pick(1, 3));
  case 1:
    return pool.floorDiv(make(), pick(0, 1) ? s : number(pick(1, 4)));
  case 2:
    return pool.mul(make(), s);
  case 3:
    return pool.max(make(), make());
  case 4:
    return pool.min(make(), make());
  default:
    return pool.sub(make(), w);
  }
}

TEST_F(MaskInterval, RangesOfMonotoneFunctionsAreExact) {
  for (int seed = 0; seed < 3000; ++seed) {
    reset(seed);
    Expr expr = makeMonotone(3);
    HostOps host(pool);
    FaultyOps ops(host, OpFault::none);
    IntervalEvaluator<FaultyOps> evaluator(ops, pool);
    drawBox(host, evaluator);
    Range<FaultyOps> range = evaluator.evaluate(expr);
    int64_t least = INT64_MAX, greatest = INT64_MIN;
    forEachValue(expr, [&](int64_t value) {
      least = std::min(least, value);
      greatest = std::max(greatest, value);
    });
    EXPECT_EQ(range.lo, least) << "seed " << seed << pool.toString(expr);
    EXPECT_EQ(range.hi, greatest) << "seed " << seed << pool.toString(expr);
  }
}
