//===- StepSequence.h - the steps of a sweep, by number ---------*- C++ -*-===//
//
// Steps in which a mask decides, or which are not whole, come first; then whole
// steps of full segments. What is left of a full segment is a step of the first
// kind. A sweep without a merge has steps of the first kind only, in its order.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_STEPSEQUENCE_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_STEPSEQUENCE_H

#include "ScalarEmitter.h"

namespace attn {

class StepSequence {
public:
  struct Step {
    mlir::Value base, count;
  };

  /// Values are i32, written at the builder's insertion point.
  StepSequence(mlir::ImplicitLocOpBuilder &b, ScalarEmitter &scalars,
               tile::SweepOp sweep);

  mlir::Value getNumPartial() const { return numPartial; }
  /// All steps, at least one: of an empty sweep there is one step of no points,
  /// which is partial.
  mlir::Value getNumSteps() const { return numSteps; }
  bool hasFull() const { return !full.empty(); }

  mlir::FailureOr<Step> getPartial(mlir::Value number);
  /// Of whole steps, numbered on from the partial ones.
  Step getFull(mlir::Value number);
  mlir::FailureOr<Step> get(mlir::Value number);

private:
  /// Steps from `first` on, up to `end`.
  struct Part {
    mlir::Value first, end, lower, upper;
    std::optional<unsigned> locator;
  };

  mlir::Value i32(int64_t value) { return scalars.constant(value); }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value c);
  /// lower + (number - first) * tile.
  mlir::Value getBase(const Part &part, mlir::Value number);

  mlir::ImplicitLocOpBuilder &b;
  ScalarEmitter &scalars;
  tile::SweepOp sweep;
  llvm::SmallVector<Part> partial, full;
  mlir::Value numPartial, numSteps;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_STEPSEQUENCE_H
