//===- LowerMeetings.cpp - where blocks bring parts of an item together ---===//
//
// Blocks meet through memory. A part that is not a whole item goes to one of
// its block's two places in the workspace: the item in which the share begins
// may have begun before, and the one in which it ends may go on, so that there
// are no more. An item is counted by the block in which it begins, which begins
// at most one that it does not end: a counter a block. Whoever brings the
// number to that of the parts sets it back to 0, reads them in the order of
// their steps and goes on; nobody waits. Places are written and read thread by
// thread, since all blocks hold an item alike.
//
//===----------------------------------------------------------------------===//

#include "CoordForm.h"
#include "InlinePtx.h"
#include "Stream.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

namespace {
/// Registers that go to memory together.
constexpr int64_t kChunk = 4, kChunkBytes = 4 * kChunk;

/// Up to so many parts one warp folds alone, two on their way at a time: four
/// take as long to bring together what they have. Of more each has some.
constexpr int64_t kFewParts = 6;

int64_t countChunks(ValueRange values) {
  int64_t registers = 0;
  for (Value value : values)
    registers += getNumRegisters(cast<RankedTensorType>(value.getType()));
  return llvm::divideCeil(registers, kChunk);
}

/// Writes the code of one meeting.
class Meeting {
public:
  Meeting(MeetOp op, const Stream &stream, Value before, Value steps,
          Value rows, ValueRange own, const TypeConverter &converter,
          const KernelValues &values, ConversionPatternRewriter &rewriter)
      : op(op), stream(stream), rows(rows), own(own), converter(converter),
        values(values), e{rewriter, op.getLoc()}, rewriter(rewriter) {
    firstBlock = stream.findBlock(e, before);
    lastBlock = stream.findBlock(e, e.sub(e.add(before, steps), e.constant(1)));
    groups =
        op->getAttrOfType<IntegerAttr>(kThreadsAttr).getInt() / kGroupThreads;
    group = e.sub(
        arith::ShRUIOp::create(rewriter, e.loc, values.thread, e.constant(7)),
        e.constant(op->getAttrOfType<IntegerAttr>(kFirstGroupAttr).getInt()));
  }

  /// Whether this block has the whole item, and the item's registers if so.
  FailureOr<SmallVector<Value>> run();

private:
  using Registers = SmallVector<Value>;

  Registers exchange(Value hasRows);
  Value arrive();
  /// Combines the parts of blocks `first` on, up to `end`; nothing if there are
  /// none. `thread` is who has written what this thread reads.
  Registers fold(Value first, Value end, Value thread, Value predicate);
  Registers foldAll(Value hasRows);
  Registers foldWarps(ValueRange own, Value hasRows);
  Value getFirstPart(Value warp);
  bool isAlikeInRows();
  Registers combine(ValueRange first, ValueRange second);
  /// The registers that `make` gives where `condition` holds, else `others`.
  Registers choose(Value condition, ValueRange others,
                   llvm::function_ref<Registers()> make);
  /// Where `thread` has its registers of the part of `block`.
  Value getPlace(Value block, Value thread);
  void store(Value place, ValueRange registers, Value predicate);
  Registers load(Value place, Value predicate);

  MeetOp op;
  Stream stream;
  Value rows;
  ValueRange own;
  const TypeConverter &converter;
  const KernelValues &values;
  StreamEmitter e;
  ConversionPatternRewriter &rewriter;
  /// Those that have some of the item; the number of this thread's group, and
  /// how many there are.
  Value firstBlock, lastBlock, group;
  int64_t groups = 1;
};
} // namespace

Value Meeting::getPlace(Value block, Value thread) {
  // Where its share begins in an item a block has the first place, of the item
  // in which it ends the second.
  Value isItsLast = e.compare(arith::CmpIPredicate::eq, block, firstBlock);
  Value number = e.add(e.mul(block, e.constant(2)),
                       arith::ExtUIOp::create(
                           rewriter, e.loc, rewriter.getI32Type(), isItsLast));
  number = e.add(e.mul(number, e.constant(groups)), group);
  Value bytes = arith::MulIOp::create(
      rewriter, e.loc, e.widen(number),
      arith::ConstantIntOp::create(rewriter, e.loc, rewriter.getI64Type(),
                                   getMeetingBytes(op)));
  bytes = arith::AddIOp::create(
      rewriter, e.loc, bytes, e.widen(e.mul(thread, e.constant(kChunkBytes))));
  return LLVM::GEPOp::create(rewriter, e.loc, stream.workspace.getType(),
                             rewriter.getI8Type(), stream.workspace,
                             LLVM::GEPArg(bytes));
}

/// In chunks, those of neighbouring threads beside each other.
void Meeting::store(Value place, ValueRange registers, Value predicate) {
  SmallVector<Value> bits;
  for (Value value : registers)
    bits.push_back(value.getType().isInteger()
                       ? value
                       : LLVM::BitcastOp::create(rewriter, e.loc,
                                                 rewriter.getI32Type(), value)
                             .getResult());
  while (bits.size() % kChunk)
    bits.push_back(bits.back());
  for (size_t i = 0; i < bits.size(); i += kChunk)
    storeGlobalChunkIf(rewriter, e.loc, place, i * 4 * kGroupThreads,
                       ArrayRef(bits).slice(i, kChunk), predicate);
}

Meeting::Registers Meeting::load(Value place, Value predicate) {
  Registers registers;
  for (size_t i = 0; i < own.size(); i += kChunk)
    for (Value bits : loadGlobalChunkIf(rewriter, e.loc, place,
                                        i * 4 * kGroupThreads, predicate)) {
      if (registers.size() == own.size())
        break;
      Type type = own[registers.size()].getType();
      registers.push_back(type.isInteger() ? bits
                                           : LLVM::BitcastOp::create(
                                                 rewriter, e.loc, type, bits)
                                                 .getResult());
    }
  return registers;
}

Meeting::Registers Meeting::choose(Value condition, ValueRange others,
                                   llvm::function_ref<Registers()> make) {
  auto choice = scf::IfOp::create(rewriter, e.loc, others.getTypes(), condition,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(rewriter, e.loc, others);
  rewriter.setInsertionPointToStart(choice.thenBlock());
  Registers made = make();
  scf::YieldOp::create(rewriter, e.loc, made);
  return Registers(choice.getResults());
}

Meeting::Registers Meeting::combine(ValueRange first, ValueRange second) {
  Block *block = rewriter.getInsertionBlock();
  Block::iterator point = rewriter.getInsertionPoint();
  Region &region = *block->getParent();
  rewriter.cloneRegionBefore(op.getMerge(), region, region.end());
  Block *copy = &region.back();
  TypeConverter::SignatureConversion signature(copy->getNumArguments());
  // What the types become was asked for when the op's values were converted.
  [[maybe_unused]] LogicalResult known =
      converter.convertSignatureArgs(copy->getArgumentTypes(), signature);
  copy = rewriter.applySignatureConversion(copy, signature, &converter);
  auto yield = cast<pipe::YieldOp>(copy->getTerminator());
  SmallVector<Value> sides(first);
  llvm::append_range(sides, second);
  rewriter.inlineBlockBefore(copy, block, point, sides);
  rewriter.setInsertionPoint(yield);
  Registers registers;
  for (Value value : yield.getValues()) {
    SmallVector<Type> types;
    known = converter.convertType(value.getType(), types);
    llvm::append_range(registers, UnrealizedConversionCastOp::create(
                                      rewriter, e.loc, types, value)
                                      .getResults());
  }
  rewriter.eraseOp(yield);
  rewriter.setInsertionPoint(block, point);
  return registers;
}

/// Two parts are on their way at a time.
Meeting::Registers Meeting::fold(Value first, Value end, Value thread,
                                 Value predicate) {
  auto loadPart = [&](Value block) {
    Value exists = e.compare(arith::CmpIPredicate::slt, block, end);
    return load(getPlace(block, thread), e.both(predicate, exists));
  };
  Registers start = loadPart(first);
  Value one = e.constant(1);
  auto loop = scf::ForOp::create(rewriter, e.loc, e.add(first, one), end,
                                 e.constant(2), start);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value next = e.add(loop.getInductionVar(), one);
  Registers left = loadPart(loop.getInductionVar()), right = loadPart(next);
  Registers state = combine(loop.getRegionIterArgs(), left);
  state = choose(e.compare(arith::CmpIPredicate::slt, next, end), state,
                 [&] { return combine(state, right); });
  scf::YieldOp::create(rewriter, e.loc, state);
  return Registers(loop.getResults());
}

/// The first of the parts that a warp folds where warps share them.
Value Meeting::getFirstPart(Value warp) {
  Value count = e.sub(e.add(lastBlock, e.constant(1)), firstBlock);
  return e.add(firstBlock,
               arith::CeilDivUIOp::create(rewriter, e.loc, e.mul(count, warp),
                                          e.constant(kGroupWarps)));
}

/// What warps have folded, of which each has some, in a tree: at each level
/// half of those that are left send theirs to the ones before. Of the results
/// the first warp's alone counts.
Meeting::Registers Meeting::foldWarps(ValueRange own, Value hasRows) {
  Value warp = values.warpInGroup, one = e.constant(1);
  Value place = getPlace(getFirstPart(warp), values.lane);
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
    Registers part = load(getPlace(other, values.lane), hasRows);
    return combine(loop.getRegionIterArgs(), part);
  });
  scf::YieldOp::create(rewriter, e.loc, state);
  return Registers(loop.getResults());
}

/// Whether `merge` does the same in all rows: nothing of it is of a row's
/// place.
bool Meeting::isAlikeInRows() {
  return llvm::all_of(op.getMerge().front(), [&](Operation &inner) {
    return !isa<CoordOp, GatherOp>(inner) &&
           llvm::all_of(inner.getOperands(), [&](Value value) {
             return !isa<RankedTensorType>(value.getType()) ||
                    op.getMerge().isAncestor(value.getParentRegion()) ||
                    matchPattern(value, m_Constant());
           });
  });
}

/// Where all rows that count are the first warp's, and parts are many, each
/// warp folds a run of them in its place: a thread stands for the first warp's
/// of its lane.
Meeting::Registers Meeting::foldAll(Value hasRows) {
  Value end = e.add(lastBlock, e.constant(1));
  FragmentAttr fragment = getFragment(op.getValues().front().getType());
  ArrayRef<DigitAttr> warps = fragment.getWarps();
  if (!rows || !isAlikeInRows() || warps.size() != 1 ||
      warps[0].getDim() != 0 || warps[0].getSize() != kGroupWarps)
    return fold(firstBlock, end, values.threadInGroup, hasRows);
  Value stride = e.constant(warps[0].getStride());
  Value isNarrow =
      e.both(e.compare(arith::CmpIPredicate::sle, rows, stride),
             e.compare(arith::CmpIPredicate::sge, e.sub(lastBlock, firstBlock),
                       e.constant(kFewParts)));
  Value row = *createThreadOffset(rewriter, e.loc, fragment, 0, values);
  Value rowOfLane = e.sub(row, e.mul(values.warpInGroup, stride));
  Value warp = values.warpInGroup;
  auto choosePlace = [&](Value narrow, Value wide) {
    return e.select(isNarrow, narrow, wide);
  };
  Value hasPart = choosePlace(
      e.compare(arith::CmpIPredicate::slt, rowOfLane, rows), hasRows);
  Registers state =
      fold(choosePlace(getFirstPart(warp), firstBlock),
           choosePlace(getFirstPart(e.add(warp, e.constant(1))), end),
           choosePlace(values.lane, values.threadInGroup), hasPart);
  return choose(isNarrow, state, [&] { return foldWarps(state, hasPart); });
}

/// Counts this part of the item; whether it is the last. Nobody else comes to
/// the counter in this launch then, so that a store sets it back, and launches
/// that share it may not overlap.
Value Meeting::arrive() {
  createGroupBarrier(rewriter, op, values);
  Value number = e.add(e.mul(firstBlock, e.constant(groups)), group);
  Value counter = LLVM::GEPOp::create(
      rewriter, e.loc, stream.counters.getType(), rewriter.getI32Type(),
      stream.counters, LLVM::GEPArg(e.widen(number)));
  auto first = scf::IfOp::create(rewriter, e.loc, rewriter.getI32Type(),
                                 values.isFirstInGroup, true);
  {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(first.thenBlock());
    // It stands for the threads that the barrier has ordered before this one,
    // and after the next barrier for those behind it.
    auto fence = [&] {
      LLVM::FenceOp::create(rewriter, e.loc, LLVM::AtomicOrdering::acq_rel,
                            "device");
    };
    fence();
    Value arrived = LLVM::AtomicRMWOp::create(
        rewriter, e.loc, LLVM::AtomicBinOp::add, counter, e.constant(1),
        LLVM::AtomicOrdering::monotonic, "device");
    fence();
    Value isLast = e.compare(arith::CmpIPredicate::eq, arrived,
                             e.sub(lastBlock, firstBlock));
    storeGlobalIf(rewriter, e.loc, counter, /*offset=*/0, e.constant(0),
                  isLast);
    scf::YieldOp::create(rewriter, e.loc,
                         ValueRange(arith::ExtUIOp::create(
                             rewriter, e.loc, rewriter.getI32Type(), isLast)));
    rewriter.setInsertionPointToStart(first.elseBlock());
    scf::YieldOp::create(rewriter, e.loc, e.constant(0));
  }
  return reduceOverGroup(rewriter, op, first.getResult(0), values);
}

Meeting::Registers Meeting::exchange(Value hasRows) {
  Value block =
      NVVM::BlockIdXOp::create(rewriter, e.loc, rewriter.getI32Type());
  store(getPlace(block, values.threadInGroup), own, hasRows);
  Value isLast = arrive();
  Registers whole = choose(isLast, own, [&] { return foldAll(hasRows); });
  whole.insert(whole.begin(), isLast);
  return whole;
}

FailureOr<SmallVector<Value>> Meeting::run() {
  Value hasRows = arith::ConstantIntOp::create(rewriter, e.loc, 1, 1);
  if (rows) {
    FailureOr<Value> row = createThreadOffset(
        rewriter, e.loc, getFragment(op.getValues().front().getType()), 0,
        values);
    if (failed(row))
      return failure();
    hasRows = e.compare(arith::CmpIPredicate::slt, *row, rows);
  }
  Registers alone = {arith::ConstantIntOp::create(rewriter, e.loc, 1, 1)};
  llvm::append_range(alone, own);
  return choose(e.compare(arith::CmpIPredicate::ne, firstBlock, lastBlock),
                alone, [&] { return exchange(hasRows); });
}

namespace {
struct MeetLowering : OpConversionPattern<MeetOp> {
  MeetLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(MeetOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> own;
    for (ValueRange value : adaptor.getValues())
      llvm::append_range(own, value);
    FailureOr<SmallVector<Value>> whole =
        Meeting(op, Stream(adaptor.getWork()), adaptor.getBefore()[0],
                adaptor.getSteps()[0],
                op.getRows() ? adaptor.getRows()[0] : Value(), own,
                *getTypeConverter(), values, rewriter)
            .run();
    if (failed(whole))
      return rewriter.notifyMatchFailure(op, "has digits that are no powers "
                                             "of 2");
    SmallVector<SmallVector<Value>> replacements = {{whole->front()}};
    ArrayRef<Value> rest = ArrayRef(*whole).drop_front();
    for (ValueRange value : adaptor.getValues()) {
      replacements.push_back(llvm::to_vector(rest.take_front(value.size())));
      rest = rest.drop_front(value.size());
    }
    rewriter.replaceOpWithMultiple(op, replacements);
    return success();
  }

  const KernelValues &values;
};
} // namespace

int64_t attn::nvidia::getMeetingBytes(MeetOp op) {
  return countChunks(op.getValues()) * kChunkBytes * kGroupThreads;
}

void attn::nvidia::populateMeetingPatterns(const TypeConverter &converter,
                                           const KernelValues &values,
                                           RewritePatternSet &patterns) {
  patterns.add<MeetLowering>(converter, patterns.getContext(), values);
}
