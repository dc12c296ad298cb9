//===- RunPlan.cpp - runs of steps of which a group may see nothing -------===//
//
// A packed rank has runs, as the segments of a batch are, of which a row sees
// some. The sweep of a tile has those that any of its rows sees; a group has
// fewer rows, and a step at whose points no mask holds leaves them as they are,
// as the sweep's bounds say of what it leaves out for all rows. What a mask
// asks of a row and a run alone are lines of conditions: where one is false at
// each of a group's rows, it may let the run pass.
//
//===----------------------------------------------------------------------===//

#include "StepPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

/// The width of a packed rank whose runs the locators of `sweep` find, if all
/// of them tell where these end; 0 of others.
static int64_t getRunWidth(tile::SweepOp sweep) {
  int64_t width = 0;
  for (Region &locator : sweep.getLocators()) {
    if (locator.empty())
      return 0;
    Operation *yield = locator.front().getTerminator();
    if (yield->getNumOperands() < 3)
      return 0;
    auto base = yield->getOperand(0).getDefiningOp<arith::AddIOp>();
    auto first = base ? base.getLhs().getDefiningOp<arith::MulIOp>() : nullptr;
    APInt own;
    auto locate =
        first ? first.getLhs().getDefiningOp<tile::LocateOp>() : nullptr;
    if (!locate || first.getLhs() != locate.getRun() ||
        !matchPattern(first.getRhs(), m_ConstantInt(&own)) ||
        (width != 0 && own != width))
      return 0;
    width = own.getSExtValue();
  }
  return width;
}

/// Whether `value` is the same in all steps of a run.
static bool isOfRun(Value value, Block &step, int64_t width) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getOwner() != &step;
  Operation *op = value.getDefiningOp();
  if (op->getBlock() != &step)
    return true;
  APInt divisor;
  if (auto div = dyn_cast<arith::DivUIOp>(op);
      div && div.getLhs() == step.getArgument(0))
    return matchPattern(div.getRhs(), m_ConstantInt(&divisor)) &&
           divisor == width;
  return op->getNumRegions() == 0 &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return isOfRun(operand, step, width);
         });
}

/// Adds the values of which `condition` is the conjunction.
static void addConjuncts(Value condition, SmallVectorImpl<Value> &conjuncts) {
  if (auto both = condition.getDefiningOp<arith::AndIOp>()) {
    addConjuncts(both.getLhs(), conjuncts);
    addConjuncts(both.getRhs(), conjuncts);
    return;
  }
  conjuncts.push_back(condition);
}

void StepPlan::findRunLines() {
  int64_t width = getRunWidth(sweep);
  if (numGroups == 1 || machine.shares > 1 || width == 0 ||
      sweep.getMerge().empty())
    return;
  // Where rows of a slot are cleared that no group's rows see, all groups meet.
  if (llvm::any_of(slots, [](const SlotOperand &slot) {
        return slot.seen && !slot.seen.getDefiningOp<tile::GenerateOp>();
      }))
    return;
  Block &step = sweep.getStep().front();
  SmallVector<RunLines> found;
  for (auto mask : step.getOps<tile::MaskOp>()) {
    Block &body = mask.getPredicate().front();
    SmallVector<Value> conjuncts;
    addConjuncts(body.getTerminator()->getOperand(0), conjuncts);
    unsigned rank = mask.getBases().size();
    RunLines lines;
    for (Value conjunct : conjuncts) {
      auto argument = dyn_cast<BlockArgument>(conjunct);
      if (!argument || argument.getOwner() != &body ||
          argument.getArgNumber() < rank)
        continue;
      Value line = mask.getWith()[argument.getArgNumber() - rank];
      auto generate = line.getDefiningOp<tile::GenerateOp>();
      if (!generate || !isRow(line, 0))
        continue;
      bool isSame = true;
      generate.getBody().walk([&](Operation *op) {
        for (Value operand : op->getOperands())
          isSame &= generate.getBody().isAncestor(operand.getParentRegion()) ||
                    isOfRun(operand, step, width);
      });
      if (isSame)
        lines.push_back(generate);
    }
    if (lines.empty())
      return;
    found.push_back(lines);
  }
  runLines = std::move(found);
}
