//===- ExpandRuns.h - loops over runs ---------------------------*- C++ -*-===//
//
// `tile.sum` and `tile.locate` as loops of scf, for targets to write where they
// write scalars. All numbers have one integer type, the target's for indices.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_CONVERSION_EXPANDRUNS_H
#define ATTN_CONVERSION_EXPANDRUNS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <utility>

namespace attn {

/// Writes the numbers that a run has.
using RunBody =
    llvm::function_ref<mlir::FailureOr<llvm::SmallVector<mlir::Value>>(
        mlir::Value)>;

/// The sums of the `count` numbers that runs have each.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
expandSum(mlir::ImplicitLocOpBuilder &b, mlir::Value bound, size_t count,
          RunBody body);

/// The run and the rest. `body` is written for the bound, too, and what it
/// gives there not used.
mlir::FailureOr<std::pair<mlir::Value, mlir::Value>>
expandLocate(mlir::ImplicitLocOpBuilder &b, mlir::Value number,
             mlir::Value bound, RunBody body);

} // namespace attn

#endif // ATTN_CONVERSION_EXPANDRUNS_H
