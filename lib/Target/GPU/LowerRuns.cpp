//===- LowerRuns.cpp - parts of items that are runs of steps --------------===//
//
// Each block brings one part of an item, which is in its place. The last one to
// come reads them in the order of their steps; of many parts, the last one of a
// group of neighbours reads the group's, and the last group's those of groups.
//
//===----------------------------------------------------------------------===//

#include "Meeting.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Up to so many parts one warp folds alone: four take as long to bring
/// together what they have. Of more each has some.
static constexpr int64_t kFewParts = 6;
/// From so many parts on, blocks meet in groups before what groups have meets:
/// as many more than `kLeastMany` as are read while blocks meet once more. Of
/// small parts it is how long each is on its way that counts.
static constexpr int64_t kLeastMany = 8, kMostMany = 24,
                         kMeetingBytes = 1 << 18;
/// Parts of a group as a power of 2, and of one of `kPartsForLarge` or more.
static constexpr int64_t kLogOfGroup = 2, kLogOfLargeGroup = 3,
                         kPartsForLarge = 32;
/// Registers of parts that are on their way at a time, of one to four.
static constexpr int64_t kAheadRegisters = 150, kLeastAhead = 1, kMostAhead = 4;

namespace {
class RunMeeting : public Meeting {
public:
  RunMeeting(MeetOp op, const Operands &operands,
             const TypeConverter &converter, const KernelValues &values,
             ConversionPatternRewriter &rewriter)
      : Meeting(op, operands, converter, values, rewriter) {
    // Before the steps, where threads wait for keys.
    OpBuilder::InsertionGuard guard(rewriter);
    setInsertionPointBehind({before, steps});
    Value end = e.add(before, steps), none = e.constant(0);
    Value isCut =
        arith::OrIOp::create(rewriter, e.loc,
                             e.compare(arith::CmpIPredicate::slt, before,
                                       stream.get(e, StreamNumber::Begin)),
                             e.compare(arith::CmpIPredicate::sgt, end,
                                       stream.get(e, StreamNumber::End)));
    Registers blocks = choose(isCut, {none, none}, [&] {
      return Registers{stream.findBlock(e, before),
                       stream.findBlock(e, e.sub(end, e.constant(1)))};
    });
    firstBlock = blocks[0];
    lastBlock = blocks[1];
  }

  FailureOr<Registers> run();

private:
  /// Parts of the item that meet: those that `count` blocks have, the first of
  /// which is `first`, `distance` blocks apart.
  struct Parts {
    Value first, distance, count;
  };

  Registers exchange(Value hasRows);
  /// The parts that meet with this block's one in its group, and those of the
  /// item's groups.
  Parts getGroup(Value block);
  Parts getGroups();
  /// Combines parts `first` on, up to `end`; nothing if there are none.
  /// `thread` is who has written what this thread reads.
  Registers fold(const Parts &parts, Value first, Value end, Value thread,
                 Value predicate);
  Registers foldAll(const Parts &parts, Value hasRows);
  Value getFirstPart(const Parts &parts, Value warp);
  /// Parts of the item.
  Value countParts() {
    return e.sub(e.add(lastBlock, e.constant(1)), firstBlock);
  }
  Value hasManyParts();
  /// The parts of a group, as a power of 2.
  Value getLogOfGroup();
  /// Where `thread` has its registers of the part of `block`.
  Value getAddressOf(Value block, Value thread) {
    Value beginsThere = e.compare(arith::CmpIPredicate::eq, block, firstBlock);
    return getAddress(getPlace(block, beginsThere), thread);
  }
  Value getPart(const Parts &parts, Value number, Value thread) {
    return getAddressOf(e.add(parts.first, e.mul(number, parts.distance)),
                        thread);
  }

  /// Those that have some of the item.
  Value firstBlock, lastBlock;
};
} // namespace

/// Several parts are on their way at a time.
Meeting::Registers RunMeeting::fold(const Parts &parts, Value first, Value end,
                                    Value thread, Value predicate) {
  int64_t ahead = std::clamp(kAheadRegisters / static_cast<int64_t>(own.size()),
                             kLeastAhead, kMostAhead);
  auto loadPart = [&](Value number) {
    Value exists = e.compare(arith::CmpIPredicate::slt, number, end);
    return load(getPart(parts, number, thread), e.both(predicate, exists));
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
  SmallVector<Registers> loaded;
  for (Value number : numbers)
    loaded.push_back(loadPart(number));
  Registers state = combine(loop.getRegionIterArgs(), loaded.front());
  for (auto [number, part] : llvm::drop_begin(llvm::zip(numbers, loaded))) {
    // The parts of the pattern are no captures of their own.
    Registers own = part;
    state = choose(e.compare(arith::CmpIPredicate::slt, number, end), state,
                   [&] { return combine(state, own); });
  }
  scf::YieldOp::create(rewriter, e.loc, state);
  return Registers(loop.getResults());
}

/// The first of the parts that a warp folds where warps share them.
Value RunMeeting::getFirstPart(const Parts &parts, Value warp) {
  return arith::CeilDivUIOp::create(rewriter, e.loc, e.mul(parts.count, warp),
                                    e.constant(kGroupWarps));
}

/// Where all rows that count are the first warp's, and parts are many, each
/// warp folds a run of them in its place.
Meeting::Registers RunMeeting::foldAll(const Parts &parts, Value hasRows) {
  Value zero = e.constant(0);
  std::optional<Narrow> narrow = createNarrow();
  if (!narrow)
    return fold(parts, zero, parts.count, values.threadInGroup, hasRows);
  Value isNarrow =
      e.both(narrow->holds, e.compare(arith::CmpIPredicate::sgt, parts.count,
                                      e.constant(kFewParts)));
  Value warp = values.warpInGroup;
  auto choosePlace = [&](Value narrow, Value wide) {
    return e.select(isNarrow, narrow, wide);
  };
  Value hasPart = choosePlace(narrow->hasRows, hasRows);
  Registers state = fold(
      parts, choosePlace(getFirstPart(parts, warp), zero),
      choosePlace(getFirstPart(parts, e.add(warp, e.constant(1))), parts.count),
      choosePlace(values.lane, values.threadInGroup), hasPart);
  return choose(isNarrow, state, [&] { return joinWarps(state); });
}

Value RunMeeting::hasManyParts() {
  int64_t bytes = groups * getMeetingBytes(op, values.getGroupThreads());
  int64_t many = std::min(kLeastMany + kMeetingBytes / bytes, kMostMany);
  return e.compare(arith::CmpIPredicate::sge, countParts(), e.constant(many));
}

Value RunMeeting::getLogOfGroup() {
  Value isLarge = e.compare(arith::CmpIPredicate::sge, countParts(),
                            e.constant(kPartsForLarge));
  return e.select(isLarge, e.constant(kLogOfLargeGroup),
                  e.constant(kLogOfGroup));
}

RunMeeting::Parts RunMeeting::getGroups() {
  Value log = getLogOfGroup();
  Value size = arith::ShLIOp::create(rewriter, e.loc, e.constant(1), log);
  Value count = arith::ShRUIOp::create(rewriter, e.loc, countParts(), log);
  return {firstBlock, size, count};
}

/// The last group has what is left over.
RunMeeting::Parts RunMeeting::getGroup(Value block) {
  Value one = e.constant(1), log = getLogOfGroup();
  Parts groups = getGroups();
  Value number =
      arith::ShRUIOp::create(rewriter, e.loc, e.sub(block, firstBlock), log);
  number =
      arith::MinUIOp::create(rewriter, e.loc, number, e.sub(groups.count, one));
  Value first =
      e.add(firstBlock, arith::ShLIOp::create(rewriter, e.loc, number, log));
  Value isLast =
      e.compare(arith::CmpIPredicate::eq, e.add(number, one), groups.count);
  Value rest = e.sub(e.add(lastBlock, one), first);
  return {first, one, e.select(isLast, rest, groups.distance)};
}

/// In one turn, or of many parts in two: the last block of a group goes on with
/// what the group has. A group is counted by its second block, which is neither
/// the item's first nor its last one, so that no item begins in it.
Meeting::Registers RunMeeting::exchange(Value hasRows) {
  Value block = stream.get(e, StreamNumber::Block);
  Value zero = e.constant(0), one = e.constant(1);
  Value count = countParts(), isMany = hasManyParts();
  Parts group = getGroup(block), groups = getGroups();
  Registers inits = {arith::ConstantIntOp::create(rewriter, e.loc, 1, 1)};
  llvm::append_range(inits, own);
  auto loop = scf::ForOp::create(
      rewriter, e.loc, zero, e.select(isMany, e.constant(2), one), one, inits);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value isFirst =
      e.compare(arith::CmpIPredicate::eq, loop.getInductionVar(), zero);
  Value isInGroup = e.both(isMany, isFirst);
  auto choosePart = [&](Value ofGroup, Value ofGroups, Value ofItem) {
    return e.select(isInGroup, ofGroup, e.select(isMany, ofGroups, ofItem));
  };
  Parts parts = {choosePart(group.first, firstBlock, firstBlock),
                 choosePart(one, groups.distance, one),
                 choosePart(group.count, groups.count, count)};
  Value from = e.select(isFirst, block, group.first);
  Value counter = e.select(isInGroup, e.add(group.first, one), firstBlock);
  ValueRange state = loop.getRegionIterArgs();
  Registers whole = choose(state.front(), state, [&] {
    ValueRange part = state.drop_front();
    store(getAddressOf(from, values.threadInGroup), part, hasRows);
    Value isLast = arrive(counter, parts.count);
    Registers all =
        choose(isLast, part, [&] { return foldAll(parts, hasRows); });
    all.insert(all.begin(), isLast);
    return all;
  });
  scf::YieldOp::create(rewriter, e.loc, whole);
  return Registers(loop.getResults());
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
