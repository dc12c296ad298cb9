//===- UnitBound.h - tensors whose points are between 0 and 1 ---*- C++ -*-===//

#ifndef ATTN_LIB_TRANSFORMS_UNITBOUND_H
#define ATTN_LIB_TRANSFORMS_UNITBOUND_H

#include "mlir/IR/Value.h"

namespace attn {

/// Whether what `tensor` is made of shows that its points are between 0 and 1:
/// an exponential of a difference from a maximum, such a number over a sum in
/// which it is, a logistic function. Numbers that are none of these count as
/// larger, whatever they are.
bool isUnitBounded(mlir::Value tensor);

} // namespace attn

#endif // ATTN_LIB_TRANSFORMS_UNITBOUND_H
