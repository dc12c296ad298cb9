//===- ProgramPlanner.h - which values become programs ----------*- C++ -*-===//
//
// The function's results, grouped by the ranks over which their work is cut,
// and before them the scans whose results lack such a rank (every work item
// would repeat them) or are emitted in order.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_PROGRAMPLANNER_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_PROGRAMPLANNER_H

#include "dialects/Cascade/Cascade.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace attn {

/// One program: what it stores, and the ranks over which its work is cut.
struct ProgramPlan {
  llvm::SmallVector<mlir::Value> roots;
  llvm::SmallVector<mlir::StringAttr> space;
  /// The scan that emits the roots, if they are emitted.
  cascade::ScanOp emitter;
};

class ProgramPlanner {
public:
  explicit ProgramPlanner(cascade::FuncOp func)
      : func(func), terminator(llvm::cast<cascade::ReturnOp>(
                        func.getBody().front().getTerminator())) {}

  /// Fails with a diagnostic where a value can become none.
  mlir::LogicalResult plan();

  /// The programs, in an order in which each finds what it reads.
  llvm::ArrayRef<ProgramPlan> getPlans() const { return plans; }
  cascade::ReturnOp getTerminator() const { return terminator; }
  /// Values that go through memory from one program to another.
  llvm::ArrayRef<mlir::Value> getMaterialized() const {
    return materialized.getArrayRef();
  }
  bool isMaterialized(mlir::Value value) const {
    return materialized.contains(value);
  }

  /// The cut ranks that are the rows or columns of a contraction: of each
  /// operand the innermost that another operand lacks; without a contraction,
  /// the innermost of all.
  llvm::DenseSet<mlir::StringAttr> findTiledRanks(const ProgramPlan &program);
  /// The Einsum that updates an argument as `value`, if one does.
  static cascade::EinsumOp getUpdate(mlir::Value value) {
    auto einsum = value.getDefiningOp<cascade::EinsumOp>();
    return einsum && einsum.getInto() ? einsum : cascade::EinsumOp();
  }
  /// The scans that `value` is made from without going through memory.
  void collectScans(mlir::Value value,
                    llvm::SetVector<mlir::Operation *> &scans);

private:
  /// Fails where the result `value`, which updates a tensor, does not do so in
  /// place.
  mlir::LogicalResult checkUpdate(mlir::Value value);
  /// The ranks of `value` over which work can be cut; of an update those of its
  /// points.
  llvm::SmallVector<mlir::StringAttr> getCutRanks(mlir::Value value);
  /// A scan's input that is computed goes through memory.
  mlir::LogicalResult materializeEinsum(mlir::Value value);
  void planScan(cascade::ScanOp scan);
  /// True if a value made from the scan's results is cut over a rank that none
  /// of them has.
  bool isRepeated(cascade::ScanOp scan);

  cascade::FuncOp func;
  cascade::ReturnOp terminator;
  std::vector<ProgramPlan> plans;
  llvm::SetVector<mlir::Value> materialized;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_PROGRAMPLANNER_H
