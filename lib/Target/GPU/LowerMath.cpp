//===- LowerMath.cpp - what has instructions of its own on registers ------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

namespace {
/// Pairs of f32 become one register of two 16-bit elements, the first in the
/// low half.
struct TruncFLowering : OpConversionPattern<arith::TruncFOp> {
  TruncFLowering(const TypeConverter &converter, MLIRContext *context,
                 const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(arith::TruncFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    auto from = dyn_cast<RankedTensorType>(op.getIn().getType());
    if (!type || !from.getElementType().isF32() ||
        type.getElementTypeBitWidth() != 16)
      return rewriter.notifyMatchFailure(op, "is not from f32 to 16 bits");
    Location loc = op.getLoc();
    ValueRange wide = adaptor.getIn();
    SmallVector<Value> results;
    for (size_t i = 0; i + 1 < wide.size(); i += 2)
      results.push_back(values.getPrimitives().pack(
          rewriter, loc, wide[i], wide[i + 1], type.getElementType().isBF16()));
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

/// The other way round.
struct ExtFLowering : OpConversionPattern<arith::ExtFOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::ExtFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto from = dyn_cast<RankedTensorType>(op.getIn().getType());
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!from || from.getElementTypeBitWidth() != 16 ||
        !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "is not from 16 bits to f32");
    Location loc = op.getLoc();
    auto pair = VectorType::get(2, from.getElementType());
    SmallVector<Value> results;
    for (Value word : adaptor.getIn()) {
      Value both = LLVM::BitcastOp::create(rewriter, loc, pair, word);
      for (int64_t half : {0, 1})
        results.push_back(LLVM::FPExtOp::create(
            rewriter, loc, rewriter.getF32Type(),
            LLVM::ExtractElementOp::create(rewriter, loc, both,
                                           createI32(rewriter, loc, half))));
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }
};

/// A number of 8 bits, by way of f16, which holds all.
struct ExtendFloat8Lowering : OpConversionPattern<arith::ExtFOp> {
  ExtendFloat8Lowering(const TypeConverter &converter, MLIRContext *context,
                       const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(arith::ExtFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type from = op.getIn().getType();
    bool isE4M3 = isa<Float8E4M3FNType>(from);
    if (!isE4M3 && !isa<Float8E5M2Type>(from))
      return rewriter.notifyMatchFailure(op, "is not from a float of 8 bits");
    Location loc = op.getLoc();
    Value word = arith::ExtUIOp::create(rewriter, loc, rewriter.getI32Type(),
                                        adaptor.getIn()[0]);
    Value pair = values.getPrimitives().widenBytes(
        rewriter, loc, word, isE4M3 ? ByteType::E4M3 : ByteType::E5M2,
        /*isBF16=*/false)[0];
    Value half = arith::BitcastOp::create(
        rewriter, loc, rewriter.getF16Type(),
        arith::TruncIOp::create(rewriter, loc, rewriter.getI16Type(), pair));
    Type to = op.getType();
    if (to.isF16()) {
      rewriter.replaceOp(op, half);
      return success();
    }
    Value wide =
        arith::ExtFOp::create(rewriter, loc, rewriter.getF32Type(), half);
    if (to != wide.getType())
      wide = arith::TruncFOp::create(rewriter, loc, to, wide);
    rewriter.replaceOp(op, wide);
    return success();
  }

  const KernelValues &values;
};

/// What lies beyond the largest number becomes that; NaN stays what it is.
struct TruncateFloat8Lowering : OpConversionPattern<arith::TruncFOp> {
  TruncateFloat8Lowering(const TypeConverter &converter, MLIRContext *context,
                         const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(arith::TruncFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type to = op.getType();
    if (!isa<Float8E4M3FNType, Float8E5M2Type>(to))
      return rewriter.notifyMatchFailure(op, "is not to a float of 8 bits");
    Location loc = op.getLoc();
    Value wide = adaptor.getIn()[0];
    if (!wide.getType().isF32())
      wide = arith::ExtFOp::create(rewriter, loc, rewriter.getF32Type(), wide);
    Value bits = values.getPrimitives().narrowToByte(
        rewriter, loc, wide,
        isa<Float8E4M3FNType>(to) ? ByteType::E4M3 : ByteType::E5M2);
    rewriter.replaceOpWithNewOp<arith::TruncIOp>(op, rewriter.getI8Type(),
                                                 bits);
    return success();
  }

  const KernelValues &values;
};

/// A byte's number in 16 bits, by way of f32.
struct ConvertByteLowering : OpConversionPattern<arith::SIToFPOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::SIToFPOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type to = op.getType();
    if (!op.getIn().getType().isInteger(8) || !(to.isBF16() || to.isF16()))
      return rewriter.notifyMatchFailure(op, "is not from i8 to 16 bits");
    Value wide = arith::SIToFPOp::create(
        rewriter, op.getLoc(), rewriter.getF32Type(), adaptor.getIn()[0]);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, to, wide);
    return success();
  }
};

/// One approximate instruction a register, where the program allows it.
template <typename OpT> struct ApproximateLowering : OpConversionPattern<OpT> {
  using Write = Value (Primitives::*)(OpBuilder &b, Location loc,
                                      Value value) const;

  ApproximateLowering(const TypeConverter &converter, MLIRContext *context,
                      const KernelValues &values, Write write)
      : OpConversionPattern<OpT>(converter, context, /*benefit=*/2),
        values(values), write(write) {}

  LogicalResult
  matchAndRewrite(OpT op,
                  typename OpConversionPattern<OpT>::OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!arith::bitEnumContainsAll(op.getFastmath(), arith::FastMathFlags::afn))
      return rewriter.notifyMatchFailure(
          op, "has only approximate instructions; allow them by fastmath<afn>");
    SmallVector<Value> results;
    for (Value operand : adaptor.getOperand())
      results.push_back(
          (values.getPrimitives().*write)(rewriter, op.getLoc(), operand));
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
  Write write;
};

struct TanhLowering : OpConversionPattern<math::TanhOp> {
  TanhLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern(converter, context, /*benefit=*/2), values(values) {
  }
  LogicalResult
  matchAndRewrite(math::TanhOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> results;
    for (Value operand : adaptor.getOperand())
      results.push_back(
          values.getPrimitives().tanh(rewriter, op.getLoc(), operand));
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

/// Division by multiplication with the approximate reciprocal, where allowed.
struct DivFLowering : OpConversionPattern<arith::DivFOp> {
  DivFLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern(converter, context, /*benefit=*/2), values(values) {
  }
  LogicalResult
  matchAndRewrite(arith::DivFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!arith::bitEnumContainsAll(op.getFastmath(),
                                   arith::FastMathFlags::arcp))
      return rewriter.notifyMatchFailure(op, "is exact");
    SmallVector<Value> results;
    Location loc = op.getLoc();
    for (auto [lhs, rhs] :
         llvm::zip_equal(adaptor.getLhs(), adaptor.getRhs())) {
      Value inverse = values.getPrimitives().invert(rewriter, loc, rhs);
      results.push_back(
          matchPattern(lhs, m_OneFloat())
              ? inverse
              : Value(arith::MulFOp::create(rewriter, loc, lhs, inverse)));
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateMathPatterns(const TypeConverter &converter,
                                     const KernelValues &values,
                                     RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<ConvertByteLowering, ExtFLowering>(converter, context);
  patterns.add<DivFLowering, ExtendFloat8Lowering, TanhLowering,
               TruncateFloat8Lowering, TruncFLowering>(converter, context,
                                                       values);
  patterns.add<ApproximateLowering<math::Exp2Op>>(converter, context, values,
                                                  &Primitives::exp2);
  patterns.add<ApproximateLowering<math::Log2Op>>(converter, context, values,
                                                  &Primitives::log2);
}
