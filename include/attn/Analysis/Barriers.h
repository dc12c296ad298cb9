//===- Barriers.h - values that end a pass, and how to do without ---------===//
//
// A *barrier* of rank R is a value without R that is known only after a whole
// sweep of R (it depends on a reduction over R) and that an Einsum over R
// reads. It forces a second pass unless each reduction that it reaches can be
// computed without it (defer) or corrected as it grows (rescale); see
// Separability.h.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_BARRIERS_H
#define ATTN_ANALYSIS_BARRIERS_H

#include "attn/Analysis/Separability.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace attn {

/// True if `value` is a tensor that has the rank.
bool hasRank(mlir::Value value, llvm::StringRef rank);

/// The variable of `op` that ranges over `rank`, or nothing; nothing also if
/// there are two.
std::optional<unsigned> getRankVariable(cascade::EinsumOp op,
                                        llvm::StringRef rank);

/// True if `op` reduces over `rank`.
bool reducesRank(cascade::EinsumOp op, llvm::StringRef rank);

/// The tensors that the regions of `op` read (cascade.read,
/// cascade.member).
llvm::SmallVector<mlir::Value> getRegionReads(cascade::EinsumOp op);

/// The values of `func`'s body without `rank` that depend on a reduction over
/// it, by way of operations of the body's top level.
llvm::DenseSet<mlir::Value> findLateValues(cascade::FuncOp func,
                                           llvm::StringRef rank);

/// Numbers of leaves. Smaller ones are the Einsum's operands; those from
/// `kCapturedLeaf` on are values that map regions capture, and coordinates
/// (BarrierPlan::captured says which); `kBarrierLeaf` is the barrier.
constexpr unsigned kCapturedLeaf = 1u << 16;
constexpr unsigned kBarrierLeaf = 1u << 20;

/// How one Einsum over the rank depends on a barrier: its value is
/// `element * barrier part` in `monoid`.
struct FactorState {
  const cascade::MonoidInfo *monoid = nullptr;
  /// Over operand numbers; an operand with a state of its own stands for its
  /// element part.
  ScalarExpr element;
  /// Over `kBarrierLeaf` and captured scalars.
  ScalarExpr barrier;
  /// The monoid in which each operand was separated; null: not dependent.
  llvm::SmallVector<const cascade::MonoidInfo *> operandMonoids;
  /// What an empty barrier does, which is the same wherever it is read.
  cascade::Merge barrierMerge = cascade::Merge::Absorb;
  bool mayOverflow = false;
};

enum class BarrierStrategy { Keep, Defer, Rescale };

/// What becomes of one barrier.
struct BarrierPlan {
  mlir::Value barrier;
  BarrierStrategy strategy = BarrierStrategy::Keep;
  /// The reductions over the rank that the barrier reaches, with their states.
  llvm::MapVector<mlir::Operation *, FactorState> reductions;
  /// States of the Einsums between, by operation and name of the monoid.
  llvm::DenseMap<std::pair<mlir::Operation *, const cascade::MonoidInfo *>,
                 FactorState>
      states;
  /// Captured leaf number `kCapturedLeaf + n` is entry n.
  llvm::SmallVector<mlir::Value> captured;
  /// Why it is kept.
  SeparationFailure why;
  /// The Einsum at which separation failed.
  cascade::EinsumOp failedAt;
  /// A finite-rank form or a counterexample, for the remark; may be empty.
  std::string evidence;
};

/// Plans for `barrier`, a late value of `rank`.
BarrierPlan planBarrier(cascade::FuncOp func, llvm::StringRef rank,
                        mlir::Value barrier);

/// The barriers of `rank` in the order of the body.
llvm::SmallVector<mlir::Value> findBarriers(cascade::FuncOp func,
                                            llvm::StringRef rank);

} // namespace attn

#endif // ATTN_ANALYSIS_BARRIERS_H
