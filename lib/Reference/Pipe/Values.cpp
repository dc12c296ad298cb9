//===- Values.cpp - scalars and buffers of a pipe program -------------===//

#include "Values.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

Scalar attn::reference::getUndefined(Type type) {
  Scalar scalar;
  if (isa<FloatType>(type))
    scalar.f = std::numeric_limits<double>::quiet_NaN();
  else
    scalar.i = 0;
  return scalar;
}

Scalar attn::reference::toScalar(Type type, double value) {
  Scalar scalar;
  if (auto floatType = dyn_cast<FloatType>(type)) {
    scalar.f = roundTo(floatType, value);
    return scalar;
  }
  scalar.i = toInteger(value);
  unsigned bits = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  if (bits == 1)
    scalar.i &= 1;
  else if (bits < 64)
    scalar.i =
        static_cast<int64_t>(static_cast<uint64_t>(scalar.i) << (64 - bits)) >>
        (64 - bits);
  return scalar;
}

double attn::reference::toNumber(Type type, Scalar value) {
  return isa<FloatType>(type) ? value.f : static_cast<double>(value.i);
}

void Buffer::clear() {
  values.assign(rows * columns, getUndefined(elementType));
  written.assign(rows, false);
}
