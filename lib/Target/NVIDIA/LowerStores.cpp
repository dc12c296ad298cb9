//===- LowerStores.cpp - from registers to global memory ------------------===//
//
// A staged store goes through shared memory, where each warp has a part of its
// own, so that no warp waits for another: `stmatrix` into the swizzled part, a
// fence towards the copy engine, one bulk store a panel by one lane.
//
//===----------------------------------------------------------------------===//

#include "InlinePtx.h"
#include "Lowering.h"
#include "Wgmma.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

namespace {
/// Arithmetic on i32 at one place.
struct Emitter {
  OpBuilder &b;
  Location loc;

  Value constant(int64_t value) { return createI32(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t y) {
    return arith::MulIOp::create(b, loc, x, constant(y));
  }
  Value bits(Value x, int64_t mask) {
    return arith::AndIOp::create(b, loc, x, constant(mask));
  }
  Value shiftRight(Value x, int64_t count) {
    return arith::ShRUIOp::create(b, loc, x, constant(count));
  }
  Value exclusiveOr(Value x, Value y) {
    return arith::XOrIOp::create(b, loc, x, y);
  }
};

struct StageLowering : OpConversionPattern<StageOp> {
  StageLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(StageOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType tile = op.getTile().getType();
    SharedType dest = op.getDest().getType();
    FragmentAttr expected =
        getWgmmaFragment(op.getContext(), tile.getDimSize(1));
    constexpr int64_t kSwizzle = 128, kMatrixColumns = 16;
    if (tile.getElementTypeBitWidth() != 16 || dest.getSwizzle() != kSwizzle ||
        getFragment(tile) != expected)
      return op.emitOpError("expects elements of 16 bits, a swizzle of 128 "
                            "bytes and, on this target, the fragment ")
             << expected << ", but got " << tile << " and " << dest;
    Location loc = op.getLoc();
    Emitter e{rewriter, loc};
    waitBulkReadsIf(rewriter, loc, values.isFirstInWarp);
    int64_t rows = dest.getRowsOfPart();
    int64_t partBytes = dest.getNumBytes() / dest.getParts();
    // PTX ISA, stmatrix.x4: lanes 0-15 address the rows of the first two
    // matrices, lanes 16-31 those of the two eight columns further on.
    Value row = e.bits(values.lane, 15), chunk = e.shiftRight(values.lane, 4);
    Value rowInAtom = e.bits(row, 7);
    Value base = createByteOffset(
        rewriter, loc, adaptor.getDest()[0],
        e.add(e.mul(values.warpInGroup, partBytes), e.mul(row, kSwizzle)));
    int64_t stepsInPanel = dest.getPanelColumns() / kMatrixColumns;
    ValueRange registers = adaptor.getTile();
    for (int64_t step = 0; step < tile.getDimSize(1) / kMatrixColumns; ++step) {
      Value position = e.exclusiveOr(
          e.add(chunk, e.constant(step % stepsInPanel * 2)), rowInAtom);
      Value offset = e.add(e.mul(position, 16),
                           e.constant(step / stepsInPanel * rows * kSwizzle));
      NVVM::StMatrixOp::create(
          rewriter, loc, createByteOffset(rewriter, loc, base, offset),
          registers.slice(4 * step, 4), NVVM::MMALayout::row,
          NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8),
          NVVM::LdStMatrixEltType::B16);
    }
    NVVM::FenceProxyOp::create(
        rewriter, loc, NVVM::ProxyKind::async_shared,
        NVVM::SharedSpaceAttr::get(getContext(),
                                   NVVM::SharedSpace::shared_cta));
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};

struct BulkStoreLowering : OpConversionPattern<BulkStoreOp> {
  BulkStoreLowering(const TypeConverter &converter, MLIRContext *context,
                    const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(BulkStoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SharedType tile = op.getTile().getType();
    if (tile.getParts() != kGroupWarps)
      return op.emitOpError("expects a tile of ")
             << kGroupWarps << " parts, one a warp, but got " << tile;
    Location loc = op.getLoc();
    Emitter e{rewriter, loc};
    auto number = op->getAttrOfType<IntegerAttr>(kMapAttr);
    int64_t rows = tile.getRowsOfPart();
    Value base = createByteOffset(
        rewriter, loc, adaptor.getTile()[0],
        e.mul(values.warpInGroup, tile.getNumBytes() / tile.getParts()));
    SmallVector<Value> coordinates;
    for (ValueRange index : llvm::reverse(adaptor.getIndices()))
      coordinates.push_back(index[0]);
    coordinates[1] = e.add(coordinates[1], e.mul(values.warpInGroup, rows));
    SmallVector<Value> sources;
    SmallVector<SmallVector<Value>> lists;
    for (int64_t panel = 0; panel < tile.getNumPanels(); ++panel) {
      Value address = createByteOffset(rewriter, loc, base,
                                       panel * rows * tile.getSwizzle());
      sources.push_back(LLVM::PtrToIntOp::create(
          rewriter, loc, rewriter.getI32Type(), address));
      lists.push_back(coordinates);
      lists.back()[0] =
          e.add(coordinates[0], e.constant(panel * tile.getPanelColumns()));
    }
    storeTensorIf(rewriter, loc, values.maps[number.getInt()], sources, lists,
                  values.isFirstInWarp);
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};

/// Where one element goes, dimension by dimension, and whether it is inside.
struct StoreLowering : OpConversionPattern<StoreOp> {
  StoreLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(StoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getValue().getType());
    auto slice = dyn_cast<SliceAttr>(type.getEncoding());
    if (!slice || type.getElementTypeBitWidth() != 32)
      return op.emitOpError("expects a line with elements of 32 bits on this "
                            "target, but got ")
             << type << "; stage tiles through pipe.stage";
    Location loc = op.getLoc();
    Emitter e{rewriter, loc};
    ValueRange global = adaptor.getDest();
    unsigned rank = op.getDest().getType().getRank();
    ValueRange extents = global.slice(1, rank);
    ValueRange strides = global.drop_front(1 + rank);
    FragmentAttr fragment = slice.getParent();
    unsigned dim = 1 - slice.getDim();

    // Of the lanes that hold one row, the first stores it.
    Value isOwner = createIsFirstAlong(e, fragment.getLanes(), slice.getDim());
    Value offset;
    Type i64 = rewriter.getI64Type();
    for (auto [i, index] : llvm::enumerate(adaptor.getIndices())) {
      Value inside = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::ult, index[0], extents[i]);
      if (i + 1 == rank)
        break;
      isOwner = isOwner ? arith::AndIOp::create(rewriter, loc, isOwner, inside)
                        : inside;
      Value wide = arith::ExtUIOp::create(rewriter, loc, i64, index[0]);
      wide = arith::MulIOp::create(rewriter, loc, wide, strides[i]);
      offset =
          offset ? arith::AddIOp::create(rewriter, loc, offset, wide) : wide;
    }
    Value first = e.add(
        adaptor.getIndices().back()[0],
        e.add(createDigits(e, fragment.getLanes(), values.lane, dim),
              createDigits(e, fragment.getWarps(), values.warpInGroup, dim)));
    SmallVector<DigitAttr> kept;
    for (DigitAttr digit : fragment.getRegisters())
      if (digit.getDim() == dim)
        kept.push_back(digit);
    Type element = type.getElementType();
    for (auto [i, value] : llvm::enumerate(adaptor.getValue())) {
      Value index =
          e.add(first, e.constant(FragmentAttr::getOffset(kept, i, dim)));
      Value inside = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::ult, index, extents.back());
      if (isOwner)
        inside = arith::AndIOp::create(rewriter, loc, inside, isOwner);
      Value wide = arith::ExtUIOp::create(rewriter, loc, i64, index);
      if (offset)
        wide = arith::AddIOp::create(rewriter, loc, offset, wide);
      Value address =
          LLVM::GEPOp::create(rewriter, loc, global[0].getType(), element,
                              global[0], LLVM::GEPArg(wide));
      storeGlobalIf(rewriter, loc, address, value, inside);
    }
    rewriter.eraseOp(op);
    return success();
  }

private:
  static Value createDigits(Emitter &e, ArrayRef<DigitAttr> digits,
                            Value number, unsigned dim) {
    Value offset = e.constant(0);
    int64_t radix = 1;
    for (DigitAttr digit : digits) {
      if (digit.getDim() == dim)
        offset = e.add(offset,
                       e.mul(e.bits(e.shiftRight(number, llvm::Log2_64(radix)),
                                    digit.getSize() - 1),
                             digit.getStride()));
      radix *= digit.getSize();
    }
    return offset;
  }

  /// Whether the lane's digits along `dim` are all 0; null where it has none.
  Value createIsFirstAlong(Emitter &e, ArrayRef<DigitAttr> digits,
                           unsigned dim) const {
    int64_t mask = 0, radix = 1;
    for (DigitAttr digit : digits) {
      if (digit.getDim() == dim)
        mask |= (digit.getSize() - 1) * radix;
      radix *= digit.getSize();
    }
    if (mask == 0)
      return {};
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                 e.bits(values.lane, mask), e.constant(0));
  }

  const KernelValues &values;
};
} // namespace

void attn::nvidia::populateStorePatterns(const TypeConverter &converter,
                                         const KernelValues &values,
                                         RewritePatternSet &patterns) {
  patterns.add<StageLowering, BulkStoreLowering, StoreLowering>(
      converter, patterns.getContext(), values);
}
