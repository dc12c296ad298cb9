//===- LiveKeys.h - the keys that a mask leaves to each row ---------------===//
//
// For predicates of the row and the key at given extents and scalars, by the
// analysis of masks. A predicate that reads a tensor, or a third variable, or a
// scalar that is not given, or that has a residual, is not understood; all keys
// are then live.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_LIVEKEYS_H
#define ATTN_ANALYSIS_LIVEKEYS_H

#include "attn/Analysis/RankPolynomial.h"
#include "attn/Analysis/TileChooser.h"
#include "dialects/Cascade/Cascade.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"

#include <optional>
#include <vector>

namespace attn {

/// Integer arguments of a function by their names.
using IntegerScalars = llvm::StringMap<int64_t>;

/// What a mask leaves.
struct LiveKeys {
  /// For each row the least range that has all its live keys.
  std::vector<KeyRange> ranges;
  /// Pairs (row, key) that are live.
  uint64_t points = 0;
};

/// The one Einsum of `block` whose predicate empties everything that the
/// block's Einsums reduce over the swept variables, or null: where it is false
/// nothing needs to be read. `isSwept` tells those variables.
cascade::EinsumOp findGoverningWhere(
    mlir::Block &block,
    llvm::function_ref<bool(cascade::EinsumOp, unsigned variable)> isSwept);

/// The live keys of the predicate of `op`, over ranks `rows` and `keys` (in a
/// scan over `keys`: its steps' rank stands for it). `extents` has both ranks
/// and those that the predicate asks for. Nothing if the predicate is not
/// understood or there are more than 2^22 rows.
std::optional<LiveKeys>
findLiveKeys(cascade::EinsumOp op, mlir::StringAttr rows, mlir::StringAttr keys,
             const RankExtents &extents, const IntegerScalars &scalars);

} // namespace attn

#endif // ATTN_ANALYSIS_LIVEKEYS_H
