//===- LowerSplit.cpp - rows that warps exchange --------------------------===//
//
// All warps write what they have of the values to shared memory, row by row of
// f32, and meet; each thread then reads its elements of every run. Where an
// element lies in a row is shifted from row to row, so that the lanes that
// write equal columns of eight rows do not meet in a bank.
//
//===----------------------------------------------------------------------===//

#include "CoordForm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

static constexpr int64_t kWordBytes = 4;

static RankedTensorType getTensor(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Bytes from row to row of a value, which for a line has one element.
static int64_t getPitch(RankedTensorType type) {
  constexpr int64_t kShift = 4;
  return kWordBytes * (type.getRank() == 1 ? 1 : type.getDimSize(1) + kShift);
}

int64_t attn::gpu::getSplitBytes(SplitOp op) {
  int64_t bytes = 0;
  for (Value value : op.getValues())
    bytes += getTensor(value).getDimSize(0) * getPitch(getTensor(value));
  return bytes;
}

namespace {
struct SplitLowering : OpConversionPattern<SplitOp> {
  SplitLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(SplitOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    int64_t count = op.getValues().size();
    SmallVector<Value> from, to;
    for (auto [list, tiles] : {std::pair(&from, ValueRange(op.getValues())),
                               std::pair(&to, ValueRange(op.getRuns()))})
      for (Value tile : tiles.take_front(count)) {
        FailureOr<Value> offset = createOffset(rewriter, loc, getTensor(tile));
        if (failed(offset))
          return rewriter.notifyMatchFailure(op, "has digits that are no "
                                                 "powers of 2");
        list->push_back(*offset);
      }
    Value memory = createByteOffset(
        rewriter, loc, values.shared,
        op->getAttrOfType<IntegerAttr>(kExchangeAttr).getInt());
    // What others have read of the exchange before.
    createGroupBarrier(rewriter, op, values);
    int64_t begin = 0;
    SmallVector<int64_t> begins;
    for (auto [i, registers] : llvm::enumerate(adaptor.getValues())) {
      RankedTensorType type = getTensor(op.getValues()[i]);
      begins.push_back(begin);
      for (auto [number, value] : llvm::enumerate(registers))
        LLVM::StoreOp::create(
            rewriter, loc, value,
            getPlace(rewriter, loc, memory, from[i], begin, type, number),
            kWordBytes);
      begin += type.getDimSize(0) * getPitch(type);
    }
    createGroupBarrier(rewriter, op, values);
    SmallVector<SmallVector<Value>> results;
    for (auto [i, run] : llvm::enumerate(op.getRuns())) {
      RankedTensorType type = getTensor(run);
      int64_t own = i % count, number = i / count;
      int64_t first =
          begins[own] + number * type.getDimSize(0) *
                            getPitch(getTensor(op.getValues()[own]));
      SmallVector<Value> registers;
      for (int64_t reg = 0, e = getNumRegisters(type); reg < e; ++reg)
        registers.push_back(LLVM::LoadOp::create(
            rewriter, loc, type.getElementType(),
            getPlace(rewriter, loc, memory, to[own], first, type, reg),
            kWordBytes));
      results.push_back(std::move(registers));
    }
    rewriter.replaceOpWithMultiple(op, results);
    return success();
  }

private:
  /// What the thread adds to the places of its elements.
  FailureOr<Value> createOffset(OpBuilder &b, Location loc,
                                RankedTensorType type) const {
    FragmentAttr fragment = getFragment(type);
    FailureOr<Value> row = createThreadOffset(b, loc, fragment, 0, values);
    if (failed(row))
      return failure();
    Value offset =
        arith::MulIOp::create(b, loc, *row, createI32(b, loc, getPitch(type)));
    if (type.getRank() == 1)
      return offset;
    FailureOr<Value> column = createThreadOffset(b, loc, fragment, 1, values);
    if (failed(column))
      return failure();
    Value bytes =
        arith::MulIOp::create(b, loc, *column, createI32(b, loc, kWordBytes));
    return Value(arith::AddIOp::create(b, loc, offset, bytes));
  }

  static Value getPlace(OpBuilder &b, Location loc, Value memory, Value offset,
                        int64_t begin, RankedTensorType type, int64_t reg) {
    int64_t place = begin + getRegisterOffset(type, 0, reg) * getPitch(type);
    if (type.getRank() == 2)
      place += getRegisterOffset(type, 1, reg) * kWordBytes;
    return createByteOffset(b, loc, createByteOffset(b, loc, memory, offset),
                            place);
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateSplitPatterns(const TypeConverter &converter,
                                      const KernelValues &values,
                                      RewritePatternSet &patterns) {
  patterns.add<SplitLowering>(converter, patterns.getContext(), values);
}
