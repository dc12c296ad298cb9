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

FailureOr<Value> attn::gpu::createThreadOffset(OpBuilder &b, Location loc,
                                               CoordOp coord,
                                               const KernelValues &values) {
  auto type = cast<RankedTensorType>(coord.getResult().getType());
  FragmentAttr fragment = getFragment(type);
  unsigned dim = coord.getDim();
  if (!coord.getShares())
    return createThreadOffset(b, loc, fragment, dim, values);
  FailureOr<Value> lane =
      createOffset(b, loc, fragment.getLanes(), values.lane, dim);
  if (failed(lane) || dim == 0)
    return lane;
  Value warp = arith::MulIOp::create(b, loc, values.warpInGroup,
                                     createI32(b, loc, type.getDimSize(1)));
  return Value(arith::AddIOp::create(b, loc, *lane, warp));
}

/// The most that a thread adds to a coordinate of `coord`.
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
  if (!coord.getShares())
    return last + getLast(fragment.getWarps());
  int64_t shares = *coord.getShares();
  return coord.getDim() == 0 ? last : last + (shares - 1) * type.getDimSize(1);
}

FailureOr<Value> CoordForm::createThread(OpBuilder &b, Location loc,
                                         const KernelValues &values) const {
  if (!hasThread)
    return createI32(b, loc, 0);
  return createThreadOffset(b, loc, coord, values);
}

/// The quotient or the remainder of what `form` stands for.
static std::optional<CoordForm> divide(Operation *op, CoordForm form,
                                       int64_t divisor) {
  if (divisor < 1)
    return std::nullopt;
  int64_t last = form.hasThread ? getLastThreadOffset(form.coord) : 0;
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

std::optional<CoordForm> attn::gpu::matchCoord(Value value) {
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
