//===- KeyBounds.h - where a predicate can hold and where it must ---------===//
//
// For one tile of rows: bounds [anyLo, anyHi) outside which the predicate holds
// for no row, and [fullLo, fullHi) inside which it holds for every row. An
// unknown predicate may hold anywhere and must hold nowhere. Only predicates
// made by `and` and `or` of comparisons that are affine in the swept coordinate
// (with factor 1 or -1) and in the rows' coordinates are understood here.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_KEYBOUNDS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_KEYBOUNDS_H

#include "ProgramEmitter.h"

namespace attn {

/// A bound that is null is absent: minus or plus infinity.
struct KeyInterval {
  mlir::Value anyLo, anyHi, fullLo, fullHi;
  /// No point is known to be full.
  bool fullEmpty = false;
};

class KeyBounds {
public:
  /// `base` is the scan's coordinate argument and `sweptRank` the rank of its
  /// tiles.
  KeyBounds(ProgramEmitter &emitter, mlir::Value base,
            mlir::StringAttr sweptRank)
      : emitter(emitter), base(base), sweptRank(sweptRank) {}

  /// The bounds of the predicate of `op`, as values at the emitter's insertion
  /// point.
  KeyInterval analyze(cascade::EinsumOp op);

private:
  /// key * keyFactor + sum of row coordinates * factors + offset.
  struct Linear {
    int64_t keyFactor = 0;
    llvm::SmallVector<std::pair<mlir::StringAttr, int64_t>> rows;
    mlir::Value offset;
    bool hasBase = false;
  };
  std::optional<Linear> getLinear(mlir::Value value);
  std::optional<Linear> combine(const Linear &lhs, const Linear &rhs,
                                int64_t sign);
  KeyInterval analyzeValue(mlir::Value predicate);
  KeyInterval analyzeCompare(mlir::Operation *op);
  KeyInterval unknown() {
    KeyInterval interval;
    interval.fullEmpty = true;
    return interval;
  }
  mlir::Value addConstant(mlir::Value value, int64_t constant);
  /// The least or greatest value of the rows' part and the offset over the
  /// tile.
  mlir::Value extreme(const Linear &linear, bool greatest);

  ProgramEmitter &emitter;
  mlir::Value base;
  mlir::StringAttr sweptRank;
  cascade::EinsumOp einsum;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_KEYBOUNDS_H
