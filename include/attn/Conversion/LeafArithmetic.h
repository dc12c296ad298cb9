//===- LeafArithmetic.h - leaves of a stream's item, as code ----*- C++ -*-===//

#ifndef ATTN_CONVERSION_LEAFARITHMETIC_H
#define ATTN_CONVERSION_LEAFARITHMETIC_H

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/Builders.h"

namespace attn {

/// What the methods of `leaves` compute, of an i32 that is not negative. Where
/// it is null each step is a leaf, and has one place.
mlir::Value createCountLeaves(mlir::OpBuilder &b, mlir::Location loc,
                              pipe::LeavesAttr leaves, mlir::Value step);
mlir::Value createCountLeavesBefore(mlir::OpBuilder &b, mlir::Location loc,
                                    pipe::LeavesAttr leaves, mlir::Value place);
mlir::Value createFirstStep(mlir::OpBuilder &b, mlir::Location loc,
                            pipe::LeavesAttr leaves, mlir::Value leaf);
mlir::Value createCountPlaces(mlir::OpBuilder &b, mlir::Location loc,
                              pipe::LeavesAttr leaves, mlir::Value steps);

} // namespace attn

#endif // ATTN_CONVERSION_LEAFARITHMETIC_H
