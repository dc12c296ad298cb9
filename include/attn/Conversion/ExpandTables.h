//===- ExpandTables.h - loops over the entries of tables --------*- C++ -*-===//
//
// `tile.extrema`, `tile.entry` and `tile.member` as loops of scf, for targets
// to write where they write scalars. All numbers have one integer type, the
// target's for indices.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_CONVERSION_EXPANDTABLES_H
#define ATTN_CONVERSION_EXPANDTABLES_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>

namespace attn {

/// An integer tensor in a target's memory.
struct TableAccess {
  llvm::SmallVector<mlir::Value> extents;
  /// Writes the load of the element at coordinates that are inside.
  std::function<mlir::Value(mlir::ValueRange)> load;
};

std::pair<mlir::Value, mlir::Value>
expandExtrema(mlir::ImplicitLocOpBuilder &b, const TableAccess &table,
              mlir::ValueRange firsts, mlir::ValueRange lasts, int64_t empty);

mlir::Value expandEntry(mlir::ImplicitLocOpBuilder &b, const TableAccess &table,
                        mlir::ValueRange coordinates, mlir::Value first,
                        mlir::Value at);

mlir::Value expandMember(mlir::ImplicitLocOpBuilder &b,
                         const TableAccess &table, mlir::Value number,
                         mlir::ValueRange coordinates, mlir::Value first,
                         mlir::Value last);

} // namespace attn

#endif // ATTN_CONVERSION_EXPANDTABLES_H
