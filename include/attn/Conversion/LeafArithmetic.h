//===- LeafArithmetic.h - leaves of a stream's item, as code ----*- C++ -*-===//

#ifndef ATTN_CONVERSION_LEAFARITHMETIC_H
#define ATTN_CONVERSION_LEAFARITHMETIC_H

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/Builders.h"

namespace attn {

/// What the methods of `leaves` compute, of an i32 that is not negative. Where
/// it is null each step is a leaf.
mlir::Value createCountLeaves(mlir::OpBuilder &b, mlir::Location loc,
                              pipe::LeavesAttr leaves, mlir::Value step);
mlir::Value createCountLeavesBefore(mlir::OpBuilder &b, mlir::Location loc,
                                    pipe::LeavesAttr leaves, mlir::Value step,
                                    mlir::Value steps);
mlir::Value createAnchor(mlir::OpBuilder &b, mlir::Location loc,
                         pipe::LeavesAttr leaves, mlir::Value step,
                         mlir::Value steps);
mlir::Value createFirstStep(mlir::OpBuilder &b, mlir::Location loc,
                            pipe::LeavesAttr leaves, mlir::Value leaf);

} // namespace attn

#endif // ATTN_CONVERSION_LEAFARITHMETIC_H
