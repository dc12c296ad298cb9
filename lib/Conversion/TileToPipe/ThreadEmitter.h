//===- ThreadEmitter.h - tile ops as points of threads ----------*- C++ -*-===//
//
// A tile value either lies in an array in shared memory, which a `pipe.each`
// has filled, or is written out at each point where it is used. The first holds
// for results of reductions, contractions and sweeps, and for what several ops
// or several points read; the second for the rest.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_THREADEMITTER_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_THREADEMITTER_H

#include "ScalarEmitter.h"

#include "llvm/ADT/MapVector.h"

namespace attn {

/// Threads of a group: enough work for each is worth a second pass.
inline constexpr int64_t kThreadsOfGroup = 128;

class ThreadEmitter : public ScalarEmitter {
public:
  /// Arrays are declared before `firstRole`, in its kernel.
  ThreadEmitter(mlir::ImplicitLocOpBuilder &b, pipe::RoleOp firstRole)
      : ScalarEmitter(b), firstRole(firstRole) {}

  /// Writes the ops of `block` but its terminator.
  mlir::LogicalResult emitBlock(mlir::Block &block);

private:
  using PointBody = llvm::function_ref<void(mlir::ValueRange point)>;

  // Tiles (EmitTiles.cpp).
  mlir::LogicalResult emit(mlir::Operation *op);
  mlir::LogicalResult emitReduce(tile::ReduceOp op);
  mlir::LogicalResult emitDot(tile::DotOp op);
  mlir::LogicalResult emitSweep(tile::SweepOp op);
  mlir::LogicalResult emitStep(tile::SweepOp op,
                               llvm::ArrayRef<mlir::Value> carries);
  mlir::LogicalResult emitStore(tile::StoreOp op);
  bool needsArray(mlir::Value tile);
  bool readsCarry(mlir::Value tile, mlir::Value carry);
  bool readsCarryAtPoint(mlir::Value tile, mlir::Value carry);
  /// The array of the carry that `op` yields the next of, if nothing reads it
  /// after each point of `op` has read its own.
  mlir::Value getCarryToOverwrite(tile::DotOp op);
  /// Runs `body` at each point of `shape`, by all threads.
  void forEach(llvm::ArrayRef<int64_t> shape, PointBody body);
  /// Folds `body` over 0 .. `size`-1 from `start` in steps of `step`.
  mlir::Value fold(
      mlir::Value init, mlir::Value start, int64_t size, int64_t step,
      llvm::function_ref<mlir::Value(mlir::Value index, mlir::Value sum)> body);
  void materialise(mlir::Value tile, mlir::Value array);
  mlir::Value combine(tile::ReduceKind kind, mlir::Value a, mlir::Value c);
  /// The coordinates of point `number` of a box, in row-major order.
  Point delinearise(mlir::Value number, llvm::ArrayRef<int64_t> shape);

  // Arrays (EmitTiles.cpp).
  mlir::Value allocate(mlir::ShapedType type);
  mlir::Value allocate(llvm::ArrayRef<int64_t> shape, mlir::Type element);
  void release(mlir::Value array);
  /// The last op of `block` at which the array of `tile` is read.
  mlir::Operation *findLastUse(mlir::Value tile, mlir::Block &block);
  mlir::Value get(mlir::Value array, mlir::ValueRange point);
  void put(mlir::Value value, mlir::Value array, mlir::ValueRange point);

  // Points (EvaluatePoint.cpp).
  /// The element of `tile` at `point`; null after an error.
  mlir::Value evaluate(mlir::Value tile, mlir::ValueRange point);
  mlir::Value evaluateDefinition(mlir::Value tile, mlir::ValueRange point);
  mlir::Value widen(mlir::Value element, mlir::Type type);
  mlir::Value evaluateLoad(tile::LoadOp op, mlir::ValueRange point);
  mlir::Value evaluateMask(tile::MaskOp op, mlir::ValueRange point);
  mlir::Value evaluateGather(tile::GatherOp op, mlir::ValueRange point);
  mlir::Value evaluateGenerate(tile::GenerateOp op, mlir::ValueRange point);
  /// Whether `point` lies below the counts; null where all points do.
  mlir::Value evaluateValid(mlir::ValueRange valid, mlir::ValueRange point,
                            llvm::ArrayRef<int64_t> shape);
  bool isKnownToHold(mlir::Operation *op) {
    return fullSweep && op->getParentOp() == fullSweep;
  }

  pipe::RoleOp firstRole;
  llvm::DenseMap<mlir::Value, mlir::Value> arrays;
  /// Arrays that nothing reads any more, by type.
  llvm::MapVector<mlir::Type, llvm::SmallVector<mlir::Value>> freeArrays;
  /// The sweep whose step is being written, in a segment in which the
  /// predicates of its masks hold.
  tile::SweepOp fullSweep;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_THREADEMITTER_H
