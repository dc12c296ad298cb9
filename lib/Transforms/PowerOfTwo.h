//===- PowerOfTwo.h - tensors that are scaled without rounding --*- C++ -*-===//

#ifndef ATTN_LIB_TRANSFORMS_POWEROFTWO_H
#define ATTN_LIB_TRANSFORMS_POWEROFTWO_H

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"

namespace attn {

/// `tensor` times 2^exponent, as a tensor of `type`, which has its ranks.
mlir::Value scaleByPowerOfTwo(mlir::OpBuilder &builder, mlir::Location loc,
                              cascade::NamedTensorType type, mlir::Value tensor,
                              int exponent);

} // namespace attn

#endif // ATTN_LIB_TRANSFORMS_POWEROFTWO_H
