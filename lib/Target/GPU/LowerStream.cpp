//===- LowerStream.cpp - the line of steps that blocks share --------------===//
//
// The line of steps is cut where the kernel begins: the warps of a block add up
// the steps of all items, a lane an item at a time, and one of them finds the
// item in which its block's share begins. No host knows the lengths, and a
// captured launch is right when they have changed.
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

/// Of the sum of a warp, which others read.
static constexpr int64_t kSumBytes = 4;

/// Up to so many classes are counted one after the other where all lanes count.
static constexpr int64_t kFewClasses = 8;

/// Of so many steps and more a multiprocessor, several blocks of each share
/// them in any case.
static constexpr int64_t kStepsOfSeveral = 8;

/// The factors of a product.
static void collectFactors(Value product, SmallVectorImpl<Value> &factors) {
  if (auto op = product.getDefiningOp<arith::MulIOp>()) {
    collectFactors(op.getLhs(), factors);
    collectFactors(op.getRhs(), factors);
  } else {
    factors.push_back(product);
  }
}

/// `x / y` if `y` is a product of factors of `x`: no thread has to divide, in a
/// chain that all wait for. Nothing of these overflows.
static std::optional<Value> cancel(StreamEmitter &e, Value x, Value y) {
  SmallVector<Value> factors, divisors;
  collectFactors(x, factors);
  collectFactors(y, divisors);
  for (Value divisor : divisors) {
    auto *found = llvm::find(factors, divisor);
    if (found == factors.end())
      return std::nullopt;
    factors.erase(found);
  }
  if (factors.empty())
    return e.constant(1);
  Value quotient = factors.front();
  for (Value factor : ArrayRef(factors).drop_front())
    quotient = e.mul(quotient, factor);
  return quotient;
}

namespace {
/// Counts steps at the kernel's beginning. Warps share the classes of items
/// out, in their order, but for so few that one counts them at once.
class StepCounter {
public:
  StepCounter(OpBuilder &b, WorkOp work, const KernelValues &values,
              int64_t threads)
      : e{b, work.getLoc(), values}, work(work), lane(values.lane),
        warp(values.warp), warpSize(values.getWarpSize()),
        numWarps(std::min(threads / warpSize, kStreamBytes / kSumBytes)) {
    alike = work.getAlike() ? work.getAlike() : e.constant(1);
    std::optional<Value> quotient = cancel(e, work.getItems(), alike);
    classes = quotient
                  ? *quotient
                  : arith::CeilDivUIOp::create(b, e.loc, work.getItems(), alike)
                        .getResult();
    Value one = e.constant(asksSums() ? 1 : warpSize);
    areShared = e.compare(arith::CmpIPredicate::ugt, classes, one);
    Value ofEach =
        e.div(e.add(classes, e.constant(numWarps - 1)), e.constant(numWarps));
    ofWarp = e.select(areShared, ofEach, classes);
    firstClass = e.select(areShared, e.mul(warp, ofEach), e.constant(0));
    endClass =
        arith::MinSIOp::create(b, e.loc, e.add(firstClass, ofWarp), classes);
  }

  /// Keeps the stream's numbers at `numbers`.
  void run(Value numbers);

private:
  /// What the steps of each item of class `number` count, or 0 beyond the
  /// warp's last; `number` is a lane's own, or all lanes'.
  Value countItem(Value number, bool isOfLane) {
    Value exists = e.compare(arith::CmpIPredicate::slt, number, endClass);
    Value item = e.mul(e.select(exists, number, e.constant(0)), alike);
    IRMapping mapping;
    Block &body = work.getSteps().front();
    mapping.map(body.getArgument(0), item);
    for (Operation &op : body.without_terminator()) {
      if (auto div = dyn_cast<arith::DivUIOp>(op))
        if (std::optional<Value> quotient =
                cancel(e, mapping.lookupOrDefault(div.getLhs()),
                       mapping.lookupOrDefault(div.getRhs()))) {
          mapping.map(div.getResult(), *quotient);
          continue;
        }
      Operation *copy = e.b.clone(op, mapping);
      if (isOfLane)
        leaveToLanes(copy);
    }
    Value steps = mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
    return e.select(exists, steps, e.constant(0));
  }
  /// Items before class `number`.
  Value getItemsBefore(Value number) {
    return arith::MinSIOp::create(e.b, e.loc, work.getItems(),
                                  e.mul(number, alike));
  }
  /// The same of all items of a class, each of which counts `ofItem`.
  Value countClass(Value number, Value ofItem) {
    Value next = arith::MinSIOp::create(e.b, e.loc, endClass,
                                        e.add(number, e.constant(1)));
    Value items = e.sub(getItemsBefore(next), getItemsBefore(number));
    items = arith::MaxSIOp::create(e.b, e.loc, items, e.constant(0));
    return e.mul(ofItem, items);
  }

  /// Whether steps are counted by sums over runs.
  bool asksSums() { return asksRuns(work.getSteps()); }
  /// Of the classes `number` on that the lanes have, what each item counts. A
  /// class of which sums are asked takes all lanes where classes are few.
  Value countItems(Value number);

  /// What the steps of all of the warp's items count, and those of each of a
  /// lane's first class.
  std::pair<Value, Value> countOwn();
  /// What those of all items count, and those before the warp's own, by way of
  /// the memory of the stream's numbers where warps share them.
  std::pair<Value, Value> addUp(Value own, Value numbers);
  /// How many blocks share a line of so many steps, all or one a
  /// multiprocessor, and the number of this block's share.
  std::pair<Value, Value> cutLine(Value steps);
  /// The warp's class in which place `begin` lies, the places before it and
  /// those of each of its items, which count `lead` more than their steps; of
  /// the lanes' first classes these are `ofFirst`, and before the warp's first
  /// one there are `before` places.
  SmallVector<Value> findClass(Value begin, Value lead, Value ofFirst,
                               Value before);

  StreamEmitter e;
  WorkOp work;
  Value lane, warp;
  int64_t warpSize, numWarps;
  /// Classes, whether warps share them, and the warp's own: as many as all
  /// have, so that all count alike, but for those beyond the last.
  Value alike, classes, areShared, ofWarp, firstClass, endClass;
};
} // namespace

std::pair<Value, Value> StepCounter::countOwn() {
  // Without sums lanes go their own ways, which takes fewer registers.
  Value zero = e.constant(0), begin = asksSums() ? zero : lane;
  auto loop =
      scf::ForOp::create(e.b, e.loc, begin, ofWarp, e.constant(warpSize),
                         SmallVector<Value>{zero, zero});
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(loop.getBody());
  Value number = e.add(firstClass, loop.getInductionVar()), own = number;
  Value ofItem =
      asksSums() ? countItems(number) : countItem(number, /*isOfLane=*/true);
  if (asksSums())
    own = e.add(number, lane);
  Value sum = e.add(loop.getRegionIterArg(0), countClass(own, ofItem));
  Value isFirst =
      e.compare(arith::CmpIPredicate::eq, loop.getInductionVar(), begin);
  scf::YieldOp::create(
      e.b, e.loc,
      ValueRange{sum, e.select(isFirst, ofItem, loop.getRegionIterArg(1))});
  e.b.setInsertionPointAfter(loop);
  return {e.reduce(WarpReduction::Add, loop.getResult(0)), loop.getResult(1)};
}

std::pair<Value, Value> StepCounter::addUp(Value own, Value numbers) {
  auto getSum = [&](Value number) {
    return LLVM::GEPOp::create(e.b, e.loc, numbers.getType(), e.b.getI32Type(),
                               numbers, LLVM::GEPArg(number));
  };
  Value zero = e.constant(0);
  auto choice =
      scf::IfOp::create(e.b, e.loc, TypeRange{own.getType(), own.getType()},
                        areShared, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(e.b, e.loc, ValueRange{own, zero});
  e.b.setInsertionPointToStart(choice.thenBlock());
  Value last = e.constant(numWarps - 1);
  Value hasClasses = e.compare(arith::CmpIPredicate::ule, warp, last);
  auto isFirst =
      scf::IfOp::create(e.b, e.loc, e.both(e.values.isFirstInWarp, hasClasses),
                        /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(isFirst.thenBlock());
    LLVM::StoreOp::create(e.b, e.loc, own, getSum(warp));
  }
  e.values.getPrimitives().meetBlock(e.b, e.loc);
  Value sum = LLVM::LoadOp::create(
      e.b, e.loc, e.b.getI32Type(),
      getSum(arith::MinUIOp::create(e.b, e.loc, lane, last)));
  // One of the warps writes there next.
  e.values.getPrimitives().meetBlock(e.b, e.loc);
  auto addThose = [&](arith::CmpIPredicate predicate, Value bound) {
    Value counts = e.compare(predicate, lane, bound);
    return e.reduce(WarpReduction::Add, e.select(counts, sum, zero));
  };
  scf::YieldOp::create(e.b, e.loc,
                       ValueRange{addThose(arith::CmpIPredicate::ule, last),
                                  addThose(arith::CmpIPredicate::ult, warp)});
  return {choice.getResult(0), choice.getResult(1)};
}

SmallVector<Value> StepCounter::findClass(Value begin, Value lead,
                                          Value ofFirst, Value before) {
  // Of the lanes one has found it; the others have -1.
  Value none = e.constant(-1);
  SmallVector<Value> inits = {before, none, none, none};
  auto loop = scf::ForOp::create(e.b, e.loc, e.constant(0), ofWarp,
                                 e.constant(warpSize), inits);
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(loop.getBody());
    Value begins = e.add(firstClass, loop.getInductionVar());
    Value number = e.add(begins, lane);
    auto isFirst =
        scf::IfOp::create(e.b, e.loc, e.b.getI32Type(),
                          e.compare(arith::CmpIPredicate::eq,
                                    loop.getInductionVar(), e.constant(0)),
                          /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard guard(e.b);
      e.b.setInsertionPointToStart(isFirst.thenBlock());
      scf::YieldOp::create(e.b, e.loc, ofFirst);
      e.b.setInsertionPointToStart(isFirst.elseBlock());
      scf::YieldOp::create(e.b, e.loc, countItems(begins));
    }
    Value ofItem = e.add(isFirst.getResult(0), lead);
    Value own = countClass(number, ofItem), sum = own;
    for (int64_t lanes = 1; lanes < warpSize; lanes *= 2) {
      Value other = e.shuffleUp(sum, lanes);
      Value exists =
          e.compare(arith::CmpIPredicate::sge, lane, e.constant(lanes));
      sum = e.add(sum, e.select(exists, other, e.constant(0)));
    }
    Value end = e.add(loop.getRegionIterArg(0), sum), before = e.sub(end, own);
    Value isHere = e.both(e.compare(arith::CmpIPredicate::sle, before, begin),
                          e.compare(arith::CmpIPredicate::slt, begin, end));
    SmallVector<Value> next = {
        e.add(loop.getRegionIterArg(0), e.reduce(WarpReduction::Add, own))};
    SmallVector<Value> places = {number, before, ofItem};
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

Value StepCounter::countItems(Value number) {
  Value own = e.add(number, lane);
  if (!asksSums())
    return countItem(own, /*isOfLane=*/true);
  Value left = arith::MinSIOp::create(e.b, e.loc, e.sub(endClass, number),
                                      e.constant(warpSize));
  Value areFew =
      e.compare(arith::CmpIPredicate::sle, left, e.constant(kFewClasses));
  auto choice = scf::IfOp::create(e.b, e.loc, e.b.getI32Type(), areFew,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(e.b, e.loc, countItem(own, /*isOfLane=*/true));
  e.b.setInsertionPointToStart(choice.thenBlock());
  auto loop = scf::ForOp::create(e.b, e.loc, e.constant(0), left, e.constant(1),
                                 e.constant(0));
  scf::YieldOp::create(e.b, e.loc, loop.getResult(0));
  e.b.setInsertionPointToStart(loop.getBody());
  Value ofLane = loop.getInductionVar();
  Value count = countItem(e.add(number, ofLane), /*isOfLane=*/false);
  Value isOwn = e.compare(arith::CmpIPredicate::eq, ofLane, lane);
  scf::YieldOp::create(e.b, e.loc,
                       e.select(isOwn, count, loop.getRegionIterArg(0)));
  return choice.getResult(0);
}

/// Blocks of a multiprocessor have neighbouring shares. They make up for each
/// other's waiting between items; where items are fewer than multiprocessors
/// and short, more shares are more parts that meet, and each multiprocessor's
/// first block has one alone.
std::pair<Value, Value> StepCounter::cutLine(Value steps) {
  Value grid = e.values.getPrimitives().getNumBlocks(e.b, e.loc);
  Value block = e.values.getPrimitives().getBlock(e.b, e.loc);
  if (e.values.blocks == 1)
    return {grid, block};
  // Each multiprocessor has got a block before, but for a few, any has another.
  Value ofEach = e.constant(e.values.blocks), groups = e.div(grid, ofEach);
  Value turn = e.div(block, groups);
  Value neighbour =
      e.add(e.mul(e.sub(block, e.mul(turn, groups)), ofEach), turn);
  Value isShort =
      e.both(e.compare(arith::CmpIPredicate::ult, work.getItems(), groups),
             e.compare(arith::CmpIPredicate::ult, steps,
                       e.mul(groups, e.constant(kStepsOfSeveral))));
  return {e.select(isShort, groups, grid), e.select(isShort, block, neighbour)};
}

void StepCounter::run(Value numbers) {
  auto [own, ofFirst] = countOwn();
  auto [steps, before] = addUp(own, numbers);
  auto [shares, block] = cutLine(steps);
  // Of no more steps than shares each has one at the most, if leads do not
  // count.
  Value isFew = e.compare(arith::CmpIPredicate::sle, steps, shares);
  Value lead = e.select(isFew, e.constant(0), e.constant(work.getLead()));
  steps = e.add(steps, e.mul(work.getItems(), lead));
  Value share = e.div(steps, shares);
  Value rest = e.sub(steps, e.mul(share, shares));
  auto getBegin = [&](Value number) {
    return e.add(e.mul(number, share),
                 arith::MinUIOp::create(e.b, e.loc, number, rest));
  };
  Value begin = getBegin(block);
  Value stop = getBegin(e.add(block, e.constant(1)));
  Value itemsBefore = getItemsBefore(firstClass);
  before = e.add(before, e.mul(lead, itemsBefore));
  own = e.add(own, e.mul(lead, e.sub(getItemsBefore(endClass), itemsBefore)));
  // One warp has the place where the share begins; the last one if none has.
  Value isWithin = arith::OrIOp::create(
      e.b, e.loc,
      e.compare(arith::CmpIPredicate::slt, begin, e.add(before, own)),
      e.compare(arith::CmpIPredicate::eq, warp, e.constant(numWarps - 1)));
  Value isHere = e.select(
      areShared,
      e.both(e.compare(arith::CmpIPredicate::sle, before, begin), isWithin),
      e.compare(arith::CmpIPredicate::eq, warp, e.constant(0)));
  // All look for it: around exchanges of lanes a branch is dear.
  SmallVector<Value> found = findClass(begin, lead, ofFirst, before);
  Value ofItem = arith::MaxSIOp::create(e.b, e.loc, found[2], e.constant(1));
  Value within = e.div(e.sub(begin, found[1]), ofItem);
  Value item = e.add(e.mul(found[0], alike), within);
  // A share that ends in an item's lead has nothing of it.
  before = e.add(e.add(found[1], e.mul(within, ofItem)), lead);
  Value hasShare = e.both(e.compare(arith::CmpIPredicate::slt, block, shares),
                          e.compare(arith::CmpIPredicate::slt, begin, stop));
  Value hasItem =
      e.both(hasShare, e.compare(arith::CmpIPredicate::slt, before, stop));
  // Blocks that begin with items' first steps read keys that these share about
  // together, so that memory is read for one of them: the end of an item, from
  // anywhere on, comes last.
  Value lastBefore = before, next = e.add(before, ofItem);
  Value isTail = e.both(e.compare(arith::CmpIPredicate::slt, before, begin),
                        e.compare(arith::CmpIPredicate::slt, next, stop));
  Value lastItem = e.select(isTail, item, e.constant(-1));
  item = e.select(isTail, e.add(item, e.constant(1)), item);
  before = e.select(isTail, next, before);
  item = e.select(hasItem, item, e.constant(-1));
  auto keeps =
      scf::IfOp::create(e.b, e.loc, e.both(e.values.isFirstInWarp, isHere),
                        /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(keeps.thenBlock());
  std::array<Value, kNumStreamNumbers> kept = {
      item,  before, lastItem, lastBefore, block,
      begin, stop,   share,    rest,       lead};
  for (auto [number, value] : llvm::enumerate(kept))
    LLVM::StoreOp::create(
        e.b, e.loc, value,
        createByteOffset(e.b, e.loc, numbers, 4 * int64_t(number)));
}

void attn::gpu::createStream(OpBuilder &b, WorkOp work,
                             const KernelValues &values, int64_t threads,
                             Value numbers) {
  StepCounter(b, work, values, threads).run(numbers);
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

namespace {
struct FirstPartLowering : OpConversionPattern<FirstPartOp> {
  FirstPartLowering(const TypeConverter &converter, MLIRContext *context,
                    const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(FirstPartOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Stream stream(adaptor.getWork());
    StreamEmitter e{rewriter, op.getLoc(), values};
    rewriter.replaceOp(op, {stream.get(e, StreamNumber::Item),
                            stream.get(e, StreamNumber::Before)});
    return success();
  }

  const KernelValues &values;
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
    Value before = adaptor.getBefore()[0], steps = adaptor.getSteps()[0];
    Value first = arith::MaxSIOp::create(
        rewriter, e.loc, e.sub(stream.get(e, StreamNumber::Begin), before),
        e.constant(0));
    Value last = arith::MinSIOp::create(
        rewriter, e.loc, e.sub(stream.get(e, StreamNumber::End), before),
        steps);
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
    Value item = adaptor.getItem()[0];
    Value before = e.add(e.add(adaptor.getBefore()[0], adaptor.getSteps()[0]),
                         stream.get(e, StreamNumber::Lead));
    Value exists = e.compare(arith::CmpIPredicate::slt, before,
                             stream.get(e, StreamNumber::End));
    Value last = stream.get(e, StreamNumber::LastItem);
    Value next = e.select(exists, e.add(item, e.constant(1)), last);
    next = e.select(e.compare(arith::CmpIPredicate::eq, item, last),
                    e.constant(-1), next);
    before = e.select(exists, before, stream.get(e, StreamNumber::LastBefore));
    rewriter.replaceOp(op, {next, before});
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateStreamPatterns(const TypeConverter &converter,
                                       const KernelValues &values,
                                       RewritePatternSet &patterns) {
  patterns.add<FirstPartLowering, PartLowering, NextPartLowering>(
      converter, patterns.getContext(), values);
}
