//===- CoordForm.cpp - coordinates of a thread's registers ----------------===//

#include "CoordForm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
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

FailureOr<Value> attn::gpu::createThreadOffset(OpBuilder &b, Location loc,
                                               FragmentAttr fragment,
                                               unsigned dim,
                                               const KernelValues &values) {
  FailureOr<Value> lane =
      createOffset(b, loc, fragment.getLanes(), values.lane, dim);
  FailureOr<Value> warp =
      createOffset(b, loc, fragment.getWarps(), values.warpInGroup, dim);
  if (failed(lane) || failed(warp))
    return failure();
  return Value(arith::AddIOp::create(b, loc, *lane, *warp));
}

/// What a warp adds to coordinates of its share.
static CoordForm::Digit getDigitOfWarp(CoordOp coord) {
  if (!coord.getShares() || coord.getDim() == 0)
    return {};
  auto type = cast<RankedTensorType>(coord.getResult().getType());
  return {1, static_cast<int64_t>(*coord.getShares()), type.getDimSize(1)};
}

/// What this thread adds to the coordinates of its warp's share, if there are
/// shares, or to all.
static FailureOr<Value> createOwnOffset(OpBuilder &b, Location loc,
                                        CoordOp coord,
                                        const KernelValues &values) {
  auto type = cast<RankedTensorType>(coord.getResult().getType());
  FragmentAttr fragment = getFragment(type);
  if (coord.getShares())
    return createOffset(b, loc, fragment.getLanes(), values.lane,
                        coord.getDim());
  return createThreadOffset(b, loc, fragment, coord.getDim(), values);
}

FailureOr<Value> attn::gpu::createThreadOffset(OpBuilder &b, Location loc,
                                               CoordOp coord,
                                               const KernelValues &values) {
  return CoordForm{coord, true, getDigitOfWarp(coord), {}}.createThread(b, loc,
                                                                        values);
}

/// The most that a thread adds to a coordinate of `coord`, or of its share.
static int64_t getLastThreadOffset(CoordOp coord) {
  auto type = cast<RankedTensorType>(coord.getResult().getType());
  FragmentAttr fragment = getFragment(type);
  auto getLast = [&](ArrayRef<DigitAttr> digits) {
    int64_t last = 0;
    for (DigitAttr digit : digits)
      if (digit.getDim() == coord.getDim())
        last += (digit.getSize() - 1) * digit.getStride();
    return last;
  };
  int64_t last = getLast(fragment.getLanes());
  return coord.getShares() ? last : last + getLast(fragment.getWarps());
}

FailureOr<Value> CoordForm::createThread(OpBuilder &b, Location loc,
                                         const KernelValues &values) const {
  FailureOr<Value> own =
      hasThread ? createOwnOffset(b, loc, coord, values) : createI32(b, loc, 0);
  if (failed(own) || ofWarp.size == 1)
    return own;
  auto i32 = [&](int64_t value) { return createI32(b, loc, value); };
  Value digit = values.warpInGroup;
  if (ofWarp.radix > 1)
    digit = arith::DivUIOp::create(b, loc, digit, i32(ofWarp.radix));
  if (ofWarp.radix * ofWarp.size < kGroupWarps)
    digit = arith::RemUIOp::create(b, loc, digit, i32(ofWarp.size));
  digit = arith::MulIOp::create(b, loc, digit, i32(ofWarp.stride));
  return Value(arith::AddIOp::create(b, loc, *own, digit));
}

/// The quotient or the remainder of what `form` stands for.
static std::optional<CoordForm> divide(Operation *op, CoordForm form,
                                       int64_t divisor) {
  bool isQuotient = isa<arith::DivUIOp>(op);
  CoordForm::Digit &digit = form.ofWarp;
  if (divisor < 1 || digit.stride < 0)
    return std::nullopt;
  // What the others add has to stay below this to stay in one quotient.
  int64_t room = divisor;
  if (digit.size == 1 || digit.stride % divisor == 0) {
    digit.stride /= divisor;
    if (!isQuotient)
      digit = {};
  } else {
    int64_t count = std::min(divisor / digit.stride, digit.size);
    room = digit.stride;
    if (divisor % digit.stride != 0 || digit.size % count != 0)
      return std::nullopt;
    if (isQuotient)
      digit = {digit.radix * count, digit.size / count, 1};
    else
      digit.size = count;
  }
  int64_t last = form.hasThread ? getLastThreadOffset(form.coord) : 0;
  for (int64_t &number : form.numbers) {
    // A negative number is a large one to these ops.
    if (number < 0 || number % divisor + last >= room)
      return std::nullopt;
    number = isQuotient ? number / divisor : number % divisor;
  }
  form.hasThread &= !isQuotient;
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
  if (isa<arith::MulIOp>(op))
    form->ofWarp.stride *= number;
  for (int64_t &own : form->numbers)
    own = isa<arith::MulIOp>(op) ? own * number : own + number;
  return form;
}

std::optional<CoordForm> attn::gpu::matchCoord(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  using Form = std::optional<CoordForm>;
  return llvm::TypeSwitch<Operation *, Form>(op)
      .Case([](CoordOp coord) -> Form {
        auto type = cast<RankedTensorType>(coord.getResult().getType());
        CoordForm form{coord, true, getDigitOfWarp(coord), {}};
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
        CoordForm form{line->coord, line->hasThread, line->ofWarp, {}};
        for (int64_t i = 0, e = getNumRegisters(type); i < e; ++i)
          form.numbers.push_back(
              line->numbers[getLineRegister(getFragment(type), dim, i)]);
        return form;
      })
      .Case<arith::AddIOp, arith::MulIOp, arith::DivUIOp, arith::RemUIOp>(
          [](Operation *arithmetic) { return matchArithmetic(arithmetic); })
      .Default([](Operation *) { return std::nullopt; });
}
