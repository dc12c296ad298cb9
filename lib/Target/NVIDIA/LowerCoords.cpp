//===- LowerCoords.cpp - coordinates of a thread's registers --------------===//
//
// Along a dimension a register's coordinate is a constant plus what the thread
// adds, the same for all its registers. Quotients and remainders by multiples
// of what a thread may add are known when the code is compiled, up to that
// part: so a place in a row of a box costs no division and no register.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "attn/Support/Predicates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

static FailureOr<Value> createOffset(OpBuilder &b, Location loc,
                                     ArrayRef<DigitAttr> digits, Value number,
                                     unsigned dim) {
  Value offset;
  int64_t radix = 1;
  for (DigitAttr digit : digits) {
    int64_t size = digit.getSize();
    if (!llvm::isPowerOf2_64(size))
      return failure();
    if (digit.getDim() == dim && size > 1) {
      Value value = arith::ShRUIOp::create(
          b, loc, number, createI32(b, loc, llvm::Log2_64(radix)));
      value = arith::AndIOp::create(b, loc, value, createI32(b, loc, size - 1));
      value = arith::MulIOp::create(b, loc, value,
                                    createI32(b, loc, digit.getStride()));
      offset = offset ? arith::AddIOp::create(b, loc, offset, value) : value;
    }
    radix *= size;
  }
  return offset ? offset : createI32(b, loc, 0);
}

/// What this thread adds to a coordinate along `dim`.
static FailureOr<Value> createThreadOffset(OpBuilder &b, Location loc,
                                           FragmentAttr fragment, unsigned dim,
                                           const KernelValues &values) {
  FailureOr<Value> lane =
      createOffset(b, loc, fragment.getLanes(), values.lane, dim);
  FailureOr<Value> warp =
      createOffset(b, loc, fragment.getWarps(), values.warpInGroup, dim);
  if (failed(lane) || failed(warp))
    return failure();
  return Value(arith::AddIOp::create(b, loc, *lane, *warp));
}

/// The most that a thread adds to a coordinate along `dim`.
static int64_t getLastThreadOffset(FragmentAttr fragment, unsigned dim) {
  int64_t last = 0;
  for (ArrayRef<DigitAttr> digits : {fragment.getLanes(), fragment.getWarps()})
    for (DigitAttr digit : digits)
      if (digit.getDim() == dim)
        last += (digit.getSize() - 1) * digit.getStride();
  return last;
}

namespace {
/// Of each register of a tile or a line a number, and what the thread adds to a
/// coordinate of `coord` if `hasThread`.
struct CoordForm {
  mutable CoordOp coord;
  bool hasThread = true;
  SmallVector<int64_t> numbers;

  FailureOr<Value> createThread(OpBuilder &b, Location loc,
                                const KernelValues &values) const {
    if (!hasThread)
      return createI32(b, loc, 0);
    return createThreadOffset(b, loc, getFragment(coord.getResult().getType()),
                              coord.getDim(), values);
  }
};
} // namespace

static std::optional<CoordForm> matchCoord(Value value);

/// The quotient or the remainder of what `form` stands for.
static std::optional<CoordForm> divide(Operation *op, CoordForm form,
                                       int64_t divisor) {
  if (divisor < 1)
    return std::nullopt;
  int64_t last =
      form.hasThread
          ? getLastThreadOffset(getFragment(form.coord.getResult().getType()),
                                form.coord.getDim())
          : 0;
  for (int64_t &number : form.numbers) {
    // Whatever the thread adds stays in one quotient. A negative number is a
    // large one to these ops.
    if (number < 0 || number % divisor + last >= divisor)
      return std::nullopt;
    number = isa<arith::DivUIOp>(op) ? number / divisor : number % divisor;
  }
  form.hasThread &= isa<arith::RemUIOp>(op);
  return form;
}

static std::optional<CoordForm> matchArithmetic(Operation *op) {
  APInt constant;
  if (!matchPattern(op->getOperand(1), m_ConstantInt(&constant)))
    return std::nullopt;
  std::optional<CoordForm> form = matchCoord(op->getOperand(0));
  int64_t number = constant.getSExtValue();
  if (!form)
    return std::nullopt;
  if (isa<arith::DivUIOp, arith::RemUIOp>(op))
    return divide(op, *form, number);
  if (isa<arith::MulIOp>(op) && form->hasThread)
    return std::nullopt;
  for (int64_t &own : form->numbers)
    own = isa<arith::MulIOp>(op) ? own * number : own + number;
  return form;
}

/// `value` as such a sum, if it is one.
static std::optional<CoordForm> matchCoord(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  using Form = std::optional<CoordForm>;
  return llvm::TypeSwitch<Operation *, Form>(op)
      .Case([](CoordOp coord) -> Form {
        auto type = cast<RankedTensorType>(coord.getResult().getType());
        CoordForm form{coord, true, {}};
        for (int64_t i = 0, e = getNumRegisters(type); i < e; ++i)
          form.numbers.push_back(getRegisterOffset(type, coord.getDim(), i));
        return form;
      })
      .Case([](BroadcastOp broadcast) -> Form {
        Form line = matchCoord(broadcast.getLine());
        auto type = cast<RankedTensorType>(broadcast.getResult().getType());
        if (!line || isa<SliceAttr>(type.getEncoding()))
          return line;
        unsigned dim =
            cast<SliceAttr>(broadcast.getLine().getType().getEncoding())
                .getDim();
        CoordForm form{line->coord, line->hasThread, {}};
        for (int64_t i = 0, e = getNumRegisters(type); i < e; ++i)
          form.numbers.push_back(
              line->numbers[getLineRegister(getFragment(type), dim, i)]);
        return form;
      })
      .Case<arith::AddIOp, arith::MulIOp, arith::DivUIOp, arith::RemUIOp>(
          [](Operation *arithmetic) { return matchArithmetic(arithmetic); })
      .Default([](Operation *) { return std::nullopt; });
}

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
    FailureOr<Value> thread = createThreadOffset(
        rewriter, loc, getFragment(type), coord.getDim(), values);
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

struct CoordLowering : OpConversionPattern<CoordOp> {
  CoordLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(CoordOp op, OneToNOpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    Location loc = op.getLoc();
    FailureOr<Value> thread = createThreadOffset(
        rewriter, loc, getFragment(type), op.getDim(), values);
    if (failed(thread))
      return rewriter.notifyMatchFailure(op, "has digits that are no powers "
                                             "of 2");
    SmallVector<Value> results;
    for (int64_t i = 0, e = getNumRegisters(type); i < e; ++i)
      results.push_back(arith::AddIOp::create(
          rewriter, loc, *thread,
          createI32(rewriter, loc, getRegisterOffset(type, op.getDim(), i))));
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};

} // namespace

void attn::nvidia::populateCoordPatterns(const TypeConverter &converter,
                                         const KernelValues &values,
                                         RewritePatternSet &patterns) {
  patterns.add<CompareCoordLowering, CoordLowering, CoordToFloatLowering>(
      converter, patterns.getContext(), values);
  patterns.add<SumOfCoordsLowering<arith::AddIOp>,
               SumOfCoordsLowering<arith::SubIOp>>(converter,
                                                   patterns.getContext());
}
