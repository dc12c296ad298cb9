//===- StepSequence.h - the steps of a sweep, by number ---------*- C++ -*-===//
//
// Steps in which a mask decides come first; then those of full segments that
// are located, which a count may clip; then whole steps of the other full
// segments. What is left of one of these is a step of the first kind. A sweep
// without a merge has steps of the first kind only, in its order.
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
    /// Where its run ends; null where locators tell no ends.
    mlir::Value end = {};

    llvm::SmallVector<mlir::Value> getValues() const {
      llvm::SmallVector<mlir::Value> values = {base, count};
      if (end)
        values.push_back(end);
      return values;
    }
  };

  /// Values are i32, written at the builder's insertion point.
  StepSequence(mlir::ImplicitLocOpBuilder &b, ScalarEmitter &scalars,
               tile::SweepOp sweep);

  mlir::Value getNumPartial() const { return numPartial; }
  /// Those before the whole steps.
  mlir::Value getNumClipped() const { return numClipped; }
  /// All steps, at least one: of an empty sweep there is one step of no points,
  /// which is partial.
  mlir::Value getNumSteps() const { return numSteps; }
  bool hasClipped() const { return !clipped.empty(); }
  /// Whether no count clips any of these.
  bool areClippedWhole();
  bool hasFull() const { return !full.empty(); }

  mlir::FailureOr<Step> getPartial(mlir::Value number) {
    return find(partial, number, getNone());
  }
  /// Numbered on from the partial ones.
  mlir::FailureOr<Step> getClipped(mlir::Value number) {
    return find(clipped, number, getNone());
  }
  /// Of whole steps, numbered on from the clipped ones.
  Step getFull(mlir::Value number);
  mlir::FailureOr<Step> get(mlir::Value number);
  /// Of the step after `before`, which is known to be number `number`, or of
  /// any other: it is looked for only if it begins another run.
  mlir::FailureOr<Step> getNext(Step before, mlir::Value number);

private:
  /// Steps from `first` on, up to `end`.
  struct Part {
    mlir::Value first, end, lower, upper;
    std::optional<unsigned> locator;
  };

  mlir::Value i32(int64_t value) { return scalars.constant(value); }
  /// No points, and nothing behind them.
  Step getNone() {
    return {i32(0), i32(0), hasEnds() ? i32(0) : mlir::Value()};
  }
  bool hasEnds();
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value c);
  /// The step of one of `parts`, `other` if it is in none.
  mlir::FailureOr<Step> find(llvm::ArrayRef<Part> parts, mlir::Value number,
                             Step other);
  /// The only search of a locator, for the run that has a step, if it begins
  /// with that and does nothing else with the step's number; else null. What
  /// follows divides by nothing of a step, so that it may run for others, too.
  tile::LocateOp getSearch(const Part &part);
  /// The step of one of `parts`, all of which search for runs, by one search:
  /// each is code that a kernel's first step waits for.
  mlir::FailureOr<Step> findInRuns(llvm::ArrayRef<Part> parts,
                                   mlir::Value number);
  /// lower + (number - first) * tile.
  mlir::Value getBase(const Part &part, mlir::Value number);

  mlir::ImplicitLocOpBuilder &b;
  ScalarEmitter &scalars;
  tile::SweepOp sweep;
  llvm::SmallVector<Part> partial, clipped, full;
  mlir::Value numPartial, numClipped, numSteps;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_STEPSEQUENCE_H
