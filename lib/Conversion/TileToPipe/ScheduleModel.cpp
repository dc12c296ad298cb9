//===- ScheduleModel.cpp - what a schedule costs, before it is made -------===//

#include "attn/Conversion/ScheduleModel.h"

#include "StepPlan.h"

#include "attn/Analysis/RegisterPressure.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <array>
#include <tuple>

using namespace mlir;
using namespace attn;

/// The steps that programs are looked at with.
static constexpr int64_t kNarrow = 32, kWide = 128;
/// Keys of a located range of which nothing is known.
static constexpr int64_t kLocatedKeys = 64;

//===----------------------------------------------------------------------===//
// What a step takes
//===----------------------------------------------------------------------===//

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
    if (split.first == 0)
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
  for (int64_t keys : {kNarrow, kWide}) {
    OwningOpRef<ModuleOp> tiles = lower(rows, keys);
    if (!tiles ||
        failed(collect(machine, *tiles, keys == kWide, model.programs)))
      return failure();
  }
  return model;
}

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

/// Fitted to D=128: tiles of 128 x 128, 128 x 176 and 192 x 80 take 1.23, 1.21
/// and 1.28 times the clocks of their products (docs/performance.md). An
/// exponential takes 10 clocks a warp where MUFU has 8; other instructions wait
/// for registers that products read.
static constexpr double kSpecialStretch = 1.25, kOperationStretch = 1.5,
                        kExposed = 0.18, kTurn = 60, kGroupTurn = 30;
/// What one group waits for in a turn, for barriers and for what it has begun,
/// whatever the others do.
static constexpr double kChain = 350;
/// Bytes from the shared cache take power and so clock: clusters of two, which
/// halve them, were 2.6 % faster at 128 x 176.
static constexpr double kTraffic = 0.1;
/// An item's beginning and end, which nothing hides.
static constexpr double kItem = 1500;
/// More of it where no shared memory is left for a result, which is then
/// written in pairs of elements.
static constexpr double kDirectStore = 1500;
/// Keys of a row that whole steps see, and of a mask that has none, and located
/// ranges of a tile. Lengths are unknown: these stand for them.
static constexpr double kLongKeys = 4096, kShortKeys = 256, kLocatedRanges = 4;

llvm::ArrayRef<std::pair<int64_t, int64_t>>
ScheduleModel::getSplits(int64_t groups) const {
  return machine->getRegisters(
      groups, llvm::any_of(programs, [](const ProgramCosts &program) {
        return program.widens;
      }));
}

bool ScheduleModel::isMerged(const TileSchedule &schedule) const {
  auto splits = getSplits(schedule.rows / machine->productRows);
  return splits[schedule.split].first == 0;
}

int64_t ScheduleModel::getSharedLimit(const TileSchedule &schedule) const {
  // What the system has of each block's.
  constexpr int64_t kSystemBytes = 1024;
  return (machine->sharedBytes + kSystemBytes) / getNumBlocks(schedule) -
         kSystemBytes;
}

/// Without what results are staged in.
double ScheduleModel::getSharedBytes(const StepCosts &costs,
                                     const TileSchedule &schedule) const {
  // Control blocks and alignment.
  constexpr double kReservedBytes = 1024;
  auto groups = static_cast<double>(schedule.rows / machine->productRows);
  double moving = costs.movingBytes + groups * costs.movingGroupBytes;
  return static_cast<double>(schedule.slots) * moving +
         groups * costs.groupBytes + costs.blockBytes + kReservedBytes;
}

double ScheduleModel::getStepClocks(const StepCosts &costs,
                                    const TileSchedule &schedule,
                                    bool isPartial) const {
  const MachineRates &rates = machine->rates;
  double number = static_cast<double>(schedule.rows / machine->productRows);
  double operations = costs.operations + (isPartial ? costs.maskOperations : 0);
  double products = number * costs.products;
  double elements =
      number * (costs.specials / rates.specials * kSpecialStretch +
                operations / rates.operations * kOperationStretch);
  double clocks = std::max(products, elements) +
                  kExposed * std::min(products, elements) + kTurn +
                  kGroupTurn * number;
  double chain =
      kChain + costs.earlyProducts +
      std::max(costs.products - costs.earlyProducts, elements / number);
  // The multiprocessor's other blocks work meanwhile.
  chain /= static_cast<double>(getNumBlocks(schedule));
  double traffic = (costs.movingBytes / static_cast<double>(schedule.cluster) +
                    number * costs.movingGroupBytes) /
                   rates.cacheBytes;
  return std::max({clocks + kTraffic * traffic, chain, traffic});
}

double ScheduleModel::getClocks(const ProgramCosts &program,
                                const StepCosts &costs,
                                const TileSchedule &schedule) const {
  double rows = static_cast<double>(schedule.rows);
  double keys = static_cast<double>(schedule.keys);
  int64_t groups = schedule.rows / machine->productRows;
  double whole = getStepClocks(costs, schedule, /*isPartial=*/false);
  double cut = getStepClocks(costs, schedule, /*isPartial=*/true);
  double clocks = kItem, useful = 0;
  double shared = getSharedBytes(costs, schedule);
  if (shared + static_cast<double>(groups) * costs.stagingBytes >
      static_cast<double>(machine->sharedBytes))
    clocks += kDirectStore;
  if (program.hasFull) {
    clocks += kLongKeys / keys * whole;
    useful += kLongKeys;
    // Lengths are multiples of powers of 2 more often than not, and shorter
    // than kLongKeys as often as longer: other steps waste half of their last,
    // which weighs double for short ones.
    if (!llvm::isPowerOf2_64(schedule.keys))
      clocks += cut;
  } else if (program.located == 0 && program.wholeRanges.empty()) {
    clocks += kShortKeys / keys * cut;
    useful += kShortKeys;
  }
  // A bound that moves with the rows crosses the tile's rows, and the range
  // ends within a step.
  clocks += program.linearPartial * ((rows + keys / 2) / keys) * cut;
  useful += program.linearPartial * rows / 2;
  double steps =
      static_cast<double>(llvm::divideCeil(kLocatedKeys, schedule.keys)) *
      kLocatedRanges;
  clocks += program.located * steps * cut;
  useful += program.located * kLocatedRanges * kLocatedKeys;
  for (int64_t length : program.wholeRanges) {
    double points = static_cast<double>(length);
    double ranges = kLongKeys / points;
    clocks += std::ceil(points / keys) * ranges * whole;
    useful += kLongKeys;
  }
  // Rings of one slot wait for each copy, unless other blocks work meanwhile.
  constexpr double kCopy = 1000;
  if (schedule.slots < 2 && getNumBlocks(schedule) == 1)
    clocks += useful / keys * kCopy;
  return clocks / (rows * std::max(useful, 1.0));
}

//===----------------------------------------------------------------------===//
// Room
//===----------------------------------------------------------------------===//

/// Registers that ptxas needs beside those of tiles, fitted to 286 kernels of
/// 13 variants at D=64, 128 and 256 (ptxas 13.0). The lowering itself keeps
/// kReserve. What is read point by point is on its way beside the tiles that
/// wait for it. Wide accumulators cost more; of scalars only those beyond what
/// uniform registers take do, and many of many are computed again instead. The
/// copies of a box begin at coordinates of their own, which ptxas computes
/// ahead. In a merged role products run beside nothing else, and their operands
/// take what tiles leave that are not there yet.
static constexpr double kReserve = 16, kAccumulators = 64,
                        kAccumulatorShare = 1.0 / 3, kScalars = 30,
                        kScalarShare = 0.8, kMostForScalars = 13, kSeen = 5,
                        kLoadShare = 0.85, kLoadReserve = 2, kLoadCopies = 2,
                        kLoadBoxes = 13;

void ScheduleModel::checkFit(const ProgramCosts &program,
                             const StepCosts &costs,
                             const TileSchedule &schedule,
                             ScheduleEstimate &estimate) const {
  auto round = [](double value) {
    return static_cast<int64_t>(std::ceil(value));
  };
  int64_t groups = schedule.rows / machine->productRows;
  estimate.sharedBytes =
      std::max(estimate.sharedBytes, round(getSharedBytes(costs, schedule)));
  estimate.stagedBytes =
      std::max(estimate.stagedBytes,
               round(getSharedBytes(costs, schedule) +
                     static_cast<double>(groups) * costs.stagingBytes));
  double loading = std::min(costs.loadScalars, kScalars) +
                   std::max(costs.loadScalars - kScalars, 0.0) * kLoadShare +
                   kLoadReserve + (program.hasBoxes ? kLoadBoxes : 0) +
                   std::max(program.copies - 2, 0.0) * kLoadCopies;
  estimate.loadRegisters = std::max(estimate.loadRegisters, round(loading));
  bool merged = isMerged(schedule);
  double scalars = merged ? costs.mergedScalars : costs.scalars;
  double registers = merged ? costs.mergedRegisters : costs.registers;
  estimate.registers = std::max(estimate.registers, round(registers));
  estimate.scalars = std::max(estimate.scalars, round(scalars));
  double reserve =
      kReserve +
      std::max(program.accumulators - kAccumulators, 0.0) * kAccumulatorShare +
      std::clamp((scalars - kScalars) * kScalarShare, 0.0, kMostForScalars) +
      (program.hasSeen ? kSeen : 0) + costs.gathered +
      (merged ? 0 : static_cast<double>(machine->operandRegisters));
  auto splits = getSplits(groups);
  auto [loads, multiplies] = splits[schedule.split];
  estimate.spareRegisters =
      std::min(estimate.spareRegisters,
               static_cast<double>(multiplies) - registers - reserve);
  if (!merged)
    estimate.spareRegisters =
        std::min(estimate.spareRegisters, static_cast<double>(loads) - loading);
  auto refuse = [&](const char *what, int64_t needed, int64_t limit) {
    estimate.refusal = std::string(what) + ": takes about " +
                       std::to_string(needed) + " of " + std::to_string(limit);
  };
  int64_t sharedLimit = getSharedLimit(schedule);
  if (estimate.sharedBytes > sharedLimit)
    refuse("shared memory", estimate.sharedBytes, sharedLimit);
  else if (registers + reserve > static_cast<double>(multiplies))
    refuse("registers of a thread that multiplies", round(registers + reserve),
           multiplies);
  else if (!merged && estimate.loadRegisters > loads)
    refuse("registers of a thread that loads", estimate.loadRegisters, loads);
}

ScheduleEstimate ScheduleModel::estimate(const TileSchedule &schedule) const {
  ScheduleEstimate estimate;
  if (const ScheduleModel *own = forRows(schedule.rows); own != this) {
    if (own)
      return own->estimate(schedule);
    estimate.refusal = "rows: the program has no schedule with groups of " +
                       std::to_string(machine->tall->productRows);
    return estimate;
  }
  int64_t groups = schedule.rows / machine->productRows;
  if (schedule.rows % machine->productRows != 0 || groups < 1 ||
      groups > machine->maxGroups) {
    estimate.refusal =
        "rows: expects a multiple of " + std::to_string(machine->productRows) +
        " up to " + std::to_string(machine->productRows * machine->maxGroups);
    return estimate;
  }
  if (schedule.rows > mostRows.value_or(schedule.rows)) {
    estimate.refusal = "rows: the program has schedules for at most " +
                       std::to_string(*mostRows);
    return estimate;
  }
  if (schedule.keys % machine->productDepth != 0 ||
      schedule.keys > machine->maxColumns) {
    estimate.refusal = "keys: expects a multiple of " +
                       std::to_string(machine->productDepth) + " up to " +
                       std::to_string(machine->maxColumns);
    return estimate;
  }
  if (schedule.split >= int64_t(getSplits(groups).size())) {
    estimate.refusal =
        "split: the machine has " + std::to_string(getSplits(groups).size());
    return estimate;
  }
  if (schedule.cluster > machine->maxCluster) {
    estimate.refusal =
        "cluster: expects at most " + std::to_string(machine->maxCluster);
    return estimate;
  }
  estimate.isMerged = isMerged(schedule);
  for (const ProgramCosts &program : programs) {
    double part = static_cast<double>(schedule.keys - kNarrow) /
                  static_cast<double>(kWide - kNarrow);
    StepCosts costs =
        StepCosts::interpolate(program.narrow, program.wide, part);
    estimate.clocks += getClocks(program, costs, schedule);
    checkFit(program, costs, schedule, estimate);
    if (schedule.cluster > 1 && !program.clusterRefusal.empty())
      estimate.refusal = "cluster: " + program.clusterRefusal;
    if (estimate.isMerged && !program.mergeRefusal.empty())
      estimate.refusal = "split: " + program.mergeRefusal;
    if (estimate.isMerged && schedule.isStream)
      estimate.refusal = "split: blocks of a stream have a role that loads";
    if (program.hasSeen && schedule.keys > machine->maxSeenColumns)
      estimate.refusal = "keys: expects at most " +
                         std::to_string(machine->maxSeenColumns) +
                         " where rows that no query sees are cleared";
  }
  return estimate;
}

/// What a stream reads it reads once: as many slots as there is room for,
/// beside the tiles that results are stored from, keep most of it on its way.
void ScheduleModel::fillMemory(TileSchedule &schedule,
                               const ScheduleFields &given) const {
  constexpr int64_t kMostSlots = 6;
  schedule.slots = kMostSlots;
  while (schedule.slots > 2 &&
         estimate(given.apply(schedule)).stagedBytes > machine->sharedBytes)
    --schedule.slots;
}

/// Which steps of a stream come first: those of 128 keys cost least beside what
/// they read (decoding on an H200 in pages of 64, 64 rows: 128 keys 275
/// microseconds, 64 279; 128 rows: 128 keys 290, 96 319, 64 344).
static size_t getStreamOrder(const TileSchedule &schedule) {
  static constexpr std::array<int64_t, 4> usual = {128, 96, 64, 32};
  if (!schedule.isStream)
    return 0;
  return llvm::find(usual, schedule.keys) - usual.begin();
}

std::vector<int64_t> ScheduleModel::listRows() const {
  std::vector<int64_t> heights;
  for (const ScheduleModel *model : {tall.get(), this})
    for (int64_t groups = model ? model->machine->maxGroups : 0; groups >= 1;
         --groups)
      if (int64_t rows = groups * model->machine->productRows;
          forRows(rows) == model)
        heights.push_back(rows);
  return heights;
}

std::vector<ScheduleCandidate> ScheduleModel::rank(const ScheduleFields &given,
                                                   bool isSearch) const {
  std::vector<ScheduleCandidate> candidates;
  auto add = [&](TileSchedule schedule) {
    schedule = given.apply(schedule);
    // Rows that are given may be of fewer groups, with other splits.
    const ScheduleModel *own = forRows(schedule.rows);
    if (!own)
      own = this;
    auto splits = own->getSplits(schedule.rows / own->machine->productRows);
    if (!given.split && schedule.split >= static_cast<int64_t>(splits.size()))
      return;
    if (!given.cluster && schedule.cluster > 1 &&
        llvm::any_of(programs, [](const ProgramCosts &program) {
          return !program.clusterRefusal.empty();
        }))
      return;
    ScheduleEstimate expected = estimate(schedule);
    // Registers that a loader does not need are lost to the other threads.
    if (!given.split && schedule.split > 0 &&
        splits[schedule.split].first != 0 &&
        expected.loadRegisters * 2 <= splits[schedule.split - 1].first)
      return;
    bool isKnown = llvm::any_of(candidates, [&](const auto &other) {
      return other.schedule == schedule;
    });
    if (!isKnown)
      candidates.push_back({schedule, expected});
  };
  auto getNumSplits = [&](int64_t rows) {
    const ScheduleModel *own = forRows(rows);
    return own->getSplits(rows / own->machine->productRows).size();
  };
  // What is usual comes first, and stays first among equals.
  for (int64_t rows : listRows())
    for (int64_t keys = machine->productDepth; keys <= machine->maxColumns;
         keys += machine->productDepth)
      for (size_t split = 0; split < getNumSplits(rows); ++split) {
        TileSchedule schedule;
        schedule.rows = rows;
        schedule.keys = keys;
        schedule.split = static_cast<int64_t>(split);
        if (given.stream == 1)
          fillMemory(schedule, given);
        // With other blocks beside it one slot does: 48 keys at D=128 take 0.98
        // of the time of two slots (H200, code for sm_80).
        const ScheduleModel *own = forRows(rows);
        if (own && own->isMerged(schedule))
          schedule.slots = 1;
        add(schedule);
        if (!isSearch)
          continue;
        for (int64_t slots : {2, 3})
          for (bool turns : {true, false})
            for (int64_t cluster : {int64_t(1), machine->maxCluster}) {
              schedule.slots = slots;
              schedule.takesTurns = turns;
              schedule.cluster = cluster;
              add(schedule);
            }
      }
  auto getOrder = [](const ScheduleCandidate &candidate) {
    return std::tuple(!candidate.estimate.refusal.empty(),
                      getStreamOrder(candidate.schedule),
                      candidate.estimate.clocks);
  };
  llvm::stable_sort(candidates, [&](const auto &a, const auto &b) {
    return getOrder(a) < getOrder(b);
  });
  return candidates;
}
