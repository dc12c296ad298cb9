//===- ExactSums.cpp - sweeps whose parts add up in any order -------------===//
//
// Each step gives its own part of a sum, and parts are added up by digits
// (DigitWriter.h): so what a sweep comes to is the same however its steps are
// cut and in any order. What steps divide by a power, as one of the largest of
// their terms, they divide by a whole power of 2 instead, by which digits are
// multiplied exactly.
//
//===----------------------------------------------------------------------===//

#include "DigitWriter.h"
#include "SumParts.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/MapVector.h"

#include <limits>

namespace attn {
#define GEN_PASS_DEF_EXACTSUMSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

namespace {
class SweepRewriter {
public:
  /// Of each step sums get so many terms.
  SweepRewriter(tile::SweepOp sweep, ArrayRef<SumPart> parts,
                int64_t termsOfStep, RewriterBase &rewriter)
      : sweep(sweep), parts(parts), termsOfStep(termsOfStep),
        rewriter(rewriter), loc(sweep.getLoc()), writer(rewriter, loc) {}

  void run();

private:
  RankedTensorType getType(unsigned carry) {
    return cast<RankedTensorType>(sweep.getInits()[carry].getType());
  }
  /// A carry's values in the new sweep.
  struct Carry {
    Value maximum;
    DigitWriter::Sum sum;
  };
  /// Those of all carries, and of a sweep over runs, of which a tile's rows see
  /// different ones, how many terms each row has got, for sums of so many rows.
  struct State {
    SmallVector<Carry> carries;
    llvm::MapVector<int64_t, Value> terms;

    SmallVector<Value> getAll() const;
  };
  int64_t getNumRows(unsigned carry) { return getType(carry).getDimSize(0); }
  State createEmpty();
  State take(ValueRange values);

  /// The least whole exponent of 2 with which a power of `part` is no smaller
  /// than with `exponent`.
  Value roundUp(const SumPart &part, Value exponent) {
    return math::CeilOp::create(rewriter, loc, toBase2(part, exponent));
  }
  Value toBase2(const SumPart &part, Value exponent) {
    return arith::MulFOp::create(rewriter, loc, exponent,
                                 writer.like(exponent, part.log2OfBase));
  }
  /// What carries are after a step of its own part of each, whose powers are
  /// whole ones of 2.
  State addStep(Block &step, const State &before);
  State merge(const State &first, const State &second);
  /// Whether there are more steps than digits add up.
  Value hasTooMany();
  /// What carry `number` was before, of what the new ones come to.
  Value restore(unsigned number, const State &outs, Value isTooLong);

  tile::SweepOp sweep;
  ArrayRef<SumPart> parts;
  int64_t termsOfStep;
  RewriterBase &rewriter;
  Location loc;
  DigitWriter writer;
};
} // namespace

SweepRewriter::State SweepRewriter::createEmpty() {
  State state;
  state.carries.resize(parts.size());
  for (auto [i, init] : llvm::enumerate(state.carries)) {
    if (parts[i].isMaximum) {
      init.maximum = sweep.getInits()[i];
      continue;
    }
    init.sum = writer.createEmpty(getType(i));
    if (sweep.hasLocated())
      state.terms.insert({getNumRows(i), writer.like(init.sum.bin, 0)});
  }
  return state;
}

SweepRewriter::State SweepRewriter::take(ValueRange values) {
  State state;
  state.carries.resize(parts.size());
  for (auto [i, carry] : llvm::enumerate(state.carries)) {
    if (parts[i].isMaximum) {
      carry.maximum = values.front();
      values = values.drop_front();
      continue;
    }
    size_t count = DigitWriter::countDigits(getType(i));
    carry.sum = {values.front(), SmallVector<Value>(values.slice(1, count))};
    values = values.drop_front(1 + count);
    if (sweep.hasLocated())
      state.terms.insert({getNumRows(i), Value()});
  }
  for (auto [terms, value] : llvm::zip_equal(state.terms, values))
    terms.second = value;
  return state;
}

SmallVector<Value> SweepRewriter::State::getAll() const {
  SmallVector<Value> values;
  for (const Carry &carry : carries)
    if (carry.maximum)
      values.push_back(carry.maximum);
    else
      llvm::append_range(values, carry.sum.getAll());
  for (const auto &[rows, number] : terms)
    values.push_back(number);
  return values;
}

SweepRewriter::State SweepRewriter::addStep(Block &step, const State &before) {
  Block &old = sweep.getStep().front();
  ValueRange carries = old.getArguments().drop_front(2);
  OperandRange yields = old.getTerminator()->getOperands();
  IRMapping mapping;
  mapping.map(old.getArguments().take_front(2),
              step.getArguments().take_front(2));
  mapping.map(carries, sweep.getInits());
  State after = before;
  llvm::DenseMap<Value, Value> exponents;

  // What sums were before the step is nothing, and so are powers of it.
  auto dropsOut = [&](Operation &op) -> Value {
    for (auto [carry, init, part] :
         llvm::zip_equal(carries, sweep.getInits(), parts))
      if (!part.isMaximum && scalesCarry(&op, carry))
        return init;
    if (!isa<arith::AddFOp>(op))
      return {};
    for (unsigned i : {0u, 1u})
      if (matchPattern(mapping.lookupOrDefault(op.getOperand(i)),
                       m_AnyZeroFloat()))
        return mapping.lookupOrDefault(op.getOperand(1 - i));
    return {};
  };
  for (Operation &op : old.without_terminator()) {
    if (Value other = dropsOut(op)) {
      mapping.map(op.getResult(0), other);
      continue;
    }
    bool isMaximum = false;
    for (auto [i, yield] : llvm::enumerate(yields))
      if (parts[i].isMaximum && yield.getDefiningOp() == &op) {
        Value own = mapping.lookupOrDefault(getOtherOfMaximum(&op, carries[i]));
        after.carries[i].maximum = arith::MaximumFOp::create(
            rewriter, loc, before.carries[i].maximum, own);
        mapping.map(yield, own);
        isMaximum = true;
      }
    if (!isMaximum)
      rewriter.clone(op, mapping);
    for (const SumPart &part : parts)
      if (part.isScaled() && part.exponentOfStep.getDefiningOp() == &op &&
          !exponents.contains(part.exponentOfStep)) {
        Value whole =
            roundUp(part, mapping.lookupOrDefault(part.exponentOfStep));
        exponents[part.exponentOfStep] = whole;
        mapping.map(
            part.exponentOfStep,
            arith::MulFOp::create(rewriter, loc, whole,
                                  writer.like(whole, 1 / part.log2OfBase)));
      }
  }
  llvm::MapVector<int64_t, Value> areSome;
  for (auto [i, yield] : llvm::enumerate(yields)) {
    if (parts[i].isMaximum)
      continue;
    Value part = mapping.lookupOrDefault(yield);
    after.carries[i].sum = writer.add(
        before.carries[i].sum, part,
        writer.toWhole(exponents.lookup(parts[i].exponentOfStep), getType(i)));
    if (before.terms.empty())
      continue;
    Value isSome = writer.isSome(part), &known = areSome[getNumRows(i)];
    known = known ? arith::OrIOp::create(rewriter, loc, known, isSome) : isSome;
  }
  // What a row sees nothing of is no term of its, whoever else sees it.
  for (auto &[rows, number] : after.terms)
    number = writer.countIf(areSome.lookup(rows), number);
  return after;
}

SweepRewriter::State SweepRewriter::merge(const State &first,
                                          const State &second) {
  State merged = first;
  // Sums of as many rows are added together.
  llvm::MapVector<int64_t, SmallVector<unsigned>> sums;
  for (auto [i, part] : llvm::enumerate(parts))
    if (part.isMaximum)
      merged.carries[i].maximum = arith::MaximumFOp::create(
          rewriter, loc, first.carries[i].maximum, second.carries[i].maximum);
    else
      sums[getNumRows(i)].push_back(i);
  for (const auto &[rows, own] : sums) {
    SmallVector<DigitWriter::Sum> ofFirst, ofSecond;
    for (unsigned i : own) {
      ofFirst.push_back(first.carries[i].sum);
      ofSecond.push_back(second.carries[i].sum);
    }
    for (auto [i, sum] : llvm::zip_equal(own, writer.addAll(ofFirst, ofSecond)))
      merged.carries[i].sum = sum;
    if (!first.terms.empty())
      merged.terms[rows] = arith::AddIOp::create(
          rewriter, loc, first.terms.lookup(rows), second.terms.lookup(rows));
  }
  return merged;
}

Value SweepRewriter::hasTooMany() {
  Value all, none = arith::ConstantIndexOp::create(rewriter, loc, 0);
  for (auto [lower, upper] :
       llvm::zip_equal(sweep.getLowers(), sweep.getUppers())) {
    Value steps = arith::SubIOp::create(rewriter, loc, upper, lower);
    steps = arith::MaxSIOp::create(rewriter, loc, steps, none);
    steps = arith::CeilDivSIOp::create(
        rewriter, loc, steps,
        arith::ConstantIndexOp::create(rewriter, loc, sweep.getTile()));
    all = all ? arith::AddIOp::create(rewriter, loc, all, steps).getResult()
              : steps;
  }
  return arith::CmpIOp::create(
      rewriter, loc, arith::CmpIPredicate::sgt, all,
      arith::ConstantIndexOp::create(rewriter, loc,
                                     DigitWriter::kMostTerms / termsOfStep));
}

/// `value`, which ops of a merge compute, of what `mapping` has.
static Value cloneSlice(RewriterBase &rewriter, Value value, Block &merge,
                        IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != &merge)
    return value;
  for (Value operand : op->getOperands())
    cloneSlice(rewriter, operand, merge, mapping);
  return rewriter.clone(*op, mapping)->getResult(0);
}

Value SweepRewriter::restore(unsigned number, const State &outs,
                             Value isTooLong) {
  const SumPart &part = parts[number];
  const Carry &out = outs.carries[number];
  if (part.isMaximum)
    return out.maximum;
  RankedTensorType type = getType(number);
  if (!outs.terms.empty())
    isTooLong = writer.areTooMany(outs.terms.lookup(getNumRows(number)));
  if (!part.isScaled())
    return writer.toFloat(out.sum, type, writer.toWhole(Value(), type),
                          isTooLong);
  Block &merge = sweep.getMerge().front();
  IRMapping mapping;
  for (auto [i, yield] : llvm::enumerate(merge.getTerminator()->getOperands()))
    if (parts[i].isMaximum)
      mapping.map(yield, outs.carries[i].maximum);
  Value exponent = cloneSlice(rewriter, part.exponentOfMerge, merge, mapping);
  Value whole = roundUp(part, exponent);
  Value sum =
      writer.toFloat(out.sum, type, writer.toWhole(whole, type), isTooLong);
  // Back from the power of 2 to the one that is expected.
  Value rest = math::Exp2Op::create(
      rewriter, loc,
      arith::SubFOp::create(rewriter, loc, whole, toBase2(part, exponent)));
  Value isNothing =
      arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OEQ, whole,
                            writer.like(whole, -kInfinity));
  rest = arith::SelectOp::create(rewriter, loc, isNothing, writer.like(rest, 1),
                                 rest);
  return arith::MulFOp::create(rewriter, loc, sum, writer.spread(rest, sum));
}

void SweepRewriter::run() {
  rewriter.setInsertionPoint(sweep);
  SmallVector<Value> carries = createEmpty().getAll();
  auto exact =
      tile::SweepOp::create(rewriter, loc, sweep.getLowers(), sweep.getUppers(),
                            sweep.getFull(), sweep.getTile(), carries);
  exact.setExact(true);
  auto addBlock = [&](Region &region, TypeRange types) -> Block & {
    return *rewriter.createBlock(&region, region.end(), types,
                                 SmallVector<Location>(types.size(), loc));
  };
  SmallVector<Type> types = {rewriter.getIndexType(), rewriter.getIndexType()};
  llvm::append_range(types, ValueRange(carries).getTypes());
  Block &step = addBlock(exact.getStep(), types);
  State after = addStep(step, take(step.getArguments().drop_front(2)));
  tile::YieldOp::create(rewriter, loc, after.getAll());

  types.assign(ValueRange(carries).getTypes().begin(),
               ValueRange(carries).getTypes().end());
  llvm::append_range(types, ValueRange(carries).getTypes());
  Block &merges = addBlock(exact.getMerge(), types);
  ValueRange sides = merges.getArguments();
  State merged = merge(take(sides.take_front(carries.size())),
                       take(sides.drop_front(carries.size())));
  tile::YieldOp::create(rewriter, loc, merged.getAll());

  rewriter.setInsertionPointAfter(exact);
  Value isTooLong = sweep.hasLocated() ? Value() : hasTooMany();
  State outs = take(exact.getOuts());
  SmallVector<Value> results;
  for (size_t i = 0; i < parts.size(); ++i)
    results.push_back(restore(i, outs, isTooLong));
  for (auto [from, to] :
       llvm::zip_equal(sweep.getLocators(), exact.getLocators()))
    rewriter.inlineRegionBefore(from, to, to.end());
  rewriter.replaceOp(sweep, results);
}

namespace {
struct ExactSums final : attn::impl::ExactSumsPassBase<ExactSums> {
  using ExactSumsPassBase::ExactSumsPassBase;

  /// Terms that a step adds to a sum.
  int64_t countTerms(tile::SweepOp sweep) {
    bool isShared = llvm::any_of(sweep.getInits(), [&](Value init) {
      auto type = cast<RankedTensorType>(init.getType());
      return llvm::is_contained(sharedRows, type.getDimSize(0));
    });
    return isShared ? shares : 1;
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto program : getOperation().getOps<tile::ProgramOp>()) {
      tile::ScheduleAttr schedule = program.getScheduleAttr();
      if (!program.getInvariant() ||
          !(schedule ? schedule.getStream() : stream.getValue()))
        continue;
      for (auto sweep :
           llvm::to_vector(program.getBody().getOps<tile::SweepOp>())) {
        FailureOr<SmallVector<SumPart>> parts = findSumParts(sweep);
        if (failed(parts))
          return signalPassFailure();
        SweepRewriter(sweep, *parts, countTerms(sweep), rewriter).run();
      }
    }
  }
};
} // namespace
