//===- ScheduleModel.cpp - what a schedule costs, before it is made -------===//

#include "attn/Conversion/ScheduleModel.h"

#include "llvm/Support/MathExtras.h"

#include <tuple>

using namespace mlir;
using namespace attn;

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

ArrayRef<RegisterSplit> ScheduleModel::getSplits(int64_t groups) const {
  return machine->getRegisters(
      groups, llvm::any_of(programs, [](const ProgramCosts &program) {
        return program.widens;
      }));
}

const RegisterSplit &
ScheduleModel::getSplit(const TileSchedule &schedule) const {
  auto splits = getSplits(schedule.rows / machine->productRows);
  return splits[std::min<size_t>(schedule.split, splits.size() - 1)];
}

/// Of a slot of each ring of what the sweep moves.
double ScheduleModel::getMovingBytes(const StepCosts &costs,
                                     const TileSchedule &schedule) const {
  auto groups = static_cast<double>(schedule.rows / machine->productRows);
  return costs.movingBytes + groups * costs.movingGroupBytes;
}

ScheduleModel::StepCosts
ScheduleModel::getStepCosts(const ProgramCosts &program,
                            const TileSchedule &schedule) const {
  double part = static_cast<double>(schedule.keys - getNarrowKeys()) /
                static_cast<double>(kWideKeys - getNarrowKeys());
  return StepCosts::interpolate(program.narrow, program.wide, part);
}

/// Without what results are staged in.
double ScheduleModel::getSharedBytes(const StepCosts &costs,
                                     const TileSchedule &schedule) const {
  // Control blocks and alignment.
  constexpr double kReservedBytes = 1024;
  auto groups = static_cast<double>(schedule.rows / machine->productRows);
  return static_cast<double>(schedule.slots) * getMovingBytes(costs, schedule) +
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
  chain /= static_cast<double>(getSplit(schedule).blocks);
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
  if (schedule.slots < 2 && getSplit(schedule).blocks == 1)
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
  const RegisterSplit &split = getSplit(schedule);
  bool merged = split.isMerged();
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
  estimate.spareRegisters =
      std::min(estimate.spareRegisters,
               static_cast<double>(split.multiplying) - registers - reserve);
  if (!merged)
    estimate.spareRegisters = std::min(
        estimate.spareRegisters, static_cast<double>(split.loading) - loading);
  auto refuse = [&](const char *what, int64_t needed, int64_t limit) {
    estimate.refusal = std::string(what) + ": takes about " +
                       std::to_string(needed) + " of " + std::to_string(limit);
  };
  int64_t sharedLimit = getSharedLimit(schedule);
  if (estimate.sharedBytes > sharedLimit)
    refuse("shared memory", estimate.sharedBytes, sharedLimit);
  else if (registers + reserve > static_cast<double>(split.multiplying))
    refuse("registers of a thread that multiplies", round(registers + reserve),
           split.multiplying);
  else if (!merged && estimate.loadRegisters > split.loading)
    refuse("registers of a thread that loads", estimate.loadRegisters,
           split.loading);
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
  int64_t depth = machine->productDepth * machine->shares;
  if (schedule.keys % depth != 0 || schedule.keys > machine->maxColumns) {
    estimate.refusal = "keys: expects a multiple of " + std::to_string(depth) +
                       " up to " + std::to_string(machine->maxColumns);
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
  estimate.isMerged = getSplit(schedule).isMerged();
  for (const ProgramCosts &program : programs) {
    StepCosts costs = getStepCosts(program, schedule);
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

/// What a stream reads it reads once: slots that keep its memory busy, as far
/// as there is room beside the tiles that results are stored from. Of an H200 a
/// multiprocessor's part of the rate is 34 KB a microsecond, so that 96 KB on
/// their way are enough. More wait in line before the first steps, and pages
/// more than tensors (bf16, 65536 keys without pages and in pages of 16, 128
/// KB: 79.2 and 80.4 microseconds, 192 KB: 80.0 and 84.3).
void ScheduleModel::limitSlots(TileSchedule &schedule,
                               const ScheduleFields &given) const {
  constexpr double kOnTheirWay = 96 << 10;
  TileSchedule own = given.apply(schedule);
  double bytes = 0;
  for (const ProgramCosts &program : programs)
    bytes = std::max(bytes, getMovingBytes(getStepCosts(program, own), own));
  constexpr int64_t kMostSlots = 6;
  bytes *= static_cast<double>(getSplit(own).blocks);
  schedule.slots = std::clamp<int64_t>(
      static_cast<int64_t>(kOnTheirWay / bytes), 2, kMostSlots);
  while (schedule.slots > 2 &&
         estimate(given.apply(schedule)).stagedBytes > getSharedLimit(own))
    --schedule.slots;
}

/// Which steps of a stream come first: those of 128 keys cost least beside what
/// they read (decoding on an H200 in pages of 64, 64 rows: 128 keys 275
/// microseconds, 64 279; 128 rows: 128 keys 290, 96 319, 64 344). Fewer do
/// better where each adds digits up, or ends with exchanges of what warps share
/// (e4m3, random calls: 128 keys 22.0, 192 21.3; with digits 25.9 and 24.8).
size_t ScheduleModel::getStreamOrder(const TileSchedule &schedule) const {
  if (!schedule.isStream)
    return 0;
  bool addsDigits = llvm::any_of(
      programs, [](const ProgramCosts &program) { return program.addsDigits; });
  SmallVector<int64_t> usual = {128, 96, 64, 32};
  if ((addsDigits || machine->shares > 1) && getSplit(schedule).blocks == 1)
    usual.insert(usual.begin(), 192);
  return llvm::find(usual, schedule.keys) - usual.begin();
}

/// Blocks of a multiprocessor make up for each other's waiting: for scales of
/// tokens in a step, and, where warps share out keys, between items, which end
/// with exchanges and begin with a step that has not been asked for long (H200,
/// e4m3, one block and two: 256 sequences of 256 keys 79 and 52 microseconds,
/// 128 of 1024 91 and 82, 64 of 2048 83 and 80, 17 of 32768 both 273; one of
/// 8192 16.7 and 17.6, as twice as many parts meet). Where steps add digits,
/// registers of two blocks are too few for pages.
bool ScheduleModel::hasUsualBlocks(const TileSchedule &schedule) const {
  bool isSeveral = llvm::any_of(programs, [&](const ProgramCosts &program) {
    return program.waits || (machine->shares > 1 && !program.addsDigits);
  });
  return (getSplit(schedule).blocks > 1) == isSeveral;
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
    // Registers that a loader does not need are lost to the other threads; of
    // several blocks none has many.
    if (!given.split && schedule.split > 0 &&
        splits[schedule.split].blocks == 1 &&
        !splits[schedule.split].isMerged() &&
        expected.loadRegisters * 2 <= splits[schedule.split - 1].loading)
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
          limitSlots(schedule, given);
        // With other blocks beside it one slot does: 48 keys at D=128 take 0.98
        // of the time of two slots (H200, code for sm_80).
        const ScheduleModel *own = forRows(rows);
        if (own && own->getSplit(schedule).isMerged())
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
  auto getOrder = [&](const ScheduleCandidate &candidate) {
    return std::tuple(
        !candidate.estimate.refusal.empty(),
        candidate.schedule.isStream && !hasUsualBlocks(candidate.schedule),
        getStreamOrder(candidate.schedule), candidate.estimate.clocks);
  };
  llvm::stable_sort(candidates, [&](const auto &a, const auto &b) {
    return getOrder(a) < getOrder(b);
  });
  return candidates;
}
