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
/// The descriptor of the tile at `address`, of which it has bits 4 to 17, for
/// the step `step` of K. Sums of 64 bits are one instruction each where ptxas
/// keeps addresses in uniform registers, as it does in most kernels; with few
/// rows it does not, and of what depends on the address, which is in the lower
/// half, sums of 32 bits are fewer (78 for 107 from a step's first product to
/// its last).
Value createDescriptor(OpBuilder &b, Location loc, Value address,
                       const WgmmaOperand &operand, int64_t step, bool isLow) {
  constexpr int64_t kLower = 0xffffffff;
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  int64_t constant = operand.descriptor + operand.getOffset(step);
  if (!isLow)
    return arith::AddIOp::create(
        b, loc, address, arith::ConstantIntOp::create(b, loc, i64, constant));
  Value lower = arith::AddIOp::create(
      b, loc, arith::TruncIOp::create(b, loc, i32, address),
      createI32(b, loc, static_cast<int32_t>(constant & kLower)));
  Value upper = arith::ConstantIntOp::create(b, loc, i64, constant & ~kLower);
  return arith::OrIOp::create(
      b, loc, arith::ExtUIOp::create(b, loc, i64, lower), upper);
}

bool isLow(MmaAsyncOp op) {
  return op.getToken().getType().getAccumulator().getDimSize(0) == kLowRows;
}

/// Registers of a product's accumulator that follow each other in a row, and of
/// a left side. Of a low tile as many of nobody's rows follow each run.
constexpr int64_t kAccumulatorRun = 2, kLhsRun = 1;

bool isUnused(size_t number, int64_t run) { return number / run % 2 == 1; }

/// Registers as the instruction lists them, with `unused` where a low tile has
/// none.
SmallVector<Value> spreadRows(ValueRange registers, ArrayRef<Value> unused,
                              int64_t run) {
  SmallVector<Value> all;
  for (size_t i = 0, e = 2 * registers.size(); i < e; ++i) {
    size_t number = i / (2 * run) * run + i % run;
    all.push_back(isUnused(i, run) ? unused[number] : registers[number]);
  }
  return all;
}

/// What products write to rows that are nobody's. Of one kernel they all share
/// it from product to product, as ptxas would find it live in each apart.
class UnusedRows {
public:
  UnusedRows(OpBuilder &b, Location loc, const KernelValues &values)
      : b(b), loc(loc) {
    LLVM::LLVMFuncOp function = values.function;
    Block &entry = function.getBody().front();
    for (auto alloca : entry.getOps<LLVM::AllocaOp>())
      if (alloca->hasAttr(kAttr))
        memory = alloca;
    if (memory)
      return;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&entry);
    auto alloca = LLVM::AllocaOp::create(
        b, loc, LLVM::LLVMPointerType::get(b.getContext()),
        LLVM::LLVMArrayType::get(b.getF32Type(), kMost), createI32(b, loc, 1));
    alloca->setAttr(kAttr, b.getUnitAttr());
    memory = alloca;
  }

  SmallVector<Value> load(int64_t count) {
    SmallVector<Value> registers;
    for (int64_t i = 0; i < count; ++i)
      registers.push_back(
          LLVM::LoadOp::create(b, loc, b.getF32Type(), getPlace(i)));
    return registers;
  }
  void store(ValueRange registers) {
    for (auto [i, value] : llvm::enumerate(registers))
      LLVM::StoreOp::create(b, loc, value, getPlace(i));
  }

private:
  static constexpr llvm::StringLiteral kAttr = "attn.unused_rows";
  static constexpr int64_t kMost = 64;

  Value getPlace(int64_t number) {
    return createByteOffset(b, loc, memory, 4 * number);
  }

  OpBuilder &b;
  Location loc;
  Value memory;
};

struct MmaAsyncLowering : OpConversionPattern<MmaAsyncOp> {
  MmaAsyncLowering(const TypeConverter &converter, MLIRContext *context,
                   const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(MmaAsyncOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType accumulator = op.getToken().getType().getAccumulator();
    Location loc = op.getLoc();
    FailureOr<WgmmaOperand> rhs =
        getWgmmaOperand(op.getRhs().getType(), op.getRhsDim());
    auto lhsShared = dyn_cast<SharedType>(op.getLhs().getType());
    FailureOr<WgmmaOperand> lhs = failure();
    bool low = isLow(op);
    if (lhsShared)
      lhs = getWgmmaOperand(lhsShared, op.getLhsDim(), low);
    Type element = op.getRhs().getType().getElementType();
    int64_t depth = op.getNumTerms();
    SmallVector<Value> registers;
    if (op.getAcc())
      registers = llvm::to_vector(adaptor.getAcc());
    SmallVector<Value> lhsRegisters;
    if (!lhsShared)
      lhsRegisters = llvm::to_vector(adaptor.getLhs());
    std::optional<UnusedRows> unused;
    if (low && op.getAcc()) {
      unused.emplace(rewriter, loc, values);
      registers = spreadRows(registers, unused->load(registers.size()),
                             kAccumulatorRun);
    }
    if (low && !lhsShared)
      lhsRegisters = spreadRows(
          lhsRegisters,
          SmallVector<Value>(
              lhsRegisters.size(),
              LLVM::UndefOp::create(rewriter, loc, rewriter.getI32Type())),
          kLhsRun);
    NVVM::WgmmaFenceAlignedOp::create(rewriter, loc);
    for (int64_t step = 0; step < depth / kWgmmaDepth; ++step) {
      Wgmma product;
      product.element = element.isBF16() ? "bf16" : "f16";
      product.n = accumulator.getDimSize(1);
      product.rhs =
          createDescriptor(rewriter, loc, adaptor.getRhs()[1], *rhs, step, low);
      product.transposeRhs = rhs->transpose;
      if (lhsShared) {
        product.lhs = {createDescriptor(rewriter, loc, adaptor.getLhs()[1],
                                        *lhs, step, low)};
        product.transposeLhs = lhs->transpose;
      } else {
        constexpr int64_t kRegisters = 4;
        product.lhs = llvm::to_vector<4>(
            ArrayRef(lhsRegisters).slice(step * kRegisters, kRegisters));
        product.transposeLhs = false;
      }
      registers = startWgmma(rewriter, loc, product, registers);
    }
    NVVM::WgmmaGroupSyncAlignedOp::create(rewriter, loc);
    if (low) {
      SmallVector<Value> own, others;
      for (auto [i, value] : llvm::enumerate(registers))
        (isUnused(i, kAccumulatorRun) ? others : own).push_back(value);
      registers = std::move(own);
      if (unused)
        unused->store(others);
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(registers)});
    return success();
  }

  const KernelValues &values;
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
      (lhsShared &&
       failed(getWgmmaOperand(lhsShared, op.getLhsDim(), isLow(op)))))
    return op.emitOpError("expects tiles in shared memory with elements of 16 "
                          "bits, a swizzle of "
                          "128 bytes and one part, and a left side of ")
           << kLowRows << " rows to be contracted along dimension 1";
  return success();
}

void attn::nvidia::populateWgmmaPatterns(const TypeConverter &converter,
                                         const KernelValues &values,
                                         RewritePatternSet &patterns) {
  patterns.add<MmaAsyncLowering>(converter, patterns.getContext(), values);
  patterns.add<MmaWaitLowering, MmaRetireLowering>(converter,
                                                   patterns.getContext());
}
