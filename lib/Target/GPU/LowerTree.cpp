//===- LowerTree.cpp - steps that meet as the leaves of a tree ------------===//
//
// A node of the tree over an item's steps has a run of 2^l of them that begins
// at a multiple of its length; leaves are those of one step, or larger ones. A
// block's steps are at most two nodes of each length, ascending and then
// descending: it keeps them on a stack in its places. A leaf that it adds goes
// on with the nodes that it completes, as a counter carries: one merge a leaf
// in the mean. The nodes on the stack are those of the steps so far, so that
// what has where a place is follows from numbers of steps.
//
// Blocks meet twice. A bough is a node of so many steps that an item has a few
// of them. Who comes last to one that several blocks share puts its node in the
// place of the first one that it has, and counts it for the item. So shorter
// leaves are brought together while longer ones are computed, and many nodes by
// several blocks at once.
//
// Who comes last takes the nodes of all blocks in their order, by the same
// rule: between two neighbours lies the number of a step, and those with fewer
// zeros at its end are merged first. What has to wait for a later one goes back
// to the place of its last node, whose number the lanes of a warp keep on a
// stack. Missing steps at an item's end leave a node to what is merged at last.
// Where all rows are one warp's, each warp takes a quarter of the largest power
// of two of steps, and then of the rest.
//
//===----------------------------------------------------------------------===//

#include "Meeting.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Of so many leaves each warp takes a quarter, where one has all rows: of
/// fewer one warp is as fast as four that have to bring together what they
/// have.
static constexpr int64_t kManyLeaves = 4;

/// Registers of nodes that may be on their way while another is merged, and at
/// most as many nodes: what one takes to be merged is a quarter of what it
/// takes to come.
static constexpr size_t kAheadRegisters = 40, kMostAhead = 4;

/// Up to so many leaves boughs are as long as the largest one. Of more an item
/// has so many boughs, as a power of 2, if none is longer: about as many nodes
/// as one of them has where there are some dozens.
static constexpr int64_t kFewLeaves = 16, kLogOfBoughs = 3;

namespace {
class TreeMeeting : public Meeting {
public:
  using Meeting::Meeting;

  FailureOr<Registers> run();

private:
  /// The steps of an item that `block` does: the first, and the one after the
  /// last leaf.
  std::pair<Value, Value> getStepsOf(Value block);
  /// The block that does the leaf that begins with `step`.
  Value findBlock(Value step) {
    return stream.findBlock(
        e, e.add(before, createAnchor(rewriter, e.loc, leaves, step, steps)));
  }
  /// Leaves that begin before `step`.
  Value countLeaves(Value step) {
    return createCountLeaves(rewriter, e.loc, leaves, step);
  }
  /// The nodes of steps `first` on, up to `end`.
  Value countNodes(Value first, Value end);
  /// The number of the place of node `node` of a block whose steps of the item
  /// begin with `first`.
  Value getNodePlace(Value block, Value first, Value node) {
    return getPlace(block, isEqual(first, e.constant(0)),
                    stream.get(e, StreamNumber::Places), node);
  }

  /// What this leaf's registers become with `count` nodes of the stack, of
  /// which there are `depth`; the places of the block's nodes begin with
  /// `bottom`.
  Registers pop(Value bottom, Value depth, Value count, Value hasRows);
  /// The steps of a bough, a power of 2, and the step after the one that begins
  /// with `begin`.
  Value getBoughSteps();
  Value getBoughEnd(Value begin, Value bough) {
    return min(e.add(begin, bough), numSteps);
  }
  /// Brings the block's nodes, which are in their places, to the others.
  Registers exchange(Value hasRows);

  /// A node that a block has: the step after it, and the number of its place.
  struct Node {
    Value next, place;
  };
  /// How far the nodes of an item were taken: to step `begin`, of a block whose
  /// steps end with `end`, and whose next node is at `place`.
  struct Cursor {
    Value begin, end, place;
  };
  /// The nodes of steps `begin` on, one of which begins there.
  Cursor findNodes(Value begin);
  /// One that begins with the cursor's step.
  Node takeNode(Cursor &cursor, Value bough);
  /// Places of what waits, those of lanes 0 on, and how many; the last of these
  /// has its registers in `last`.
  struct Waiting {
    Value places, depth;
    Registers last;
  };
  /// Merges `node`, of steps `begin` on, with what waits, of steps `first`
  /// on, as far as these end with fewer than `zeros` zeros, or `isLast`.
  void mergeWaiting(Registers &node, Waiting &waiting, Value first, Value begin,
                    Value isLast, Value zeros, Value thread, Value predicate);
  /// Steps `first` on, up to `end`, `first` being a multiple of more than there
  /// are; boughs of more than a step are one node where blocks share them.
  struct Range {
    Value first, end, bough;
  };
  /// What these have together; undefined of none.
  Registers fold(const Range &range, Value thread, Value predicate);
  /// The steps of the largest leaf that may begin before `end`, which no
  /// quarter of the steps before it cuts.
  Value getLargestLeaf(Value end);
  /// Whether a node begins with step `first + warp * quarter`.
  Value hasNodes(Value first, Value warp, Value quarter);
  Registers foldQuarters(const Narrow &narrow, Value isNarrow,
                         const Range &range, Value hasRows);
  Registers foldAll(const Range &range, Value hasRows);

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
  Value bits(Value x, Value mask) {
    return arith::AndIOp::create(rewriter, e.loc, x, mask);
  }
  Value min(Value x, Value y) {
    return arith::MinSIOp::create(rewriter, e.loc, x, y);
  }

  /// Which steps are a leaf; each is where it is null.
  LeavesAttr leaves;
  /// The item's, and the steps of these if its last leaf were whole.
  Value numLeaves, numSteps;
};
} // namespace

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

std::pair<Value, Value> TreeMeeting::getStepsOf(Value block) {
  Value first = e.sub(stream.getBegin(e, block), before);
  Value end = e.sub(stream.getBegin(e, e.add(block, e.constant(1))), before);
  first = arith::MaxSIOp::create(rewriter, e.loc, first, e.constant(0));
  return {e.getFirstStep(leaves, first, steps),
          min(e.getFirstStep(leaves, end, steps), numSteps)};
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

//===----------------------------------------------------------------------===//
// The block's own leaves
//===----------------------------------------------------------------------===//

Meeting::Registers TreeMeeting::pop(Value bottom, Value depth, Value count,
                                    Value hasRows) {
  Value one = e.constant(1);
  auto loop = scf::ForOp::create(rewriter, e.loc, e.constant(0), count, one,
                                 Registers(own));
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value top = e.sub(e.sub(depth, one), loop.getInductionVar());
  Registers node =
      load(getAddress(e.add(bottom, top), values.threadInGroup), hasRows);
  scf::YieldOp::create(rewriter, e.loc,
                       combine(node, loop.getRegionIterArgs()));
  return Registers(loop.getResults());
}

Value TreeMeeting::getBoughSteps() {
  Value one = e.constant(1), largest = getLargestLeaf(numSteps);
  Value log =
      e.sub(countDigits(e.sub(numSteps, one)), e.constant(kLogOfBoughs));
  Value part = shiftLeft(
      one, arith::MaxSIOp::create(rewriter, e.loc, log, e.constant(0)));
  Value areFew =
      e.compare(arith::CmpIPredicate::sle, numLeaves, e.constant(kFewLeaves));
  return arith::MaxSIOp::create(rewriter, e.loc, largest,
                                e.select(areFew, one, part));
}

/// First the boughs in which the block's steps begin and end, unless it has all
/// of them, and then the item.
Meeting::Registers TreeMeeting::exchange(Value hasRows) {
  Value zero = e.constant(0), one = e.constant(1), two = e.constant(2);
  Value isNone = arith::ConstantIntOp::create(rewriter, e.loc, 0, 1);
  Registers inits = {zero, isNone};
  llvm::append_range(inits, createUndefined());
  auto loop =
      scf::ForOp::create(rewriter, e.loc, zero, e.constant(3), one, inits);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  // What is computed in each turn takes no registers while nodes are merged.
  auto [first, end] = getStepsOf(stream.get(e, StreamNumber::Block));
  Value bough = getBoughSteps();
  auto roundDown = [&](Value step) { return bits(step, e.sub(zero, bough)); };
  // Whole boughs begin with `from` and end before `to`.
  Value ending = roundDown(end);
  Value from = roundDown(e.add(first, e.sub(bough, one)));
  Value to = e.select(isEqual(end, numSteps), end, ending);
  Value isInOne = isLess(to, from);
  Value whole = e.select(isInOne, zero, e.sub(to, from));
  Value turn = loop.getInductionVar();
  Value isFirst = isEqual(turn, zero), isItem = isEqual(turn, two);
  auto choosePart = [&](Value ofFirst, Value ofLast, Value ofItem) {
    return e.select(isFirst, ofFirst, e.select(isItem, ofItem, ofLast));
  };
  // Steps of boughs that this block was the last to come to.
  Value completed = loop.getRegionIterArg(0);
  Value own = choosePart(e.sub(e.select(isInOne, end, from), first),
                         e.select(isInOne, zero, e.sub(end, to)),
                         e.add(whole, completed));
  Range range;
  range.first = choosePart(roundDown(first), ending, zero);
  range.end = e.select(isItem, numSteps, getBoughEnd(range.first, bough));
  range.bough = e.select(isItem, bough, one);
  Registers others = {completed, isNone};
  llvm::append_range(others, createUndefined());
  Registers next = choose(isLess(zero, own), others, [&] {
    Value all = e.sub(range.end, range.first);
    // A block counts an item and a bough.
    Value counter =
        e.add(e.mul(findBlock(range.first), two), e.select(isItem, zero, one));
    Value isLast = arrive(counter, own, all);
    return choose(isLast, others, [&] {
      Registers node = foldAll(range, hasRows);
      Value isBough = isLess(turn, two);
      store(getAddress(findNodes(range.first).place, values.threadInGroup),
            node, e.both(hasRows, isBough));
      node.insert(node.begin(), {e.add(completed, all), isEqual(turn, two)});
      return node;
    });
  });
  scf::YieldOp::create(rewriter, e.loc, next);
  return Registers(llvm::drop_begin(loop.getResults()));
}

FailureOr<Meeting::Registers> TreeMeeting::run() {
  Value hasRows = createHasRows();
  if (!hasRows)
    return failure();
  leaves = getLeaves(op);
  numLeaves = countLeaves(steps);
  numSteps = createFirstStep(rewriter, e.loc, leaves, numLeaves);
  Value block = stream.get(e, StreamNumber::Block);
  Value first, end;
  std::tie(first, end) = getStepsOf(block);
  Value next = createFirstStep(rewriter, e.loc, leaves,
                               e.add(countLeaves(number), e.constant(1)));
  Value isEnd = isEqual(next, end);
  Value isMore =
      either(isLess(next, numSteps),
             e.compare(arith::CmpIPredicate::ne, first, e.constant(0)));
  Value depth = countNodes(first, number), after = countNodes(first, next);
  // At the end of an item that nobody shares all that is left is merged.
  Value completed = e.sub(e.add(depth, e.constant(1)), after);
  Value bottom = getNodePlace(block, first, e.constant(0));
  Registers node =
      pop(bottom, depth, e.select(isMore, completed, depth), hasRows);
  Registers whole = {arith::ConstantIntOp::create(rewriter, e.loc, 1, 1)};
  llvm::append_range(whole, node);
  return choose(isMore, whole, [&] {
    Value top = e.add(bottom, e.sub(after, e.constant(1)));
    store(getAddress(top, values.threadInGroup), node, hasRows);
    Registers later = {arith::ConstantIntOp::create(rewriter, e.loc, 0, 1)};
    llvm::append_range(later, createUndefined());
    return choose(isEnd, later, [&] { return exchange(hasRows); });
  });
}

//===----------------------------------------------------------------------===//
// The nodes of all blocks
//===----------------------------------------------------------------------===//

TreeMeeting::Cursor TreeMeeting::findNodes(Value begin) {
  Value block = findBlock(begin);
  auto [first, end] = getStepsOf(block);
  return {begin, end, getNodePlace(block, first, countNodes(first, begin))};
}

TreeMeeting::Node TreeMeeting::takeNode(Cursor &cursor, Value bough) {
  Registers here = {cursor.end, cursor.place};
  here = choose(e.compare(arith::CmpIPredicate::sge, cursor.begin, cursor.end),
                here, [&] {
                  Cursor next = findNodes(cursor.begin);
                  return Registers{next.end, next.place};
                });
  Value left = e.sub(here[0], cursor.begin);
  Value length =
      shiftLeft(e.constant(1), min(countZeros(cursor.begin),
                                   e.sub(countDigits(left), e.constant(1))));
  Value endOfBough = getBoughEnd(cursor.begin, bough);
  Node node = {e.select(isLess(here[0], endOfBough), endOfBough,
                        e.add(cursor.begin, length)),
               here[1]};
  cursor = {node.next, here[0], e.add(node.place, e.constant(1))};
  return node;
}

void TreeMeeting::mergeWaiting(Registers &node, Waiting &waiting, Value first,
                               Value begin, Value isLast, Value zeros,
                               Value thread, Value predicate) {
  Value one = e.constant(1);
  auto isMerged = [&](Value begin) {
    Value isNext = either(isLast, isLess(countZeros(begin), zeros));
    return e.both(isLess(first, begin), isNext);
  };
  auto merge = [&](ValueRange left, ValueRange state) {
    Registers merged = {
        // It begins where the last digit of the number is taken away.
        bits(state[0], e.sub(state[0], one)), e.sub(state[1], one)};
    llvm::append_range(merged, combine(left, state.drop_front(2)));
    return merged;
  };
  Registers inits = {begin, waiting.depth};
  llvm::append_range(inits, node);
  inits = choose(isMerged(begin), inits,
                 [&] { return merge(waiting.last, inits); });
  auto loop = scf::WhileOp::create(
      rewriter, e.loc, TypeRange(ValueRange(inits)), inits,
      [&](OpBuilder &, Location, ValueRange state) {
        scf::ConditionOp::create(rewriter, e.loc, isMerged(state[0]), state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value place = values.getPrimitives().takeFrom(
            rewriter, e.loc, waiting.places, e.sub(state[1], one));
        Registers left = load(getAddress(place, thread), predicate);
        scf::YieldOp::create(rewriter, e.loc, merge(left, state));
      });
  waiting.depth = loop.getResult(1);
  node = Registers(loop.getResults().drop_front(2));
}

/// Nodes are asked for ahead.
Meeting::Registers TreeMeeting::fold(const Range &range, Value thread,
                                     Value predicate) {
  Value first = range.first, end = range.end;
  size_t size = own.size();
  size_t numAhead = std::min(kAheadRegisters / size, kMostAhead);
  auto loadNode = [&](Node node, Value begin) {
    return load(getAddress(node.place, thread),
                e.both(predicate, isLess(begin, end)));
  };
  // Before the loop, and of a turn of it: the step that is next, how far nodes
  // were taken, what waits, and the nodes that were taken ahead, each with its
  // registers.
  using Ahead = SmallVector<std::pair<Node, Registers>>;
  auto join = [](Value begin, const Cursor &cursor, const Waiting &waiting,
                 const Ahead &ahead) {
    Registers state = {begin,        cursor.begin,   cursor.end,
                       cursor.place, waiting.places, waiting.depth};
    llvm::append_range(state, waiting.last);
    for (const auto &[node, registers] : ahead) {
      state.append({node.next, node.place});
      llvm::append_range(state, registers);
    }
    return state;
  };
  Cursor cursor = findNodes(first);
  auto takeAhead = [&]() -> std::pair<Node, Registers> {
    // Behind the last one there is none to go on from.
    Value begin = cursor.begin;
    Registers taken = {begin, cursor.end, cursor.place, begin, cursor.place};
    taken = choose(isLess(begin, end), taken, [&] {
      Cursor after = cursor;
      Node node = takeNode(after, range.bough);
      return Registers{after.begin, after.end, after.place, node.next,
                       node.place};
    });
    cursor = {taken[0], taken[1], taken[2]};
    Node node = {taken[3], taken[4]};
    return {node, loadNode(node, begin)};
  };
  Waiting waiting = {e.constant(0), e.constant(0), createUndefined()};
  Ahead ahead;
  while (ahead.size() < numAhead)
    ahead.push_back(takeAhead());
  Registers inits = join(first, cursor, waiting, ahead);
  auto loop = scf::WhileOp::create(
      rewriter, e.loc, TypeRange(ValueRange(inits)), inits,
      [&](OpBuilder &, Location, ValueRange state) {
        scf::ConditionOp::create(rewriter, e.loc, isLess(state[0], end), state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value begin = state[0];
        cursor = {state[1], state[2], state[3]};
        waiting = {state[4], state[5], Registers(state.slice(6, size))};
        for (auto [i, own] : llvm::enumerate(ahead)) {
          ValueRange from = state.drop_front(6 + size + i * (2 + size));
          own = {{from[0], from[1]}, Registers(from.slice(2, size))};
        }
        ahead.push_back(takeAhead());
        auto [now, node] = ahead.front();
        ahead.erase(ahead.begin());
        Value isLast = e.compare(arith::CmpIPredicate::sge, now.next, end);
        mergeWaiting(node, waiting, first, begin, isLast, countZeros(now.next),
                     thread, predicate);
        store(getAddress(now.place, thread), node,
              e.both(predicate, isLess(now.next, end)));
        Value isTop = isEqual(values.lane, waiting.depth);
        waiting = {e.select(isTop, now.place, waiting.places),
                   e.add(waiting.depth, e.constant(1)), node};
        scf::YieldOp::create(rewriter, e.loc,
                             join(now.next, cursor, waiting, ahead));
      });
  return Registers(loop.getResults().slice(6, size));
}

Value TreeMeeting::getLargestLeaf(Value end) {
  Value largest = e.constant(1);
  if (!leaves)
    return largest;
  int64_t begin = 0;
  for (auto [i, size] : llvm::enumerate(leaves.getSizes())) {
    Value ofRun =
        arith::MaxSIOp::create(rewriter, e.loc, largest, e.constant(size));
    largest = e.select(isLess(e.constant(begin), end), ofRun, largest);
    if (i < leaves.getCounts().size())
      begin += leaves.getCounts()[i] * size;
  }
  return largest;
}

/// Nodes of more than a quarter are those of the first warp that they reach.
Value TreeMeeting::hasNodes(Value first, Value warp, Value quarter) {
  Value begin = e.add(first, e.mul(warp, quarter));
  std::pair<Value, Value> ofBlock = getStepsOf(findBlock(begin));
  auto isInside = [&](Value from, Value length) {
    return e.both(e.compare(arith::CmpIPredicate::sle, ofBlock.first, from),
                  e.compare(arith::CmpIPredicate::sle, e.add(from, length),
                            ofBlock.second));
  };
  Value one = e.constant(1), half = e.add(quarter, quarter);
  Value isInHalf = e.both(isEqual(bits(warp, one), one),
                          isInside(e.sub(begin, quarter), half));
  Value isInAll =
      e.both(isLess(e.constant(0), warp), isInside(first, e.add(half, half)));
  Value isNone = arith::ConstantIntOp::create(rewriter, e.loc, 0, 1);
  return e.select(either(isInHalf, isInAll), isNone, isLess(begin, numSteps));
}

/// The warps' quarters of a range; all of it where rows are those of several
/// warps.
Meeting::Registers TreeMeeting::foldQuarters(const Narrow &narrow,
                                             Value isNarrow, const Range &range,
                                             Value hasRows) {
  Value zero = e.constant(0), one = e.constant(1), warp = values.warpInGroup;
  Value first = range.first, end = range.end;
  auto choosePlace = [&](Value narrow, Value wide) {
    return e.select(isNarrow, narrow, wide);
  };
  Value hasNode = choosePlace(narrow.hasRows, hasRows);
  // Of few leaves the first warp takes all.
  Value count = e.sub(end, first);
  Value isFew = isLess(e.sub(countLeaves(end), countLeaves(first)),
                       e.constant(kManyLeaves));
  Value quarter = shiftLeft(
      one,
      e.sub(countDigits(e.sub(count, one)),
            e.select(isFew, zero, e.constant(llvm::Log2_64(kGroupWarps)))));
  quarter =
      arith::MaxSIOp::create(rewriter, e.loc, quarter, getLargestLeaf(end));
  quarter = arith::MaxSIOp::create(rewriter, e.loc, quarter, range.bough);
  Value begin = e.add(first, e.mul(warp, quarter));
  Value endOfWarp = e.select(hasNodes(first, warp, quarter),
                             min(e.add(begin, quarter), end), begin);
  Registers state = fold(
      {choosePlace(begin, first), choosePlace(endOfWarp, end), range.bough},
      choosePlace(values.lane, values.threadInGroup), hasNode);
  return choose(isNarrow, state,
                [&] { return joinWarps(state, isLess(begin, endOfWarp)); });
}

Meeting::Registers TreeMeeting::foldAll(const Range &range, Value hasRows) {
  std::optional<Narrow> narrow = createNarrow();
  if (!narrow)
    return fold(range, values.threadInGroup, hasRows);
  Value zero = e.constant(0), one = e.constant(1);
  Value count = e.sub(countLeaves(range.end), countLeaves(range.first));
  Value isNarrow =
      e.both(narrow->holds, e.compare(arith::CmpIPredicate::sge, count,
                                      e.constant(kManyLeaves)));
  if (own.size() > kAheadRegisters)
    return foldQuarters(*narrow, isNarrow, range, hasRows);
  // Of the most steps that are a power of 2, and then of the rest, if that is
  // a quarter of it at the most; else all at once.
  Value all = e.sub(range.end, range.first);
  Value most = shiftLeft(one, e.sub(countDigits(all), one));
  Value rest = e.sub(all, most), four = e.constant(kGroupWarps);
  Value isShort = e.compare(arith::CmpIPredicate::sle, e.mul(rest, four), most);
  Value hasRest = e.both(isNarrow, e.both(isLess(zero, rest), isShort));
  Value middle = e.add(range.first, e.select(hasRest, most, all));
  auto loop = scf::ForOp::create(rewriter, e.loc, zero,
                                 e.select(hasRest, e.constant(2), one), one,
                                 createUndefined());
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value isRest = isEqual(loop.getInductionVar(), one);
  Range part = {e.select(isRest, middle, range.first),
                e.select(isRest, range.end, middle), range.bough};
  Registers state = foldQuarters(*narrow, isNarrow, part, hasRows);
  scf::YieldOp::create(rewriter, e.loc, choose(isRest, state, [&] {
                         return combine(loop.getRegionIterArgs(), state);
                       }));
  return Registers(loop.getResults());
}

FailureOr<Meeting::Registers>
attn::gpu::lowerTree(MeetOp op, const Meeting::Operands &operands,
                     const TypeConverter &converter, const KernelValues &values,
                     ConversionPatternRewriter &rewriter) {
  return TreeMeeting(op, operands, converter, values, rewriter).run();
}
