//===- ScheduleModel.h - what a schedule costs, before it is made ---------===//
//
// A tile program is looked at with steps of two widths; what it takes of each
// of the machine's units, of registers and of shared memory is taken to grow
// evenly between and beyond them. From that the model tells how many clocks a
// pair of a row and a key takes under any schedule, and which schedules do not
// fit.
//
// A step takes the time of the busier of the two parts of a multiprocessor,
// products or elementwise work, and a part of the other's, which does not hide
// all of itself; the parts are fitted to kernels that were measured. Steps that
// a mask cuts do the whole tile's work for a part of its pairs, so that wide
// tiles lose there what they gain in whole steps.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_CONVERSION_SCHEDULEMODEL_H
#define ATTN_CONVERSION_SCHEDULEMODEL_H

#include "attn/Conversion/ScheduleTiles.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace attn {

/// What is known of a schedule that has not been made.
struct ScheduleEstimate {
  /// Clocks of a multiprocessor for a pair of a row and a key; to compare with
  /// others of the same program.
  double clocks = 0;
  /// Registers of a thread that multiplies, for tiles and for scalars, those of
  /// one that loads, and bytes of shared memory of a block.
  int64_t registers = 0, scalars = 0, loadRegisters = 0, sharedBytes = 0;
  /// The bytes with those of tiles that results are stored from, without which
  /// each thread stores its own elements.
  int64_t stagedBytes = 0;
  /// Registers that the role which has the fewest to spare does not need. The
  /// more there are, the less likely the assembler spills.
  double spareRegisters = std::numeric_limits<double>::infinity();
  /// One role loads and multiplies.
  bool isMerged = false;
  /// Why it does not fit; empty if it may.
  std::string refusal;
};

struct ScheduleCandidate {
  TileSchedule schedule;
  ScheduleEstimate estimate;
};

class ScheduleModel {
public:
  /// The tile programs for tiles of so many rows and steps of so many keys, or
  /// null after an error.
  using Lower = llvm::function_ref<mlir::OwningOpRef<mlir::ModuleOp>(
      int64_t rows, int64_t keys)>;

  /// Looks at what `lower` makes, for tiles of any rows or of at most
  /// `mostRows`. Fails after an error where a program has no schedule on
  /// `machine` with such tiles.
  static mlir::FailureOr<ScheduleModel>
  create(const MachineModel &machine, Lower lower,
         std::optional<int64_t> mostRows = std::nullopt);

  ScheduleEstimate estimate(const TileSchedule &schedule) const;

  /// All schedules that `given` allows, in the order of their estimates, those
  /// that do not fit last. Without `isSearch` only slots and turns that `given`
  /// names, or else the usual ones.
  std::vector<ScheduleCandidate> rank(const ScheduleFields &given,
                                      bool isSearch) const;

private:
  /// The steps that programs are looked at with; warps that share them out have
  /// no fewer than a product's depth each.
  static constexpr int64_t kWideKeys = 128;
  int64_t getNarrowKeys() const {
    constexpr int64_t kNarrowKeys = 32;
    return std::max(kNarrowKeys, machine->productDepth * machine->shares);
  }
  /// Keys of a located range of which nothing is known.
  static constexpr int64_t kLocatedKeys = 64;

  /// What one step takes for the rows of one group, and what its kernel holds.
  struct StepCosts {
    double products = 0, earlyProducts = 0, specials = 0, operations = 0,
           maskOperations = 0;
    /// Of what a step loads for the block and for each group, and of what stays
    /// for an item.
    double movingBytes = 0, movingGroupBytes = 0, groupBytes = 0,
           blockBytes = 0, stagingBytes = 0;
    double registers = 0, scalars = 0, loadScalars = 0, gathered = 0;
    /// Of a thread that loads and multiplies.
    double mergedRegisters = 0, mergedScalars = 0;

    static StepCosts interpolate(const StepCosts &a, const StepCosts &b,
                                 double part);
  };
  struct ProgramCosts {
    StepCosts narrow, wide;
    unsigned linearPartial = 0, located = 0;
    /// Points of each located range that is full.
    std::vector<int64_t> wholeRanges;
    bool hasFull = false, hasSeen = false, hasBoxes = false, widens = false;
    /// Steps wait for what is read number by number.
    bool waits = false;
    /// As a stream, its sums are exact.
    bool addsDigits = false;
    /// Why its blocks form no clusters; empty if they may.
    std::string clusterRefusal;
    /// Why its roles are not merged; empty if they may be.
    std::string mergeRefusal;
    /// Registers of the accumulators that live from step to step.
    double accumulators = 0;
    /// Copies of the tile that takes the most.
    double copies = 0;
  };

  explicit ScheduleModel(const MachineModel &machine) : machine(&machine) {}
  /// That of the groups of tiles of so many rows; null where the program has no
  /// schedule with such.
  const ScheduleModel *forRows(int64_t rows) const {
    return &machine->forRows(rows) == machine ? this : tall.get();
  }
  /// The heights of tiles, of whole groups.
  std::vector<int64_t> listRows() const;
  static mlir::LogicalResult collect(const MachineModel &machine,
                                     mlir::ModuleOp tiles, bool isWide,
                                     std::vector<ProgramCosts> &programs);
  llvm::ArrayRef<RegisterSplit> getSplits(int64_t groups) const;
  /// The one of a schedule's number, or the nearest.
  const RegisterSplit &getSplit(const TileSchedule &schedule) const;
  size_t getStreamOrder(const TileSchedule &schedule) const;
  /// Whether a stream has the usual number of blocks of a multiprocessor.
  bool hasUsualBlocks(const TileSchedule &schedule) const;
  /// Bytes of shared memory that a block may have.
  int64_t getSharedLimit(const TileSchedule &schedule) const {
    return machine->getSharedBytes(getSplit(schedule).blocks);
  }
  void limitSlots(TileSchedule &schedule, const ScheduleFields &given) const;
  StepCosts getStepCosts(const ProgramCosts &program,
                         const TileSchedule &schedule) const;
  double getMovingBytes(const StepCosts &costs,
                        const TileSchedule &schedule) const;
  double getSharedBytes(const StepCosts &costs,
                        const TileSchedule &schedule) const;
  double getStepClocks(const StepCosts &costs, const TileSchedule &schedule,
                       bool isPartial) const;
  double getClocks(const ProgramCosts &program, const StepCosts &costs,
                   const TileSchedule &schedule) const;
  void checkFit(const ProgramCosts &program, const StepCosts &costs,
                const TileSchedule &schedule, ScheduleEstimate &estimate) const;

  const MachineModel *machine;
  /// Of `machine->tall`, if the program has schedules with it.
  std::shared_ptr<const ScheduleModel> tall;
  std::vector<ProgramCosts> programs;
  std::optional<int64_t> mostRows;
};

} // namespace attn

#endif // ATTN_CONVERSION_SCHEDULEMODEL_H
