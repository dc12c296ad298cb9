//===- AttributeChecks.h - checks that dialects share ---*- C++ -*-===//
//
// A level knows its own attributes only, so that some stand on two levels with
// one meaning: these are their constraints.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_ATTRIBUTECHECKS_H
#define DIALECTS_ATTRIBUTECHECKS_H

#include "mlir/IR/Diagnostics.h"

namespace attn {

/// Of a canvas: one to three axes, each with an extent and a box.
inline mlir::LogicalResult
checkLayout(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
            llvm::ArrayRef<int64_t> extents, llvm::ArrayRef<int64_t> tiles) {
  auto isPositive = [](int64_t number) { return number > 0; };
  if (!extents.empty() && extents.size() <= 3 &&
      extents.size() == tiles.size() && llvm::all_of(extents, isPositive) &&
      llvm::all_of(tiles, isPositive))
    return mlir::success();
  return emitError() << "expects one to three axes, each with a positive "
                        "extent and box, but got extents ["
                     << extents << "] and boxes [" << tiles << "]";
}

/// Of a kernel's roles: what a schedule's text takes (Schedule.cpp), too.
inline mlir::LogicalResult
checkRoles(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
           int64_t slots, int64_t split, int64_t cluster) {
  constexpr int64_t kMost = 16;
  if (slots >= 1 && slots <= kMost && split >= 0 && split < kMost &&
      cluster >= 1 && cluster <= kMost)
    return mlir::success();
  return emitError() << "expects slots and a cluster of 1 to " << kMost
                     << " and a split of 0 to " << kMost - 1
                     << ", but got slots = " << slots
                     << ", cluster = " << cluster << " and split = " << split;
}

} // namespace attn

#endif // DIALECTS_ATTRIBUTECHECKS_H
