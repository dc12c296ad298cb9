//===- LowerStream.cpp - the line of steps that blocks share --------------===//
//
// The line of steps is cut where the kernel begins: every warp adds up the
// steps of all items, a lane an item at a time, and finds the one in which its
// block's share begins. No host knows the lengths, and a captured launch is
// right when they have changed.
//
//===----------------------------------------------------------------------===//

#include "Stream.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

#include <array>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Up to so many classes are counted one after the other where all lanes count.
static constexpr int64_t kFewClasses = 8;

namespace {
/// Counts steps at the kernel's beginning.
class StepCounter {
public:
  StepCounter(OpBuilder &b, WorkOp work, const KernelValues &values)
      : e{b, work.getLoc(), values}, work(work), lane(values.lane),
        thread(values.thread), warpSize(values.getWarpSize()) {
    alike = work.getAlike() ? work.getAlike() : e.constant(1);
    classes = arith::CeilDivUIOp::create(b, e.loc, work.getItems(), alike);
    lead = e.constant(work.getLead());
  }

  /// What stands for the stream, with its numbers at `numbers`.
  SmallVector<Value> run(Value numbers);

private:
  /// The steps of all items of class `number`, or 0 beyond the last; `number`
  /// is a lane's own, or all lanes'.
  Value countClass(Value number, bool isOfLane) {
    Value exists = e.compare(arith::CmpIPredicate::slt, number, classes);
    Value item = e.mul(e.select(exists, number, e.constant(0)), alike);
    IRMapping mapping;
    Block &body = work.getSteps().front();
    mapping.map(body.getArgument(0), item);
    for (Operation &op : body.without_terminator()) {
      Operation *copy = e.b.clone(op, mapping);
      if (isOfLane)
        leaveToLanes(copy);
    }
    Value steps = mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
    steps =
        e.add(createCountPlaces(e.b, e.loc, work.getLeavesAttr(), steps), lead);
    Value left = e.sub(work.getItems(), e.mul(number, alike));
    Value count = arith::MinSIOp::create(e.b, e.loc, alike, left);
    return e.select(exists, e.mul(steps, count), e.constant(0));
  }

  /// Whether steps are counted by sums over runs.
  bool asksSums() { return asksRuns(work.getSteps()); }
  /// Of the classes `first` on that the lanes have. A class of which sums are
  /// asked takes all lanes where classes are few.
  Value countClasses(Value first);

  /// The places that a block has for each of two items: one, or of steps that
  /// meet as the leaves of a tree two for each digit of how many it does.
  Value countPlaces(Value grid);
  Value countAll();
  /// The class in which step `begin` lies, the steps before it and its own.
  SmallVector<Value> findClass(Value begin);

  StreamEmitter e;
  WorkOp work;
  Value lane, thread;
  int64_t warpSize;
  Value alike, classes, lead;
};
} // namespace

Value StepCounter::countPlaces(Value grid) {
  if (!work.getMost())
    return e.constant(1);
  Value all = arith::MulIOp::create(e.b, e.loc, e.widen(work.getItems()),
                                    e.widen(work.getMost()));
  Value share = arith::CeilDivUIOp::create(e.b, e.loc, all, e.widen(grid));
  Value count = arith::TruncIOp::create(
      e.b, e.loc, e.b.getI32Type(),
      arith::MinUIOp::create(e.b, e.loc, share, e.widen(work.getMost())));
  Value digits = e.sub(e.constant(32), LLVM::CountLeadingZerosOp::create(
                                           e.b, e.loc, count.getType(), count,
                                           /*is_zero_poison=*/false));
  Value groups = arith::CeilDivUIOp::create(
      e.b, e.loc, arith::MaxUIOp::create(e.b, e.loc, digits, e.constant(1)),
      e.constant(kPlaceDigits));
  return e.mul(groups, e.constant(2 * kPlaceDigits));
}

Value StepCounter::countAll() {
  // Without sums lanes go their own ways, which takes fewer registers.
  auto loop = scf::ForOp::create(e.b, e.loc, asksSums() ? e.constant(0) : lane,
                                 classes, e.constant(warpSize), e.constant(0));
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();
  Value count =
      asksSums() ? countClasses(number) : countClass(number, /*isOfLane=*/true);
  Value sum = e.add(loop.getRegionIterArg(0), count);
  scf::YieldOp::create(e.b, e.loc, sum);
  e.b.setInsertionPointAfter(loop);
  return e.reduce(WarpReduction::Add, loop.getResult(0));
}

SmallVector<Value> StepCounter::findClass(Value begin) {
  // Of the lanes one has found it; the others have -1.
  Value none = e.constant(-1);
  SmallVector<Value> inits = {e.constant(0), none, none, none};
  auto loop = scf::ForOp::create(e.b, e.loc, e.constant(0), classes,
                                 e.constant(warpSize), inits);
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(loop.getBody());
    Value number = e.add(loop.getInductionVar(), lane);
    Value own = countClasses(loop.getInductionVar()), sum = own;
    for (int64_t lanes = 1; lanes < warpSize; lanes *= 2) {
      Value other = e.shuffleUp(sum, lanes);
      Value exists =
          e.compare(arith::CmpIPredicate::sge, lane, e.constant(lanes));
      sum = e.add(sum, e.select(exists, other, e.constant(0)));
    }
    Value end = e.add(loop.getRegionIterArg(0), sum), first = e.sub(end, own);
    Value isHere = e.both(e.compare(arith::CmpIPredicate::sle, first, begin),
                          e.compare(arith::CmpIPredicate::slt, begin, end));
    SmallVector<Value> next = {
        e.add(loop.getRegionIterArg(0), e.reduce(WarpReduction::Add, own))};
    SmallVector<Value> places = {number, first, own};
    for (auto [found, old] :
         llvm::zip_equal(places, loop.getRegionIterArgs().drop_front()))
      next.push_back(e.select(isHere, found, old));
    scf::YieldOp::create(e.b, e.loc, next);
  }
  SmallVector<Value> result;
  for (Value found : loop.getResults().drop_front())
    result.push_back(e.reduce(WarpReduction::Max, found));
  return result;
}

Value StepCounter::countClasses(Value first) {
  Value own = e.add(first, lane);
  if (!asksSums())
    return countClass(own, /*isOfLane=*/true);
  Value left = arith::MinSIOp::create(e.b, e.loc, e.sub(classes, first),
                                      e.constant(warpSize));
  Value areFew =
      e.compare(arith::CmpIPredicate::sle, left, e.constant(kFewClasses));
  auto choice = scf::IfOp::create(e.b, e.loc, e.b.getI32Type(), areFew,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(e.b, e.loc, countClass(own, /*isOfLane=*/true));
  e.b.setInsertionPointToStart(choice.thenBlock());
  auto loop = scf::ForOp::create(e.b, e.loc, e.constant(0), left, e.constant(1),
                                 e.constant(0));
  scf::YieldOp::create(e.b, e.loc, loop.getResult(0));
  e.b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();
  Value count = countClass(e.add(first, number), /*isOfLane=*/false);
  Value isOwn = e.compare(arith::CmpIPredicate::eq, number, lane);
  scf::YieldOp::create(e.b, e.loc,
                       e.select(isOwn, count, loop.getRegionIterArg(0)));
  return choice.getResult(0);
}

SmallVector<Value> StepCounter::run(Value numbers) {
  Value steps = countAll();
  Value grid = e.values.getPrimitives().getNumBlocks(e.b, e.loc);
  Value block = e.values.getPrimitives().getBlock(e.b, e.loc);
  Value share = e.div(steps, grid);
  Value rest = e.sub(steps, e.mul(share, grid));
  auto getBegin = [&](Value number) {
    return e.add(e.mul(number, share),
                 arith::MinUIOp::create(e.b, e.loc, number, rest));
  };
  Value begin = getBegin(block);
  Value end = getBegin(e.add(block, e.constant(1)));
  SmallVector<Value> found = findClass(begin);
  // Items of a class have equal numbers of steps.
  Value left = e.sub(work.getItems(), e.mul(found[0], alike));
  Value count = arith::MaxSIOp::create(
      e.b, e.loc, arith::MinSIOp::create(e.b, e.loc, alike, left),
      e.constant(1));
  Value own =
      arith::MaxUIOp::create(e.b, e.loc, e.div(found[2], count), e.constant(1));
  Value within = e.div(e.sub(begin, found[1]), own);
  Value item = e.add(e.mul(found[0], alike), within);
  // A share that ends in an item's lead has nothing of it.
  Value before = e.add(e.add(found[1], e.mul(within, own)), lead);
  Value isEmpty = arith::OrIOp::create(
      e.b, e.loc, e.compare(arith::CmpIPredicate::eq, begin, end),
      e.compare(arith::CmpIPredicate::sge, before, end));
  if (LeavesAttr leaves = work.getLeavesAttr()) {
    // Nor has one in which no leaf begins; where that would be behind the last
    // one, the next item's first is the first.
    auto count = [&](Value place) {
      return createCountLeavesBefore(e.b, e.loc, leaves, place);
    };
    Value first = count(e.sub(begin, before)), all = count(own);
    Value last =
        arith::MinSIOp::create(e.b, e.loc, count(e.sub(end, before)), all);
    Value isBehind = e.compare(arith::CmpIPredicate::sge, first, all);
    Value next = e.add(before, own);
    Value hasNone =
        e.select(isBehind, e.compare(arith::CmpIPredicate::sge, next, end),
                 e.compare(arith::CmpIPredicate::sge, first, last));
    isEmpty = arith::OrIOp::create(e.b, e.loc, isEmpty, hasNone);
    item = e.select(isBehind, e.add(item, e.constant(1)), item);
    before = e.select(isBehind, next, before);
  }
  item = e.select(isEmpty, e.constant(-1), item);
  auto isFirst = e.compare(arith::CmpIPredicate::eq, thread, e.constant(0));
  auto choice = scf::IfOp::create(e.b, e.loc, isFirst, /*withElse=*/false);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.thenBlock());
  std::array<Value, kNumStreamNumbers> kept = {begin, end, share, rest,
                                               countPlaces(grid)};
  for (auto [number, value] : llvm::enumerate(kept))
    LLVM::StoreOp::create(
        e.b, e.loc, value,
        createByteOffset(e.b, e.loc, numbers, 4 * int64_t(number)));
  return {item, before, lead, numbers};
}

SmallVector<Value> attn::gpu::createStream(OpBuilder &b, WorkOp work,
                                           const KernelValues &values,
                                           Value numbers) {
  return StepCounter(b, work, values).run(numbers);
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

namespace {
struct FirstPartLowering : OpConversionPattern<FirstPartOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(FirstPartOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Stream stream(adaptor.getWork());
    rewriter.replaceOp(op, {stream.item, stream.before});
    return success();
  }
};

struct PartLowering : OpConversionPattern<PartOp> {
  PartLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(PartOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Stream stream(adaptor.getWork());
    StreamEmitter e{rewriter, op.getLoc(), values};
    Value before = adaptor.getBefore()[0];
    LeavesAttr leaves = getLeaves(op);
    Value first = arith::MaxSIOp::create(
        rewriter, e.loc, e.sub(stream.get(e, StreamNumber::Begin), before),
        e.constant(0));
    first = e.getFirstStep(leaves, first);
    Value last = arith::MinSIOp::create(
        rewriter, e.loc,
        e.getFirstStep(leaves, e.sub(stream.get(e, StreamNumber::End), before)),
        adaptor.getSteps()[0]);
    rewriter.replaceOp(op, {first, last});
    return success();
  }

  const KernelValues &values;
};

struct NextPartLowering : OpConversionPattern<NextPartOp> {
  NextPartLowering(const TypeConverter &converter, MLIRContext *context,
                   const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(NextPartOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Stream stream(adaptor.getWork());
    StreamEmitter e{rewriter, op.getLoc(), values};
    Value places = createCountPlaces(rewriter, e.loc, getLeaves(op),
                                     adaptor.getSteps()[0]);
    Value before = e.add(e.add(adaptor.getBefore()[0], places), stream.lead);
    Value exists = e.compare(arith::CmpIPredicate::slt, before,
                             stream.get(e, StreamNumber::End));
    Value next = e.select(exists, e.add(adaptor.getItem()[0], e.constant(1)),
                          e.constant(-1));
    rewriter.replaceOp(op, {next, before});
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateStreamPatterns(const TypeConverter &converter,
                                       const KernelValues &values,
                                       RewritePatternSet &patterns) {
  patterns.add<FirstPartLowering>(converter, patterns.getContext());
  patterns.add<PartLowering, NextPartLowering>(converter, patterns.getContext(),
                                               values);
}
