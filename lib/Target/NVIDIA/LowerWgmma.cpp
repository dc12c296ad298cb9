//===- LowerWgmma.cpp - products become wgmma -----------------------------===//

#include "InlinePtx.h"
#include "Instructions.h"
#include "Wgmma.h"

#include "GPU/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
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
    FailureOr<WgmmaOperand> rhs =
        getWgmmaOperand(op.getRhs().getType(), op.getRhsDim());
    auto lhsShared = dyn_cast<SharedType>(op.getLhs().getType());
    FailureOr<WgmmaOperand> lhs = failure();
    if (lhsShared)
      lhs = getWgmmaOperand(lhsShared, op.getLhsDim());
    Type element = op.getRhs().getType().getElementType();
    int64_t depth = op.getNumTerms();
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

LogicalResult attn::nvidia::verifyWgmma(MmaAsyncOp op) {
  // ptxas would copy such registers after the fence (C7519, C7513).
  if (auto tile = dyn_cast_or_null<TypedValue<RankedTensorType>>(op.getAcc())) {
    Operation *made = tile.getDefiningOp();
    if (made && (isa<SplatOp>(made) || matchPattern(made, m_Constant())))
      return op.emitOpError(
          "expects an accumulator that was computed; leave it "
          "out for zero, and add other constants after");
    if (auto [first, second] = findTwoUses(tile); first) {
      InFlightDiagnostic diag =
          op.emitOpError("expects an accumulator that nothing else uses, as "
                         "the product writes "
                         "over its registers");
      diag.attachNote(first->getLoc()) << "it is used here";
      diag.attachNote(second->getLoc()) << "and here";
      return diag;
    }
  }
  auto lhsShared = dyn_cast<SharedType>(op.getLhs().getType());
  if (failed(getWgmmaOperand(op.getRhs().getType(), op.getRhsDim())) ||
      (lhsShared && failed(getWgmmaOperand(lhsShared, op.getLhsDim()))))
    return op.emitOpError(
        "expects tiles in shared memory with elements of 16 bits, a swizzle of "
        "128 bytes and one part");
  return success();
}

void attn::nvidia::populateWgmmaPatterns(const TypeConverter &converter,
                                         const KernelValues &,
                                         RewritePatternSet &patterns) {
  patterns.add<MmaAsyncLowering, MmaWaitLowering, MmaRetireLowering>(
      converter, patterns.getContext());
}
