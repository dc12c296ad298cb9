//===- Meeting.cpp - where blocks bring parts of an item together ---------===//

#include "Meeting.h"

#include "CoordForm.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Registers that go to memory together.
static constexpr int64_t kChunk = 4;

static int64_t countChunks(ValueRange values) {
  int64_t registers = 0;
  for (Value value : values)
    registers += getNumRegisters(cast<RankedTensorType>(value.getType()));
  return llvm::divideCeil(registers, kChunk);
}

Meeting::Meeting(MeetOp op, const Operands &operands,
                 const TypeConverter &converter, const KernelValues &values,
                 ConversionPatternRewriter &rewriter)
    : op(op), stream(operands.work), before(operands.before),
      steps(operands.steps), rows(operands.rows), own(operands.own),
      converter(converter), values(values), e{rewriter, op.getLoc(), values},
      rewriter(rewriter) {
  groups = op->getAttrOfType<IntegerAttr>(kThreadsAttr).getInt() /
           values.getGroupThreads();
  group = e.sub(
      arith::ShRUIOp::create(
          rewriter, e.loc, values.thread,
          e.constant(llvm::Log2_64(values.getGroupThreads()))),
      e.constant(op->getAttrOfType<IntegerAttr>(kFirstGroupAttr).getInt()));
}

void Meeting::setInsertionPointBehind(ValueRange values) {
  rewriter.setInsertionPointToStart(op->getBlock());
  for (Value value : values) {
    Operation *definition = value.getDefiningOp();
    if (definition && definition->getBlock() == op->getBlock() &&
        !definition->isBeforeInBlock(&*rewriter.getInsertionPoint()))
      rewriter.setInsertionPointAfter(definition);
  }
}

//===-- Memory ------------------------------------------------------------===//

Value Meeting::getPlace(Value block, Value beginsThere) {
  // Where its share begins in an item a block has the first place, of the item
  // in which it ends the second.
  return e.add(e.mul(block, e.constant(2)),
               arith::ExtUIOp::create(rewriter, e.loc, rewriter.getI32Type(),
                                      beginsThere));
}

Value Meeting::getAddress(Value place, Value thread) {
  place = e.add(e.mul(place, e.constant(groups)), group);
  Value bytes =
      arith::MulIOp::create(rewriter, e.loc, e.widen(place),
                            arith::ConstantIntOp::create(
                                rewriter, e.loc, rewriter.getI64Type(),
                                getMeetingBytes(op, values.getGroupThreads())));
  bytes = arith::AddIOp::create(
      rewriter, e.loc, bytes, e.widen(e.mul(thread, e.constant(kChunkBytes))));
  return LLVM::GEPOp::create(rewriter, e.loc, stream.workspace.getType(),
                             rewriter.getI8Type(), stream.workspace,
                             LLVM::GEPArg(bytes));
}

Meeting::Registers Meeting::toWords(ValueRange registers) {
  Registers words;
  for (Value value : registers)
    words.push_back(value.getType().isInteger()
                        ? value
                        : LLVM::BitcastOp::create(rewriter, e.loc,
                                                  rewriter.getI32Type(), value)
                              .getResult());
  while (words.size() % kChunk)
    words.push_back(words.back());
  return words;
}

Meeting::Registers Meeting::fromWords(ArrayRef<Value> words) {
  Registers registers;
  for (auto [word, like] : llvm::zip(words, own)) {
    Type type = like.getType();
    registers.push_back(
        type.isInteger()
            ? word
            : LLVM::BitcastOp::create(rewriter, e.loc, type, word).getResult());
  }
  return registers;
}

/// In chunks, those of neighbouring threads beside each other.
void Meeting::store(Value address, ValueRange registers, Value predicate) {
  Registers words = toWords(registers);
  for (size_t i = 0; i < words.size(); i += kChunk)
    values.getPrimitives().storeChunkIf(
        rewriter, e.loc, address, i * 4 * values.getGroupThreads(),
        ArrayRef(words).slice(i, kChunk), predicate);
}

Meeting::Registers Meeting::load(Value address, Value predicate) {
  Registers words;
  for (size_t i = 0; i < own.size(); i += kChunk)
    llvm::append_range(words, values.getPrimitives().loadChunkIf(
                                  rewriter, e.loc, address,
                                  i * 4 * values.getGroupThreads(), predicate));
  return fromWords(words);
}

//===-- Values ------------------------------------------------------------===//

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

//===-- Rows --------------------------------------------------------------===//

Value Meeting::createHasRows() {
  if (!rows)
    return arith::ConstantIntOp::create(rewriter, e.loc, 1, 1);
  FailureOr<Value> row = createThreadOffset(
      rewriter, e.loc, getFragment(op.getValues().front().getType()), 0,
      values);
  if (failed(row))
    return {};
  return e.compare(arith::CmpIPredicate::slt, *row, rows);
}

/// Whether `merge` does the same in all rows: nothing of it is of a row's
/// place.
static bool isAlikeInRows(MeetOp op) {
  auto isOfPlace = [&](Operation *inner) {
    return isa<CoordOp, GatherOp>(inner) ||
           llvm::any_of(inner->getOperands(), [&](Value value) {
             return isa<RankedTensorType>(value.getType()) &&
                    !op.getMerge().isAncestor(value.getParentRegion()) &&
                    !matchPattern(value, m_Constant());
           });
  };
  return !op.getMerge()
              .walk([&](Operation *inner) {
                return isOfPlace(inner) ? WalkResult::interrupt()
                                        : WalkResult::advance();
              })
              .wasInterrupted();
}

/// From the first row of a warp to that of the next one, where all rows that
/// count may be the first one's.
static std::optional<int64_t> getRowsOfWarp(MeetOp op) {
  FragmentAttr fragment = getFragment(op.getValues().front().getType());
  ArrayRef<DigitAttr> warps = fragment.getWarps();
  if (!op.getRows() || !isAlikeInRows(op) || warps.size() != 1 ||
      warps[0].getDim() != 0 || warps[0].getSize() != kGroupWarps)
    return std::nullopt;
  return warps[0].getStride();
}

std::optional<Meeting::Narrow> Meeting::createNarrow() {
  FragmentAttr fragment = getFragment(op.getValues().front().getType());
  std::optional<int64_t> rowsOfWarp = getRowsOfWarp(op);
  if (!rowsOfWarp || !op->hasAttr(kExchangeAttr))
    return std::nullopt;
  Value stride = e.constant(*rowsOfWarp);
  Value row = *createThreadOffset(rewriter, e.loc, fragment, 0, values);
  Value rowOfLane = e.sub(row, e.mul(values.warpInGroup, stride));
  return Narrow{e.compare(arith::CmpIPredicate::sle, rows, stride),
                e.compare(arith::CmpIPredicate::slt, rowOfLane, rows)};
}

//===-- Warps -------------------------------------------------------------===//

// In shared memory, for each group: what two warps send, chunk by chunk. Those
// that send at the second level have read before what was where they write.

/// What a warp sends.
static int64_t getSentBytes(MeetOp op, const KernelValues &values) {
  return countChunks(op.getValues()) * kChunkBytes *
         values.architecture->warpSize;
}

static int64_t getExchangeBytesOfGroup(MeetOp op, const KernelValues &values) {
  return kGroupWarps / 2 * getSentBytes(op, values);
}

int64_t attn::gpu::getExchangeBytes(MeetOp op, const KernelValues &values) {
  return getRowsOfWarp(op) ? op->getParentOfType<RoleOp>().getGroups() *
                                 getExchangeBytesOfGroup(op, values)
                           : 0;
}

Value Meeting::getSent(Value warp) {
  Value memory =
      createByteOffset(rewriter, e.loc, values.shared,
                       op->getAttrOfType<IntegerAttr>(kExchangeAttr).getInt());
  Value ofGroup = e.mul(group, e.constant(getExchangeBytesOfGroup(op, values)));
  Value place = arith::ShRUIOp::create(rewriter, e.loc, warp, e.constant(1));
  Value bytes = e.add(e.mul(place, e.constant(getSentBytes(op, values))),
                      e.mul(values.lane, e.constant(kChunkBytes)));
  return createByteOffset(rewriter, e.loc, memory, e.add(ofGroup, bytes));
}

void Meeting::send(Value place, ValueRange registers) {
  Registers words = toWords(registers);
  auto type = VectorType::get({kChunk}, rewriter.getI32Type());
  for (size_t i = 0; i < words.size(); i += kChunk) {
    Value chunk = LLVM::UndefOp::create(rewriter, e.loc, type);
    for (int64_t j = 0; j < kChunk; ++j)
      chunk = LLVM::InsertElementOp::create(rewriter, e.loc, chunk,
                                            words[i + j], e.constant(j));
    LLVM::StoreOp::create(
        rewriter, e.loc, chunk,
        createByteOffset(rewriter, e.loc, place,
                         i * 4 * values.architecture->warpSize),
        kChunkBytes);
  }
}

Meeting::Registers Meeting::receive(Value place) {
  Registers words;
  auto type = VectorType::get({kChunk}, rewriter.getI32Type());
  for (size_t i = 0; i < own.size(); i += kChunk) {
    Value chunk = LLVM::LoadOp::create(
        rewriter, e.loc, type,
        createByteOffset(rewriter, e.loc, place,
                         i * 4 * values.architecture->warpSize),
        kChunkBytes);
    for (int64_t j = 0; j < kChunk; ++j)
      words.push_back(LLVM::ExtractElementOp::create(rewriter, e.loc, chunk,
                                                     e.constant(j)));
  }
  return fromWords(words);
}

Meeting::Registers Meeting::joinWarps(ValueRange own) {
  Value warp = values.warpInGroup, one = e.constant(1);
  // What others have read of the exchange before.
  createGroupBarrier(rewriter, op, values);
  auto loop =
      scf::ForOp::create(rewriter, e.loc, e.constant(0),
                         e.constant(llvm::Log2_64(kGroupWarps)), one, own);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  ValueRange state = loop.getRegionIterArgs();
  Value distance =
      arith::ShLIOp::create(rewriter, e.loc, one, loop.getInductionVar());
  Value within = e.both(warp, e.sub(e.add(distance, distance), one));
  auto sends = scf::IfOp::create(
      rewriter, e.loc, e.compare(arith::CmpIPredicate::eq, within, distance),
      /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(sends.thenBlock());
    send(getSent(warp), state);
  }
  createGroupBarrier(rewriter, op, values);
  Value isTaker = e.compare(arith::CmpIPredicate::eq, within, e.constant(0));
  Registers joined = choose(isTaker, state, [&] {
    return combine(state, receive(getSent(e.add(warp, distance))));
  });
  scf::YieldOp::create(rewriter, e.loc, joined);
  return Registers(loop.getResults());
}

//===-- Counters ----------------------------------------------------------===//

Value Meeting::arrive(Value counterBlock, Value all) {
  const Primitives &primitives = values.getPrimitives();
  primitives.release(rewriter, e.loc);
  createGroupBarrier(rewriter, op, values);
  Value number = e.add(e.mul(counterBlock, e.constant(groups)), group);
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
    Value one = e.constant(1);
    Value arrived = primitives.exchange(rewriter, e.loc, counter, one);
    Value isLast =
        e.compare(arith::CmpIPredicate::eq, arrived, e.sub(all, one));
    primitives.storeGlobalIf(rewriter, e.loc, counter, /*offset=*/0,
                             e.constant(0), isLast);
    scf::YieldOp::create(rewriter, e.loc,
                         ValueRange(arith::ExtUIOp::create(
                             rewriter, e.loc, rewriter.getI32Type(), isLast)));
    rewriter.setInsertionPointToStart(first.elseBlock());
    scf::YieldOp::create(rewriter, e.loc, e.constant(0));
  }
  Value isLast = meetAndTake(rewriter, op, first.getResult(0), values);
  primitives.acquire(rewriter, e.loc);
  return isLast;
}

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

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
    Meeting::Operands operands{
        adaptor.getWork(), adaptor.getBefore()[0], adaptor.getSteps()[0],
        op.getRows() ? adaptor.getRows()[0] : Value(), own};
    FailureOr<Meeting::Registers> whole =
        lowerRuns(op, operands, *getTypeConverter(), values, rewriter);
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

int64_t attn::gpu::getMeetingBytes(MeetOp op, int64_t groupThreads) {
  return countChunks(op.getValues()) * kChunkBytes * groupThreads;
}

void attn::gpu::populateMeetingPatterns(const TypeConverter &converter,
                                        const KernelValues &values,
                                        RewritePatternSet &patterns) {
  patterns.add<MeetLowering>(converter, patterns.getContext(), values);
}
