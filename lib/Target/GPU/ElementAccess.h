//===- ElementAccess.h - loads and stores of one element --------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_GPU_ELEMENTACCESS_H
#define ATTN_LIB_TARGET_GPU_ELEMENTACCESS_H

#include "Lowering.h"

namespace attn::gpu {

/// Memory has no bits of their own: an i1 takes a byte; LLVM has no floats of 8
/// bits.
mlir::Type getMemoryType(mlir::Type element);

/// An element of a tensor in global memory, or of an array, at the builder's
/// insertion point.
class ElementAccess {
public:
  /// `lowered` stands for the value of type `source`.
  ElementAccess(mlir::OpBuilder &b, mlir::Location loc, mlir::Type source,
                mlir::ValueRange lowered,
                llvm::ArrayRef<mlir::ValueRange> indices);

  /// The element is there only where `condition` holds, too.
  void restrict(mlir::Value condition);
  /// `beyond` is what points beyond the extents give; zero if it is null.
  mlir::Value load(mlir::TypedAttr beyond);
  void store(mlir::Value value);
  /// Asks for what is around it, if the GPU can.
  void prefetch(const Primitives &primitives);

private:
  mlir::Value loadAlways();
  mlir::Value createAddress(mlir::Value base, mlir::Value offset);
  void locate(pipe::ArrayType array, mlir::ValueRange lowered,
              llvm::ArrayRef<mlir::ValueRange> indices);
  void locate(pipe::GlobalType global, mlir::ValueRange lowered,
              llvm::ArrayRef<mlir::ValueRange> indices);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type type, memoryType;
  /// `exists` is null for what always does.
  mlir::Value address, exists;
};

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_ELEMENTACCESS_H
