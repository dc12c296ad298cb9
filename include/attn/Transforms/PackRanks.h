//===- PackRanks.h - two ranks of a cascade as one --------------*- C++ -*-===//

#ifndef ATTN_TRANSFORMS_PACKRANKS_H
#define ATTN_TRANSFORMS_PACKRANKS_H

#include "dialects/Cascade/Cascade.h"

#include <optional>
#include <string>

namespace attn {

struct PackRanksOptions {
  /// The ranks whose coordinates are the quotients and the remainders.
  std::string outer = "P", inner = "G";
  /// A power of 2, and no less than the inner rank's extent.
  int64_t width = 1;
  /// The ranks are those of sums, not of rows.
  bool areSummed = false;
};

/// Why a cascade keeps its ranks apart, and where.
struct PackRefusal {
  mlir::Location loc;
  std::string reason;
};

/// Whether `packRanks` can rewrite `func`: nothing if it can.
std::optional<PackRefusal> checkPacking(cascade::FuncOp func,
                                        const PackRanksOptions &options);

/// Gives the tensors of `func` that have both ranks one rank in their stead, as
/// `#cascade.packing` has it, and says so of its arguments and results.
/// Pre-condition: `checkPacking` has nothing against it.
void packRanks(cascade::FuncOp func, const PackRanksOptions &options);

} // namespace attn

#endif // ATTN_TRANSFORMS_PACKRANKS_H
