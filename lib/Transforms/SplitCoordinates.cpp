//===- SplitCoordinates.cpp - a tile's base apart from places in it -------===//
//
// A value of a tile.generate is kept as a sum: what is the same at all points,
// computed outside, and what depends on the place in the tile alone. A quotient
// of the sum is one of each where the first part divides evenly, and then the
// remainder is that of the place: of `(base + i) mod 8`, base being a multiple
// of 8, stays `i mod 8`. Where base is a multiple of what all places are below,
// and that of the divisor, the quotient is the base's: `(base + i) div 24`, i
// being less than 8, is `base div 24`.
//
//===----------------------------------------------------------------------===//

#include "attn/Analysis/Remainder.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

namespace attn {
#define GEN_PASS_DEF_SPLITCOORDINATESPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {
/// `uniform + place`, either of which may be missing.
struct Sum {
  /// Defined outside of the generate.
  Value uniform;
  /// Defined inside: from 0 to `last`, if that is known.
  Value place;
  std::optional<int64_t> last;
};

class Splitter {
public:
  explicit Splitter(tile::GenerateOp generate)
      : generate(generate), outside(generate) {}

  /// Splits what the generate yields; says whether it did.
  bool run();

private:
  /// All of `op`'s operands being sums, its result; nothing if it stays whole.
  std::optional<Sum> split(Operation &op);
  std::optional<Sum> hoist(Operation &op);
  Sum add(Sum a, Sum b);
  Sum scale(Sum sum, int64_t factor);
  std::optional<Sum> divide(Operation &op, Sum sum, int64_t divisor);
  Sum getSum(Value value);
  /// `value` at the places of the tile.
  Value write(Sum sum, Location loc);
  Value addValues(OpBuilder &b, Value x, Value y) {
    if (!x || !y)
      return x ? x : y;
    return arith::AddIOp::create(b, generate.getLoc(), x, y);
  }

  tile::GenerateOp generate;
  OpBuilder outside;
  std::optional<OpBuilder> inside;
  llvm::DenseMap<Value, Sum> sums;
};
} // namespace

Sum Splitter::getSum(Value value) {
  auto known = sums.find(value);
  if (known != sums.end())
    return known->second;
  // Constants are found anywhere.
  bool isInside = value.getParentBlock() == &generate.getBody().front();
  if (isInside && !matchPattern(value, m_Constant()))
    return {{}, value, std::nullopt};
  return {value, {}, 0};
}

Value Splitter::write(Sum sum, Location loc) {
  if (!sum.uniform && !sum.place)
    return arith::ConstantIndexOp::create(*inside, loc, 0);
  return addValues(*inside, sum.uniform, sum.place);
}

Sum Splitter::add(Sum a, Sum b) {
  Sum sum{addValues(outside, a.uniform, b.uniform),
          addValues(*inside, a.place, b.place), std::nullopt};
  if (a.last && b.last)
    sum.last = *a.last + *b.last;
  return sum;
}

Sum Splitter::scale(Sum sum, int64_t factor) {
  auto multiply = [&](OpBuilder &b, Value value) -> Value {
    if (!value)
      return {};
    return arith::MulIOp::create(
        b, generate.getLoc(), value,
        arith::ConstantIndexOp::create(outside, generate.getLoc(), factor));
  };
  Sum product{multiply(outside, sum.uniform), multiply(*inside, sum.place),
              std::nullopt};
  if (sum.last && factor >= 0)
    product.last = *sum.last * factor;
  return product;
}

/// The quotient or the remainder of `sum`.
std::optional<Sum> Splitter::divide(Operation &op, Sum sum, int64_t divisor) {
  bool isRemainder = isa<arith::RemUIOp>(op);
  if (divisor < 1 || !sum.last || (sum.uniform && !isNotNegative(sum.uniform)))
    return std::nullopt;
  Location loc = op.getLoc();
  Value by = arith::ConstantIndexOp::create(outside, loc, divisor);
  auto divideUniform = [&](bool takesRemainder) -> Value {
    if (takesRemainder)
      return arith::RemUIOp::create(outside, loc, sum.uniform, by);
    return arith::DivUIOp::create(outside, loc, sum.uniform, by);
  };
  if (sum.uniform && getRemainder(sum.uniform, divisor) != 0) {
    if (!staysInQuotient(sum.uniform, *sum.last, divisor))
      return std::nullopt;
    return isRemainder ? Sum{divideUniform(true), sum.place, sum.last}
                       : Sum{divideUniform(false), {}, 0};
  }
  Sum result;
  result.last =
      isRemainder ? std::min(*sum.last, divisor - 1) : *sum.last / divisor;
  if (sum.place && isRemainder)
    result.place =
        *sum.last < divisor
            ? sum.place
            : Value(arith::RemUIOp::create(*inside, loc, sum.place, by));
  else if (sum.place && *sum.last >= divisor)
    result.place = arith::DivUIOp::create(*inside, loc, sum.place, by);
  if (sum.uniform && !isRemainder)
    result.uniform = divideUniform(false);
  return result;
}

/// What is the same at all points is computed outside.
std::optional<Sum> Splitter::hoist(Operation &op) {
  if (!isa<arith::ArithDialect>(op.getDialect()) || !isSpeculatable(&op))
    return std::nullopt;
  IRMapping mapping;
  for (Value operand : op.getOperands()) {
    Sum sum = getSum(operand);
    if (sum.place || !sum.uniform)
      return std::nullopt;
    mapping.map(operand, sum.uniform);
  }
  return Sum{outside.clone(op, mapping)->getResult(0), {}, 0};
}

std::optional<Sum> Splitter::split(Operation &op) {
  if (std::optional<Sum> sum = hoist(op))
    return sum;
  auto operand = [&](unsigned i) { return getSum(op.getOperand(i)); };
  return llvm::TypeSwitch<Operation *, std::optional<Sum>>(&op)
      .Case([&](arith::AddIOp) { return add(operand(0), operand(1)); })
      .Case(
          [&](arith::SubIOp) { return add(operand(0), scale(operand(1), -1)); })
      .Case([&](arith::MulIOp mul) -> std::optional<Sum> {
        for (unsigned i : {0u, 1u})
          if (auto factor = getConstantIntValue(mul->getOperand(i)))
            return scale(operand(1 - i), *factor);
        return std::nullopt;
      })
      .Case<arith::DivUIOp, arith::FloorDivSIOp, arith::RemUIOp>(
          [&](Operation *) -> std::optional<Sum> {
            auto divisor = getConstantIntValue(op.getOperand(1));
            return divisor ? divide(op, operand(0), *divisor) : std::nullopt;
          })
      .Default([](Operation *) { return std::nullopt; });
}

bool Splitter::run() {
  // The places are those of the tile where it begins at 0.
  if (getConstantIntValue(generate.getBase()) != 0)
    return false;
  Block &body = generate.getBody().front();
  int64_t size = generate.getType().getDimSize(0);
  sums[body.getArgument(0)] = {{}, body.getArgument(0), size - 1};
  for (Operation &op : llvm::make_early_inc_range(body)) {
    inside.emplace(&op);
    if (op.hasTrait<OpTrait::ConstantLike>())
      continue;
    std::optional<Sum> sum;
    if (op.getNumResults() == 1 && op.getResult(0).getType().isIndex())
      sum = split(op);
    if (sum) {
      sums[op.getResult(0)] = *sum;
      continue;
    }
    for (OpOperand &use : op.getOpOperands())
      if (auto known = sums.find(use.get());
          known != sums.end() && use.get() != body.getArgument(0))
        use.set(write(known->second, op.getLoc()));
  }
  return true;
}

namespace {
struct SplitCoordinates final
    : attn::impl::SplitCoordinatesPassBase<SplitCoordinates> {
  void runOnOperation() override {
    SmallVector<tile::GenerateOp> generates;
    getOperation().walk(
        [&](tile::GenerateOp generate) { generates.push_back(generate); });
    bool changed = false;
    for (tile::GenerateOp generate : generates)
      changed |= Splitter(generate).run();
    if (!changed)
      markAllAnalysesPreserved();
  }
};
} // namespace
