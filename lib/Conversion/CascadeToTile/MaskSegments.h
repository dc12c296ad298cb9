//===- MaskSegments.h - the segments of a sweep from its mask ---*- C++ -*-===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_MASKSEGMENTS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_MASKSEGMENTS_H

#include "IndexOps.h"

namespace attn {

/// The steps of a sweep in tiles of `tile` keys.
class MaskSegments {
public:
  /// `op` has the predicate; `rank` is the swept one and `extent` its extent.
  /// Of a rank in a packed one, `packing`, the other part is a point. Values
  /// are written at the emitter's insertion point.
  MaskSegments(ProgramEmitter &emitter, cascade::EinsumOp op,
               mlir::StringAttr rank, mlir::Value extent, int64_t tile,
               cascade::PackingAttr packing = {});

  /// Fails with a diagnostic at a part of the predicate that has no bounds,
  /// unless the function allows residuals; then a remark says so.
  mlir::LogicalResult analyze();

  /// The operands of the sweep.
  llvm::SmallVector<mlir::Value> lowers, uppers;
  llvm::SmallVector<bool> full;
  bool arePlain() const {
    return llvm::all_of(segments, [](const mask::Segment<IndexOps> &segment) {
      return segment.isPlain();
    });
  }
  /// Partial segments may have keys that no row sees.
  bool hasGaps = false;
  /// Fills the locators of a sweep that was made with these.
  void writeLocators(tile::SweepOp sweep);

private:
  mlir::LogicalResult checkGaps(const mask::NormalForm &form);
  bool isBlockOfRows(const mask::ExprNode &node);
  mlir::LogicalResult setBox(mask::IntervalEvaluator<IndexOps> &evaluator);
  void addSegment(mask::Segment<IndexOps> segment);
  void writeLocator(const mask::Segment<IndexOps> &segment,
                    mlir::Region &region);
  mlir::Value getRunSteps(const mask::Segment<IndexOps> &segment);

  ProgramEmitter &emitter;
  cascade::EinsumOp op;
  mlir::StringAttr rank;
  mlir::Value extent;
  int64_t tile;
  bool isOfRun;
  std::unique_ptr<mask::ImportedMask> mask;
  IndexOps ops;
  std::vector<mask::Segment<IndexOps>> segments;
  /// Of each list segment: its coordinates as values.
  std::vector<llvm::SmallVector<mlir::Value>> listCoordinates;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_MASKSEGMENTS_H
