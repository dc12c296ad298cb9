//===- StepClasses.cpp - which parts of a step wait for which -------------===//

#include "StepPlan.h"

#include "attn/Analysis/Remainder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// Early, between, late
//===----------------------------------------------------------------------===//

Refusal StepPlan::classify() {
  Block &step = sweep.getStep().front();
  Operation *yield = step.getTerminator();
  lateCarries.assign(sweep.getInits().size(), false);
  for (tile::DotOp dot : lateProducts)
    late.insert(dot);
  auto dependsOn = [&](Operation &op, auto holds) {
    bool depends = false;
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        depends |= holds(operand);
    });
    return depends;
  };
  for (bool changes = true; changes;) {
    changes = false;
    for (Operation &op : step.without_terminator())
      if (!late.contains(&op) && dependsOn(op, [&](Value value) {
            return late.contains(value.getDefiningOp());
          }))
        changes |= late.insert(&op).second;
    for (auto [i, next] : llvm::enumerate(yield->getOperands()))
      if (!lateCarries[i] && late.contains(next.getDefiningOp()))
        changes = lateCarries[i] = true;
  }
  auto isLateCarry = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == &step &&
           argument.getArgNumber() >= 2 &&
           lateCarries[argument.getArgNumber() - 2];
  };
  for (Operation &op : step.without_terminator()) {
    if (late.contains(&op)) {
      auto dot = dyn_cast<tile::DotOp>(op);
      if (dot && late.contains(getProduct(dot).lhs.getDefiningOp()))
        return refuse(dot, "it takes what a product of products gives");
      if (dot && late.contains(dot.getAccumulator().getDefiningOp()))
        return refuse(dot, "it is added to another product of its turn");
      if (isa<tile::MaskOp, tile::GenerateOp, tile::GatherOp>(op) ||
          (isa<tile::LoadOp>(op) && !getSlot(op.getResult(0))))
        return refuse(&op, "it stands behind the second product");
      continue;
    }
    if (dependsOn(op, [&](Value value) {
          return isLateCarry(value) || between.contains(value.getDefiningOp());
        }))
      between.insert(&op);
  }
  for (Operation *op : between)
    if (isa<tile::DotOp, tile::MaskOp>(op))
      return refuse(op, "it needs what the late products of the step before "
                        "give");
  for (tile::DotOp dot : earlyProducts) {
    Value acc = dot.getAccumulator();
    bool isCarry = llvm::is_contained(step.getArguments(), acc);
    if (!isCarry && !matchPattern(acc, m_AnyZeroFloat()))
      return refuse(dot, "it is added to what its step computes");
  }
  return {};
}

bool StepPlan::isDeferred(Operation *op) const {
  return isa<arith::TruncFOp>(op) && !isLate(op) && !isBetween(op) &&
         llvm::all_of(op->getUsers(), [&](Operation *user) {
           return isa<tile::DotOp>(user) && isLate(user);
         });
}

bool StepPlan::isForSlots(Operation *op) {
  return isa<tile::ReduceOp, tile::GenerateOp>(op) && !op->use_empty() &&
         llvm::all_of(op->getUsers(), llvm::IsaPred<tile::LoadOp>);
}

/// A sum of parts of lanes, all of whose uses take parts.
bool StepPlan::isPartial(Value line,
                         const llvm::DenseSet<Value> &carries) const {
  if (carries.contains(line))
    return true;
  Operation *op = line.getDefiningOp();
  if (!op || cast<RankedTensorType>(line.getType()).getRank() != 1 ||
      !isRow(line, 0))
    return false;
  if (auto reduce = dyn_cast<tile::ReduceOp>(op))
    return reduce.getKind() == tile::ReduceKind::Add;
  if (isa<arith::AddFOp>(op))
    return isPartial(op->getOperand(0), carries) &&
           isPartial(op->getOperand(1), carries);
  if (isa<arith::MulFOp>(op))
    return isPartial(op->getOperand(0), carries) !=
           isPartial(op->getOperand(1), carries);
  return false;
}

bool StepPlan::isPartial(Value line) const {
  return isPartial(line, partialCarries);
}

void StepPlan::findPartialCarries() {
  Block &step = sweep.getStep().front();
  Operation *yield = step.getTerminator();
  for (auto [i, init] : llvm::enumerate(sweep.getInits())) {
    Value carry = step.getArgument(i + 2);
    if (cast<RankedTensorType>(carry.getType()).getRank() == 1 &&
        isRow(carry, 0) && matchPattern(init, m_AnyZeroFloat()))
      partialCarries.insert(carry);
  }
  for (bool changes = true; changes;) {
    changes = false;
    for (auto [i, next] : llvm::enumerate(yield->getOperands())) {
      Value carry = step.getArgument(i + 2);
      if (!partialCarries.contains(carry) || isPartial(next, partialCarries))
        continue;
      partialCarries.erase(carry);
      changes = true;
    }
  }
}

//===----------------------------------------------------------------------===//
// What tiles of rows share
//===----------------------------------------------------------------------===//

/// Whether `value` is made of `coordinate`.
static bool dependsOn(Value value, Value coordinate) {
  llvm::SetVector<Value> work;
  work.insert(value);
  for (size_t i = 0; i < work.size(); ++i) {
    if (work[i] == coordinate)
      return true;
    if (Operation *op = work[i].getDefiningOp())
      op->walk([&](Operation *inner) {
        work.insert(inner->operand_begin(), inner->operand_end());
      });
  }
  return false;
}

bool StepPlan::dependsOnRows(Value value) const {
  tile::ProgramOp owner = program;
  return dependsOn(value, owner.getCoordinates()[rowCoordinate]);
}

bool StepPlan::hasStepsOf(Value coordinate) const {
  auto isOf = [&](Value value) {
    return value.getType().isIndex() && dependsOn(value, coordinate);
  };
  if (llvm::any_of(sweep->getOperands(), isOf))
    return true;
  bool isOfInside = false;
  for (Region &locator : sweep.getLocators())
    locator.walk([&](Operation *op) {
      isOfInside |= llvm::any_of(op->getOperands(), isOf);
    });
  return isOfInside;
}

bool StepPlan::hasStepsOfRows() const {
  tile::ProgramOp owner = program;
  return hasStepsOf(owner.getCoordinates()[rowCoordinate]);
}

Refusal StepPlan::checkStream(int64_t cluster) const {
  if (sweep.getMerge().empty())
    return refuse(sweep, "blocks that do parts of its steps cannot combine "
                         "them, as it has no merge");
  if (cluster > 1)
    return refuse(sweep, "blocks of a cluster take one step together, but "
                         "those of a stream do different ones");
  for (Value out : sweep.getOuts()) {
    auto type = cast<RankedTensorType>(out.getType());
    if (type.getRank() == 0 || !isRow(out, 0) ||
        type.getElementTypeBitWidth() != 32)
      return refuse(sweep, "blocks bring rows of 32 bits together, but it "
                           "carries something else");
  }
  return {};
}

const RegisterSplit &StepPlan::getSplit(int64_t number) const {
  auto splits = machine.getRegisters(numGroups, widens());
  return splits[std::clamp<int64_t>(number, 0, splits.size() - 1)];
}

Refusal StepPlan::checkMerged(const ScheduleOptions &options) const {
  if (options.isStream)
    return refuse(sweep, "a role that fills the slots it reads does whole "
                         "items, but blocks of a stream do parts");
  if (machine.copies == CopyKind::Elements)
    return refuse(sweep, "a role that fills the slots it reads cannot wait for "
                         "elements that its threads copy");
  if (sweep.hasLocated())
    return refuse(sweep, "a role that fills the slots it reads asks for steps "
                         "by their numbers, but some are located");
  for (const SlotOperand &slot : slots) {
    tile::LoadOp load = slot.load;
    if (slot.run != 0)
      return refuse(load, "a role that fills the slots it reads copies whole "
                          "tiles, but this one lies in pages");
    if (slot.layout)
      return refuse(load, "a role that fills the slots it reads copies whole "
                          "tiles, but this one is a box");
  }
  return {};
}

Refusal StepPlan::checkInvariant(bool isStream) const {
  if (!hasOrderedSteps(sweep))
    return refuse(sweep, "steps of an invariant program are those of partial "
                         "segments from multiples of a step on, which "
                         "tile-order-steps makes, but it has others");
  if (isStream && !sweep.getExact())
    return refuse(sweep, "blocks of a stream bring parts of its steps together "
                         "in an order of their own, but its merge is not "
                         "exact, which tile-exact-sums makes it");
  return {};
}

Refusal StepPlan::checkCluster(int64_t cluster) const {
  if (hasStepsOfRows())
    return refuse(sweep, "blocks of a cluster take one step together, but its "
                         "steps depend on the program's rows");
  for (const SlotOperand &slot : slots) {
    if (!slot.isMoving || slot.hasRows)
      continue;
    if (llvm::any_of(llvm::concat<Value>(
                         SmallVector<Value>(slot.load.getIndices()),
                         SmallVector<Value>(slot.load.getTableIndices())),
                     [&](Value index) { return dependsOnRows(index); }))
      return refuse(slot.load, "blocks of a cluster fetch one tile together, "
                               "but it depends on the program's rows");
    int64_t rows = slot.run;
    if (slot.layout)
      rows = slot.layout->getRun();
    else if (rows == 0)
      rows = cast<RankedTensorType>(slot.load.getResult().getType())
                 .getDimSize(slot.box.rowDim);
    int64_t granule = kCopyRows * cluster;
    if (rows % granule != 0)
      return refuse(slot.load, "blocks of a cluster share copies of a multiple "
                               "of " +
                                   Twine(granule) + " rows, but these have " +
                                   Twine(rows));
  }
  return {};
}
