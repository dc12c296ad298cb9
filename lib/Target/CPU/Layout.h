//===- Layout.h - how a program's tile values lie in memory -----*- C++ -*-===//
//
// The lowering keeps every tile value that crosses a loop nest in a scratch
// buffer, one of whose dimensions is its lane: the one that vectors run along.
// This analysis chooses the lanes, the way each contraction is computed and the
// forms in which the operands of contractions are wanted.
//
// Dimensions of values that ops tie together form one *axis*. One axis, the one
// that most results of contractions share, is the lane of every value that has
// it: reductions over the other dimensions then never cross lanes.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TARGET_CPU_LAYOUT_H
#define LIB_TARGET_CPU_LAYOUT_H

#include "attn/Analysis/TileAxes.h"
#include "attn/Target/CPU/Machine.h"
#include "dialects/Tile/Tile.h"

#include "llvm/ADT/DenseMap.h"

namespace attn::cpu {

/// One way in which the elements of a value are stored.
struct Form {
  /// The dimension with stride 1 (2 with pairs); -1 for a value of rank 0.
  int64_t lane = -1;
  /// The dimension whose points 2i and 2i+1 are neighbours, or -1.
  int64_t pairDim = -1;
  mlir::Type storage;

  bool operator==(const Form &other) const {
    return lane == other.lane && pairDim == other.pairDim &&
           storage == other.storage;
  }
};

/// How a contraction is computed.
struct DotPlan {
  enum class Kind {
    /// Vectors of the result's lane; the other operand broadcast.
    Lanes,
    /// The same, two terms of the last contracted dimension at a time.
    Pairs,
    /// Vectors along a contracted dimension, summed at the end.
    Contraction
  };
  Kind kind = Kind::Lanes;
  /// The dimension of the iteration space that vectors run along.
  unsigned laneDim = 0;
  /// The contracted dimensions; the last is the innermost loop, and the lane of
  /// kind Contraction.
  llvm::SmallVector<unsigned> contracted;
  /// The dimensions of the result but its lane (all of them for Contraction).
  llvm::SmallVector<unsigned> rows;
  /// The form in which each input is wanted.
  Form forms[2];
  /// What is read for each input: it, or the elements of 8 bits that it widens,
  /// which are then widened where they are read.
  mlir::Value sources[2];
};

/// The elements of 8 bits that `tile` widens, or `tile`.
mlir::Value skipWidening(mlir::Value tile);

class Layout {
public:
  Layout(tile::ProgramOp program, const Machine &machine);

  /// The lane of a tile value in its natural form; -1 for rank 0.
  int64_t getLane(mlir::Value tile) const;
  /// The form in which ops other than contractions read a value.
  Form getNaturalForm(mlir::Value tile) const;
  const DotPlan &getPlan(tile::DotOp dot) const { return plans.at(dot); }
  /// All forms in which anything reads a value.
  llvm::ArrayRef<Form> getForms(mlir::Value tile) const;
  /// Whether `dim` of a value in the step of `sweep` runs along the swept
  /// range, so that its points at or beyond the step's count may be left out.
  bool isSwept(tile::SweepOp sweep, mlir::Value tile, int64_t dim) const;
  /// Whether `op` widens what contractions alone read, which do so themselves.
  bool isLeftToDots(mlir::Operation *op) const;

private:
  void collectSweptAxes(tile::ProgramOp program);
  bool isSweptConsistent(tile::SweepOp sweep) const;
  void chooseLaneAxis(tile::ProgramOp program);
  void planDot(tile::DotOp dot);
  void chooseSources(tile::DotOp dot, DotPlan &plan);
  void request(mlir::Value tile, Form form);
  void requestLeaves(mlir::Value tile, int64_t lane);

  const Machine &machine;
  TileAxes axes;
  std::optional<unsigned> laneAxis;
  llvm::DenseMap<mlir::Operation *, DotPlan> plans;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Form>> forms;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<unsigned>> sweptAxes;
};

/// The type in which an element type is kept in memory.
mlir::Type getStorageType(mlir::Type elementType);

/// The dimension of the tile along which the last dimension of the memory runs
/// in steps of one, if the address map has one.
std::optional<int64_t> getUnitDim(mlir::AffineMap map);

/// Whether the next point of a dimension lies one further in each dimension of
/// the memory that depends on it, everywhere.
bool hasSteps(mlir::AffineMap map);

} // namespace attn::cpu

#endif // LIB_TARGET_CPU_LAYOUT_H
