//===- ExpandVectorMath.cpp - math functions as vector arithmetic ---------===//
//
// exp2(x) = 2^n * 2^f with n = round(x) and a polynomial of degree 5 for 2^f on
// [-0.5, 0.5] (minimax with p(0) = 1, 9.2e-8). x is first clamped to where the
// result is 0 or inf; the comparisons are such that NaN passes. exp(x) does the
// same with x * log2(e) in two parts, or large arguments would lose their low
// bits. Where an instruction scales by 2^n, nothing is clamped.
//
//===----------------------------------------------------------------------===//

#include "attn/Target/CPU/Machine.h"
#include "attn/Target/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace attn::cpu;

namespace attn::cpu {
#define GEN_PASS_DEF_EXPANDVECTORMATHPASS
#include "attn/Target/CPU/Passes.h.inc"
} // namespace attn::cpu

namespace {

/// Writes f32 arithmetic on vectors of one type.
class VectorWriter {
public:
  VectorWriter(ImplicitLocOpBuilder &b, VectorType type, const Machine &machine)
      : b(b), type(type), machine(machine) {}

  Value constant(float value) {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, value));
  }
  Value multiplyAdd(Value x, Value y, Value z) {
    return vector::FMAOp::create(b, x, y, z);
  }
  Value horner(Value x, ArrayRef<float> coefficients) {
    Value result = constant(coefficients[0]);
    for (float coefficient : coefficients.drop_front())
      result = multiplyAdd(result, x, constant(coefficient));
    return result;
  }
  Value select(arith::CmpFPredicate predicate, Value x, Value y, Value ifTrue,
               Value ifFalse) {
    return arith::SelectOp::create(b, arith::CmpFOp::create(b, predicate, x, y),
                                   ifTrue, ifFalse);
  }
  /// `x` within [low, high]; NaN stays.
  Value clamp(Value x, float low, float high) {
    Value least = constant(low), most = constant(high);
    x = select(arith::CmpFPredicate::OGT, least, x, least, x);
    return select(arith::CmpFPredicate::OLT, most, x, most, x);
  }

  /// 2^n * 2^f for whole n in [-400, 400] and f in [-0.5, 0.5].
  Value scaledExp2(Value n, Value f) {
    Value p = horner(f, {1.326472731e-3f, 9.671512991e-3f, 5.550733581e-2f,
                         2.402224243e-1f, 6.931470037e-1f, 1.0f});
    if (isScalef()) {
      Value all = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1));
      // Rounding mode 4: the current one.
      Value rounding = arith::ConstantOp::create(b, b.getI32IntegerAttr(4));
      return LLVM::CallIntrinsicOp::create(
                 b, type, b.getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
                 ValueRange{p, n, p, all, rounding})
          .getResult(0);
    }
    // In three factors, each a normal number, so that the result may be
    // denormal or infinite.
    VectorType integers = type.clone(b.getI32Type());
    auto splat = [&](int32_t value) {
      return arith::ConstantOp::create(b,
                                       DenseElementsAttr::get(integers, value));
    };
    // NaN is converted to something; the polynomial keeps it.
    Value zero = constant(0.0f);
    Value safe = select(arith::CmpFPredicate::UNO, n, n, zero, n);
    Value whole = arith::FPToSIOp::create(b, integers, safe);
    Value half = arith::ShRSIOp::create(b, whole, splat(1));
    Value first = arith::ShRSIOp::create(b, half, splat(1));
    Value parts[] = {first, arith::SubIOp::create(b, half, first),
                     arith::SubIOp::create(b, whole, half)};
    for (Value part : parts) {
      Value bits = arith::ShLIOp::create(
          b, arith::AddIOp::create(b, part, splat(127)), splat(23));
      p = arith::MulFOp::create(b, p, arith::BitcastOp::create(b, type, bits));
    }
    return p;
  }

  Value exp2(Value x) {
    if (isScalef()) {
      // vreduceps gives x - round(x), 0 for infinities, in one instruction:
      // nothing needs to be clamped.
      Value all = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1));
      Value rounding = arith::ConstantOp::create(b, b.getI32IntegerAttr(4));
      // To nearest even, no bits after the point, no exceptions.
      Value control = arith::ConstantOp::create(b, b.getI32IntegerAttr(8));
      Value f =
          LLVM::CallIntrinsicOp::create(
              b, type, b.getStringAttr("llvm.x86.avx512.mask.reduce.ps.512"),
              ValueRange{x, control, x, all, rounding})
              .getResult(0);
      return scaledExp2(math::RoundEvenOp::create(b, x), f);
    }
    x = clamp(x, -200.0f, 200.0f);
    Value n = math::RoundEvenOp::create(b, x);
    return scaledExp2(n, arith::SubFOp::create(b, x, n));
  }

  Value exp(Value x) {
    if (!isScalef())
      x = clamp(x, -140.0f, 140.0f);
    constexpr float log2e = 1.44269504f, log2eRest = 1.92596299e-8f;
    Value n = math::RoundEvenOp::create(
        b, arith::MulFOp::create(b, x, constant(log2e)));
    if (!machine.hasFma) {
      // x - n ln(2) in two parts, the first of so few bits that n times it is
      // exact.
      Value rest = multiplyAdd(n, constant(-0.693359375f), x);
      rest = multiplyAdd(n, constant(2.12194440e-4f), rest);
      return scaledExp2(n, arith::MulFOp::create(b, rest, constant(log2e)));
    }
    Value f = multiplyAdd(x, constant(log2e), arith::NegFOp::create(b, n));
    f = multiplyAdd(x, constant(log2eRest), f);
    Value result = scaledExp2(n, f);
    return isScalef() ? fixInfinities(result, n) : result;
  }

  /// 1 - 2 / (exp(2|x|) + 1) with the sign of x; near 0, where that cancels,
  /// the polynomial of Cephes tanhf.
  Value tanh(Value x) {
    Value size = math::AbsFOp::create(b, x);
    Value e = exp(arith::AddFOp::create(b, size, size));
    Value one = constant(1.0f);
    Value large = arith::SubFOp::create(
        b, one,
        arith::DivFOp::create(b, constant(2.0f),
                              arith::AddFOp::create(b, e, one)));
    large = math::CopySignOp::create(b, large, x);
    Value square = arith::MulFOp::create(b, x, x);
    Value p = horner(square,
                     {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                      1.33314422036e-1f, -3.33332819422e-1f});
    Value cube = arith::MulFOp::create(b, square, x);
    Value small = multiplyAdd(p, cube, x);
    return select(arith::CmpFPredicate::OLT, size, constant(0.625f), small,
                  large);
  }

private:
  /// `result`, but 0 and inf where `exponent` is -inf and inf.
  Value fixInfinities(Value result, Value exponent) {
    // Four bits for each kind of number, from the last ones on: NaN, signalling
    // NaN, 0, 1, -inf, inf, below 0, above 0. 0 keeps `result`, 8 is 0, 5 inf.
    Value table = arith::ConstantOp::create(
        b, DenseElementsAttr::get(type.clone(b.getI32Type()), 0x00580000));
    Value exceptions = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
    Value all = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1));
    // Rounding mode 4: the current one.
    Value rounding = arith::ConstantOp::create(b, b.getI32IntegerAttr(4));
    return LLVM::CallIntrinsicOp::create(
               b, type, b.getStringAttr("llvm.x86.avx512.mask.fixupimm.ps.512"),
               ValueRange{result, exponent, table, exceptions, all, rounding})
        .getResult(0);
  }

  bool isScalef() const {
    return machine.exponent == ExponentOp::Scalef &&
           type.getNumElements() == 16;
  }

  ImplicitLocOpBuilder &b;
  VectorType type;
  const Machine &machine;
};

template <typename OpTy> struct Expand : OpRewritePattern<OpTy> {
  using Function = Value (VectorWriter::*)(Value);

  Expand(MLIRContext *context, const Machine &machine, Function function)
      : OpRewritePattern<OpTy>(context, /*benefit=*/2), machine(machine),
        function(function) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "not a vector of f32");
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    VectorWriter writer(builder, type, machine);
    rewriter.replaceOp(op, (writer.*function)(op.getOperand()));
    return success();
  }

  Machine machine;
  Function function;
};

/// Integer arithmetic on scalars or vectors.
class BitWriter {
public:
  BitWriter(OpBuilder &b, Location loc, Type shaped) : b(loc, b) {
    type = b.getI32Type();
    if (auto vector = dyn_cast<VectorType>(shaped))
      type = vector.clone(type);
  }
  Value constant(uint32_t value) {
    return arith::ConstantOp::create(b, splat(type, APInt(32, value)));
  }
  Type with(Type element) {
    if (auto vector = dyn_cast<VectorType>(type))
      return vector.clone(element);
    return element;
  }
  TypedAttr splat(Type shaped, const APInt &value) {
    if (auto vector = dyn_cast<VectorType>(shaped))
      return DenseElementsAttr::get(vector, value);
    return b.getIntegerAttr(shaped, value);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, x, y); }
  Value bitAnd(Value x, Value y) { return arith::AndIOp::create(b, x, y); }
  Value bitOr(Value x, Value y) { return arith::OrIOp::create(b, x, y); }
  Value right(Value x, unsigned n) {
    return arith::ShRUIOp::create(b, x, constant(n));
  }
  Value left(Value x, unsigned n) {
    return arith::ShLIOp::create(b, x, constant(n));
  }
  Value above(Value x, uint32_t y) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, x, constant(y));
  }
  Value select(Value c, Value x, Value y) {
    return arith::SelectOp::create(b, c, x, y);
  }
  Value bits(Value x) { return arith::BitcastOp::create(b, type, x); }
  Value toFloat(Value x) {
    return arith::BitcastOp::create(b, with(b.getF32Type()), x);
  }
  /// The low 16 bits as a float type of that width.
  Value narrow(Value x, Type element) {
    Value half = arith::TruncIOp::create(b, with(b.getI16Type()), x);
    return arith::BitcastOp::create(b, with(element), half);
  }

  ImplicitLocOpBuilder b;
  Type type;
};

/// Rounds to nearest even in integers; a NaN stays one.
struct TruncateToBf16 : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    Type to = getElementTypeOrSelf(op.getType());
    if (!to.isBF16() || !getElementTypeOrSelf(op.getIn().getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not from f32 to bf16");
    BitWriter w(rewriter, op.getLoc(), op.getType());
    Value bits = w.bits(op.getIn());
    Value odd = w.bitAnd(w.right(bits, 16), w.constant(1));
    Value rounded = w.add(bits, w.add(odd, w.constant(0x7fff)));
    Value isNaN = w.above(w.bitAnd(bits, w.constant(0x7fffffff)), 0x7f800000);
    Value quiet = w.bitOr(bits, w.constant(0x00400000));
    Value result = w.right(w.select(isNaN, quiet, rounded), 16);
    rewriter.replaceOp(op, w.narrow(result, to));
    return success();
  }
};

/// Rounds to nearest even: below 2^-14 by adding a number whose last place is
/// that of a denormal, else in integers.
struct TruncateToHalf : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    Type to = getElementTypeOrSelf(op.getType());
    if (!to.isF16() || !getElementTypeOrSelf(op.getIn().getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not from f32 to f16");
    BitWriter w(rewriter, op.getLoc(), op.getType());
    Value bits = w.bits(op.getIn());
    Value size = w.bitAnd(bits, w.constant(0x7fffffff));
    Value sign = w.bitAnd(w.right(bits, 16), w.constant(0x8000));
    Value odd = w.bitAnd(w.right(size, 13), w.constant(1));
    Value normal = w.right(w.add(w.add(size, w.constant(0xc8000fff)), odd), 13);
    Value half = w.constant(0x3f000000);
    Value small = w.sub(
        w.bits(arith::AddFOp::create(w.b, w.toFloat(size), w.toFloat(half))),
        half);
    Value large = w.select(w.above(size, 0x7f800000), w.constant(0x7e00),
                           w.constant(0x7c00));
    Value result = w.select(w.above(size, 0x387fffff), normal, small);
    result = w.select(w.above(size, 0x477fffff), large, result);
    rewriter.replaceOp(op, w.narrow(w.bitOr(result, sign), to));
    return success();
  }
};

/// Moves the fields and scales by 2^112, which also makes denormals right.
struct ExtendHalf : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn().getType()).isF16() ||
        !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not from f16 to f32");
    BitWriter w(rewriter, op.getLoc(), op.getType());
    Value half =
        arith::BitcastOp::create(w.b, w.with(w.b.getI16Type()), op.getIn());
    Value bits = arith::ExtUIOp::create(w.b, w.type, half);
    Value size = w.bitAnd(bits, w.constant(0x7fff));
    Value sign = w.left(w.bitAnd(bits, w.constant(0x8000)), 16);
    Value moved = w.left(size, 13);
    Value scaled = w.bits(arith::MulFOp::create(
        w.b, w.toFloat(moved), w.toFloat(w.constant(0x77800000))));
    Value result = w.select(w.above(size, 0x7bff),
                            w.bitOr(moved, w.constant(0x7f800000)), scaled);
    rewriter.replaceOp(op, w.toFloat(w.bitOr(result, sign)));
    return success();
  }
};

/// The same for floats of 8 bits: below the least normal number by adding one
/// whose last place is that of a denormal. What lies beyond the largest number
/// becomes what is no number, or infinity where the type has it.
struct TruncateToFloat8 : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    Type to = getElementTypeOrSelf(op.getType());
    bool isE4M3 = isa<Float8E4M3FNType>(to);
    if (!isE4M3 && !isa<Float8E5M2Type>(to))
      return rewriter.notifyMatchFailure(op, "not to a float of 8 bits");
    Value in = op.getIn();
    BitWriter w(rewriter, op.getLoc(), op.getType());
    if (!getElementTypeOrSelf(in.getType()).isF32())
      in = arith::ExtFOp::create(w.b, w.with(w.b.getF32Type()), in);
    // Bits of the fraction that go, and the difference of the exponents'
    // biases.
    unsigned lost = isE4M3 ? 20 : 21, bias = isE4M3 ? 120 : 112;
    uint32_t leastNormal = (bias + 1) << 23;
    Value bits = w.bits(in);
    Value size = w.bitAnd(bits, w.constant(0x7fffffff));
    Value sign = w.bitAnd(w.right(bits, 24), w.constant(0x80));
    Value odd = w.bitAnd(w.right(size, lost), w.constant(1));
    uint32_t half = (1u << (lost - 1)) - 1;
    Value normal =
        w.right(w.add(w.add(size, w.constant(half - (bias << 23))), odd), lost);
    Value unit = w.constant((bias + 1 + lost) << 23);
    Value small = w.sub(
        w.bits(arith::AddFOp::create(w.b, w.toFloat(size), w.toFloat(unit))),
        unit);
    if (isE4M3) {
      normal = w.select(w.above(normal, 0x7e), w.constant(0x7f), normal);
    } else {
      normal = w.select(w.above(normal, 0x7b), w.constant(0x7c), normal);
      normal = w.select(w.above(size, 0x7f800000), w.constant(0x7f), normal);
    }
    Value result = w.select(w.above(size, leastNormal - 1), normal, small);
    Value byte = arith::TruncIOp::create(w.b, w.with(w.b.getI8Type()),
                                         w.bitOr(result, sign));
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), byte);
    return success();
  }
};

/// Moves the fields and scales by the difference of the biases, which also
/// makes denormals right.
struct ExtendFloat8 : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    Type from = getElementTypeOrSelf(op.getIn().getType());
    Type to = getElementTypeOrSelf(op.getType());
    bool isE4M3 = isa<Float8E4M3FNType>(from);
    if (!isE4M3 && !isa<Float8E5M2Type>(from))
      return rewriter.notifyMatchFailure(op, "not from a float of 8 bits");
    BitWriter w(rewriter, op.getLoc(), op.getType());
    Value byte =
        arith::BitcastOp::create(w.b, w.with(w.b.getI8Type()), op.getIn());
    Value bits = arith::ExtUIOp::create(w.b, w.type, byte);
    Value size = w.bitAnd(bits, w.constant(0x7f));
    Value sign = w.left(w.bitAnd(bits, w.constant(0x80)), 24);
    Value moved = w.left(size, isE4M3 ? 20 : 21);
    Value scale = w.constant(isE4M3 ? 0x7b800000 : 0x77800000);
    Value scaled =
        w.bits(arith::MulFOp::create(w.b, w.toFloat(moved), w.toFloat(scale)));
    // What is no number: one code of E4M3, the last exponent of E5M2.
    Value special = w.bitOr(moved, w.constant(0x7f800000));
    Value result =
        w.select(w.above(size, isE4M3 ? 0x7e : 0x7b), special, scaled);
    result = w.bitOr(result, sign);
    // Of a bf16 the upper half is all there is.
    if (to.isBF16()) {
      rewriter.replaceOp(op, w.narrow(w.right(result, 16), to));
      return success();
    }
    Value wide = w.toFloat(result);
    if (!to.isF32())
      wide = arith::TruncFOp::create(w.b, op.getType(), wide);
    rewriter.replaceOp(op, wide);
    return success();
  }
};

/// By way of f32, of which a bf16 of 8 bits is the upper half.
struct ConvertByteToHalf : OpRewritePattern<arith::SIToFPOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::SIToFPOp op,
                                PatternRewriter &rewriter) const override {
    Type to = getElementTypeOrSelf(op.getType());
    if (!getElementTypeOrSelf(op.getIn().getType()).isInteger(8) ||
        !(to.isBF16() || to.isF16()))
      return rewriter.notifyMatchFailure(op, "not from i8 to 16 bits");
    BitWriter w(rewriter, op.getLoc(), op.getType());
    Value wide =
        arith::SIToFPOp::create(w.b, w.with(w.b.getF32Type()), op.getIn());
    if (to.isBF16())
      rewriter.replaceOp(op, w.narrow(w.right(w.bits(wide), 16), to));
    else
      rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), wide);
    return success();
  }
};

/// A number that is repeated is widened where it comes from: between blocks of
/// code LLVM keeps one of bf16 as f32, and calls a library to narrow it again.
struct WidenBeforeBroadcast : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    auto broadcast = op.getIn().getDefiningOp<vector::BroadcastOp>();
    Value number = broadcast ? broadcast.getSource() : Value();
    if (!number || !number.getType().isBF16())
      return rewriter.notifyMatchFailure(op, "widens no repeated bf16");
    rewriter.setInsertionPointAfterValue(number);
    Value wide = arith::ExtFOp::create(
        rewriter, op.getLoc(), getElementTypeOrSelf(op.getType()), number);
    rewriter.setInsertionPoint(op);
    rewriter.replaceOpWithNewOp<vector::BroadcastOp>(op, op.getType(), wide);
    return success();
  }
};

/// Without the instruction, LLVM would call a library. `OpTy` multiplies its
/// first two operands and adds the third.
template <typename OpTy> struct SplitFma : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Value product = arith::MulFOp::create(rewriter, op.getLoc(),
                                          op->getOperand(0), op->getOperand(1));
    rewriter.replaceOpWithNewOp<arith::AddFOp>(op, product, op->getOperand(2));
    return success();
  }
};

} // namespace

void attn::cpu::populateExpandVectorMathPatterns(RewritePatternSet &patterns,
                                                 const Machine &machine) {
  MLIRContext *context = patterns.getContext();
  patterns.add<Expand<math::ExpOp>>(context, machine, &VectorWriter::exp);
  patterns.add<Expand<math::Exp2Op>>(context, machine, &VectorWriter::exp2);
  patterns.add<Expand<math::TanhOp>>(context, machine, &VectorWriter::tanh);
  patterns.add<ConvertByteToHalf, ExtendFloat8, TruncateToFloat8>(context);
  if (!machine.pairDot)
    patterns.add<TruncateToBf16, WidenBeforeBroadcast>(context);
  if (!machine.hasHalfConversion)
    patterns.add<TruncateToHalf, ExtendHalf>(context);
  if (!machine.hasFma)
    patterns.add<SplitFma<vector::FMAOp>, SplitFma<math::FmaOp>>(context);
  populateMathPolynomialApproximationPatterns(patterns);
  math::populateExpansionPatterns(patterns, {"rsqrt", "powf", "fpowi"});
}

namespace {
struct ExpandVectorMath
    : attn::cpu::impl::ExpandVectorMathPassBase<ExpandVectorMath> {
  using ExpandVectorMathPassBase::ExpandVectorMathPassBase;

  void runOnOperation() override {
    std::optional<Machine> machine = getMachine(target);
    if (!machine) {
      getOperation()->emitError(
          "expects a target that the CPU table has, but got '")
          << target << "'";
      return signalPassFailure();
    }
    RewritePatternSet patterns(&getContext());
    populateExpandVectorMathPatterns(patterns, *machine);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
