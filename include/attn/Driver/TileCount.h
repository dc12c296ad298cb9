//===- TileCount.h - the tiles that a kernel's sweeps visit ---------------===//

#ifndef ATTN_DRIVER_TILECOUNT_H
#define ATTN_DRIVER_TILECOUNT_H

#include "attn/Driver/Problem.h"
#include "attn/Driver/RunReport.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace attn {

/// Counts the tiles of the sweeps of all work items of the programs in `tiled`
/// at `problem`'s extents and scalars: full and partial ones by evaluating the
/// bounds of their segments, empty ones as the rest of `sweptExtent`
/// coordinates. Nothing if a bound depends on data, or if there are more than
/// 2^20 work items.
std::optional<TileCounts>
countTiles(mlir::ModuleOp tiled, const Problem &problem, int64_t sweptExtent);

} // namespace attn

#endif // ATTN_DRIVER_TILECOUNT_H
