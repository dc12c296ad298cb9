//===- ReducePasses.h - fewer passes over a rank, by algebra --------------===//

#ifndef ATTN_TRANSFORMS_REDUCEPASSES_H
#define ATTN_TRANSFORMS_REDUCEPASSES_H

#include "attn/Analysis/Barriers.h"

namespace attn {

/// Takes `plan.barrier` out of the sums that it reaches and multiplies it back
/// on after them: X = (sum of G) * H(y). `plan.strategy` is `Defer`.
void deferBarrier(cascade::FuncOp func, llvm::StringRef rank,
                  const BarrierPlan &plan);

/// Turns the reductions over `rank` into scans by tiles of `tile` coordinates,
/// one scan a pass. The barriers of `rescaled` are followed as they grow: each
/// reduction that one reaches is corrected by H(y') / H(y) before it goes on.
/// The merge region comes from the same correction. Reductions that index the
/// rank otherwise than by a plain variable keep their form, with a remark.
void formScans(cascade::FuncOp func, llvm::StringRef rank, int64_t tile,
               llvm::ArrayRef<BarrierPlan> rescaled);

struct ReducePassesOptions {
  /// Ranks to reduce; all that are reduced and have no static extent if empty.
  llvm::SmallVector<std::string> ranks;
  /// Coordinates a step of the scans.
  int64_t tile = 256;
  /// Stop after deferral: Einsums stay Einsums.
  bool deferOnly = false;
};

/// Reduces the number of passes over each rank: defers, then forms scans.
/// Needs the function's `reassoc`; refusals are remarks.
void reducePasses(cascade::FuncOp func, const ReducePassesOptions &options);

} // namespace attn

#endif // ATTN_TRANSFORMS_REDUCEPASSES_H
