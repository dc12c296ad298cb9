//===- LowerClears.cpp - rows of slots that nobody may see ----------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <map>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

namespace {
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
                                   i32(kChunk * values.getGroupThreads()));
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

/// How lanes share rows: each holds runs of `stride` neighbouring columns.
struct LanesOfRow {
  explicit LanesOfRow(FragmentAttr fragment) {
    int64_t radix = 1;
    for (DigitAttr digit : fragment.getLanes()) {
      for (int64_t bit = 1; digit.getDim() == 0 && bit < digit.getSize();
           bit *= 2)
        rowBits.push_back(bit * radix);
      if (digit.getDim() == 1) {
        count = digit.getSize();
        stride = digit.getStride();
        shift = llvm::Log2_64(radix);
      }
      radix *= digit.getSize();
    }
  }

  /// Bits of a lane's number that count rows; where those begin that count the
  /// `count` lanes of a row.
  SmallVector<int64_t> rowBits;
  int64_t count = 1, stride = 1, shift = 0;
};

/// A lane's bits of all its rows are one word, a bit for each of its columns,
/// of which there are at most 32. Words are combined over the rows of a warp by
/// shuffles and over warps in shared memory.
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
      values.getPrimitives().meet(
          rewriter, loc, values,
          i32(op->getAttrOfType<IntegerAttr>(kBarrierAttr).getInt()),
          op->getAttrOfType<IntegerAttr>(kThreadsAttr).getInt());
    };
    int64_t numWarps = op->getAttrOfType<IntegerAttr>(kThreadsAttr).getInt() /
                       values.getWarpSize();
    Value exchange = createByteOffset(
        rewriter, loc, values.shared,
        op->getAttrOfType<IntegerAttr>(kExchangeAttr).getInt());

    FragmentAttr fragment = getFragment(op.getBits().getType());
    LanesOfRow lanes(fragment);
    // By bit, those of the lane's rows.
    std::map<int64_t, SmallVector<Value>> columns;
    for (auto [number, isSet] : llvm::enumerate(adaptor.getBits()))
      columns[getLineRegister(fragment, 0, number)].push_back(isSet);
    Value word = i32(0);
    for (auto &[bit, rows] : columns) {
      Value either = rows.front();
      for (Value isSet : ArrayRef(rows).drop_front())
        either = join(either, isSet);
      word = join(word, arith::SelectOp::create(
                            rewriter, loc, either,
                            i32(int32_t(uint32_t(1) << bit)), i32(0)));
    }
    for (int64_t mask : lanes.rowBits)
      word = join(word,
                  values.getPrimitives().shuffleXor(rewriter, loc, word, mask));
    auto group = op->getAttrOfType<IntegerAttr>(kFirstGroupAttr);
    Value warp = add(shift(values.thread, llvm::Log2_64(values.getWarpSize())),
                     i32(-group.getInt() * kGroupWarps));
    // The lanes of one row, which are the first ones where rows are counted by
    // the upper bits.
    bool areFirst = lanes.shift == 0;
    Value isWriter = arith::CmpIOp::create(
        rewriter, loc,
        areFirst ? arith::CmpIPredicate::ult : arith::CmpIPredicate::eq,
        areFirst ? values.lane : bits(values.lane, (1 << lanes.shift) - 1),
        i32(areFirst ? lanes.count : 0));
    auto ifWriter = scf::IfOp::create(rewriter, loc, isWriter, false);
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(ifWriter.thenBlock());
      Value own = areFirst ? values.lane : shift(values.lane, lanes.shift);
      Value place = add(scale(warp, lanes.count), own);
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
      Value place = shift(bits(row, lanes.stride * lanes.count - 1),
                          llvm::Log2_64(lanes.stride));
      Value all = i32(0);
      for (int64_t w = 0; w < numWarps; ++w) {
        Value offset = scale(add(place, i32(lanes.count * w)), kWord);
        all = join(all, LLVM::LoadOp::create(
                            rewriter, loc, i32Type,
                            createByteOffset(rewriter, loc, exchange, offset),
                            kWord));
      }
      // The upper part counts what lanes have, the lower one what a lane has
      // in a run.
      Value number =
          add(scale(shift(row, llvm::Log2_64(lanes.stride * lanes.count)),
                    lanes.stride),
              bits(row, lanes.stride - 1));
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
} // namespace

void attn::gpu::populateClearPatterns(const TypeConverter &converter,
                                      const KernelValues &values,
                                      RewritePatternSet &patterns) {
  patterns.add<ClearLowering, ClearRowLowering, ClearUnsetLowering>(
      converter, patterns.getContext(), values);
}
