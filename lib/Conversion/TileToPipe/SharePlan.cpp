//===- SharePlan.cpp - which steps warps can share out --------------------===//

#include "StepPlan.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

bool StepPlan::isShared(Value tile, int64_t dim) const {
  return sharedAxis && axes.get(tile, dim) == *sharedAxis;
}

Refusal StepPlan::planShares() {
  // What warps have of their keys is brought together as what blocks have.
  if (Refusal r = checkStream(/*cluster=*/1); r.op)
    return r;
  if (earlyProducts.empty())
    return refuse(sweep, "warps share out the keys of scores, but its step has "
                         "no product of what was loaded");
  sharedAxis = axes.get(earlyProducts.front().getResult(), 1);
  auto refuseOther = [&](Operation *op) {
    return refuse(op, "warps share out the keys of a step, but these are "
                      "others");
  };
  for (tile::DotOp dot : earlyProducts)
    if (!isShared(dot.getResult(), 1))
      return refuseOther(dot);
  llvm::DenseSet<unsigned> wide;
  for (tile::DotOp dot : lateProducts) {
    const PlannedProduct &product = getProduct(dot);
    if (!isShared(product.lhs, product.lhsDim))
      return refuseOther(dot);
    wide.insert(axes.get(dot.getResult(), 1));
  }
  for (const SlotOperand &slot : slots) {
    tile::LoadOp load = slot.load;
    RankedTensorType type = load.getResult().getType();
    int64_t keys = type.getDimSize(slot.box.rowDim);
    if (slot.seen)
      return refuse(load, "warps that share out keys know of no rows that "
                          "nobody sees");
    if (keys % (machine.shares * machine.productDepth) != 0 ||
        !machine.getWideFragment(type.getContext(),
                                 type.getDimSize(slot.box.columnDim)))
      return refuse(load, "warps that share out keys take a multiple of " +
                              Twine(machine.shares * machine.productDepth) +
                              " of them and of 64 columns, but these are " +
                              Twine(keys) + " and " +
                              Twine(type.getDimSize(slot.box.columnDim)));
  }
  // Where shares have come together warps have some of the columns each.
  for (Operation *op = sweep->getNextNode(); op; op = op->getNextNode())
    if (isa<tile::ReduceOp>(op))
      return refuse(op, "warps that share out keys reduce no rows after the "
                        "sweep");
  for (Operation &op : sweep.getStep().front().without_terminator())
    for (Value result : op.getResults()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type || type.getRank() == 0 || getSlot(result) ||
          matchPattern(result, m_Constant()) || isa<tile::BroadcastOp>(op))
        continue;
      int64_t last = type.getRank() - 1;
      bool isLine = last == 0 && isRow(result, 0);
      if (!isLine && !isShared(result, last) &&
          !wide.contains(axes.get(result, last)))
        return refuse(&op, "its columns are neither the keys that warps share "
                           "out nor those of a product with them");
    }
  return {};
}
