//===- LowerStores.cpp - from registers to global memory ------------------===//
//
// A staged store goes through shared memory, where each warp has a part of its
// own, so that no warp waits for another: `stmatrix` into the swizzled part, a
// fence towards the copy engine, one bulk store a panel by one lane.
//
//===----------------------------------------------------------------------===//

#include "InlinePtx.h"
#include "Lowering.h"
#include "attn/Target/NVIDIA/LaunchRecipe.h"

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
  /// Where packed row `row` lies in the two dimensions.
  std::pair<Value, Value> split(Value row, PackingAttr packing) {
    return {bits(row, packing.getWidth() - 1),
            shiftRight(row, llvm::Log2_64(packing.getWidth()))};
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
    constexpr int64_t kSwizzle = 128, kMatrixColumns = 16;
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
    createSharedFence(rewriter, loc, values);
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
    Location loc = op.getLoc();
    Emitter e{rewriter, loc};
    auto number = op->getAttrOfType<IntegerAttr>(kMapAttr);
    int64_t rows = tile.getRowsOfPart();
    Value base = createByteOffset(
        rewriter, loc, adaptor.getTile()[0],
        e.mul(values.warpInGroup, tile.getNumBytes() / tile.getParts()));
    SmallVector<Value> coordinates;
    PackingAttr packing = op.getPackingAttr();
    for (int64_t dim :
         llvm::reverse(getMapOrder(adaptor.getIndices().size(), packing)))
      coordinates.push_back(adaptor.getIndices()[dim][0]);
    Value row = e.mul(values.warpInGroup, rows);
    if (packing) {
      auto [inner, outer] = e.split(row, packing);
      coordinates[1] = e.add(coordinates[1], inner);
      coordinates[2] = e.add(coordinates[2], outer);
    } else {
      coordinates[1] = e.add(coordinates[1], row);
    }
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

/// Whether the coordinate along `dim` is cut to those of the tensor, from 0 to
/// one less than the extent: it is inside at all points if the tensor has any.
static bool isCutToExtent(GatherOp op, unsigned dim) {
  auto min = op.getIndices()[dim].getDefiningOp<arith::MinSIOp>();
  if (!min)
    return false;
  auto isLast = [&](Value tile) {
    auto splat = tile.getDefiningOp<SplatOp>();
    Operation *sum = splat ? splat.getScalar().getDefiningOp() : nullptr;
    APInt number;
    if (!isa_and_nonnull<arith::SubIOp, arith::AddIOp>(sum) ||
        !matchPattern(sum->getOperand(1), m_ConstantInt(&number)))
      return false;
    auto extent = sum->getOperand(0).getDefiningOp<DimOp>();
    return extent && extent.getSource() == op.getSource() &&
           extent.getIndex() == dim &&
           number.getSExtValue() == (isa<arith::SubIOp>(sum) ? 1 : -1);
  };
  auto isNotNegative = [](Value tile) {
    auto max = tile.getDefiningOp<arith::MaxSIOp>();
    return max && llvm::any_of(max->getOperands(), [](Value operand) {
             auto splat = operand.getDefiningOp<SplatOp>();
             APInt number;
             return matchPattern(splat ? splat.getScalar() : operand,
                                 m_ConstantInt(&number)) &&
                    number.isNonNegative();
           });
  };
  return (isLast(min.getLhs()) && isNotNegative(min.getRhs())) ||
         (isLast(min.getRhs()) && isNotNegative(min.getLhs()));
}

/// Each register by one load: what is beyond the extents is not touched. What
/// all registers share of the address and the predicate is computed once.
struct GatherLowering : OpConversionPattern<GatherOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(GatherOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    GlobalType source = op.getSource().getType();
    Type element = source.getElementType();
    auto result = cast<RankedTensorType>(op.getResult().getType());
    unsigned rank = source.getRank(), bits = element.getIntOrFloatBitWidth();
    ValueRange global = adaptor.getSource();
    ValueRange extents = global.slice(1, rank);
    ValueRange strides = global.drop_front(1 + rank);
    Type i64 = rewriter.getI64Type();
    Value bytes = arith::ConstantIntOp::create(rewriter, loc, i64, bits / 8);
    // One dimension more of an address and its predicate, which has no part of
    // coordinates that are inside anyway. Strides are in bytes: that is one
    // product and sum.
    auto advance = [&](Place &place, unsigned dim, Value index, bool isInside) {
      Value stride =
          dim < strides.size()
              ? Value(arith::MulIOp::create(rewriter, loc, strides[dim], bytes))
              : bytes;
      Value offset = arith::MulIOp::create(
          rewriter, loc, arith::ExtUIOp::create(rewriter, loc, i64, index),
          stride);
      place.address = LLVM::GEPOp::create(
          rewriter, loc, place.address.getType(), rewriter.getI8Type(),
          place.address, LLVM::GEPArg(offset));
      if (!isInside)
        place.require(rewriter, loc,
                      arith::CmpIOp::create(rewriter, loc,
                                            arith::CmpIPredicate::ult, index,
                                            extents[dim]));
    };
    // What all registers share comes first.
    Place start{global[0], Value()};
    SmallVector<std::pair<unsigned, bool>> ownDims;
    for (unsigned dim = 0; dim < rank; ++dim) {
      if (op.getIndices()[dim].getType().isInteger()) {
        advance(start, dim, adaptor.getIndices()[dim][0], false);
        continue;
      }
      bool isCut = isCutToExtent(op, dim);
      ownDims.push_back({dim, isCut});
      if (isCut)
        start.require(
            rewriter, loc,
            arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::ne,
                                  extents[dim], createI32(rewriter, loc, 0)));
    }
    SmallVector<Value> values;
    for (int64_t i = 0, n = getNumRegisters(result); i < n; ++i) {
      Place own = start;
      for (auto [dim, isCut] : ownDims)
        advance(own, dim, adaptor.getIndices()[dim][i], isCut);
      Value loaded = loadGlobalIf(rewriter, loc, own.address, bits, own.inside);
      values.push_back(convert(rewriter, loc, loaded, element, result));
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(values)});
    return success();
  }

private:
  /// An address, and whether it is inside of the tensor.
  struct Place {
    Value address, inside;
    void require(OpBuilder &b, Location loc, Value condition) {
      inside = inside ? Value(arith::AndIOp::create(b, loc, inside, condition))
                      : condition;
    }
  };

  /// What was loaded, in a register of 32 or 64 bits, as an element of
  /// `result`.
  static Value convert(OpBuilder &b, Location loc, Value loaded, Type element,
                       RankedTensorType result) {
    unsigned bits = element.getIntOrFloatBitWidth();
    Type own = b.getIntegerType(bits);
    if (loaded.getType() != own)
      loaded = arith::TruncIOp::create(b, loc, own, loaded);
    Type to = result.getElementType();
    if (isa<FloatType>(element))
      loaded = arith::BitcastOp::create(b, loc, element, loaded);
    if (element == to)
      return loaded;
    if (isa<FloatType>(element))
      return arith::ExtFOp::create(b, loc, to, loaded);
    if (bits < to.getIntOrFloatBitWidth())
      return arith::ExtSIOp::create(b, loc, to, loaded);
    return arith::TruncIOp::create(b, loc, to, loaded);
  }
};

/// Each register by one instruction: its address is that of its place in all
/// dimensions but the last, and a constant.
struct StoreLowering : OpConversionPattern<StoreOp> {
  StoreLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(StoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getValue().getType());
    auto slice = dyn_cast<SliceAttr>(type.getEncoding());
    FragmentAttr fragment = getFragment(type);
    int64_t perRegister = 32 / type.getElementTypeBitWidth();
    Location loc = op.getLoc();
    Emitter e{rewriter, loc};
    Type i64 = rewriter.getI64Type();
    ValueRange global = adaptor.getDest();
    unsigned rank = op.getDest().getType().getRank();
    ValueRange extents = global.slice(1, rank);
    ValueRange strides = global.drop_front(1 + rank);
    int64_t bytes = type.getElementTypeBitWidth() / 8;

    // What all registers share: the dimensions that the value lacks, and of the
    // lanes that hold one line, that the first stores it.
    Value shared =
        slice ? createIsFirstAlong(e, fragment.getLanes(), slice.getDim())
              : Value();
    auto join = [&](Value x, Value y) -> Value {
      return x ? Value(arith::AndIOp::create(rewriter, loc, x, y)) : y;
    };
    auto isInside = [&](Value index, unsigned dim) -> Value {
      return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::ult,
                                   index, extents[dim]);
    };
    auto advance = [&](Value pointer, Value index, unsigned dim) -> Value {
      Value offset = arith::ExtUIOp::create(rewriter, loc, i64, index);
      if (dim < strides.size())
        offset = arith::MulIOp::create(rewriter, loc, offset, strides[dim]);
      return LLVM::GEPOp::create(rewriter, loc, pointer.getType(),
                                 type.getElementType(), pointer,
                                 LLVM::GEPArg(offset));
    };
    unsigned firstDim = rank - type.getRank(), last = rank - 1;
    PackingAttr packing = op.getPackingAttr();
    bool hasRows = type.getRank() == 2 || op.getRows() || packing;
    bool hasColumns = type.getRank() == 2 || !hasRows;
    Value base = global[0];
    for (unsigned dim = 0; dim < rank; ++dim) {
      bool isOfRows =
          packing && (dim == packing.getInner() || dim == packing.getOuter());
      if (packing ? isOfRows || (hasColumns && dim == last) : dim >= firstDim)
        continue;
      Value index = adaptor.getIndices()[dim][0];
      shared = join(shared, isInside(index, dim));
      base = advance(base, index, dim);
    }
    // This thread's place in each dimension of the value; `rows` say the first,
    // of packed rows it is their number.
    SmallVector<Value> starts;
    for (unsigned dim = 0; dim < type.getRank(); ++dim) {
      if (dim == 0 && op.getRows()) {
        starts.push_back(adaptor.getIndices()[firstDim][0]);
        continue;
      }
      unsigned tileDim = slice ? 1 - slice.getDim() : dim;
      Value place = e.add(
          createDigits(e, fragment.getLanes(), values.lane, tileDim),
          createDigits(e, fragment.getWarps(), values.warpInGroup, tileDim));
      if (dim != 0 || !packing)
        place = e.add(adaptor.getIndices()[firstDim + dim][0], place);
      starts.push_back(place);
    }
    auto getOffset = [&](int64_t reg, unsigned dim) {
      if (!slice)
        return FragmentAttr::getOffset(fragment.getRegisters(),
                                       reg * perRegister, dim);
      SmallVector<DigitAttr> kept;
      for (DigitAttr digit : fragment.getRegisters())
        if (digit.getDim() != slice.getDim())
          kept.push_back(digit);
      return FragmentAttr::getOffset(kept, reg, 1 - slice.getDim());
    };
    // What `rows` says of the row at an offset.
    auto getPlace = [&](int64_t offset) -> Value {
      auto rowType = cast<RankedTensorType>(op.getRows().getType());
      auto own = cast<SliceAttr>(rowType.getEncoding());
      SmallVector<DigitAttr> kept;
      for (DigitAttr digit : own.getParent().getRegisters())
        if (digit.getDim() != own.getDim())
          kept.push_back(digit);
      int64_t reg = 0;
      while (FragmentAttr::getOffset(kept, reg, 1 - own.getDim()) != offset)
        ++reg;
      return adaptor.getRows()[reg];
    };
    // Rows by their offset: an address at the thread's column, a predicate.
    llvm::DenseMap<int64_t, std::pair<Value, Value>> rows;
    llvm::DenseMap<std::pair<int64_t, int64_t>, Value> predicates;
    bool isStrided = op.getDest().getType().getStrided();
    for (auto [i, value] : llvm::enumerate(adaptor.getValue())) {
      int64_t row = hasRows ? getOffset(i, 0) : 0;
      int64_t column = hasColumns ? getOffset(i, type.getRank() - 1) : 0;
      auto &[address, rowPredicate] = rows[row];
      if (!address) {
        address = base;
        rowPredicate = shared;
        if (packing) {
          auto [inner, outer] =
              e.split(e.add(starts[0], e.constant(row)), packing);
          for (auto [part, dim] : {std::pair(inner, packing.getInner()),
                                   std::pair(outer, packing.getOuter())}) {
            Value index = e.add(adaptor.getIndices()[dim][0], part);
            rowPredicate = join(rowPredicate, isInside(index, dim));
            address = advance(address, index, dim);
          }
        } else if (hasRows) {
          Value place = op.getRows() ? getPlace(row) : e.constant(row);
          Value index = e.add(starts[0], place);
          rowPredicate = join(rowPredicate, isInside(index, firstDim));
          if (op.getRows())
            rowPredicate = join(rowPredicate,
                                arith::CmpIOp::create(rewriter, loc,
                                                      arith::CmpIPredicate::sge,
                                                      place, e.constant(0)));
          address = advance(address, index, firstDim);
        }
        if (hasColumns && !isStrided)
          address = advance(address, starts.back(), last);
      }
      if (isStrided && hasColumns) {
        // Neighbours have gaps between them: each element alone.
        for (int64_t part = 0; part < perRegister; ++part) {
          Value index = e.add(starts.back(), e.constant(column + part));
          storeGlobalIf(rewriter, loc, advance(address, index, last), 0,
                        getPart(e, value, part, perRegister),
                        join(rowPredicate, isInside(index, last)));
        }
        continue;
      }
      Value &predicate = predicates[{row, column}];
      if (!predicate)
        predicate =
            hasColumns
                ? join(rowPredicate,
                       isInside(e.add(starts.back(), e.constant(column)), last))
                : rowPredicate;
      storeGlobalIf(rewriter, loc, address, column * bytes, value, predicate);
    }
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// One of the elements that a register holds.
  static Value getPart(Emitter &e, Value value, int64_t part,
                       int64_t perRegister) {
    if (perRegister == 1)
      return value;
    return arith::TruncIOp::create(e.b, e.loc, e.b.getI16Type(),
                                   e.shiftRight(value, 16 * part));
  }

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
  patterns.add<GatherLowering>(converter, patterns.getContext());
}
