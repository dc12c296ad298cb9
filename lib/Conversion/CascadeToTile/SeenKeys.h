//===- SeenKeys.h - the keys of a step that some row sees -------*- C++ -*-===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_SEENKEYS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_SEENKEYS_H

#include "IndexOps.h"

#include "attn/Analysis/Mask/Hull.h"

namespace attn {

/// Which keys are seen, computed of a key's coordinate alone, where rows are a
/// box of a canvas and the mask is known to see a box of keys then.
class SeenKeys {
public:
  /// Of `op`, which has the predicate, and its swept rank. Bounds are written
  /// at the emitter's insertion point. Null if the keys have to be asked for
  /// row by row.
  static std::unique_ptr<SeenKeys>
  create(ProgramEmitter &emitter, cascade::EinsumOp op, mlir::StringAttr rank);

  /// A line of i1 for the `tile` keys from `base` on, `count` of which there
  /// are.
  mlir::Value emit(mlir::Value base, mlir::Value count, int64_t tile);

private:
  SeenKeys(ProgramEmitter &emitter, cascade::EinsumOp op)
      : emitter(emitter), loc(op.getLoc()), mask(mask::importMask(op)),
        ops(emitter, *mask, loc) {}

  bool find(cascade::EinsumOp op, mlir::StringAttr rank);
  void emitBounds();

  ProgramEmitter &emitter;
  mlir::Location loc;
  std::unique_ptr<mask::ImportedMask> mask;
  IndexOps ops;
  mask::Expr swept;
  llvm::SmallVector<mask::RowCoordinate, 3> coordinates;
  /// Points of a box along each axis.
  llvm::SmallVector<int64_t, 3> sizes;
  mask::Hull hull;
  std::optional<mask::IntervalEvaluator<IndexOps>> evaluator;
  /// The least and the greatest of each interval of the hull, if it has one.
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>, 3> bounds;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_SEENKEYS_H
