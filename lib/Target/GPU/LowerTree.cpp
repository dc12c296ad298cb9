//===- LowerTree.cpp - steps that meet as the leaves of a tree ------------===//
//
// A node of the tree over an item's steps has a run of 2^l of them that begins
// at a multiple of its length. A block's steps are at most two nodes of each
// length, ascending and then descending: it keeps them on a stack in its
// places. A step that it adds goes on with the nodes that it completes, as a
// counter carries: one merge a step in the mean. The nodes on the stack are
// those of the steps so far, so that what has where a place is follows from
// numbers of steps.
//
// Who comes last to an item takes the nodes of all blocks in their order, by
// the same rule: between two neighbours lies the number of a step, and those
// with fewer zeros at its end are merged first. What has to wait for a later
// one goes back to the place of its last node. Missing steps at an item's end
// leave a node to what is merged at last.
//
//===----------------------------------------------------------------------===//

#include "Meeting.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Of so many steps each warp takes a quarter, where one has all rows: of fewer
/// one warp is as fast as four that have to bring together what they have.
static constexpr int64_t kManySteps = 8;

namespace {
class TreeMeeting : public Meeting {
public:
  using Meeting::Meeting;

  FailureOr<Registers> run();

private:
  /// Those of an item that `block` does: the first, and the one after the last.
  std::pair<Value, Value> getSteps(Value block);
  /// The nodes of steps `first` on, up to `end`.
  Value countNodes(Value first, Value end);
  /// Where `thread` has the last node of those up to step `end`, which is not
  /// the first; of a block whose steps of the item begin with `first`.
  Value getNode(Value block, Value first, Value end, Value thread);
  Value getNode(Value end, Value thread);

  /// What this step's registers become with `count` nodes of the stack, of
  /// which there are `depth`.
  Registers pop(Value block, Value depth, Value count, Value hasRows);
  /// Brings the nodes, which are in their places, to the others if this is the
  /// block's last step.
  Registers exchange(Value isEnd, Value hasRows);
  Registers foldAll(Value hasRows);
  /// Merges what steps `first` on, up to `end`, have, `first` being a multiple
  /// of more than there are.
  Registers fold(Value first, Value end, Value thread, Value predicate);
  /// Merges `node`, of steps `first` on, with what precedes it and has waited.
  Registers mergeWaiting(ValueRange node, Value first, Value begin,
                         Value isLast, Value zeros, Value thread,
                         Value predicate);
  Registers foldWarps(ValueRange own, Value quarter, Value hasRows);
  /// Whether a warp has nodes where it takes those that begin in its quarter.
  Value hasNodes(Value warp, Value quarter);

  /// In place of registers that nobody reads: nothing has to be kept for them.
  Registers createUndefined() {
    Registers undefined;
    for (Value value : own)
      undefined.push_back(
          LLVM::UndefOp::create(rewriter, e.loc, value.getType()));
    return undefined;
  }

  Value countZeros(Value x) {
    return LLVM::CountTrailingZerosOp::create(rewriter, e.loc, x.getType(), x,
                                              /*is_zero_poison=*/false);
  }
  /// Digits of a binary number.
  Value countDigits(Value x) {
    return e.sub(e.constant(32), LLVM::CountLeadingZerosOp::create(
                                     rewriter, e.loc, x.getType(), x,
                                     /*is_zero_poison=*/false));
  }
  Value countOnes(Value x) {
    return LLVM::CtPopOp::create(rewriter, e.loc, x.getType(), x);
  }
  Value shiftLeft(Value x, Value by) {
    return arith::ShLIOp::create(rewriter, e.loc, x, by);
  }
  Value isLess(Value x, Value y) {
    return e.compare(arith::CmpIPredicate::slt, x, y);
  }
  Value isEqual(Value x, Value y) {
    return e.compare(arith::CmpIPredicate::eq, x, y);
  }
  Value either(Value x, Value y) {
    return arith::OrIOp::create(rewriter, e.loc, x, y);
  }
  Value min(Value x, Value y) {
    return arith::MinSIOp::create(rewriter, e.loc, x, y);
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

std::pair<Value, Value> TreeMeeting::getSteps(Value block) {
  Value first = e.sub(stream.getBegin(e, block), before);
  Value end = e.sub(stream.getBegin(e, e.add(block, e.constant(1))), before);
  return {arith::MaxSIOp::create(rewriter, e.loc, first, e.constant(0)),
          min(end, steps)};
}

/// Up to the number between them that ends with the most zeros nodes ascend,
/// then they descend: one for each digit of the distance.
Value TreeMeeting::countNodes(Value first, Value end) {
  Value different = arith::XOrIOp::create(rewriter, e.loc, first, end);
  Value digit =
      e.sub(countDigits(either(different, e.constant(1))), e.constant(1));
  Value middle =
      shiftLeft(arith::ShRUIOp::create(rewriter, e.loc, end, digit), digit);
  return e.add(countOnes(e.sub(middle, first)), countOnes(e.sub(end, middle)));
}

Value TreeMeeting::getNode(Value block, Value first, Value end, Value thread) {
  return getPlace(block, stream.get(e, StreamNumber::Places),
                  e.sub(countNodes(first, end), e.constant(1)), thread);
}

Value TreeMeeting::getNode(Value end, Value thread) {
  Value block = stream.findBlock(e, e.add(before, e.sub(end, e.constant(1))));
  return getNode(block, getSteps(block).first, end, thread);
}

//===----------------------------------------------------------------------===//
// The block's own steps
//===----------------------------------------------------------------------===//

Meeting::Registers TreeMeeting::pop(Value block, Value depth, Value count,
                                    Value hasRows) {
  Value one = e.constant(1);
  auto loop = scf::ForOp::create(rewriter, e.loc, e.constant(0), count, one,
                                 Registers(own));
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value top = e.sub(e.sub(depth, one), loop.getInductionVar());
  Registers node = load(getPlace(block, stream.get(e, StreamNumber::Places),
                                 top, values.threadInGroup),
                        hasRows);
  scf::YieldOp::create(rewriter, e.loc,
                       combine(node, loop.getRegionIterArgs()));
  return Registers(loop.getResults());
}

Meeting::Registers TreeMeeting::exchange(Value isEnd, Value hasRows) {
  Registers later = {arith::ConstantIntOp::create(rewriter, e.loc, 0, 1)};
  llvm::append_range(later, createUndefined());
  return choose(isEnd, later, [&] {
    Value isLast = arrive();
    Registers whole =
        choose(isLast, createUndefined(), [&] { return foldAll(hasRows); });
    whole.insert(whole.begin(), isLast);
    return whole;
  });
}

FailureOr<Meeting::Registers> TreeMeeting::run() {
  Value hasRows = createHasRows();
  if (!hasRows)
    return failure();
  Value block = values.getPrimitives().getBlock(rewriter, e.loc);
  auto [first, end] = getSteps(block);
  Value next = e.add(number, e.constant(1));
  Value isEnd = isEqual(next, end);
  Value isShared = e.compare(arith::CmpIPredicate::ne, firstBlock, lastBlock);
  Value isMore = either(isShared, isLess(next, end));
  Value depth = countNodes(first, number), after = countNodes(first, next);
  // At the end of an item that nobody shares all that is left is merged.
  Value completed = e.sub(e.add(depth, e.constant(1)), after);
  Registers node =
      pop(block, depth, e.select(isMore, completed, depth), hasRows);
  Registers whole = {arith::ConstantIntOp::create(rewriter, e.loc, 1, 1)};
  llvm::append_range(whole, node);
  return choose(isMore, whole, [&] {
    store(getNode(block, first, next, values.threadInGroup), node, hasRows);
    return exchange(isEnd, hasRows);
  });
}

//===----------------------------------------------------------------------===//
// The nodes of all blocks
//===----------------------------------------------------------------------===//

Meeting::Registers TreeMeeting::mergeWaiting(ValueRange node, Value first,
                                             Value begin, Value isLast,
                                             Value zeros, Value thread,
                                             Value predicate) {
  SmallVector<Value> inits = {begin};
  llvm::append_range(inits, node);
  auto loop = scf::WhileOp::create(
      rewriter, e.loc, TypeRange(ValueRange(inits)), inits,
      [&](OpBuilder &, Location, ValueRange state) {
        Value isNext = either(isLast, isLess(countZeros(state[0]), zeros));
        scf::ConditionOp::create(
            rewriter, e.loc, e.both(isLess(first, state[0]), isNext), state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Registers left = load(getNode(state[0], thread), predicate);
        Registers merged = combine(left, state.drop_front());
        // It begins where the last digit of the number is taken away.
        Value earlier = arith::AndIOp::create(rewriter, e.loc, state[0],
                                              e.sub(state[0], e.constant(1)));
        merged.insert(merged.begin(), earlier);
        scf::YieldOp::create(rewriter, e.loc, merged);
      });
  return Registers(loop.getResults().drop_front());
}

Meeting::Registers TreeMeeting::fold(Value first, Value end, Value thread,
                                     Value predicate) {
  SmallVector<Value> inits = {first};
  llvm::append_range(inits, createUndefined());
  auto loop = scf::WhileOp::create(
      rewriter, e.loc, TypeRange(ValueRange(inits)), inits,
      [&](OpBuilder &, Location, ValueRange state) {
        scf::ConditionOp::create(rewriter, e.loc, isLess(state[0], end), state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value begin = state[0];
        Value block = stream.findBlock(e, e.add(before, begin));
        auto [firstOfBlock, endOfBlock] = getSteps(block);
        Value digits =
            e.sub(countDigits(e.sub(endOfBlock, begin)), e.constant(1));
        Value length = shiftLeft(e.constant(1), min(countZeros(begin), digits));
        Value next = e.add(begin, length);
        Value place = getNode(block, firstOfBlock, next, thread);
        Registers node = load(place, predicate);
        Value isLast = e.compare(arith::CmpIPredicate::sge, next, end);
        node = mergeWaiting(node, first, begin, isLast, countZeros(next),
                            thread, predicate);
        store(place, node, e.both(predicate, isLess(next, end)));
        node.insert(node.begin(), next);
        scf::YieldOp::create(rewriter, e.loc, node);
      });
  return Registers(loop.getResults().drop_front());
}

/// Nodes of half of the steps are those of the first warp of a pair.
Value TreeMeeting::hasNodes(Value warp, Value quarter) {
  Value one = e.constant(1);
  Value isSecond =
      isEqual(arith::AndIOp::create(rewriter, e.loc, warp, one), one);
  Value begin = e.mul(warp, quarter);
  Value half = e.sub(begin, quarter), end = e.add(begin, quarter);
  auto [first, last] = getSteps(stream.findBlock(e, e.add(before, half)));
  Value isWhole = e.both(e.compare(arith::CmpIPredicate::sle, first, half),
                         e.compare(arith::CmpIPredicate::sle, end, last));
  Value exists = isLess(begin, steps);
  Value isNone = arith::ConstantIntOp::create(rewriter, e.loc, 0, 1);
  return e.select(e.both(isSecond, isWhole), isNone, exists);
}

/// Whose nodes are those of a quarter of the steps, a half: at each level the
/// later ones of a pair send theirs to the earlier ones. Of the results the
/// first warp's alone counts.
Meeting::Registers TreeMeeting::foldWarps(ValueRange own, Value quarter,
                                          Value hasRows) {
  Value warp = values.warpInGroup, one = e.constant(1);
  auto loop =
      scf::ForOp::create(rewriter, e.loc, e.constant(0),
                         e.constant(llvm::Log2_64(kGroupWarps)), one, own);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value distance = shiftLeft(one, loop.getInductionVar());
  Value twice = e.add(distance, distance);
  Value within =
      arith::AndIOp::create(rewriter, e.loc, warp, e.sub(twice, one));
  Value other = e.add(warp, distance);
  Value sends = e.both(isEqual(within, distance), hasNodes(warp, quarter));
  Value takes =
      e.both(isEqual(within, e.constant(0)), hasNodes(other, quarter));
  // Where the last of a warp's nodes was, which is no other's.
  auto getPlaceOf = [&](Value warp) {
    Value end = min(e.mul(e.add(warp, distance), quarter), steps);
    return getNode(end, values.lane);
  };
  store(getPlaceOf(warp), loop.getRegionIterArgs(), e.both(hasRows, sends));
  createGroupBarrier(rewriter, op, values);
  Registers state = choose(takes, loop.getRegionIterArgs(), [&] {
    return combine(loop.getRegionIterArgs(), load(getPlaceOf(other), hasRows));
  });
  scf::YieldOp::create(rewriter, e.loc, state);
  return Registers(loop.getResults());
}

/// Where all rows that count are the first warp's, and steps are many, each
/// warp takes a quarter of the steps in its place.
Meeting::Registers TreeMeeting::foldAll(Value hasRows) {
  std::optional<Narrow> narrow = createNarrow();
  if (!narrow)
    return fold(e.constant(0), steps, values.threadInGroup, hasRows);
  Value isNarrow =
      e.both(narrow->holds, e.compare(arith::CmpIPredicate::sge, steps,
                                      e.constant(kManySteps)));
  Value digits = countDigits(e.sub(steps, e.constant(1)));
  Value quarter = shiftLeft(e.constant(1),
                            arith::MaxSIOp::create(rewriter, e.loc,
                                                   e.sub(digits, e.constant(2)),
                                                   e.constant(0)));
  Value warp = values.warpInGroup, first = e.mul(warp, quarter);
  Value end = e.select(hasNodes(warp, quarter),
                       min(e.add(first, quarter), steps), first);
  auto choosePlace = [&](Value narrow, Value wide) {
    return e.select(isNarrow, narrow, wide);
  };
  Value hasNode = choosePlace(narrow->hasRows, hasRows);
  Registers state =
      fold(choosePlace(first, e.constant(0)), choosePlace(end, steps),
           choosePlace(values.lane, values.threadInGroup), hasNode);
  return choose(isNarrow, state,
                [&] { return foldWarps(state, quarter, hasNode); });
}

FailureOr<Meeting::Registers>
attn::gpu::lowerTree(MeetOp op, const Meeting::Operands &operands,
                     const TypeConverter &converter, const KernelValues &values,
                     ConversionPatternRewriter &rewriter) {
  return TreeMeeting(op, operands, converter, values, rewriter).run();
}
