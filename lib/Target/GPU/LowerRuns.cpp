//===- LowerRuns.cpp - parts of items that are runs of steps --------------===//
//
// Each block brings one part of an item, which is in its place. The last one to
// come reads them in the order of their steps.
//
//===----------------------------------------------------------------------===//

#include "Meeting.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Up to so many parts one warp folds alone: four take as long to bring
/// together what they have. Of more each has some.
static constexpr int64_t kFewParts = 6;
/// Registers of parts that are on their way at a time, of two at the least.
static constexpr int64_t kAheadRegisters = 64;

namespace {
class RunMeeting : public Meeting {
public:
  RunMeeting(MeetOp op, const Operands &operands,
             const TypeConverter &converter, const KernelValues &values,
             ConversionPatternRewriter &rewriter)
      : Meeting(op, operands, converter, values, rewriter),
        firstBlock(stream.findBlock(e, before)),
        lastBlock(
            stream.findBlock(e, e.sub(e.add(before, steps), e.constant(1)))) {}

  FailureOr<Registers> run();

private:
  Registers exchange(Value hasRows);
  /// Combines the parts of blocks `first` on, up to `end`; nothing if there are
  /// none. `thread` is who has written what this thread reads.
  Registers fold(Value first, Value end, Value thread, Value predicate);
  Registers foldAll(Value hasRows);
  Registers foldWarps(ValueRange own, Value hasRows);
  Value getFirstPart(Value warp);
  /// Where `thread` has its registers of the part of `block`.
  Value getPart(Value block, Value thread) {
    Value beginsThere = e.compare(arith::CmpIPredicate::eq, block, firstBlock);
    return getAddress(
        getPlace(block, beginsThere, e.constant(1), e.constant(0)), thread);
  }

  /// Those that have some of the item.
  Value firstBlock, lastBlock;
};
} // namespace

/// Several parts are on their way at a time.
Meeting::Registers RunMeeting::fold(Value first, Value end, Value thread,
                                    Value predicate) {
  int64_t ahead =
      std::max<int64_t>(kAheadRegisters / static_cast<int64_t>(own.size()), 2);
  auto loadPart = [&](Value block) {
    Value exists = e.compare(arith::CmpIPredicate::slt, block, end);
    return load(getPart(block, thread), e.both(predicate, exists));
  };
  Registers start = loadPart(first);
  Value one = e.constant(1);
  auto loop = scf::ForOp::create(rewriter, e.loc, e.add(first, one), end,
                                 e.constant(ahead), start);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> numbers = {loop.getInductionVar()};
  while (static_cast<int64_t>(numbers.size()) < ahead)
    numbers.push_back(e.add(numbers.back(), one));
  SmallVector<Registers> parts;
  for (Value number : numbers)
    parts.push_back(loadPart(number));
  Registers state = combine(loop.getRegionIterArgs(), parts.front());
  for (auto [number, part] : llvm::drop_begin(llvm::zip(numbers, parts))) {
    // The parts of the pattern are no captures of their own.
    Registers own = part;
    state = choose(e.compare(arith::CmpIPredicate::slt, number, end), state,
                   [&] { return combine(state, own); });
  }
  scf::YieldOp::create(rewriter, e.loc, state);
  return Registers(loop.getResults());
}

/// The first of the parts that a warp folds where warps share them.
Value RunMeeting::getFirstPart(Value warp) {
  Value count = e.sub(e.add(lastBlock, e.constant(1)), firstBlock);
  return e.add(firstBlock,
               arith::CeilDivUIOp::create(rewriter, e.loc, e.mul(count, warp),
                                          e.constant(kGroupWarps)));
}

/// What warps have folded, of which each has some, in a tree: at each level
/// half of those that are left send theirs to the ones before. Of the results
/// the first warp's alone counts.
Meeting::Registers RunMeeting::foldWarps(ValueRange own, Value hasRows) {
  Value warp = values.warpInGroup, one = e.constant(1);
  Value place = getPart(getFirstPart(warp), values.lane);
  auto loop =
      scf::ForOp::create(rewriter, e.loc, e.constant(0),
                         e.constant(llvm::Log2_64(kGroupWarps)), one, own);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value distance =
      arith::ShLIOp::create(rewriter, e.loc, one, loop.getInductionVar());
  Value pair = e.sub(e.add(distance, distance), one);
  Value within = arith::AndIOp::create(rewriter, e.loc, warp, pair);
  Value sends = e.compare(arith::CmpIPredicate::eq, within, distance);
  Value takes = e.compare(arith::CmpIPredicate::eq, within, e.constant(0));
  store(place, loop.getRegionIterArgs(), e.both(hasRows, sends));
  createGroupBarrier(rewriter, op, values);
  Registers state = choose(takes, loop.getRegionIterArgs(), [&] {
    Value other = getFirstPart(e.add(warp, distance));
    Registers part = load(getPart(other, values.lane), hasRows);
    return combine(loop.getRegionIterArgs(), part);
  });
  scf::YieldOp::create(rewriter, e.loc, state);
  return Registers(loop.getResults());
}

/// Where all rows that count are the first warp's, and parts are many, each
/// warp folds a run of them in its place.
Meeting::Registers RunMeeting::foldAll(Value hasRows) {
  Value end = e.add(lastBlock, e.constant(1));
  std::optional<Narrow> narrow = createNarrow();
  if (!narrow)
    return fold(firstBlock, end, values.threadInGroup, hasRows);
  Value isNarrow = e.both(narrow->holds, e.compare(arith::CmpIPredicate::sge,
                                                   e.sub(lastBlock, firstBlock),
                                                   e.constant(kFewParts)));
  Value warp = values.warpInGroup;
  auto choosePlace = [&](Value narrow, Value wide) {
    return e.select(isNarrow, narrow, wide);
  };
  Value hasPart = choosePlace(narrow->hasRows, hasRows);
  Registers state =
      fold(choosePlace(getFirstPart(warp), firstBlock),
           choosePlace(getFirstPart(e.add(warp, e.constant(1))), end),
           choosePlace(values.lane, values.threadInGroup), hasPart);
  return choose(isNarrow, state, [&] { return foldWarps(state, hasPart); });
}

Meeting::Registers RunMeeting::exchange(Value hasRows) {
  Value block = values.getPrimitives().getBlock(rewriter, e.loc);
  store(getPart(block, values.threadInGroup), own, hasRows);
  Value isLast = arrive(firstBlock, e.constant(1),
                        e.sub(e.add(lastBlock, e.constant(1)), firstBlock));
  Registers whole = choose(isLast, own, [&] { return foldAll(hasRows); });
  whole.insert(whole.begin(), isLast);
  return whole;
}

FailureOr<Meeting::Registers> RunMeeting::run() {
  Value hasRows = createHasRows();
  if (!hasRows)
    return failure();
  Registers alone = {arith::ConstantIntOp::create(rewriter, e.loc, 1, 1)};
  llvm::append_range(alone, own);
  return choose(e.compare(arith::CmpIPredicate::ne, firstBlock, lastBlock),
                alone, [&] { return exchange(hasRows); });
}

FailureOr<Meeting::Registers>
attn::gpu::lowerRuns(MeetOp op, const Meeting::Operands &operands,
                     const TypeConverter &converter, const KernelValues &values,
                     ConversionPatternRewriter &rewriter) {
  return RunMeeting(op, operands, converter, values, rewriter).run();
}
