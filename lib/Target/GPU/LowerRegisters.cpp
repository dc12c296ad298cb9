//===- LowerRegisters.cpp - tiles of registers, one register at a time ----===//
//
// An elementwise op on a tile is that op on each register of the thread. Lines
// and tiles share values: a broadcast repeats SSA values, so that what is
// computed once a row stays computed once a row.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

int64_t attn::gpu::getLineRegister(FragmentAttr fragment, unsigned dim,
                                   int64_t reg) {
  int64_t line = 0, radix = 1;
  for (DigitAttr digit : fragment.getRegisters()) {
    if (digit.getDim() != dim) {
      line += reg % digit.getSize() * radix;
      radix *= digit.getSize();
    }
    reg /= digit.getSize();
  }
  return line;
}

int64_t attn::gpu::getRegisterOffset(RankedTensorType type, unsigned dim,
                                     int64_t reg) {
  FragmentAttr fragment = getFragment(type);
  if (!isa<SliceAttr>(type.getEncoding()))
    return FragmentAttr::getOffset(fragment.getRegisters(), reg, dim);
  SmallVector<DigitAttr> kept;
  for (DigitAttr digit : fragment.getRegisters())
    if (digit.getDim() == dim)
      kept.push_back(digit);
  return FragmentAttr::getOffset(kept, reg, dim);
}

namespace {

//===-- Elementwise -------------------------------------------------------===//

/// One op a register. Scalar operands (a select's condition) serve all.
struct ElementwiseLowering : ConversionPattern {
  ElementwiseLowering(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<ValueRange> operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!OpTrait::hasElementwiseMappableTraits(op) ||
        op->getNumResults() != 1 || op->getNumRegions() != 0)
      return rewriter.notifyMatchFailure(op, "is not elementwise");
    SmallVector<Type> types;
    if (failed(
            getTypeConverter()->convertType(op->getResult(0).getType(), types)))
      return rewriter.notifyMatchFailure(op, "has elements that no register "
                                             "of a thread holds");
    bool isSelect = isa<arith::SelectOp>(op);
    for (Value operand : op->getOperands())
      if (auto type = dyn_cast<RankedTensorType>(operand.getType());
          type && type.getElementTypeBitWidth() == 16 && !isSelect)
        return rewriter.notifyMatchFailure(
            op, "is not available on elements of 16 bits");
    if (isSelect && !operands[0].empty() && operands[0].size() != 1 &&
        operands[0].size() != types.size())
      return rewriter.notifyMatchFailure(op, "selects half a register");
    SmallVector<Value> results;
    for (auto [i, type] : llvm::enumerate(types)) {
      SmallVector<Value> scalars;
      for (ValueRange operand : operands)
        scalars.push_back(operand.size() == 1 ? operand[0] : operand[i]);
      OperationState state(op->getLoc(), op->getName().getStringRef(), scalars,
                           type, op->getAttrs());
      results.push_back(rewriter.create(state)->getResult(0));
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }
};

/// A conjunction of predicates, each pair of them once.
struct ConjunctionLowering : OpConversionPattern<arith::AndIOp> {
  ConjunctionLowering(const TypeConverter &converter, MLIRContext *context,
                      const KernelValues &values)
      : OpConversionPattern(converter, context, /*benefit=*/2), values(values) {
  }

  LogicalResult
  matchAndRewrite(arith::AndIOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || !type.getElementType().isInteger(1))
      return rewriter.notifyMatchFailure(op, "is of no predicates");
    llvm::DenseMap<std::pair<Value, Value>, Value> known;
    SmallVector<Value> results;
    for (auto [lhs, rhs] :
         llvm::zip_equal(adaptor.getLhs(), adaptor.getRhs())) {
      Value &both = known[{lhs, rhs}];
      if (!both)
        both = values.getPrimitives().join(rewriter, op.getLoc(), lhs, rhs);
      results.push_back(both);
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

//===-- Lines and layouts -------------------------------------------------===//

/// A tile of one value; of 16 bits, two of them a register.
struct ConstantLowering : OpConversionPattern<arith::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::ConstantOp op, OneToNOpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto elements = dyn_cast<SplatElementsAttr>(op.getValue());
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!elements || !type || !getFragment(type))
      return failure();
    auto value = elements.getSplatValue<TypedAttr>();
    if (type.getElementTypeBitWidth() == 16) {
      APInt bits = isa<FloatAttr>(value)
                       ? cast<FloatAttr>(value).getValue().bitcastToAPInt()
                       : cast<IntegerAttr>(value).getValue();
      value = rewriter.getIntegerAttr(rewriter.getI32Type(), bits.concat(bits));
    }
    Value scalar = arith::ConstantOp::create(rewriter, op.getLoc(), value);
    SmallVector<Value> results(getNumRegisters(type), scalar);
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }
};

struct SplatLowering : OpConversionPattern<SplatOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(SplatOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    SmallVector<Value> results(getNumRegisters(type), adaptor.getScalar()[0]);
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }
};

struct BroadcastLowering : OpConversionPattern<BroadcastOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(BroadcastOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    ValueRange line = adaptor.getLine();
    SmallVector<Value> results(line);
    if (!isa<SliceAttr>(type.getEncoding())) {
      unsigned dim =
          cast<SliceAttr>(op.getLine().getType().getEncoding()).getDim();
      FragmentAttr fragment = getFragment(type);
      results.clear();
      for (int64_t i = 0, e = getNumRegisters(type); i < e; ++i)
        results.push_back(line[getLineRegister(fragment, dim, i)]);
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }
};

struct ColumnsLowering : OpConversionPattern<ColumnsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ColumnsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType from = op.getTile().getType();
    // By the verifier, the slowest digit counts the columns.
    DigitAttr slowest = getFragment(from).getRegisters().back();
    int64_t total = getNumRegisters(from);
    int64_t first =
        op.getFirst() / slowest.getStride() * (total / slowest.getSize());
    rewriter.replaceOpWithMultiple(
        op, {ValueRange(adaptor.getTile())
                 .slice(first, getNumRegisters(op.getResult().getType()))});
    return success();
  }
};

static Value combine(OpBuilder &b, Location loc, ReduceKind kind, Value lhs,
                     Value rhs) {
  switch (kind) {
  case ReduceKind::Add:
    return arith::AddFOp::create(b, loc, lhs, rhs,
                                 arith::FastMathFlags::contract);
  case ReduceKind::MaxNum:
    return arith::MaxNumFOp::create(b, loc, lhs, rhs);
  case ReduceKind::Maximum:
    return arith::MaximumFOp::create(b, loc, lhs, rhs);
  }
  llvm_unreachable("unknown reduction");
}

/// Combines `value` over the lanes that differ in digits of `dim`, so that all
/// of them hold the result.
static LogicalResult combineLanes(OpBuilder &b, Location loc, ReduceKind kind,
                                  FragmentAttr fragment, unsigned dim,
                                  const Primitives &primitives, Value &value) {
  for (DigitAttr digit : fragment.getWarps())
    if (digit.getDim() == dim && digit.getSize() > 1)
      return failure();
  int64_t radix = 1;
  SmallVector<int64_t> masks;
  for (DigitAttr digit : fragment.getLanes()) {
    if (!llvm::isPowerOf2_64(digit.getSize()))
      return failure();
    if (digit.getDim() == dim)
      for (int64_t bit = 1; bit < digit.getSize(); bit *= 2)
        masks.push_back(bit * radix);
    radix *= digit.getSize();
  }
  for (int64_t mask : llvm::reverse(masks)) {
    Value other = primitives.shuffleXor(b, loc, value, mask);
    value = combine(b, loc, kind, value, other);
  }
  return success();
}

struct RowReduceLowering : OpConversionPattern<RowReduceOp> {
  RowReduceLowering(const TypeConverter &converter, MLIRContext *context,
                    const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(RowReduceOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = op.getResult().getType();
    if (!type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "has elements other than f32");
    auto slice = cast<SliceAttr>(type.getEncoding());
    FragmentAttr fragment = getFragment(op.getTile().getType());
    Location loc = op.getLoc();
    SmallVector<Value> results(getNumRegisters(type));
    bool isSum = op.getKind() == ReduceKind::Add;
    // A complete initial value of a sum joins after the lanes have met.
    bool initLast = isSum && !slice.getPartial();
    if (op.getInit() && !initLast)
      llvm::copy(adaptor.getInit(), results.begin());
    // In as many chains as keep a warp busy while each waits for its last.
    constexpr size_t kChains = 4;
    size_t parts = std::max<size_t>(kChains / results.size(), 1);
    SmallVector<SmallVector<Value>> chains(parts,
                                           SmallVector<Value>(results.size()));
    chains[0] = results;
    auto join = [&](Value &result, Value value) {
      result =
          result ? combine(rewriter, loc, op.getKind(), result, value) : value;
    };
    SmallVector<size_t> numbers(results.size());
    for (auto [i, value] : llvm::enumerate(adaptor.getTile())) {
      size_t line = getLineRegister(fragment, slice.getDim(), i);
      join(chains[numbers[line]++ % parts][line], value);
    }
    for (auto [line, result] : llvm::enumerate(results)) {
      result = chains[0][line];
      for (const auto &chain : llvm::drop_begin(chains))
        if (chain[line])
          join(result, chain[line]);
    }
    if (!slice.getPartial())
      for (Value &result : results)
        if (failed(combineLanes(rewriter, loc, op.getKind(), fragment,
                                slice.getDim(), values.getPrimitives(),
                                result)))
          return rewriter.notifyMatchFailure(op, "crosses warps");
    if (op.getInit() && initLast)
      for (auto [result, init] : llvm::zip_equal(results, adaptor.getInit()))
        result = combine(rewriter, loc, op.getKind(), init, result);
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

struct LaneReduceLowering : OpConversionPattern<LaneReduceOp> {
  LaneReduceLowering(const TypeConverter &converter, MLIRContext *context,
                     const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(LaneReduceOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto slice = cast<SliceAttr>(op.getLine().getType().getEncoding());
    SmallVector<Value> results(adaptor.getLine());
    for (Value &result : results)
      if (failed(combineLanes(rewriter, op.getLoc(), op.getKind(),
                              slice.getParent(), slice.getDim(),
                              values.getPrimitives(), result)))
        return rewriter.notifyMatchFailure(op, "crosses warps");
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

/// Only the order of registers changes.
struct RelayoutLowering : OpConversionPattern<RelayoutOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(RelayoutOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType from = op.getTile().getType(),
                     to = op.getResult().getType();
    if (op.getCost() != RelayoutCost::Free ||
        from.getElementTypeBitWidth() == 16)
      return rewriter.notifyMatchFailure(
          op, "moves elements between lanes or halves of registers");
    auto key = [](RankedTensorType type, int64_t reg) {
      SmallVector<int64_t, 2> point;
      for (unsigned dim = 0; dim < type.getRank(); ++dim)
        point.push_back(getRegisterOffset(type, dim, reg));
      return std::pair(point[0], point.back());
    };
    llvm::DenseMap<std::pair<int64_t, int64_t>, Value> values;
    for (auto [i, value] : llvm::enumerate(adaptor.getTile()))
      values[key(from, i)] = value;
    SmallVector<Value> results;
    for (int64_t i = 0, e = getNumRegisters(to); i < e; ++i)
      results.push_back(values.lookup(key(to, i)));
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }
};

/// A warp branches if one of its lanes has such a row.
struct IfAnyLowering : OpConversionPattern<IfAnyOp> {
  IfAnyLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(IfAnyOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type i32 = rewriter.getI32Type();
    Value own;
    for (Value holds : adaptor.getCondition())
      own = own ? arith::OrIOp::create(rewriter, loc, own, holds).getResult()
                : holds;
    Value any = values.getPrimitives().reduce(
        rewriter, loc, WarpReduction::Max,
        arith::ExtUIOp::create(rewriter, loc, i32, own));
    Value zero = arith::ConstantIntOp::create(rewriter, loc, i32, 0);
    any = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::ne, any,
                                zero);
    SmallVector<Value> others;
    for (ValueRange other : adaptor.getOthers())
      llvm::append_range(others, other);
    auto branch =
        scf::IfOp::create(rewriter, loc, TypeRange(ValueRange(others)), any,
                          /*withElseRegion=*/true);
    auto yield = cast<YieldOp>(op.getBody().front().getTerminator());
    rewriter.inlineBlockBefore(&op.getBody().front(), branch.thenBlock(),
                               branch.thenBlock()->end());
    rewriter.setInsertionPoint(yield);
    SmallVector<Value> registers;
    for (Value value : yield.getValues()) {
      SmallVector<Type> types;
      if (failed(getTypeConverter()->convertType(value.getType(), types)))
        return failure();
      llvm::append_range(registers, UnrealizedConversionCastOp::create(
                                        rewriter, loc, types, value)
                                        .getResults());
    }
    scf::YieldOp::create(rewriter, loc, registers);
    rewriter.eraseOp(yield);
    rewriter.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(rewriter, loc, others);
    SmallVector<SmallVector<Value>> results;
    ValueRange rest = branch.getResults();
    for (ValueRange other : adaptor.getOthers()) {
      results.emplace_back(rest.take_front(other.size()));
      rest = rest.drop_front(other.size());
    }
    rewriter.replaceOpWithMultiple(op, results);
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateRegisterPatterns(const TypeConverter &converter,
                                         const KernelValues &values,
                                         RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<ElementwiseLowering, ConstantLowering, SplatLowering,
               BroadcastLowering, ColumnsLowering, RelayoutLowering>(converter,
                                                                     context);
  patterns.add<ConjunctionLowering, RowReduceLowering, LaneReduceLowering,
               IfAnyLowering>(converter, context, values);
}
