//===- HoistSides.cpp - sides of products that no step changes ------------===//

#include "attn/Transforms/Passes.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace attn {
#define GEN_PASS_DEF_HOISTSIDESPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

/// Appends what `value` is computed from in `step`, in its order; fails if it
/// depends on the step, or is no computation.
static LogicalResult collectSlice(Value value, Block &step,
                                  llvm::SetVector<Operation *> &slice) {
  if (value.getParentBlock() != &step)
    return success();
  Operation *op = value.getDefiningOp();
  if (!op || isa<tile::LoadOp>(op) || op->getNumRegions() != 0 || !isPure(op))
    return failure();
  for (Value operand : op->getOperands())
    if (failed(collectSlice(operand, step, slice)))
      return failure();
  slice.insert(op);
  return success();
}

namespace {
struct HoistSides final : attn::impl::HoistSidesPassBase<HoistSides> {
  void runOnOperation() override {
    getOperation().walk([](tile::SweepOp sweep) {
      Block &step = sweep.getStep().front();
      for (auto dot : llvm::to_vector(step.getOps<tile::DotOp>()))
        for (Value side : {dot.getLhs(), dot.getRhs()}) {
          llvm::SetVector<Operation *> slice;
          if (succeeded(collectSlice(side, step, slice)))
            for (Operation *op : slice)
              op->moveBefore(sweep);
        }
    });
  }
};
} // namespace
