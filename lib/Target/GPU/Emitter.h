//===- Emitter.h - arithmetic at one place ----------------------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_GPU_EMITTER_H
#define ATTN_LIB_TARGET_GPU_EMITTER_H

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace attn::gpu {

/// Arithmetic on i32.
struct Emitter {
  mlir::OpBuilder &b;
  mlir::Location loc;

  mlir::Value constant(int64_t value) { return createI32(b, loc, value); }
  mlir::Value add(mlir::Value x, mlir::Value y) {
    return mlir::arith::AddIOp::create(b, loc, x, y);
  }
  mlir::Value mul(mlir::Value x, int64_t y) {
    return mlir::arith::MulIOp::create(b, loc, x, constant(y));
  }
  mlir::Value bits(mlir::Value x, int64_t mask) {
    return mlir::arith::AndIOp::create(b, loc, x, constant(mask));
  }
  mlir::Value shiftRight(mlir::Value x, int64_t count) {
    return mlir::arith::ShRUIOp::create(b, loc, x, constant(count));
  }
  mlir::Value exclusiveOr(mlir::Value x, mlir::Value y) {
    return mlir::arith::XOrIOp::create(b, loc, x, y);
  }
  /// Where packed row `row` lies in the two dimensions.
  std::pair<mlir::Value, mlir::Value> split(mlir::Value row,
                                            pipe::PackingAttr packing) {
    return {bits(row, packing.getWidth() - 1),
            shiftRight(row, llvm::Log2_64(packing.getWidth()))};
  }
};

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_EMITTER_H
