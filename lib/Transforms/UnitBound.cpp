//===- UnitBound.cpp - tensors whose points are between 0 and 1 -----------===//

#include "UnitBound.h"

#include "ProductChain.h"
#include "dialects/Cascade/Cascade.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// The Einsum over single elements, of all points, that makes a tensor; null if
/// another op does.
static EinsumOp getElementwise(Value tensor) {
  auto einsum = tensor.getDefiningOp<EinsumOp>();
  return einsum && !einsum.getMonoidAttr() && einsum.hasMap() &&
                 !einsum.hasWhere() && isPlain(einsum)
             ? einsum
             : EinsumOp();
}

static Value getYielded(EinsumOp einsum) {
  return einsum.getMap().front().getTerminator()->getOperand(0);
}

/// The tensor of which a number of the map is an element, if it is one.
static Value getTensor(EinsumOp einsum, Value number) {
  auto argument = dyn_cast<BlockArgument>(number);
  return argument && argument.getOwner() == &einsum.getMap().front()
             ? einsum.getInputs()[argument.getArgNumber()]
             : Value();
}

/// Of all points.
static bool isReductionOf(Value tensor, Value source, StringRef monoid) {
  auto einsum = tensor.getDefiningOp<EinsumOp>();
  return einsum && einsum.getMonoidAttr() &&
         einsum.getMonoidAttr().getName() == monoid && !einsum.hasMap() &&
         !einsum.hasWhere() && einsum.getInputs().size() == 1 &&
         einsum.getInputs()[0] == source && isPlain(einsum);
}

/// Whether a number of the map of `einsum` is an element of what `monoid` makes
/// of `source`, or of a tensor of whose numbers `holds` is true.
static bool
isReducedOr(EinsumOp einsum, Value number, Value source, StringRef monoid,
            llvm::function_ref<bool(EinsumOp, Value, Value)> holds) {
  Value tensor = getTensor(einsum, number);
  if (!tensor)
    return false;
  EinsumOp inner = getElementwise(tensor);
  return isReductionOf(tensor, source, monoid) ||
         (inner && holds(inner, getYielded(inner), source));
}

/// Whether a number of the map of `einsum` is at least each point of `source`
/// that it stands for: the maximum of those and perhaps of more.
static bool isMaximumOf(EinsumOp einsum, Value number, Value source) {
  if (auto maximum = number.getDefiningOp<arith::MaximumFOp>())
    return isMaximumOf(einsum, maximum.getLhs(), source) ||
           isMaximumOf(einsum, maximum.getRhs(), source);
  return isReducedOr(einsum, number, source, "max", isMaximumOf);
}

static bool isPositive(EinsumOp einsum, Value number) {
  if (number.getDefiningOp<math::ExpOp>() ||
      number.getDefiningOp<math::Exp2Op>())
    return true;
  Value tensor = getTensor(einsum, number);
  EinsumOp inner = tensor ? getElementwise(tensor) : EinsumOp();
  return inner && isPositive(inner, getYielded(inner));
}

/// Whether a number of the map of `einsum` is a sum that has each point of
/// `source` that it stands for, beside positive numbers.
static bool isSumWith(EinsumOp einsum, Value number, Value source) {
  if (auto sum = number.getDefiningOp<arith::AddFOp>()) {
    auto holds = [&](Value part, Value other) {
      return isSumWith(einsum, part, source) && isPositive(einsum, other);
    };
    return holds(sum.getLhs(), sum.getRhs()) ||
           holds(sum.getRhs(), sum.getLhs());
  }
  return isReducedOr(einsum, number, source, "add", isSumWith);
}

/// 1 / (1 + e^x).
static bool isLogistic(EinsumOp einsum, arith::DivFOp quotient) {
  auto sum = quotient.getRhs().getDefiningOp<arith::AddFOp>();
  auto isOnePlus = [&](Value one, Value other) {
    return matchPattern(one, m_OneFloat()) && isPositive(einsum, other);
  };
  return matchPattern(quotient.getLhs(), m_OneFloat()) && sum &&
         (isOnePlus(sum.getLhs(), sum.getRhs()) ||
          isOnePlus(sum.getRhs(), sum.getLhs()));
}

bool attn::isUnitBounded(Value tensor) {
  EinsumOp einsum = getElementwise(tensor);
  if (!einsum)
    return false;
  Value number = getYielded(einsum);
  if (auto exponential = number.getDefiningOp<math::ExpOp>()) {
    auto difference = exponential.getOperand().getDefiningOp<arith::SubFOp>();
    Value source =
        difference ? getTensor(einsum, difference.getLhs()) : Value();
    return source && isMaximumOf(einsum, difference.getRhs(), source);
  }
  auto quotient = number.getDefiningOp<arith::DivFOp>();
  if (!quotient)
    return false;
  Value source = getTensor(einsum, quotient.getLhs());
  return isLogistic(einsum, quotient) ||
         (source && isUnitBounded(source) &&
          isSumWith(einsum, quotient.getRhs(), source));
}
