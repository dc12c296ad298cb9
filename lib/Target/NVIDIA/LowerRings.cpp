//===- LowerRings.cpp - rings become mbarriers and copies -----------------===//
//
// A slot has two mbarriers. `full` completes a phase when the producer has
// arrived and all bytes have, or where lanes copy, when each lane's copies are
// done; `empty` when every reading group (of every block
// of the cluster) has arrived. A cursor carries the parity of the phase: a
// reader waits for `full`'s phase of that parity; a producer waits for the
// other parity of `empty`, which on a fresh barrier counts as complete.
//
//===----------------------------------------------------------------------===//

#include "InlinePtx.h"
#include "Lowering.h"
#include "attn/Target/NVIDIA/LaunchRecipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <map>

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

/// L2 eviction policies, as createpolicy.fractional.L2 encodes them for all
/// accesses (CUTLASS, TMA::CacheHintSm90).
static int64_t getCachePolicy(CacheHint hint) {
  switch (hint) {
  case CacheHint::Normal:
    return 0x1000000000000000;
  case CacheHint::EvictFirst:
    return 0x12F0000000000000;
  case CacheHint::EvictLast:
    return 0x14F0000000000000;
  }
  llvm_unreachable("unknown cache hint");
}

static WaitKind getWaitKind(const KernelValues &values) {
  return values.architecture->hasBulkCopies ? WaitKind::Suspended
                                            : WaitKind::Tested;
}

void attn::nvidia::createSharedFence(OpBuilder &b, Location loc,
                                     const KernelValues &values) {
  if (values.architecture->hasBulkCopies)
    NVVM::FenceProxyOp::create(
        b, loc, NVVM::ProxyKind::async_shared,
        NVVM::SharedSpaceAttr::get(b.getContext(),
                                   NVVM::SharedSpace::shared_cta));
}

namespace {
/// A ring's lowered values and a cursor's.
struct Place {
  Place(RingType type, const Architecture &architecture, ValueRange ring,
        ValueRange cursor)
      : layout(type, architecture), control(ring[0]), slots(ring[1]),
        descriptor(ring[2]), index(cursor[0]), parity(cursor[1]) {}

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
    return getControl(
        b, loc, layout.getMessageOffset() + number * RingLayout::kMessageBytes);
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
  Value control, slots, descriptor, index, parity;
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
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AdvanceOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    int64_t slots = op.getCursor().getType().getSlots();
    Value index = adaptor.getCursor()[0], parity = adaptor.getCursor()[1];
    Value one = createI32(rewriter, loc, 1), zero = createI32(rewriter, loc, 0);
    Value flipped = arith::XOrIOp::create(rewriter, loc, parity, one);
    if (slots == 1) {
      rewriter.replaceOpWithMultiple(op, {ValueRange{zero, flipped}});
      return success();
    }
    Value next = arith::AddIOp::create(rewriter, loc, index, one);
    Value wraps = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                        next, createI32(rewriter, loc, slots));
    next = arith::SelectOp::create(rewriter, loc, wraps, zero, next);
    parity = arith::SelectOp::create(rewriter, loc, wraps, flipped, parity);
    rewriter.replaceOpWithMultiple(op, {ValueRange{next, parity}});
    return success();
  }
};

/// Zeros for one row of a tile, by the thread that runs.
void clearRow(OpBuilder &b, Location loc, SharedType type, Value tile,
              Value row) {
  constexpr int64_t kChunk = 16;
  auto vector = VectorType::get(kChunk / 4, b.getI32Type());
  Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(vector));
  Value offset =
      arith::MulIOp::create(b, loc, row, createI32(b, loc, type.getSwizzle()));
  Value start = createByteOffset(b, loc, tile, offset);
  int64_t panelBytes = type.getNumRows() * type.getSwizzle();
  for (int64_t panel = 0; panel < type.getNumPanels(); ++panel)
    for (int64_t at = 0; at < type.getSwizzle(); at += kChunk)
      LLVM::StoreOp::create(
          b, loc, zeros,
          createByteOffset(b, loc, start, panel * panelBytes + at), kChunk);
}

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
    Value parity = arith::XOrIOp::create(rewriter, loc, place.parity,
                                         createI32(rewriter, loc, 1));
    bool isByLanes = op->hasAttr(kCopyWarpsAttr);
    // A warp that is ahead leaves its place to those that multiply.
    bool isAhead = isByLanes && getNumCopyWarps(op) == 1;
    waitBarrier(rewriter, loc, place.getEmpty(rewriter, loc), parity,
                isAhead ? WaitKind::Rested : getWaitKind(values));
    if (op->hasAttr(kBarrierAttr))
      return fillByThreads(op, adaptor, place, rewriter);
    if (isByLanes)
      return fillByLanes(op, adaptor, place, rewriter);
    Value full = place.getFull(rewriter, loc);
    for (auto [number, message] : llvm::enumerate(adaptor.getMessages()))
      LLVM::StoreOp::create(rewriter, loc, message[0],
                            place.getMessage(rewriter, loc, number));
    Block &body = op.getBody().front();
    int64_t bytes = 0;
    for (auto load : body.getOps<LoadOp>())
      bytes += load.getNumRows() *
               (place.layout.getSlotBytes() / type.getSlot().getNumRows());
    if (bytes == 0)
      arriveIf(rewriter, loc, full,
               arith::ConstantIntOp::create(rewriter, loc, 1, 1));
    else
      NVVM::MBarrierArriveExpectTxOp::create(
          rewriter, loc, Type(), full, createI32(rewriter, loc, bytes),
          NVVM::MemScopeKind::CTA, /*relaxed=*/false, Value());
    Value slot = place.getSlot(rewriter, loc);
    for (Operation &nested : llvm::make_early_inc_range(body)) {
      if (auto load = dyn_cast<LoadOp>(nested)) {
        if (failed(lowerLoad(load, type, full, slot, rewriter)))
          return failure();
      } else if (!nested.hasTrait<OpTrait::IsTerminator>()) {
        rewriter.moveOpBefore(&nested, op);
      }
    }
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
  LogicalResult copyNested(FillOp op, Value slot, decltype(copyByLanes) copy,
                           ConversionPatternRewriter &rewriter) const {
    for (Operation &nested : llvm::make_early_inc_range(op.getBody().front())) {
      if (auto load = dyn_cast<LoadOp>(nested)) {
        SmallVector<Value> indices;
        if (failed(rewriter.getRemappedValues(load.getIndices(), indices)))
          return failure();
        auto source = convertTensor(load.getSource(), rewriter);
        if (failed(source))
          return failure();
        copy(rewriter, load, *source, indices, slot, values);
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

  /// Each lane arrives when its copies are done, by the time all of which are
  /// the others need not wait for it; the one that sends messages also when it
  /// has sent them.
  LogicalResult fillByLanes(FillOp op, OneToNOpAdaptor adaptor, Place &place,
                            ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    Value isSender =
        getNumCopyWarps(op) == 1 ? values.isFirstInWarp : values.isFirstInGroup;
    sendMessages(adaptor, place, isSender, rewriter);
    Value slot = place.getSlot(rewriter, loc);
    if (failed(copyNested(op, slot, copyByLanes, rewriter)))
      return failure();
    Value full = place.getFull(rewriter, loc);
    NVVM::CpAsyncMBarrierArriveOp::create(rewriter, loc, full, /*noinc=*/true);
    if (!adaptor.getMessages().empty())
      arriveIf(rewriter, loc, full, isSender);
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
    if (failed(copyNested(op, slot, copyByThreads, rewriter)))
      return failure();
    // Products read what threads wrote by another way.
    createSharedFence(rewriter, loc, values);
    createGroupBarrier(rewriter, op, values);
    arriveIf(rewriter, loc, place.getFull(rewriter, loc),
             values.isFirstInGroup);
    rewriter.eraseOp(op);
    return success();
  }

  /// One copy a panel. In a cluster ring, of this block's share of the rows, to
  /// all blocks.
  LogicalResult lowerLoad(LoadOp load, RingType type, Value full, Value slot,
                          ConversionPatternRewriter &rewriter) const {
    Location loc = load.getLoc();
    SharedType tile = type.getSlot();
    SmallVector<Value> indices;
    if (failed(rewriter.getRemappedValues(load.getIndices(), indices)))
      return failure();
    auto number = load->getAttrOfType<IntegerAttr>(kMapAttr);
    Value map = values.maps[number.getInt()];
    // Innermost first, as the instruction has them.
    SmallVector<Value> coordinates;
    for (int64_t dim :
         llvm::reverse(getMapOrder(indices.size(), load.getPackingAttr())))
      coordinates.push_back(indices[dim]);
    Value destination = createByteOffset(
        rewriter, loc, slot, load.getFirstRow() * tile.getSwizzle());
    Value multicast;
    bool shares = type.getCluster() && values.cluster > 1;
    if (shares) {
      int64_t rows = tile.getNumRows() / values.cluster;
      Value row = arith::MulIOp::create(rewriter, loc, values.rank,
                                        createI32(rewriter, loc, rows));
      coordinates[1] =
          arith::AddIOp::create(rewriter, loc, coordinates[1], row);
      Value offset = arith::MulIOp::create(
          rewriter, loc, row, createI32(rewriter, loc, tile.getSwizzle()));
      destination = createByteOffset(rewriter, loc, destination, offset);
      multicast = arith::ConstantIntOp::create(
          rewriter, loc, rewriter.getI16Type(), (1 << values.cluster) - 1);
    }
    Value policy = arith::ConstantIntOp::create(
        rewriter, loc, rewriter.getI64Type(), getCachePolicy(load.getCache()));
    Value column = coordinates[0];
    for (int64_t panel = 0; panel < tile.getNumPanels(); ++panel) {
      Value target =
          createByteOffset(rewriter, loc, destination,
                           panel * tile.getNumRows() * tile.getSwizzle());
      if (shares)
        target = LLVM::AddrSpaceCastOp::create(
            rewriter, loc,
            LLVM::LLVMPointerType::get(
                getContext(),
                static_cast<unsigned>(NVVM::NVVMMemorySpace::SharedCluster)),
            target);
      coordinates[0] = column;
      if (panel)
        coordinates[0] = arith::AddIOp::create(
            rewriter, loc, column,
            createI32(rewriter, loc, panel * tile.getPanelColumns()));
      NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
          rewriter, loc, target, map, coordinates, full,
          /*im2colOffsets=*/ValueRange(), multicast, policy,
          NVVM::TMALoadMode::TILE, /*isCTAOnly=*/!shares,
          NVVM::CTAGroupKindAttr(), /*predicate=*/Value());
    }
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
    waitBarrier(rewriter, loc, place.getFull(rewriter, loc), place.parity,
                getWaitKind(values));
    rewriter.replaceOpWithMultiple(
        op, {ValueRange{place.getSlot(rewriter, loc),
                        place.getDescriptor(rewriter, loc)}});
    return success();
  }

  const KernelValues &values;
};

/// One lane of each warp reads, and all have the value before one releases the
/// slot; ptxas is told that it is uniform over the warp.
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
    Type type = rewriter.getI32Type();
    Value address = LLVM::PtrToIntOp::create(
        rewriter, loc, type, place.getMessage(rewriter, loc, op.getNumber()));
    Value message = loadSharedIf(rewriter, loc, address, values.isFirstInWarp);
    rewriter.replaceOpWithNewOp<NVVM::ShflOp>(
        op, type, createI32(rewriter, loc, -1), message,
        createI32(rewriter, loc, 0), createI32(rewriter, loc, kWarpSize - 1),
        NVVM::ShflKind::idx, UnitAttr());
    return success();
  }

  const KernelValues &values;
};

/// The group's threads write zeros, 16 bytes at a time, and meet. Where rows
/// lie in a panel is the same whatever the swizzle, which moves bytes in a row.
struct ClearLowering : OpConversionPattern<ClearOp> {
  ClearLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(ClearOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    constexpr int64_t kChunk = 16;
    Location loc = op.getLoc();
    SharedType type = op.getSlot().getType();
    auto i32 = [&](int64_t value) { return createI32(rewriter, loc, value); };
    int64_t panelBytes = type.getNumRows() * type.getSwizzle();
    Value row =
        arith::MaxSIOp::create(rewriter, loc, adaptor.getRow()[0], i32(0));
    Value first =
        arith::MulIOp::create(rewriter, loc, row, i32(type.getSwizzle()));
    first = arith::AddIOp::create(rewriter, loc, first,
                                  arith::MulIOp::create(rewriter, loc,
                                                        values.threadInGroup,
                                                        i32(kChunk)));
    auto vector = VectorType::get(4, rewriter.getI32Type());
    Value zeros =
        arith::ConstantOp::create(rewriter, loc, rewriter.getZeroAttr(vector));
    auto loop = scf::ForOp::create(rewriter, loc, first, i32(panelBytes),
                                   i32(kChunk * kGroupThreads));
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(loop.getBody());
      for (int64_t panel = 0; panel < type.getNumPanels(); ++panel) {
        Value offset = arith::AddIOp::create(
            rewriter, loc, loop.getInductionVar(), i32(panel * panelBytes));
        LLVM::StoreOp::create(
            rewriter, loc, zeros,
            createByteOffset(rewriter, loc, adaptor.getSlot()[0], offset),
            kChunk);
      }
    }
    createSharedFence(rewriter, loc, values);
    createGroupBarrier(rewriter, op, values);
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};

struct ClearRowLowering : OpConversionPattern<ClearRowOp> {
  ClearRowLowering(const TypeConverter &converter, MLIRContext *context,
                   const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(ClearRowOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto choice = scf::IfOp::create(rewriter, loc, adaptor.getCondition()[0],
                                    /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(choice.thenBlock());
    clearRow(rewriter, loc, op.getSlot().getType(), adaptor.getSlot()[0],
             adaptor.getRow()[0]);
    // Products read shared memory through another proxy. Threads that clear
    // nothing have nothing to wait for.
    createSharedFence(rewriter, loc, values);
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};

/// A lane's bits of all its rows are one word: bit 2 j + e is column 8 j + 2 c
/// + e, c the lane's place among the four of a row. Words are combined over the
/// rows of a warp by shuffles and over warps in shared memory.
struct ClearUnsetLowering : OpConversionPattern<ClearUnsetOp> {
  ClearUnsetLowering(const TypeConverter &converter, MLIRContext *context,
                     const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(ClearUnsetOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    constexpr int64_t kWord = 4;
    Location loc = op.getLoc();
    SharedType type = op.getSlot().getType();
    Type i32Type = rewriter.getI32Type();
    auto i32 = [&](int64_t value) { return createI32(rewriter, loc, value); };
    auto bits = [&](Value value, int64_t mask) -> Value {
      return arith::AndIOp::create(rewriter, loc, value, i32(mask));
    };
    auto shift = [&](Value value, int64_t count) -> Value {
      return arith::ShRUIOp::create(rewriter, loc, value, i32(count));
    };
    auto add = [&](Value a, Value c) -> Value {
      return arith::AddIOp::create(rewriter, loc, a, c);
    };
    auto scale = [&](Value value, int64_t factor) -> Value {
      return arith::MulIOp::create(rewriter, loc, value, i32(factor));
    };
    auto join = [&](Value a, Value c) -> Value {
      return arith::OrIOp::create(rewriter, loc, a, c);
    };
    auto meet = [&] {
      NVVM::BarrierOp::create(
          rewriter, loc, Type(),
          i32(op->getAttrOfType<IntegerAttr>(kBarrierAttr).getInt()),
          i32(op->getAttrOfType<IntegerAttr>(kThreadsAttr).getInt()),
          NVVM::BarrierReductionAttr(), Value());
    };
    int64_t numWarps =
        op->getAttrOfType<IntegerAttr>(kThreadsAttr).getInt() / kWarpSize;
    Value exchange = createByteOffset(
        rewriter, loc, values.shared,
        op->getAttrOfType<IntegerAttr>(kExchangeAttr).getInt());

    FragmentAttr fragment = getFragment(op.getBits().getType());
    // By bit, those of the lane's rows.
    std::map<int64_t, SmallVector<Value>> columns;
    for (auto [number, isSet] : llvm::enumerate(adaptor.getBits())) {
      int64_t column =
          FragmentAttr::getOffset(fragment.getRegisters(), number, 1);
      columns[column / 8 * 2 + column % 8].push_back(isSet);
    }
    Value word = i32(0);
    for (auto &[bit, rows] : columns) {
      Value either = rows.front();
      for (Value isSet : ArrayRef(rows).drop_front())
        either = join(either, isSet);
      word = join(word, arith::SelectOp::create(
                            rewriter, loc, either,
                            i32(int32_t(uint32_t(1) << bit)), i32(0)));
    }
    for (int64_t mask : {4, 8, 16})
      word =
          join(word, NVVM::ShflOp::create(rewriter, loc, i32Type, i32(-1), word,
                                          i32(mask), i32(kWarpSize - 1),
                                          NVVM::ShflKind::bfly, UnitAttr()));
    auto group = op->getAttrOfType<IntegerAttr>(kFirstGroupAttr);
    Value warp =
        add(shift(values.thread, 5), i32(-group.getInt() * kGroupWarps));
    Value isWriter = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::ult, values.lane, i32(4));
    auto ifWriter = scf::IfOp::create(rewriter, loc, isWriter, false);
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(ifWriter.thenBlock());
      Value place = add(scale(warp, 4), values.lane);
      LLVM::StoreOp::create(
          rewriter, loc, word,
          createByteOffset(rewriter, loc, exchange, scale(place, kWord)),
          kWord);
    }
    meet();
    Value row = values.threadInGroup;
    Value isRow = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::ult, row, i32(type.getNumRows()));
    auto ifRow = scf::IfOp::create(rewriter, loc, isRow, false);
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(ifRow.thenBlock());
      Value place = shift(bits(row, 7), 1);
      Value all = i32(0);
      for (int64_t w = 0; w < numWarps; ++w) {
        Value offset = scale(add(place, i32(4 * w)), kWord);
        all = join(all, LLVM::LoadOp::create(
                            rewriter, loc, i32Type,
                            createByteOffset(rewriter, loc, exchange, offset),
                            kWord));
      }
      Value number = add(scale(shift(row, 3), 2), bits(row, 1));
      Value isSet = bits(arith::ShRUIOp::create(rewriter, loc, all, number), 1);
      Value isUnset = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::eq, isSet, i32(0));
      auto ifUnset = scf::IfOp::create(rewriter, loc, isUnset, false);
      rewriter.setInsertionPointToStart(ifUnset.thenBlock());
      clearRow(rewriter, loc, type, adaptor.getSlot()[0], row);
    }
    createSharedFence(rewriter, loc, values);
    meet();
    rewriter.eraseOp(op);
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
    bool remote = type.getCluster() && values.cluster > 1;
    bool isByWarps = place.layout.getReleasesOfGroup() > 1;
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
    // One lane arrives for what all have read.
    if (!values.architecture->hasBulkCopies)
      NVVM::SyncWarpOp::create(rewriter, loc, createI32(rewriter, loc, -1));
    if (remote) {
      Value address =
          LLVM::PtrToIntOp::create(rewriter, loc, rewriter.getI32Type(), empty);
      address = mapToBlock(rewriter, loc, address, number);
      arriveRemoteIf(rewriter, loc, address, predicate);
    } else {
      arriveIf(rewriter, loc, empty, predicate);
    }
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::nvidia::populateRingPatterns(const TypeConverter &converter,
                                        const KernelValues &values,
                                        RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<CursorLowering, AdvanceLowering>(converter, context);
  patterns.add<ClearLowering, ClearRowLowering, ClearUnsetLowering,
               FillLowering, MessageLowering, ReleaseLowering, WaitLowering>(
      converter, context, values);
}
