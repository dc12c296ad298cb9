//===- StepCosts.cpp - what the steps of programs take --------------------===//

#include "attn/Conversion/ScheduleModel.h"

#include "StepPlan.h"

#include "attn/Analysis/RegisterPressure.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace attn;

static RankedTensorType getTileType(Type type) {
  return dyn_cast<RankedTensorType>(type);
}

static double countElements(Type type) {
  RankedTensorType tile = getTileType(type);
  return tile ? static_cast<double>(tile.getNumElements()) : 0;
}

/// Instructions for an element, or a pair of them, of `op` or what is in it.
static double countInstructions(Operation &op) {
  if (op.getNumRegions() == 0)
    return isa<arith::TruncFOp, arith::ExtFOp>(op) ? 0.5 : 1;
  double count = 0;
  for (Region &region : op.getRegions())
    for (Block &block : region)
      count += static_cast<double>(block.getOperations().size());
  return count;
}

/// Whether the special function unit does it.
static bool isSpecial(Operation &op) {
  return isa<arith::DivFOp>(op) ||
         (isa_and_nonnull<math::MathDialect>(op.getDialect()) &&
          !isa<math::FmaOp, math::AbsFOp>(op));
}

/// `value`, and what it is the extreme of where it is an `OpT`.
template <typename OpT> static SmallVector<Value> getOperands(Value value) {
  SmallVector<Value> operands = {value};
  for (size_t i = 0; i < operands.size(); ++i)
    if (auto op = operands[i].getDefiningOp<OpT>())
      llvm::append_range(operands, op->getOperands());
  return operands;
}

/// A number that `value` does not exceed, if its operations show one: what is
/// left of a range cut at both ends is no longer than it was.
static std::optional<int64_t> getConstantBound(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return constant;
  Operation *op = value.getDefiningOp();
  if (auto select = dyn_cast_or_null<arith::SelectOp>(op)) {
    auto a = getConstantBound(select.getTrueValue());
    auto b = getConstantBound(select.getFalseValue());
    return a && b ? std::optional(std::max(*a, *b)) : std::nullopt;
  }
  if (isa_and_nonnull<arith::MaxSIOp, arith::MinSIOp>(op)) {
    auto a = getConstantBound(op->getOperand(0));
    auto b = getConstantBound(op->getOperand(1));
    if (a && b)
      return isa<arith::MaxSIOp>(op) ? std::max(*a, *b) : std::min(*a, *b);
    return isa<arith::MaxSIOp>(op) ? std::nullopt : a ? a : b;
  }
  auto length = dyn_cast_or_null<arith::SubIOp>(op);
  if (!length)
    return std::nullopt;
  SmallVector<Value> begins = getOperands<arith::MaxSIOp>(length.getRhs());
  for (Value end : getOperands<arith::MinSIOp>(length.getLhs()))
    if (auto sum = end.getDefiningOp<arith::AddIOp>())
      if (auto points = getConstantIntValue(sum.getRhs());
          points && llvm::is_contained(begins, sum.getLhs()))
        return points;
  return std::nullopt;
}

/// Whether it only says which points are there.
static bool isOfMask(Operation &op) {
  if (isa<tile::MaskOp>(op))
    return true;
  if (!isPointwise(&op))
    return false;
  return isa<arith::SelectOp>(op) ||
         getTileType(op.getResult(0).getType()).getElementType().isInteger(1);
}

static double getProductClocks(const PlannedProduct &product,
                               const MachineModel &machine) {
  double columns = static_cast<double>(
      cast<RankedTensorType>(product.dot->getResult(0).getType())
          .getDimSize(1));
  int64_t depth =
      cast<RankedTensorType>(product.rhs.getType()).getDimSize(product.rhsDim);
  const MachineRates &rates = machine.rates;
  double clocks = columns * rates.productColumn;
  if (product.lhs.getDefiningOp<tile::LoadOp>())
    clocks =
        std::max(clocks, rates.sharedProduct + columns * rates.sharedColumn);
  return clocks *
         static_cast<double>(llvm::divideCeil(depth, machine.productDepth));
}

ScheduleModel::StepCosts
ScheduleModel::StepCosts::interpolate(const StepCosts &a, const StepCosts &b,
                                      double part) {
  static constexpr double StepCosts::*fields[] = {
      &StepCosts::products,        &StepCosts::specials,
      &StepCosts::operations,      &StepCosts::maskOperations,
      &StepCosts::movingBytes,     &StepCosts::groupBytes,
      &StepCosts::blockBytes,      &StepCosts::stagingBytes,
      &StepCosts::registers,       &StepCosts::scalars,
      &StepCosts::loadScalars,     &StepCosts::earlyProducts,
      &StepCosts::gathered,        &StepCosts::movingGroupBytes,
      &StepCosts::mergedRegisters, &StepCosts::mergedScalars,
  };
  StepCosts costs;
  for (double StepCosts::*field : fields)
    costs.*field = a.*field + (b.*field - a.*field) * part;
  return costs;
}

/// Calls `visit` with what threads of each role hold in the kernels of `tiles`,
/// by the program's number.
static LogicalResult
visitRoles(const MachineModel &machine, int64_t split, ModuleOp tiles,
           llvm::function_ref<void(size_t, const RegisterPressure &)> visit) {
  ScheduleOptions options;
  options.split = split;
  PassManager passes(tiles.getContext());
  passes.addPass(createScheduleTilesPass(machine, options));
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  if (failed(passes.run(tiles)))
    return failure();
  for (auto [i, kernel] : llvm::enumerate(tiles.getOps<pipe::KernelOp>()))
    for (auto role : kernel.getBody().getOps<pipe::RoleOp>())
      visit(i, estimateRegisters(role));
  return success();
}

/// Of one group, the split that leaves no registers to a role that loads.
static std::optional<int64_t> findMergedSplit(const MachineModel &machine) {
  auto splits = machine.getRegisters(/*groups=*/1, /*widens=*/false);
  for (auto [i, split] : llvm::enumerate(splits))
    if (split.isMerged())
      return i;
  return std::nullopt;
}

LogicalResult ScheduleModel::collect(const MachineModel &machine,
                                     ModuleOp tiles, bool isWide,
                                     std::vector<ProgramCosts> &programs) {
  size_t number = 0;
  for (auto program : tiles.getOps<tile::ProgramOp>()) {
    StepPlan plan(program, machine);
    Refusal refusal = plan.analyze();
    if (refusal.op)
      return refusal.op->emitOpError("has no schedule for ")
             << machine.name << ": " << refusal.reason;
    if (!isWide)
      programs.emplace_back();
    ProgramCosts &all = programs[number++];
    StepCosts &costs = isWide ? all.wide : all.narrow;
    double share = static_cast<double>(machine.productRows) /
                   static_cast<double>(plan.numRows);
    for (Operation &op : plan.sweep.getStep().front()) {
      if (auto dot = dyn_cast<tile::DotOp>(op)) {
        double clocks = getProductClocks(plan.getProduct(dot), machine);
        costs.products += clocks;
        if (llvm::is_contained(plan.earlyProducts, dot))
          costs.earlyProducts += clocks;
        continue;
      }
      Type type = isa<tile::ReduceOp>(op) ? op.getOperand(0).getType()
                  : op.getNumResults()    ? op.getResult(0).getType()
                                          : Type();
      if (auto load = dyn_cast<tile::LoadOp>(op);
          load && !plan.getSlot(load.getResult()))
        costs.gathered +=
            countElements(type) * share /
            static_cast<double>(machine.groupWarps * machine.warpSize);
      if (!type || isa<tile::LoadOp, tile::BroadcastOp, arith::ConstantOp>(op))
        continue;
      double elements = countElements(type) * share;
      if (isOfMask(op))
        costs.maskOperations += elements * countInstructions(op);
      else if (isSpecial(op))
        costs.specials += elements;
      else
        costs.operations += elements * countInstructions(op);
    }
    all.clusterRefusal = plan.checkCluster(machine.maxCluster).reason;
    all.mergeRefusal = plan.checkMerged({}).reason;
    all.widens = plan.widens();
    all.waits = costs.gathered > 0;
    all.addsDigits = program.getInvariant();
    all.hasSeen = llvm::any_of(
        plan.slots, [](const SlotOperand &slot) { return bool(slot.seen); });
    all.hasBoxes = llvm::any_of(plan.slots, [](const SlotOperand &slot) {
      return slot.layout.has_value();
    });
    all.accumulators = all.copies = 0;
    for (tile::DotOp dot : plan.lateProducts)
      all.accumulators +=
          countElements(dot.getResult().getType()) * share /
          static_cast<double>(machine.groupWarps * machine.warpSize);
    for (const SlotOperand &slot : plan.slots) {
      tile::LoadOp load = slot.load;
      auto type = cast<RankedTensorType>(load.getResult().getType());
      int64_t panel = machine.swizzle * 8 / type.getElementTypeBitWidth();
      all.copies = std::max(all.copies,
                            static_cast<double>(llvm::divideCeil(
                                type.getDimSize(slot.box.columnDim), panel)));
      double rowBytes = static_cast<double>(llvm::alignTo(
                            type.getDimSize(slot.box.columnDim), panel)) *
                        type.getElementTypeBitWidth() / 8;
      double rows =
          static_cast<double>(slot.hasRows ? machine.productRows
                                           : type.getDimSize(slot.box.rowDim));
      // Whatever the elements are taken as.
      if (slot.isNarrow) {
        costs.movingBytes +=
            rows * static_cast<double>(type.getDimSize(slot.box.columnDim));
        continue;
      }
      if (slot.isWidened) {
        costs.movingBytes += rows * rowBytes / 2;
        costs.blockBytes += kWidenedSlots * rows * rowBytes;
        continue;
      }
      double &bytes =
          slot.hasRows
              ? (slot.isMoving ? costs.movingGroupBytes : costs.groupBytes)
              : (slot.isMoving ? costs.movingBytes : costs.blockBytes);
      bytes += rows * rowBytes;
    }
    // What warps have of their shares they exchange, row by row.
    if (machine.shares > 1)
      for (Value out : plan.sweep.getOuts())
        costs.blockBytes += static_cast<double>(machine.shares) * 4 *
                            (countElements(out.getType()) +
                             4 * static_cast<double>(machine.productRows));
    for (auto store : program.getBody().getOps<tile::StoreOp>()) {
      auto type = cast<RankedTensorType>(store.getTile().getType());
      if (type.getRank() == 2 && type.getElementTypeBitWidth() == 16)
        costs.stagingBytes += countElements(type) * share * 2;
    }
    all.linearPartial = all.located = 0;
    all.wholeRanges.clear();
    all.hasFull = false;
    for (unsigned i = 0, e = plan.sweep.getFull().size(); i < e; ++i) {
      bool isLocated = plan.sweep.isLocated(i),
           isFull = plan.sweep.getFull()[i];
      if (isLocated && isFull) {
        auto located = cast<tile::YieldOp>(
            plan.sweep.getLocators()[i].front().getTerminator());
        all.wholeRanges.push_back(
            getConstantBound(located->getOperand(1)).value_or(kLocatedKeys));
      } else {
        all.located += isLocated;
      }
      all.linearPartial += !isLocated && !isFull;
      all.hasFull |= !isLocated && isFull;
    }
  }
  // The kernels say what threads hold.
  OwningOpRef<ModuleOp> others = tiles.clone();
  LogicalResult result =
      visitRoles(machine, /*split=*/0, tiles,
                 [&](size_t i, const RegisterPressure &pressure) {
                   StepCosts &costs =
                       isWide ? programs[i].wide : programs[i].narrow;
                   auto scalars = static_cast<double>(pressure.scalars);
                   if (pressure.registers == 0) {
                     costs.loadScalars = std::max(costs.loadScalars, scalars);
                     return;
                   }
                   costs.registers = static_cast<double>(pressure.registers);
                   costs.scalars = scalars;
                 });
  std::optional<int64_t> merged = findMergedSplit(machine);
  if (failed(result) || !merged ||
      llvm::any_of(programs, [](const ProgramCosts &program) {
        return !program.mergeRefusal.empty();
      }))
    return result;
  return visitRoles(
      machine, *merged, *others,
      [&](size_t i, const RegisterPressure &pressure) {
        StepCosts &costs = isWide ? programs[i].wide : programs[i].narrow;
        costs.mergedRegisters = static_cast<double>(pressure.registers);
        costs.mergedScalars = static_cast<double>(pressure.scalars);
      });
}

FailureOr<ScheduleModel>
ScheduleModel::create(const MachineModel &machine, Lower lower,
                      std::optional<int64_t> mostRows) {
  /// Two groups, or as many rows as there may be; a tall one, or one that is
  /// not.
  constexpr int64_t kProbeRows = 128;
  ScheduleModel model(machine);
  model.mostRows = mostRows;
  int64_t rows = std::min({kProbeRows, machine.productRows * machine.maxGroups,
                           mostRows.value_or(kProbeRows)});
  if (machine.tall) {
    auto tall = machine.tall->productRows > mostRows.value_or(kProbeRows)
                    ? FailureOr<ScheduleModel>(failure())
                    : create(*machine.tall, lower, mostRows);
    if (succeeded(tall))
      model.tall = std::make_shared<const ScheduleModel>(std::move(*tall));
    rows = machine.productRows;
  }
  for (int64_t keys : {model.getNarrowKeys(), kWideKeys}) {
    OwningOpRef<ModuleOp> tiles = lower(rows, keys);
    if (!tiles ||
        failed(collect(machine, *tiles, keys == kWideKeys, model.programs)))
      return failure();
  }
  return model;
}
