//===- CascadeToTile.h - cascades cut into tile programs ------------------===//

#ifndef ATTN_CONVERSION_CASCADETOTILE_H
#define ATTN_CONVERSION_CASCADETOTILE_H

#include "dialects/Cascade/Cascade.h"
#include "mlir/IR/BuiltinOps.h"

namespace attn {

struct CascadeToTileOptions {
  /// Coordinates of a tile of the rows of a contraction.
  int64_t tileRows = 64;
  /// Below so many rows each is a work item of its own: programs with tiles of
  /// rows come in two, guarded by the rows' extent. 0: only in tiles.
  int64_t fewRows = 8;
  /// Rows of a tile of the program for few rows.
  int64_t fewTileRows = 1;
  /// Coordinates of a step of that program's sweeps, where a merge region says
  /// that any will do. 0: as the scans say.
  int64_t fewTileKeys = 0;
  /// A full range of keys that ends by a predicate has a multiple of so many:
  /// the first row of a causal tile sees one key more, which would take a step
  /// alone.
  int64_t fullMultiple = 16;
};

/// Appends the programs of `func` to `module`, in the order in which they run.
/// Emits an error at the operation that has no lowering.
mlir::LogicalResult convertCascadeToTile(cascade::FuncOp func,
                                         mlir::ModuleOp module,
                                         const CascadeToTileOptions &options);

} // namespace attn

#endif // ATTN_CONVERSION_CASCADETOTILE_H
