//===- SumParts.h - what sweeps add up --------------------------*- C++ -*-===//

#ifndef ATTN_LIB_TRANSFORMS_SUMPARTS_H
#define ATTN_LIB_TRANSFORMS_SUMPARTS_H

#include "dialects/Tile/Tile.h"

namespace attn {

/// What a carry of a sweep is: a maximum, or a sum of what steps give. Steps
/// may give terms divided by a power whose exponent they know, as a maximum so
/// far; sums are multiplied where it grows.
struct SumPart {
  bool isMaximum = false;
  /// Of such a sum, the exponents that `merge` and `step` compute for it, lines
  /// of what rows have, and the logarithm to base 2 of the powers' base. Else
  /// null.
  mlir::Value exponentOfMerge, exponentOfStep;
  double log2OfBase = 0;

  bool isScaled() const { return exponentOfStep != nullptr; }
};

/// A part for each carry; of others an error at the sweep.
mlir::FailureOr<llvm::SmallVector<SumPart>> findSumParts(tile::SweepOp sweep);

/// What the larger of `carry` and another is taken of, if `op` is that.
mlir::Value getOtherOfMaximum(mlir::Operation *op, mlir::Value carry);

/// Whether `op` multiplies `carry` with something.
bool scalesCarry(mlir::Operation *op, mlir::Value carry);

} // namespace attn

#endif // ATTN_LIB_TRANSFORMS_SUMPARTS_H
