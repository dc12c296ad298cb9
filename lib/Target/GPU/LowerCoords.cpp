//===- LowerCoords.cpp - ops on coordinates -------------------------------===//

#include "CoordForm.h"

#include "attn/Support/Predicates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

namespace {
/// A comparison with coordinates: what the thread adds to them goes to the
/// other side, once a value, so that each register compares with a constant.
struct CompareCoordLowering : OpConversionPattern<arith::CmpIOp> {
  CompareCoordLowering(const TypeConverter &converter, MLIRContext *context,
                       const KernelValues &values)
      : OpConversionPattern(converter, context, /*benefit=*/2), values(values) {
  }

  LogicalResult
  matchAndRewrite(arith::CmpIOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    std::optional<CoordForm> form = matchCoord(op.getLhs());
    ValueRange others = adaptor.getRhs();
    arith::CmpIPredicate predicate = op.getPredicate();
    if (!form) {
      form = matchCoord(op.getRhs());
      others = adaptor.getLhs();
      predicate = swapSides(predicate);
    }
    if (!form)
      return rewriter.notifyMatchFailure(op, "compares no coordinates");
    Location loc = op.getLoc();
    FailureOr<Value> thread = form->createThread(rewriter, loc, values);
    if (failed(thread))
      return rewriter.notifyMatchFailure(op, "has digits that are no powers "
                                             "of 2");
    llvm::DenseMap<Value, Value> shifted;
    llvm::DenseMap<std::pair<Value, int64_t>, Value> known;
    SmallVector<Value> results;
    for (auto [number, other] : llvm::zip_equal(form->numbers, others)) {
      Value &limit = shifted[other];
      if (!limit)
        limit = arith::SubIOp::create(rewriter, loc, other, *thread);
      Value &result = known[{limit, number}];
      if (!result)
        result = arith::CmpIOp::create(rewriter, loc, predicate,
                                       createI32(rewriter, loc, number), limit);
      results.push_back(result);
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

/// Whether elements are read at coordinates that are made of `value`.
static bool isReadAt(Value value) {
  llvm::SetVector<Value> made;
  made.insert(value);
  for (size_t i = 0; i < made.size(); ++i)
    for (Operation *user : made[i].getUsers()) {
      if (isa<GatherOp>(user))
        return true;
      if ((isa<BroadcastOp>(user) ||
           OpTrait::hasElementwiseMappableTraits(user)) &&
          user->getNumResults() == 1 &&
          getElementTypeOrSelf(user->getResult(0)).isInteger(32))
        made.insert(user->getResult(0));
    }
  return false;
}

/// A sum or difference of coordinates at which elements are read: what
/// registers add, which is constant, goes last, so that registers whose sums
/// differ by constants share the rest, and those whose sums are one value are.
/// Elsewhere comparisons are with constants as it is.
template <typename OpTy>
struct SumOfCoordsLowering : OpConversionPattern<OpTy> {
  SumOfCoordsLowering(const TypeConverter &converter, MLIRContext *context)
      : OpConversionPattern<OpTy>(converter, context, /*benefit=*/2) {}

  LogicalResult
  matchAndRewrite(OpTy op,
                  typename OpConversionPattern<OpTy>::OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || !getFragment(type) || !type.getElementType().isInteger(32))
      return rewriter.notifyMatchFailure(op, "adds no coordinates");
    if (!isReadAt(op.getResult()))
      return rewriter.notifyMatchFailure(op, "nothing is read at it");
    Location loc = op.getLoc();
    llvm::DenseMap<std::pair<Value, Value>, Value> shared;
    llvm::DenseMap<std::pair<Value, uint64_t>, Value> sums;
    SmallVector<Value> results;
    for (auto [lhs, rhs] :
         llvm::zip_equal(adaptor.getLhs(), adaptor.getRhs())) {
      auto [left, added] = split(lhs);
      auto [right, other] = split(rhs);
      Value &base = shared[{left, right}];
      if (!base)
        base = OpTy::create(rewriter, loc, left, right);
      APInt constant = isa<arith::SubIOp>(op) ? added - other : added + other;
      Value &sum = sums[{base, constant.getZExtValue()}];
      if (!sum)
        sum = arith::AddIOp::create(
            rewriter, loc, base,
            createI32(rewriter, loc, constant.getSExtValue()));
      results.push_back(sum);
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

private:
  /// `value` as another and a constant that is added to it.
  static std::pair<Value, APInt> split(Value value) {
    APInt constant(32, 0);
    auto add = value.getDefiningOp<arith::AddIOp>();
    if (add && matchPattern(add.getRhs(), m_ConstantInt(&constant)))
      return {add.getLhs(), constant};
    return {value, constant};
  }
};

/// Coordinates as floats: what the thread adds to them is converted, once.
struct CoordToFloatLowering : OpConversionPattern<arith::SIToFPOp> {
  CoordToFloatLowering(const TypeConverter &converter, MLIRContext *context,
                       const KernelValues &values)
      : OpConversionPattern(converter, context, /*benefit=*/2), values(values) {
  }

  LogicalResult
  matchAndRewrite(arith::SIToFPOp op, OneToNOpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto coord = op.getIn().getDefiningOp<CoordOp>();
    if (!coord)
      return rewriter.notifyMatchFailure(op, "converts no coordinates");
    auto type = cast<RankedTensorType>(coord.getResult().getType());
    Location loc = op.getLoc();
    FailureOr<Value> thread = createThreadOffset(rewriter, loc, coord, values);
    auto element =
        cast<FloatType>(cast<RankedTensorType>(op.getType()).getElementType());
    if (failed(thread) || !element.isF32())
      return rewriter.notifyMatchFailure(op, "has digits that are no powers "
                                             "of 2, or no f32");
    Value start = arith::SIToFPOp::create(rewriter, loc, element, *thread);
    SmallVector<Value> results;
    for (int64_t i = 0, e = getNumRegisters(type); i < e; ++i) {
      int64_t offset = getRegisterOffset(type, coord.getDim(), i);
      Value number = arith::ConstantOp::create(
          rewriter, loc, rewriter.getFloatAttr(element, double(offset)));
      results.push_back(arith::AddFOp::create(rewriter, loc, start, number));
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

/// Coordinates, and quotients of them at which elements are read: what the
/// thread adds, once, and a number of each register, so that registers of the
/// same number have one value.
template <typename OpTy> struct CoordFormLowering : OpConversionPattern<OpTy> {
  CoordFormLowering(const TypeConverter &converter, MLIRContext *context,
                    const KernelValues &values)
      : OpConversionPattern<OpTy>(converter, context, /*benefit=*/2),
        values(values) {}

  LogicalResult
  matchAndRewrite(OpTy op, typename OpConversionPattern<OpTy>::OneToNOpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    std::optional<CoordForm> form = matchCoord(op.getResult());
    if (!form || (!isa<CoordOp>(op) && !isReadAt(op.getResult())))
      return rewriter.notifyMatchFailure(op, "is no coordinate that is read "
                                             "at");
    Location loc = op.getLoc();
    FailureOr<Value> thread = form->createThread(rewriter, loc, values);
    if (failed(thread))
      return rewriter.notifyMatchFailure(op, "has digits that are no powers "
                                             "of 2");
    llvm::DenseMap<int64_t, Value> known;
    SmallVector<Value> results;
    for (int64_t number : form->numbers) {
      Value &coordinate = known[number];
      if (!coordinate)
        coordinate = arith::AddIOp::create(rewriter, loc, *thread,
                                           createI32(rewriter, loc, number));
      results.push_back(coordinate);
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

} // namespace

void attn::gpu::populateCoordPatterns(const TypeConverter &converter,
                                      const KernelValues &values,
                                      RewritePatternSet &patterns) {
  patterns.add<CompareCoordLowering, CoordFormLowering<CoordOp>,
               CoordFormLowering<arith::DivUIOp>, CoordToFloatLowering>(
      converter, patterns.getContext(), values);
  patterns.add<SumOfCoordsLowering<arith::AddIOp>,
               SumOfCoordsLowering<arith::SubIOp>>(converter,
                                                   patterns.getContext());
}
