//===- Remainder.h - what a coordinate is a multiple of ---------*- C++ -*-===//

#ifndef ATTN_ANALYSIS_REMAINDER_H
#define ATTN_ANALYSIS_REMAINDER_H

#include "dialects/Tile/Tile.h"

#include <optional>

namespace attn {

/// The remainder of an index of a tile program by `modulus`, from 0 on, if it
/// is the same whatever the program's arguments are. Coordinates of the program
/// are multiples of their tiles, and so is the base of a sweep's step where all
/// its segments begin at some.
std::optional<int64_t> getRemainder(mlir::Value value, int64_t modulus);

/// Whether the steps of `sweep` come in an order that every row of a tile finds
/// its own in, whatever the others see, each from a multiple of its size on:
/// those of partial ranges, or of one partial range in each run of a packed
/// rank. Ranges have to ascend.
bool hasOrderedSteps(tile::SweepOp sweep);

/// Whether `value` to `value + last` have one quotient by `divisor`, as `value`
/// is a multiple of some part of the divisor that is greater than `last`.
bool staysInQuotient(mlir::Value value, int64_t last, int64_t divisor);

/// Whether an index is a coordinate, or computed from some so that it is not
/// negative either.
bool isNotNegative(mlir::Value value);

} // namespace attn

#endif // ATTN_ANALYSIS_REMAINDER_H
