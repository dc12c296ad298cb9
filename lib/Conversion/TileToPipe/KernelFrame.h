//===- KernelFrame.h - the kernel around a tile program ---------*- C++ -*-===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_KERNELFRAME_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_KERNELFRAME_H

#include "ScalarEmitter.h"

#include "llvm/ADT/SmallSet.h"

namespace attn {

/// A kernel with the arguments of a tile program, and what its roles need of
/// them.
class KernelFrame {
public:
  KernelFrame(mlir::ImplicitLocOpBuilder &b, tile::ProgramOp program)
      : b(b), program(program) {}

  /// Of argument `index`, elements along the last dimension are neighbours: it
  /// is copied in bulk, or stored to by whole tiles.
  void setRows(unsigned index) { rows.insert(index); }

  /// Writes the kernel, of clusters of so many blocks, at the insertion point,
  /// which moves into its body.
  mlir::LogicalResult createKernel(int64_t cluster = 1);
  /// Tiles along each coordinate of the program.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> getCounts();
  /// 1 where the program's guard holds, else 0; null without a guard.
  mlir::FailureOr<mlir::Value> getGuard();
  /// The extent of a rank, an i32.
  mlir::FailureOr<mlir::Value> getExtent(llvm::StringRef rank);
  /// The number of the kernel's argument that stands for one of the program,
  /// which is no extent.
  unsigned getKernelArgument(unsigned index) {
    return mlir::cast<mlir::BlockArgument>(arguments[index]).getArgNumber();
  }
  /// Tells `emitter` the tensors, extents and scalars of the program.
  mlir::LogicalResult bindArguments(ScalarEmitter &emitter);

  pipe::KernelOp kernel;

private:
  /// The value of an expression over extents, as a program's argument has one.
  mlir::FailureOr<mlir::Value> evaluate(mlir::Attribute expression);
  mlir::FailureOr<mlir::Type> getArgumentType(unsigned index);
  /// The shape of a tensor, static extents as numbers.
  mlir::ArrayAttr getShape(unsigned index);
  mlir::Value i32(int64_t value);
  mlir::Type getIndexType() { return b.getI64Type(); }
  mlir::StringAttr getString(unsigned index, llvm::StringRef name) {
    return program.getArgAttrOfType<mlir::StringAttr>(index, name);
  }

  mlir::ImplicitLocOpBuilder &b;
  tile::ProgramOp program;
  llvm::SmallSet<unsigned, 4> rows;
  /// For each argument of the program, the kernel's, or null for extents.
  llvm::SmallVector<mlir::Value> arguments;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_KERNELFRAME_H
