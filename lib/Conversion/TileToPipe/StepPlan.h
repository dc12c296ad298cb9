//===- StepPlan.h - what of a step may run beside what ----------*- C++ -*-===//
//
// A program that is to be scheduled has one sweep. The products of its step
// that read shared memory alone are its *early* ones; those that take what the
// step has computed, as their left side, are its *late* ones. The late products
// of a step run in the next turn of the loop, beside the early ones of the next
// step: what stands between the two, elementwise work and reductions, is then
// hidden behind both.
//
// Everything in a step is early, late (it needs the result of a late product)
// or *between*: it needs a carry that a late op yields, but no late product of
// its own step, as the rescaling of an accumulator does.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_STEPPLAN_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_STEPPLAN_H

#include "BoxLayout.h"
#include "BoxMap.h"

#include "attn/Analysis/Schedule.h"
#include "attn/Analysis/TileAxes.h"
#include "attn/Conversion/MachineModel.h"

#include "llvm/ADT/DenseSet.h"

#include <string>

namespace attn {

/// A load whose tile products read from slots in shared memory.
struct SlotOperand {
  mutable tile::LoadOp load;
  BoxMap box;
  /// It has the program's rows, of which each group has its own.
  bool hasRows = false;
  /// It changes from step to step.
  bool isMoving = false;
  /// Its elements have 8 bits in memory, and a role widens them, or what
  /// products read are they.
  bool isWidened = false, isNarrow = false;
  /// The products that read it are late.
  bool isLate = false;
  /// Rows of a step beyond its count have to be zero.
  bool isCleared = false;
  /// So do those at which no point of this mask is set, or this line is not, if
  /// there is one.
  mlir::Value seen;
  /// Rows that one page has at the least, of a tile that lies in pages; else 0.
  int64_t run = 0;
  /// Of the rank along rows, if it has one: the tile is a box.
  std::optional<BoxLayout> layout;
};

struct PlannedProduct {
  tile::DotOp dot;
  mlir::Value lhs, rhs;
  /// The contracted dimension of each tile.
  int64_t lhsDim, rhsDim;
};

/// Rows after which a swizzled panel repeats itself: of copies a multiple.
inline constexpr int64_t kCopyRows = 8;

/// Slots that elements of 8 bits are widened into: one is filled while another
/// is read. What memory brings waits in the slots of 8 bits.
inline constexpr int64_t kWidenedSlots = 2;

/// Why a program is not scheduled.
struct Refusal {
  mlir::Operation *op = nullptr;
  std::string reason;
};

class StepPlan {
public:
  /// For `machine`'s groups of the height that suits the program's rows.
  StepPlan(tile::ProgramOp program, const MachineModel &machine);

  /// Looks at the program; a refusal without an op says that it can be
  /// scheduled.
  Refusal analyze();

  bool isLate(mlir::Operation *op) const { return late.contains(op); }
  bool isBetween(mlir::Operation *op) const { return between.contains(op); }
  bool isLateCarry(unsigned number) const { return lateCarries[number]; }
  /// Narrowing of what late products take: their registers are read until the
  /// late products of the turn are done.
  bool isDeferred(mlir::Operation *op) const;
  /// A line that says which rows of slots are seen, and nothing else: of a
  /// reduction groups tell each other, and a row's place alone decides the
  /// rest.
  static bool isForSlots(mlir::Operation *op);
  /// Whether a line of the step is kept as parts of lanes.
  bool isPartial(mlir::Value line) const;
  const SlotOperand *getSlot(mlir::Value tile) const;
  const PlannedProduct &getProduct(tile::DotOp dot) const {
    return products.find(dot)->second;
  }
  /// The layout of the rank along a dimension of a tensor, if it has one.
  std::optional<BoxLayout> getLayout(mlir::Value memref, unsigned dim) const;
  /// Whether the dimension of a tile is that of the program's rows.
  bool isRow(mlir::Value tile, int64_t dim) const;
  /// Whether warps share out the keys of a step, and the dimension of a tile is
  /// that of the keys.
  bool isShared(mlir::Value tile, int64_t dim) const;
  /// Whether a value depends on where the program's rows are.
  bool dependsOnRows(mlir::Value value) const;
  /// Whether other numbers of a coordinate of the program may have other steps.
  bool hasStepsOf(mlir::Value coordinate) const;
  /// Whether other rows may have other steps.
  bool hasStepsOfRows() const;
  /// Whether all that is computed of a tile of the step is masked at points of
  /// `dim` beyond the step's count.
  bool isMaskedBeyondCount(mlir::Value tile, int64_t dim) const;
  /// Whether a role stands between the one that loads and those that multiply.
  bool widens() const { return widens(false) || widens(true); }
  /// Whether it widens what products of that kind read.
  bool widens(bool isLate) const {
    return llvm::any_of(slots, [&](const SlotOperand &slot) {
      return slot.isWidened && slot.isLate == isLate;
    });
  }
  /// The machine's split of that number, or the nearest.
  const RegisterSplit &getSplit(int64_t number) const;
  /// Whether neighbouring tiles of rows can be fetched for together; refuses
  /// others.
  Refusal checkCluster(int64_t cluster) const;
  /// Whether blocks, in clusters of so many, can do parts of items; refuses
  /// others.
  Refusal checkStream(int64_t cluster) const;
  /// Whether groups that multiply can fill their slots beside; refuses others.
  Refusal checkMerged(const ScheduleOptions &options) const;
  /// Whether the steps of an invariant program have their places by number,
  /// and in a stream give the same wherever it is cut; refuses others.
  Refusal checkInvariant(bool isStream) const;

  const MachineModel &machine;
  tile::ProgramOp program;
  mutable tile::SweepOp sweep;
  TileAxes axes;
  unsigned rowAxis = 0;
  /// Where warps share out the keys of a step, their axis.
  std::optional<unsigned> sharedAxis;
  /// The number of the program's coordinate along which rows run; its tile.
  unsigned rowCoordinate = 0;
  int64_t numRows = 0, numGroups = 1;
  llvm::SmallVector<SlotOperand> slots;
  llvm::SmallVector<tile::DotOp> earlyProducts, lateProducts;
  /// Lines of conditions on a row that are the same in all steps of a run; a
  /// mask holds nowhere in a row at which one of its own is false.
  using RunLines = llvm::SmallVector<tile::GenerateOp, 1>;
  /// Those of each mask of the step, if groups may let runs pass, else none.
  llvm::SmallVector<RunLines> runLines;

private:
  static Refusal refuse(mlir::Operation *op, const llvm::Twine &reason);
  Refusal findRows();
  /// Finds the axis of what warps share out; refuses what they cannot.
  Refusal planShares();
  Refusal planProduct(tile::DotOp dot);
  bool hasWholeRows(mlir::Value tile, int64_t dim) const;
  Refusal planSlot(mlir::Value tile, tile::DotOp dot, bool isLate);
  /// Finds the rows of a page that copies take as one.
  Refusal planRuns(SlotOperand &slot) const;
  /// Refuses packed rows that do not begin with the first of a width.
  Refusal checkPacking(mlir::Operation *op, const BoxMap &box,
                       mlir::ValueRange indices) const;
  /// Whether a load or a store of ranks with layouts is of a box along
  /// dimension `rowDim` of the tensor; refuses others.
  Refusal checkLayouts(mlir::Operation *op, mlir::Value memref,
                       const BoxMap &box, mlir::ValueRange indices,
                       int64_t numRows, int64_t rowDim) const;
  bool isExtent(mlir::Value value, mlir::Value memref, unsigned dim) const;
  bool isPackedExtent(mlir::Value value, mlir::Value memref,
                      const PackedRows &packed) const;
  bool endWithTensor(mlir::Value memref, mlir::AffineMap map,
                     mlir::ValueRange indices, unsigned dim, int64_t size,
                     mlir::Value valid) const;
  void findRunLines();
  Refusal classify();
  Refusal checkOps();
  Refusal checkOp(mlir::Operation &op);
  Refusal checkLoad(tile::LoadOp op);
  Refusal checkStore(tile::StoreOp op);
  void findPartialCarries();
  bool isPartial(mlir::Value line,
                 const llvm::DenseSet<mlir::Value> &carries) const;

  llvm::DenseMap<mlir::Operation *, PlannedProduct> products;
  llvm::DenseSet<mlir::Operation *> late, between;
  llvm::SmallVector<bool> lateCarries;
  llvm::DenseSet<mlir::Value> partialCarries;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_STEPPLAN_H
