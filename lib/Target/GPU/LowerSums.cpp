//===- LowerSums.cpp - sums over runs -------------------------------------===//
//
// The lanes of a warp share the runs out: each evaluates the region of one, or
// where all are added up of two, and their sums are those of the lanes before.
// Where lanes ask of things of their own (items that are counted), each does
// all runs one after the other.
//
//===----------------------------------------------------------------------===//

#include "Stream.h"

#include "attn/Conversion/ExpandRuns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

using Numbers = SmallVector<Value>;

/// What `region` gives for `run`, written at the insertion point.
static Numbers evaluate(OpBuilder &b, Region &region, Value run) {
  IRMapping mapping;
  Block &body = region.front();
  mapping.map(body.getArgument(0), run);
  // Lanes have runs of their own, each of which may ask for sums.
  for (Operation &op : body.without_terminator())
    leaveToLanes(b.clone(op, mapping));
  Numbers numbers;
  for (Value number : body.getTerminator()->getOperands())
    numbers.push_back(mapping.lookupOrDefault(number));
  return numbers;
}

/// Of the run that a lane has, 0 beyond the last.
static Numbers evaluateLane(StreamEmitter &e, Region &region, Value run,
                            Value bound) {
  Value exists = e.compare(arith::CmpIPredicate::slt, run, bound);
  Numbers numbers = evaluate(e.b, region, run);
  for (Value &number : numbers)
    number = e.select(exists, number, e.constant(0));
  return numbers;
}

/// So many runs of a lane are asked for at a time: each waits for memory.
static constexpr int64_t kRunsAtOnce = 2;

static Numbers sumOfWarp(StreamEmitter &e, SumOp op, Value bound, Value lane) {
  int64_t warpSize = e.values.getWarpSize();
  Numbers zeros(op.getNumResults(), e.constant(0));
  auto loop = scf::ForOp::create(e.b, e.loc, e.constant(0), bound,
                                 e.constant(kRunsAtOnce * warpSize), zeros);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(loop.getBody());
  Value run = e.add(loop.getInductionVar(), lane);
  Numbers sums(loop.getRegionIterArgs());
  for (int64_t i = 0; i < kRunsAtOnce; ++i) {
    Numbers own = evaluateLane(e, op.getBody(), run, bound);
    for (auto [sum, number] : llvm::zip_equal(sums, own))
      sum = e.add(sum, number);
    run = e.add(run, e.constant(warpSize));
  }
  scf::YieldOp::create(e.b, e.loc, sums);
  e.b.setInsertionPointAfter(loop);
  Numbers totals;
  for (Value sum : loop.getResults())
    totals.push_back(e.reduce(WarpReduction::Add, sum));
  return totals;
}

/// A warp's runs at a time, until one of them is it.
static Numbers locateInWarp(StreamEmitter &e, LocateOp op, Value number,
                            Value bound, Value lane) {
  Type type = e.b.getI32Type();
  Value none = e.constant(-1), zero = e.constant(0);
  // The first run of a warp's, what is left, and the run that was found.
  auto loop = scf::WhileOp::create(e.b, e.loc, TypeRange{type, type, type},
                                   ValueRange{zero, number, none});
  OpBuilder::InsertionGuard guard(e.b);
  SmallVector<Location> locs(3, e.loc);
  Block *before =
      e.b.createBlock(&loop.getBefore(), {}, {type, type, type}, locs);
  Value isOpen = e.both(
      e.compare(arith::CmpIPredicate::slt, before->getArgument(0), bound),
      e.compare(arith::CmpIPredicate::slt, before->getArgument(2), zero));
  scf::ConditionOp::create(e.b, e.loc, isOpen, before->getArguments());
  Block *after =
      e.b.createBlock(&loop.getAfter(), {}, {type, type, type}, locs);
  Value first = after->getArgument(0), rest = after->getArgument(1);
  Value run = e.add(first, lane);
  Value own = evaluateLane(e, op.getBody(), run, bound)[0], sum = own;
  for (int64_t lanes = 1; lanes < e.values.getWarpSize(); lanes *= 2) {
    Value exists =
        e.compare(arith::CmpIPredicate::sge, lane, e.constant(lanes));
    sum = e.add(sum, e.select(exists, e.shuffleUp(sum, lanes), zero));
  }
  Value start = e.sub(sum, own);
  // One lane's numbers have it, if any: the others say -1.
  Value isHere = e.both(e.compare(arith::CmpIPredicate::sle, start, rest),
                        e.compare(arith::CmpIPredicate::slt, rest, sum));
  Value found = e.reduce(WarpReduction::Max, e.select(isHere, run, none));
  Value within =
      e.reduce(WarpReduction::Max, e.select(isHere, e.sub(rest, start), none));
  Value isFound = e.compare(arith::CmpIPredicate::sge, found, zero);
  Value all = e.reduce(WarpReduction::Add, own);
  scf::YieldOp::create(
      e.b, e.loc,
      ValueRange{e.add(first, e.constant(e.values.getWarpSize())),
                 e.select(isFound, within, e.sub(rest, all)), found});
  e.b.setInsertionPointAfter(loop);
  Value isRun = e.compare(arith::CmpIPredicate::sge, loop.getResult(2), zero);
  return {e.select(isRun, loop.getResult(2), bound),
          e.select(isRun, loop.getResult(1), zero)};
}

namespace {
template <typename OpT> struct RunsLowering : OpConversionPattern<OpT> {
  RunsLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern<OpT>(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    StreamEmitter e{rewriter, op.getLoc(), values};
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto body = [&](Value run) -> FailureOr<Numbers> {
      return evaluate(b, op.getBody(), run);
    };
    bool isOfLane = op->hasAttr(kOfLaneAttr);
    Value bound = adaptor.getBound();
    if constexpr (std::is_same_v<OpT, SumOp>) {
      rewriter.replaceOp(
          op, isOfLane ? *expandSum(b, bound, op.getNumResults(), body)
                       : sumOfWarp(e, op, bound, values.lane));
    } else if (isOfLane) {
      auto place = *expandLocate(b, adaptor.getNumber(), bound, body);
      rewriter.replaceOp(op, {place.first, place.second});
    } else {
      rewriter.replaceOp(
          op, locateInWarp(e, op, adaptor.getNumber(), bound, values.lane));
    }
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateSumPatterns(const TypeConverter &converter,
                                    const KernelValues &values,
                                    RewritePatternSet &patterns) {
  patterns.add<RunsLowering<SumOp>, RunsLowering<LocateOp>>(
      converter, patterns.getContext(), values);
}
