//===- CoordForm.h - coordinates of a thread's registers --------*- C++ -*-===//
//
// Along a dimension a register's coordinate is a constant plus what the thread
// adds, the same for all its registers. Quotients and remainders by multiples
// of what a thread may add are known when the code is compiled, up to that
// part: so a place in a row of a box costs no division and no register, and
// keys of one page ask for it once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_GPU_COORDFORM_H
#define ATTN_LIB_TARGET_GPU_COORDFORM_H

#include "Lowering.h"

namespace attn::gpu {

/// Of each register of a tile or a line a number, and what the thread adds to a
/// coordinate of `coord` if `hasThread`. Of shares that is what it adds to one
/// of its warp's, to which the warp adds a digit of its number.
struct CoordForm {
  /// `(warp / radix mod size) * stride`.
  struct Digit {
    int64_t radix = 1, size = 1, stride = 0;
  };

  mutable pipe::CoordOp coord;
  bool hasThread = true;
  Digit ofWarp;
  llvm::SmallVector<int64_t> numbers;

  /// What the thread adds; fails if digits are no powers of 2.
  mlir::FailureOr<mlir::Value> createThread(mlir::OpBuilder &b,
                                            mlir::Location loc,
                                            const KernelValues &values) const;
};

/// `value` as such a sum, if it is one.
std::optional<CoordForm> matchCoord(mlir::Value value);

/// What this thread adds to the coordinates of `coord`; fails if digits are no
/// powers of 2. With shares each warp has one of them.
mlir::FailureOr<mlir::Value> createThreadOffset(mlir::OpBuilder &b,
                                                mlir::Location loc,
                                                pipe::CoordOp coord,
                                                const KernelValues &values);

/// What this thread adds to a coordinate along `dim`; fails if digits are no
/// powers of 2.
mlir::FailureOr<mlir::Value> createThreadOffset(mlir::OpBuilder &b,
                                                mlir::Location loc,
                                                pipe::FragmentAttr fragment,
                                                unsigned dim,
                                                const KernelValues &values);

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_COORDFORM_H
