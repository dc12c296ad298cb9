//===- RunSegments.h - the segments of a sweep over a packed rank -*- C++
//-*-===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_RUNSEGMENTS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_RUNSEGMENTS_H

#include "ProgramEmitter.h"

namespace attn {

/// The steps of a sweep in tiles of `tile` keys over all runs of a packed rank:
/// those of each run come from the mask, as if the run were all there is.
class RunSegments {
public:
  /// `op` has the predicate, of the rank of `packing`.
  RunSegments(ProgramEmitter &emitter, cascade::EinsumOp op,
              cascade::PackingAttr packing, int64_t tile)
      : emitter(emitter), op(op), packing(packing), tile(tile) {}

  /// Fails with a diagnostic if the mask has no bounds in a run.
  mlir::LogicalResult analyze();

  /// The operands of the sweep, all of whose segments are located.
  llvm::SmallVector<mlir::Value> lowers, uppers;
  llvm::SmallVector<bool> full;
  /// Partial segments may have keys that no row sees.
  bool hasGaps = false;
  /// Fills the locators of a sweep that was made with these.
  mlir::LogicalResult writeLocators(tile::SweepOp sweep);

private:
  /// A range of the inner part.
  struct Range {
    mlir::Value lower, upper;
  };
  /// The ranges of one run, by class, with `full` and `hasGaps`.
  mlir::FailureOr<llvm::SmallVector<Range>> getRanges(mlir::Value run);
  mlir::Value countSteps(Range range);
  /// Writes into `region` the steps that range `number` of each run has, or
  /// those of all ranges; returns how many these are.
  mlir::FailureOr<unsigned> writeSteps(mlir::Region &region,
                                       std::optional<unsigned> number);
  mlir::LogicalResult writeLocator(mlir::Region &region, unsigned number);

  ProgramEmitter &emitter;
  cascade::EinsumOp op;
  cascade::PackingAttr packing;
  int64_t tile;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_RUNSEGMENTS_H
