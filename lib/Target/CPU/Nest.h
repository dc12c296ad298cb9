//===- Nest.h - which tile ops share a loop nest ----------------*- C++ -*-===//

#ifndef LIB_TARGET_CPU_NEST_H
#define LIB_TARGET_CPU_NEST_H

#include "Layout.h"

namespace attn::cpu {

/// Ops of one block that share loops over one shape; or one op by itself.
///
/// Invariant: what an op of a nest reads of another nest was written before it,
/// and ops of one nest read each other's results at the same point only.
struct Nest {
  /// A load, store, sweep or contraction along lanes: written by itself.
  mlir::Operation *single = nullptr;
  /// The contraction that starts each block of the nest, if there is one.
  tile::DotOp dot;
  llvm::SmallVector<int64_t> shape;
  int64_t lane = -1;
  /// The dimensions that the nest's reductions reduce; empty without one.
  llvm::SmallVector<int64_t> reduced;
  /// In the block's order.
  llvm::SmallVector<mlir::Operation *> ops;
  /// Values written to a buffer at every point.
  llvm::SmallVector<mlir::Value> outputs;
  /// A value with the nest's shape, whose dimensions tell the nest's bounds.
  mlir::Value representative;

  bool contains(mlir::Operation *op) const {
    return llvm::is_contained(ops, op) || (dot && op == dot);
  }
};

/// Cuts the tile ops of `block` into nests, in an order that respects uses.
std::vector<Nest> planNests(mlir::Block &block, const Layout &layout);

/// Whether `op` is written where it is used, point by point, and needs no loops
/// of its own: broadcasts, coordinates, constants, and single-use chains that
/// start a contraction's sums.
bool isInline(mlir::Operation *op, const Layout &layout);

/// Whether `op` is an scf.if without results around tile ops.
bool isTileBranch(mlir::Operation *op);

/// A value that `tile` is computed from at a point.
struct Leaf {
  mlir::Value tile;
  /// Whether it is read at the point itself, not at one with fewer coordinates.
  bool samePoint;
};
void collectLeaves(mlir::Value tile, const Layout &layout, bool samePoint,
                   llvm::SmallVectorImpl<Leaf> &leaves);

} // namespace attn::cpu

#endif // LIB_TARGET_CPU_NEST_H
