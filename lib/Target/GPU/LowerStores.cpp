//===- LowerStores.cpp - registers to and from global memory --------------===//

#include "CoordForm.h"
#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

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

int64_t attn::gpu::getGatheredTogether(GatherOp op) {
  GlobalType source = op.getSource().getType();
  auto result = cast<RankedTensorType>(op.getResult().getType());
  int64_t columns = source.getShape().back();
  int64_t count =
      kChunkBytes * 8 / source.getElementType().getIntOrFloatBitWidth();
  if (source.getStrided() ||
      source.getElementType().getIntOrFloatBitWidth() != 16 ||
      ShapedType::isDynamic(columns) || columns % count != 0 ||
      isa<SliceAttr>(result.getEncoding()))
    return 1;
  std::optional<CoordForm> form = matchCoord(op.getIndices().back());
  if (!form || form->numbers.size() % count != 0)
    return 1;
  FragmentAttr fragment = getFragment(result);
  for (ArrayRef<DigitAttr> digits : {fragment.getLanes(), fragment.getWarps()})
    for (DigitAttr digit : digits)
      if (digit.getDim() == 1 && digit.getStride() % count != 0)
        return 1;
  for (auto [i, number] : llvm::enumerate(form->numbers)) {
    int64_t place = static_cast<int64_t>(i) % count;
    if (number % count != place || number != form->numbers[i - place] + place)
      return 1;
  }
  // Of other dimensions they have one coordinate, which lines say.
  bool haveOneRow = llvm::all_of(op.getIndices().drop_back(), [](Value index) {
    auto line = index.getDefiningOp<BroadcastOp>();
    return index.getType().isInteger() ||
           (line &&
            cast<SliceAttr>(line.getLine().getType().getEncoding()).getDim() ==
                1);
  });
  int64_t inRow = fragment.getRegisters().empty() ||
                          fragment.getRegisters()[0].getDim() != 1
                      ? 1
                      : fragment.getRegisters()[0].getSize();
  return haveOneRow && inRow % count == 0 ? count : 1;
}

namespace {
/// Each register by one load, or a chunk of them: what is beyond the extents is
/// not touched. What all registers share of the address and the predicate is
/// computed once.
struct GatherLowering : OpConversionPattern<GatherOp> {
  GatherLowering(const TypeConverter &converter, MLIRContext *context,
                 const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

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
    SmallVector<Value> registers;
    bool isPair = result.getElementTypeBitWidth() == 16;
    int64_t together = getGatheredTogether(op);
    int64_t elements = getNumRegisters(result) * (isPair ? 2 : 1);
    for (int64_t i = 0; i < elements; i += together) {
      Place own = start;
      for (auto [dim, isCut] : ownDims)
        advance(own, dim, adaptor.getIndices()[dim][i], isCut);
      if (together > 1) {
        SmallVector<Value> words = values.getPrimitives().loadChunkIf(
            rewriter, loc, own.address, /*offset=*/0, own.inside);
        if (isPair) {
          llvm::append_range(registers, words);
          continue;
        }
        for (Value word : words)
          for (Value part :
               {word,
                Value(arith::ShRUIOp::create(rewriter, loc, word,
                                             createI32(rewriter, loc, bits)))})
            registers.push_back(convert(rewriter, loc, part, element, result));
        continue;
      }
      Value loaded = values.getPrimitives().loadGlobalIf(
          rewriter, loc, own.address, bits, own.inside);
      if (!isPair)
        registers.push_back(convert(rewriter, loc, loaded, element, result));
      else if (i % 2 == 0)
        registers.push_back(loaded);
      else
        registers.back() = arith::OrIOp::create(
            rewriter, loc, registers.back(),
            arith::ShLIOp::create(rewriter, loc, loaded,
                                  createI32(rewriter, loc, bits)));
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(registers)});
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

  const KernelValues &values;
};

/// Each register, or some of neighbouring columns, by one instruction: its
/// address is that of its place in all dimensions but the last, and a constant.
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
    const Primitives &primitives = values.getPrimitives();
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
    int64_t together =
        hasColumns && !isStrided ? countTogether(op, primitives) : 1;
    ValueRange registers = adaptor.getValue();
    for (size_t i = 0; i < registers.size(); i += together) {
      Value value = joinRegisters(e, registers.slice(i, together));
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
          primitives.storeGlobalIf(rewriter, loc, advance(address, index, last),
                                   0, getPart(e, value, part, perRegister),
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
      primitives.storeGlobalIf(rewriter, loc, address, column * bytes, value,
                               predicate);
    }
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Registers that one instruction stores: neighbouring columns of one row,
  /// all of which the tensor has, or none.
  static int64_t countTogether(StoreOp op, const Primitives &primitives) {
    auto type = cast<RankedTensorType>(op.getValue().getType());
    auto fragment = dyn_cast<FragmentAttr>(type.getEncoding());
    int64_t count = primitives.getStoreRegisters();
    int64_t columns = count * 32 / type.getElementTypeBitWidth();
    int64_t extent = op.getDest().getType().getShape().back();
    APInt first;
    if (!fragment || ShapedType::isDynamic(extent) || extent % columns != 0 ||
        !matchPattern(op.getIndices().back(), m_ConstantInt(&first)) ||
        first.getSExtValue() % columns != 0)
      return 1;
    DigitAttr run = fragment.getRegisters().front();
    auto areRunsApart = [&](DigitAttr digit) {
      return digit.getDim() != 1 || digit.getStride() % columns == 0;
    };
    bool isRun = run.getDim() == 1 && run.getStride() == 1 &&
                 run.getSize() % columns == 0 &&
                 llvm::all_of(fragment.getLanes(), areRunsApart);
    return isRun ? count : 1;
  }

  /// Registers of one instruction.
  static Value joinRegisters(Emitter &e, ValueRange registers) {
    if (registers.size() == 1)
      return registers.front();
    Value vector = LLVM::PoisonOp::create(
        e.b, e.loc,
        VectorType::get(registers.size(), registers.front().getType()));
    for (auto [i, value] : llvm::enumerate(registers))
      vector = LLVM::InsertElementOp::create(e.b, e.loc, vector, value,
                                             e.constant(i));
    return vector;
  }

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

void attn::gpu::populateStorePatterns(const TypeConverter &converter,
                                      const KernelValues &values,
                                      RewritePatternSet &patterns) {
  patterns.add<GatherLowering, StoreLowering>(converter, patterns.getContext(),
                                              values);
}
