//===- LowerMma.cpp - products become wgmma -------------------------------===//

#include "InlinePtx.h"
#include "Lowering.h"
#include "Wgmma.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

namespace {
Value addConstant(OpBuilder &b, Location loc, Value value, int64_t constant) {
  if (constant == 0)
    return value;
  Value added = arith::ConstantIntOp::create(b, loc, value.getType(), constant);
  return arith::AddIOp::create(b, loc, value, added);
}

struct MmaAsyncLowering : OpConversionPattern<MmaAsyncOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(MmaAsyncOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType accumulator = op.getToken().getType().getAccumulator();
    Location loc = op.getLoc();
    if (failed(verify(op, accumulator)))
      return failure();
    FailureOr<WgmmaOperand> rhs =
        getWgmmaOperand(op.getRhs().getType(), op.getRhsDim());
    auto lhsShared = dyn_cast<SharedType>(op.getLhs().getType());
    FailureOr<WgmmaOperand> lhs = failure();
    if (lhsShared)
      lhs = getWgmmaOperand(lhsShared, op.getLhsDim());
    if (failed(rhs) || (lhsShared && failed(lhs)))
      return op.emitOpError(
          "expects tiles in shared memory with elements of 16 bits, a swizzle "
          "of 128 bytes and one part");

    Type element = op.getRhs().getType().getElementType();
    int64_t depth = op.getRhs().getType().getShape()[op.getRhsDim()];
    SmallVector<Value> registers;
    if (op.getAcc())
      registers = llvm::to_vector(adaptor.getAcc());
    Value rhsBase =
        addConstant(rewriter, loc, adaptor.getRhs()[1], rhs->descriptor);
    Value lhsBase;
    if (lhsShared)
      lhsBase =
          addConstant(rewriter, loc, adaptor.getLhs()[1], lhs->descriptor);
    NVVM::WgmmaFenceAlignedOp::create(rewriter, loc);
    for (int64_t step = 0; step < depth / kWgmmaDepth; ++step) {
      Wgmma product;
      product.element = element.isBF16() ? "bf16" : "f16";
      product.n = accumulator.getDimSize(1);
      product.rhs = addConstant(rewriter, loc, rhsBase, rhs->getOffset(step));
      product.transposeRhs = rhs->transpose;
      if (lhsShared) {
        product.lhs = {
            addConstant(rewriter, loc, lhsBase, lhs->getOffset(step))};
        product.transposeLhs = lhs->transpose;
      } else {
        constexpr int64_t kRegisters = 4;
        product.lhs = llvm::to_vector<4>(
            adaptor.getLhs().slice(step * kRegisters, kRegisters));
        product.transposeLhs = false;
      }
      registers = startWgmma(rewriter, loc, product, registers);
    }
    NVVM::WgmmaGroupSyncAlignedOp::create(rewriter, loc);
    rewriter.replaceOpWithMultiple(op, {ValueRange(registers)});
    return success();
  }

private:
  /// Refuses what Hopper has no product for.
  static LogicalResult verify(MmaAsyncOp op, RankedTensorType accumulator) {
    int64_t columns = accumulator.getDimSize(1);
    FragmentAttr expected = getWgmmaFragment(op.getContext(), columns);
    // PTX ISA, wgmma: M is 64, N a multiple of 8 up to 256.
    if (accumulator.getDimSize(0) != kWgmmaRows || columns > 256 ||
        columns % 8 || !accumulator.getElementType().isF32())
      return op.emitOpError("expects an accumulator of f32, ")
             << kWgmmaRows << " rows and a multiple of 8 columns up to 256 on "
             << "this target, but got " << accumulator;
    if (getFragment(accumulator) != expected)
      return op.emitOpError("expects the accumulator's fragment on this target "
                            "to be ")
             << expected << ", but got " << getFragment(accumulator);
    Type element = op.getRhs().getType().getElementType();
    if (!element.isBF16() && !element.isF16())
      return op.emitOpError("expects elements of bf16 or f16 on this target, "
                            "but got ")
             << element;
    int64_t depth = op.getRhs().getType().getShape()[op.getRhsDim()];
    if (depth % kWgmmaDepth)
      return op.emitOpError("expects a contracted size that is a multiple of ")
             << kWgmmaDepth << ", but got " << depth;
    auto lhs = dyn_cast<RankedTensorType>(op.getLhs().getType());
    if (!lhs)
      return success();
    if (op.getLhsDim() != 1)
      return op.emitOpError("expects a left side in registers to be contracted "
                            "along dimension 1");
    FragmentAttr lhsExpected = getWgmmaFragment(op.getContext(), depth);
    if (getFragment(lhs) != lhsExpected)
      return op.emitOpError("expects the left side's fragment on this target "
                            "to be ")
             << lhsExpected << ", but got " << getFragment(lhs);
    return success();
  }
};

struct MmaWaitLowering : OpConversionPattern<MmaWaitOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(MmaWaitOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> registers =
        waitWgmma(rewriter, op.getLoc(), op.getPending(), adaptor.getToken());
    rewriter.replaceOpWithMultiple(op, {ValueRange(registers)});
    return success();
  }
};

/// The accumulators stay in flight, so that nothing may be tied to the wait.
struct MmaRetireLowering : OpConversionPattern<MmaRetireOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(MmaRetireOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    NVVM::WgmmaWaitGroupSyncOp::create(rewriter, op.getLoc(), op.getPending());
    rewriter.replaceOpWithMultiple(op, {adaptor.getToken()});
    return success();
  }
};
} // namespace

void attn::nvidia::populateMmaPatterns(const TypeConverter &converter,
                                       RewritePatternSet &patterns) {
  patterns.add<MmaAsyncLowering, MmaWaitLowering, MmaRetireLowering>(
      converter, patterns.getContext());
}
