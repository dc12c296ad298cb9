//===- LowerRings.cpp - rings become counters and copies ------------------===//
//
// A slot has two counters. `full` completes a phase when the producer has
// arrived and all bytes have, or where lanes copy, when their copies are done;
// `empty` when every reading group (of every block of the cluster) has arrived.
// A cursor carries the phase: a reader waits until `full` has completed it, a
// producer until `empty` has the one before.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

void attn::gpu::createSharedFence(OpBuilder &b, Location loc,
                                  const KernelValues &values) {
  if (values.architecture->bulk)
    values.architecture->bulk->fenceShared(b, loc);
}

namespace {
/// A ring's lowered values and a cursor's.
struct Place {
  Place(RingType type, const Architecture &architecture, ValueRange ring,
        ValueRange cursor)
      : layout(type, architecture), control(ring[0]), slots(ring[1]),
        descriptor(ring[2]), index(cursor[0]), phase(cursor[1]) {}

  Value getControl(OpBuilder &b, Location loc, int64_t offset) const {
    Value scaled = arith::MulIOp::create(
        b, loc, index, createI32(b, loc, RingLayout::kBarrierBytes));
    scaled = arith::AddIOp::create(b, loc, scaled, createI32(b, loc, offset));
    return createByteOffset(b, loc, control, scaled);
  }
  Value getFull(OpBuilder &b, Location loc) const {
    return getControl(b, loc, layout.getFullOffset());
  }
  Value getEmpty(OpBuilder &b, Location loc) const {
    return getControl(b, loc, layout.getEmptyOffset());
  }
  Value getMessage(OpBuilder &b, Location loc, int64_t number) const {
    return getControl(b, loc, layout.getMessageOffset(number));
  }
  Value getSlot(OpBuilder &b, Location loc) const {
    Value offset = arith::MulIOp::create(
        b, loc, index, createI32(b, loc, layout.getSlotBytes()));
    return createByteOffset(b, loc, slots, offset);
  }
  /// Bits 4 to 17 of the slot's address.
  Value getDescriptor(OpBuilder &b, Location loc) const {
    Value offset = arith::MulIOp::create(
        b, loc, index, createI32(b, loc, layout.getSlotBytes() / 16));
    offset = arith::ExtUIOp::create(b, loc, b.getI64Type(), offset);
    return arith::AddIOp::create(b, loc, descriptor, offset);
  }

  RingLayout layout;
  Value control, slots, descriptor, index, phase;
};

struct CursorLowering : OpConversionPattern<CursorOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(CursorOp op, OneToNOpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value zero = createI32(rewriter, op.getLoc(), 0);
    rewriter.replaceOpWithMultiple(op, {ValueRange{zero, zero}});
    return success();
  }
};

struct AdvanceLowering : OpConversionPattern<AdvanceOp> {
  AdvanceLowering(const TypeConverter &converter, MLIRContext *context,
                  const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(AdvanceOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    int64_t slots = op.getCursor().getType().getSlots();
    Value index = adaptor.getCursor()[0], phase = adaptor.getCursor()[1];
    Value one = createI32(rewriter, loc, 1), zero = createI32(rewriter, loc, 0);
    Value later =
        values.getPrimitives().getNextPhase(rewriter, loc, phase, one);
    if (slots == 1) {
      rewriter.replaceOpWithMultiple(op, {ValueRange{zero, later}});
      return success();
    }
    Value next = arith::AddIOp::create(rewriter, loc, index, one);
    Value wraps = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                        next, createI32(rewriter, loc, slots));
    next = arith::SelectOp::create(rewriter, loc, wraps, zero, next);
    phase = arith::SelectOp::create(rewriter, loc, wraps, later, phase);
    rewriter.replaceOpWithMultiple(op, {ValueRange{next, phase}});
    return success();
  }

  const KernelValues &values;
};

struct FillLowering : OpConversionPattern<FillOp> {
  FillLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(FillOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RingType type = op.getRing().getType();
    Place place(type, *values.architecture, adaptor.getRing(),
                adaptor.getCursor());
    const Architecture &architecture = *values.architecture;
    int64_t releases = op->getAttrOfType<IntegerAttr>(kReleasesAttr).getInt();
    bool isByThreads = op->hasAttr(kBarrierAttr);
    bool isByLanes = op->hasAttr(kCopyWarpsAttr);
    // A warp that is ahead leaves its place to those that multiply.
    Waiter waiter =
        isByLanes && getNumCopyWarps(op) == 1 ? Waiter::Ahead : Waiter::Needed;
    auto wait = [&] {
      const Primitives &primitives = *architecture.primitives;
      Value last = primitives.getLastPhase(rewriter, loc, place.phase,
                                           createI32(rewriter, loc, 1));
      primitives.waitReleased(rewriter, loc, place.getEmpty(rewriter, loc),
                              last, releases, waiter);
    };
    if (isByLanes)
      return fillByLanes(op, adaptor, place, wait, rewriter);
    OpBuilder::InsertionGuard guard(rewriter);
    if (op->hasAttr(kTurnAttr))
      beginTurn(op, place, rewriter);
    wait();
    if (isByThreads)
      return fillByThreads(op, adaptor, place, rewriter);
    Value full = place.getFull(rewriter, loc);
    for (auto [number, message] : llvm::enumerate(adaptor.getMessages()))
      LLVM::StoreOp::create(rewriter, loc, message[0],
                            place.getMessage(rewriter, loc, number));
    if (failed(architecture.bulk->start(
            op, full, [&] { return place.getSlot(rewriter, loc); }, values,
            rewriter)))
      return failure();
    rewriter.eraseOp(op);
    return success();
  }

private:
  static int64_t getNumCopyWarps(FillOp op) {
    return op->getAttrOfType<IntegerAttr>(kCopyWarpsAttr).getInt();
  }

  /// What `isSender` says sends the messages.
  void sendMessages(OneToNOpAdaptor adaptor, Place &place, Value isSender,
                    ConversionPatternRewriter &rewriter) const {
    if (adaptor.getMessages().empty())
      return;
    Location loc = isSender.getLoc();
    auto ifFirst = scf::IfOp::create(rewriter, loc, isSender, false);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(ifFirst.thenBlock());
    for (auto [number, message] : llvm::enumerate(adaptor.getMessages()))
      LLVM::StoreOp::create(rewriter, loc, message[0],
                            place.getMessage(rewriter, loc, number));
  }

  /// The values that stand for `tensor`, which is no operand of the op.
  FailureOr<SmallVector<Value>>
  convertTensor(Value tensor, ConversionPatternRewriter &rewriter) const {
    SmallVector<Type> types;
    if (failed(getTypeConverter()->convertType(tensor.getType(), types)))
      return failure();
    return getTypeConverter()->materializeTargetConversion(
        rewriter, tensor.getLoc(), types, tensor);
  }

  /// Writes what stands in a fill: loads as copies to `slot` by `copy`, which
  /// is of lanes or of threads, and what computes their coordinates.
  using Copy = llvm::function_ref<void(LoadOp load, ValueRange source,
                                       ValueRange indices)>;
  LogicalResult copyNested(FillOp op, Value slot, Copy copy,
                           ConversionPatternRewriter &rewriter) const {
    for (Operation &nested : llvm::make_early_inc_range(op.getBody().front())) {
      if (auto load = dyn_cast<LoadOp>(nested)) {
        SmallVector<Value> indices;
        if (failed(rewriter.getRemappedValues(load.getIndices(), indices)))
          return failure();
        auto source = convertTensor(load.getSource(), rewriter);
        if (failed(source))
          return failure();
        copy(load, *source, indices);
      } else if (auto widen = dyn_cast<WidenOp>(nested)) {
        auto source = convertTensor(widen.getSource(), rewriter);
        if (failed(source))
          return failure();
        widenByThreads(rewriter, widen, (*source)[0], slot, values);
      } else if (!nested.hasTrait<OpTrait::IsTerminator>()) {
        rewriter.moveOpBefore(&nested, op);
      }
    }
    return success();
  }

  /// What follows is for the warp whose filling it is: the one of the ring, or
  /// whose turn it is by the number of the filling, counted over all rings that
  /// the role fills.
  void beginTurn(FillOp op, Place &place,
                 ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    auto i32 = [&](int64_t value) { return createI32(rewriter, loc, value); };
    // All warps compute what coordinates are made of.
    for (Operation &nested : llvm::make_early_inc_range(op.getBody().front()))
      if (!isa<LoadOp>(nested) && !nested.hasTrait<OpTrait::IsTerminator>())
        rewriter.moveOpBefore(&nested, op);
    int64_t turns = op->getAttrOfType<IntegerAttr>(kTurnsAttr).getInt();
    int64_t turn = op->getAttrOfType<IntegerAttr>(kTurnAttr).getInt();
    Value number = i32(turn % kGroupWarps);
    if (turns != 0) {
      number = arith::MulIOp::create(rewriter, loc, place.phase,
                                     i32(op.getRing().getType().getSlots()));
      number = arith::AddIOp::create(rewriter, loc, number, place.index);
      number = arith::MulIOp::create(rewriter, loc, number, i32(turns));
      number = arith::AddIOp::create(rewriter, loc, number, i32(turn));
      number =
          arith::AndIOp::create(rewriter, loc, number, i32(kGroupWarps - 1));
    }
    Value isOwn = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                        number, values.warpInGroup);
    auto choice = scf::IfOp::create(rewriter, loc, isOwn,
                                    /*withElseRegion=*/false);
    rewriter.setInsertionPointToStart(choice.thenBlock());
  }

  /// The warp that copies goes on to the next filling as soon as it can.
  LogicalResult fillByLanes(FillOp op, OneToNOpAdaptor adaptor, Place &place,
                            llvm::function_ref<void()> wait,
                            ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    OpBuilder::InsertionGuard guard(rewriter);
    if (op->hasAttr(kTurnAttr))
      beginTurn(op, place, rewriter);
    Value isSender =
        getNumCopyWarps(op) == 1 ? values.isFirstInWarp : values.isFirstInGroup;
    auto begin = [&] {
      wait();
      sendMessages(adaptor, place, isSender, rewriter);
    };
    std::unique_ptr<LaneCopier> copier =
        values.getPrimitives().createLaneCopier(rewriter, begin);
    Value slot = place.getSlot(rewriter, loc);
    auto copy = [&](LoadOp load, ValueRange source, ValueRange indices) {
      copyByLanes(rewriter, load, source, indices, slot, values, *copier);
    };
    if (failed(copyNested(op, slot, copy, rewriter)))
      return failure();
    copier->finish(rewriter, loc, place.getFull(rewriter, loc), values,
                   isSender, !adaptor.getMessages().empty());
    rewriter.eraseOp(op);
    return success();
  }

  /// The group's threads copy and meet; one of them, whose arrival is all that
  /// the slot waits for, sends the messages.
  LogicalResult fillByThreads(FillOp op, OneToNOpAdaptor adaptor, Place &place,
                              ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    sendMessages(adaptor, place, values.isFirstInGroup, rewriter);
    Value slot = place.getSlot(rewriter, loc);
    auto copy = [&](LoadOp load, ValueRange source, ValueRange indices) {
      copyByThreads(rewriter, load, source, indices, slot, values);
    };
    if (failed(copyNested(op, slot, copy, rewriter)))
      return failure();
    // Products read what threads wrote by another way.
    createSharedFence(rewriter, loc, values);
    createGroupBarrier(rewriter, op, values);
    values.getPrimitives().arriveIf(rewriter, loc, place.getFull(rewriter, loc),
                                    values.isFirstInGroup);
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};

struct WaitLowering : OpConversionPattern<WaitOp> {
  WaitLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(WaitOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Place place(op.getRing().getType(), *values.architecture, adaptor.getRing(),
                adaptor.getCursor());
    int64_t arrivals = op->getAttrOfType<IntegerAttr>(kArrivalsAttr).getInt();
    values.getPrimitives().waitFilled(
        rewriter, loc, place.getFull(rewriter, loc), place.phase, arrivals);
    Value slot = place.getSlot(rewriter, loc);
    // Products take descriptors from registers that a warp's lanes share, and
    // ptxas moves each there before its product unless it knows that lanes
    // agree: after a loop whose end came from memory it does not.
    if (values.architecture->bulk && op.getRing().getType().getSlots() > 1 &&
        llvm::any_of(op->getUsers(), llvm::IsaPred<MmaAsyncOp>))
      place.index =
          values.getPrimitives().takeFirst(rewriter, loc, place.index);
    rewriter.replaceOpWithMultiple(
        op, {ValueRange{slot, place.getDescriptor(rewriter, loc)}});
    return success();
  }

  const KernelValues &values;
};

/// One lane of each warp reads, and all have the value before one releases the
/// slot; it is said to be uniform over the warp.
struct MessageLowering : OpConversionPattern<MessageOp> {
  MessageLowering(const TypeConverter &converter, MLIRContext *context,
                  const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(MessageOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Place place(op.getRing().getType(), *values.architecture, adaptor.getRing(),
                adaptor.getCursor());
    rewriter.replaceOp(op,
                       values.getPrimitives().readMessage(
                           rewriter, loc, values,
                           place.getMessage(rewriter, loc, op.getNumber())));
    return success();
  }

  const KernelValues &values;
};

/// One thread arrives for its group: its own wait for the products that read
/// the slot came before. Where warps have read messages, or sides of products
/// of their own, one of each arrives. In a cluster, one for each block.
struct ReleaseLowering : OpConversionPattern<ReleaseOp> {
  ReleaseLowering(const TypeConverter &converter, MLIRContext *context,
                  const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(ReleaseOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RingType type = op.getRing().getType();
    Place place(type, *values.architecture, adaptor.getRing(),
                adaptor.getCursor());
    Value empty = place.getEmpty(rewriter, loc);
    const Primitives &primitives = values.getPrimitives();
    bool remote = type.getCluster() && values.cluster > 1;
    bool isReadByLanes = op->hasAttr(kByLanesAttr);
    bool isByWarps =
        op->hasAttr(kByWarpsAttr) || place.layout.getReleasesOfGroup() > 1;
    // By warps, lane r of each for block r; else, as blocks are at most as many
    // as warps, the first lane of warp r.
    Value number = isByWarps ? values.lane : values.warpInGroup;
    Value predicate =
        isByWarps || remote ? values.isFirstInWarp : values.isFirstInGroup;
    if (remote && (isByWarps || values.cluster < kGroupWarps)) {
      Value isBlock = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::ult, number,
          createI32(rewriter, loc, values.cluster));
      predicate =
          isByWarps
              ? isBlock
              : Value(arith::AndIOp::create(rewriter, loc, predicate, isBlock));
    }
    if (op.getCondition())
      predicate = arith::AndIOp::create(rewriter, loc, predicate,
                                        adaptor.getCondition()[0]);
    // One lane arrives for what all have read. Without the fence a copy may
    // come before what lanes are still reading: two blocks of a multiprocessor
    // had a wrong row in a thousand.
    if (isReadByLanes)
      createSharedFence(rewriter, loc, values);
    if (isReadByLanes || !values.architecture->bulk)
      primitives.joinWarp(rewriter, loc);
    if (remote)
      values.architecture->bulk->arriveAt(rewriter, loc, empty, number,
                                          predicate);
    else
      primitives.arriveIf(rewriter, loc, empty, predicate);
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateRingPatterns(const TypeConverter &converter,
                                     const KernelValues &values,
                                     RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<CursorLowering>(converter, context);
  patterns.add<AdvanceLowering, FillLowering, MessageLowering, ReleaseLowering,
               WaitLowering>(converter, context, values);
}
