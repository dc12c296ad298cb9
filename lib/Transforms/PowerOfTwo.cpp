//===- PowerOfTwo.cpp - tensors that are scaled without rounding ----------===//

#include "PowerOfTwo.h"

#include "dialects/Cascade/CascadeBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

Value attn::scaleByPowerOfTwo(OpBuilder &builder, Location loc,
                              NamedTensorType type, Value tensor,
                              int exponent) {
  auto map = [&](OpBuilder &b, Location at, ValueRange elements) -> Value {
    Value factor = arith::ConstantOp::create(
        b, at, b.getF32FloatAttr(std::ldexp(1.0f, exponent)));
    return arith::MulFOp::create(b, at, elements[0], factor);
  };
  return buildEinsum(builder, loc, type, {tensor}, {}, map, {Merge::Absorb})
      .getResult();
}
