//===- Scheduler.h - a tile program as roles that load and multiply -------===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_SCHEDULER_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_SCHEDULER_H

#include "KernelFrame.h"
#include "RegisterEmitter.h"
#include "StepSequence.h"

#include "attn/Conversion/ScheduleTiles.h"

namespace attn {

/// Writes the kernel of a program that can be scheduled.
class Scheduler {
public:
  Scheduler(StepPlan &plan, const ScheduleOptions &options,
            mlir::OpBuilder &builder)
      : plan(plan), options(options), b(plan.program.getLoc(), builder),
        frame(b, plan.program) {}

  mlir::LogicalResult run();

private:
  using Step = StepSequence::Step;
  using Values = llvm::SmallVector<mlir::Value>;

  /// A slot operand and the rings that bring it: one, or one a group.
  struct Operand {
    const SlotOperand *slot;
    pipe::SharedType type;
    Values rings;
    /// A role's place in the ring.
    mlir::Value cursor;
    /// The pages of its tile among those that a step asks for.
    size_t pages = 0;
  };
  using Operands = llvm::SmallVector<Operand>;

  // The kernel (Scheduler.cpp).
  mlir::LogicalResult declare();
  void declareRings();
  void declareStaging();
  /// What products read: of 16 bits an element, or of 8 as it is in memory.
  pipe::SharedType getSlotType(const SlotOperand &slot);
  pipe::SharedType getWideType(const SlotOperand &slot);
  /// Of the same tile with elements of 8 bits, as it is in memory.
  pipe::SharedType getNarrowType(const SlotOperand &slot);
  mlir::Value getSection();
  /// Orders coordinates by whether items of other numbers have other steps, for
  /// a stream, and counts an item's; how many follow each other that have
  /// equal numbers.
  mlir::LogicalResult createStream(mlir::Value items);
  mlir::LogicalResult enterRole(RegisterEmitter &emitter);
  /// A role's first item; what is written next is left out where it has none.
  mlir::Value takeFirstItem();
  /// Begins the loop over a role's items, with the places in its rings and what
  /// was read ahead of the first; returns the item.
  mlir::Value openWorkLoop(mlir::Value first);
  void closeWorkLoop(mlir::Value next);
  /// Tells `emitter` the coordinates of an item.
  void setItem(ScalarEmitter &emitter, mlir::Value item);
  /// Emits what stands before the sweep and has no tiles.
  mlir::LogicalResult emitScalars(ScalarEmitter &emitter);
  /// The steps of an item that this block does: all, or those of its part.
  std::pair<mlir::Value, mlir::Value> getSteps(StepSequence &sequence);
  /// The item after `item`, of work that a role takes by itself.
  mlir::Value getNextItem(mlir::Value item);
  mlir::LogicalResult setStep(RegisterEmitter &emitter, const Step &step);
  mlir::Value i32(int64_t value) {
    return mlir::arith::ConstantIntOp::create(b, b.getI32Type(), value);
  }
  mlir::Value isLess(mlir::Value lhs, mlir::Value rhs) {
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::slt, lhs,
                                       rhs);
  }
  /// Whether the split of registers leaves none to a role that loads: others of
  /// its blocks then work while one waits, so that all products of a step are
  /// done in its own turn.
  bool mergesRoles() const { return getSplit().isMerged(); }
  const RegisterSplit &getSplit() const { return plan.getSplit(options.split); }
  bool copiesElements() const {
    return plan.machine.copies == CopyKind::Elements;
  }
  pipe::RoleOp createRole(llvm::StringRef name, int64_t groups, int64_t warps,
                          int64_t registers);
  bool isSlotLoad(mlir::Operation &op) {
    return llvm::isa<tile::LoadOp>(op) && plan.getSlot(op.getResult(0));
  }
  Values getCursors(bool isMoving);
  void setCursors(mlir::ValueRange cursors, bool isMoving);
  void advance(Operand &operand);

  // The role that loads (LoadRole.cpp).
  mlir::LogicalResult writeLoadRole();
  mlir::LogicalResult loadItem(RegisterEmitter &emitter, mlir::Value message);
  pipe::CacheHint getCacheHint(const SlotOperand &slot);
  void fill(RegisterEmitter &emitter, Operand &operand,
            mlir::ValueRange messages, mlir::ValueRange pages = {});
  /// `pages` are the step's.
  void fillMoving(RegisterEmitter &emitter, const Step &step, bool isLate,
                  mlir::ValueRange pages);
  /// The pages of all tiles of the step that was set: operands that ask the
  /// same of one table share them.
  mlir::FailureOr<Values> findPages(RegisterEmitter &emitter);
  /// Copies rows of a box into a slot, run by run; `row` is where one begins.
  void fillPages(RegisterEmitter &emitter, Operand &operand,
                 mlir::ValueRange messages, mlir::ValueRange pages);
  void copyRuns(const BoxLayout &layout, int64_t numRows, int64_t firstRow,
                mlir::Value &row,
                llvm::function_ref<void(mlir::DenseI64ArrayAttr)> copy);

  // The role that widens what was loaded (WidenRole.cpp).
  /// Of what early products take, of what late ones do, or of both.
  enum class Widened { Early, Late, Both };
  mlir::LogicalResult writeWidenRole(Widened which);
  mlir::LogicalResult widenItem(RegisterEmitter &emitter);
  /// Those of a step: early products' tiles, or late ones'.
  void widenMoving(bool isLate);
  void widen(Operand &narrow, Operand &wide);

  // What a merged role fills (MergedRole.cpp): nothing where another does.
  /// What early or late products read of a step, so many slots ahead.
  mlir::LogicalResult fillAhead(const Step &step, bool isLate,
                                int64_t distance);
  /// The same of the step of that number, if there is one.
  mlir::LogicalResult fillIfThere(mlir::Value number, bool isLate,
                                  int64_t distance, StepKind stepKind);
  /// What stays for the item, and as many of its steps as there are slots.
  mlir::LogicalResult beginFilling(mlir::Value item);
  /// The slots of step `number` that were released.
  mlir::LogicalResult fillReleased(mlir::Value number, bool isLate,
                                   StepKind stepKind);

  // The role that multiplies (MultiplyRole.cpp).
  /// What goes from one turn of the loop to the next.
  struct State {
    /// Carries that early ops yield, by number; null for the others.
    Values carries;
    /// What the late ops of the turn's step take, as `pending` lists it.
    Values pending;
    /// Carries of the first turn are those with which the sweep begins.
    bool isInitial = true;
  };
  mlir::LogicalResult writeMultiplyRole();
  /// Gives the next item, or null where it was not asked for.
  mlir::FailureOr<mlir::Value> multiplyItem(RegisterEmitter &emitter,
                                            mlir::Value item);
  /// The carries with which the sweep begins.
  mlir::FailureOr<Values> getInitialCarries(RegisterEmitter &emitter);
  /// Steps `first` on, up to `end`, of which the block has those up to `last`,
  /// with such carries, `isInitial` if they are those. The first step is
  /// `known`, if it was not sent or was read.
  mlir::LogicalResult multiplySteps(RegisterEmitter &emitter,
                                    StepSequence &sequence,
                                    mlir::ValueRange carries, bool isInitial,
                                    std::optional<Step> known,
                                    mlir::Value first, mlir::Value end,
                                    mlir::Value last);
  /// All that the block has, with the carries with which the sweep begins.
  mlir::LogicalResult multiplySteps(RegisterEmitter &emitter,
                                    StepSequence &sequence, mlir::Value first,
                                    mlir::Value end);
  /// A turn: the early products of step `number`, which is read unless it is
  /// `known`, beside the late ones of the step before, unless it is the first.
  mlir::LogicalResult emitTurn(RegisterEmitter &emitter, mlir::Value number,
                               std::optional<Step> known, mlir::Value isLast,
                               bool isFirst, State &state);
  /// Those of steps `first` on, up to `end`, of which there are `last` in all,
  /// where `find` says, or what is sent if it is null.
  mlir::LogicalResult
  emitTurns(RegisterEmitter &emitter, mlir::Value first, mlir::Value end,
            mlir::Value last, StepKind kind,
            llvm::function_ref<mlir::FailureOr<Step>(mlir::Value)> find,
            State &state);
  mlir::LogicalResult finishLate(RegisterEmitter &emitter, const Values &tokens,
                                 const State &state);
  mlir::LogicalResult drain(RegisterEmitter &emitter, State &state);
  mlir::LogicalResult emitEpilogue(RegisterEmitter &emitter);
  /// Combines what blocks have of a stream's item, and begins the branch of the
  /// one that has it whole: the insertion point is left in it.
  mlir::LogicalResult meet(RegisterEmitter &emitter);
  /// The rows of a tile, from the first of the group on, that the tensors have;
  /// null where that is no number.
  mlir::FailureOr<mlir::Value> countRows(RegisterEmitter &emitter);
  /// Writes the sweep's `merge` of two sides.
  mlir::FailureOr<Values> emitMerge(RegisterEmitter &emitter,
                                    mlir::ValueRange first,
                                    mlir::ValueRange second);
  mlir::LogicalResult emitStore(RegisterEmitter &emitter, tile::StoreOp op);
  void collectPending();
  bool beginsWithZero(tile::DotOp dot, bool isInitial);
  mlir::Value startProduct(RegisterEmitter &emitter, tile::DotOp dot,
                           bool isInitial);
  void waitSlots(bool isLate);
  /// The step that came with the slots of early products.
  Step readStep();
  void releaseSlots(bool isLate);
  /// What early products read of an item, after the last of its steps.
  void releaseStationary(mlir::Value isLast);
  mlir::LogicalResult clearSlots(RegisterEmitter &emitter, bool isLate,
                                 mlir::Value count);
  mlir::LogicalResult clearRows(RegisterEmitter &emitter, mlir::Value tile,
                                tile::GenerateOp isSeen, mlir::Value count);

  // Runs of steps of which a group may see nothing (MultiplyRuns.cpp).
  /// Whether groups let those pass that none of their rows sees.
  bool passesRuns() const {
    return sendsSteps && !mergesRoles() && !plan.runLines.empty();
  }
  /// Steps `begin` on, up to `end`, run by run.
  mlir::LogicalResult multiplyRuns(RegisterEmitter &emitter,
                                   StepSequence &sequence, mlir::Value begin,
                                   mlir::Value end);
  /// Whether a row of the group sees anything of the run of the step that was
  /// set.
  mlir::FailureOr<mlir::Value> createSeesRun(RegisterEmitter &emitter);
  /// Takes the slots of steps `first` on, up to `next`, and gives them back:
  /// `isBeforeAll` if steps follow that all rows see, `isLast` if none follow.
  void passSteps(mlir::Value first, mlir::Value next, mlir::Value isBeforeAll,
                 mlir::Value isLast);

  // Warps that share out the keys of a step (Shares.cpp).
  /// Finds left sides that can be read before their item begins.
  mlir::LogicalResult planReadAhead();
  /// Their registers, of an item that exists.
  mlir::FailureOr<Values> readLeftLoads(mlir::Value item);
  /// Reads those of `next`, which is negative where there is none.
  mlir::LogicalResult readAhead(mlir::Value next);
  /// What was read is the tiles of the item that begins.
  void takeReadAhead(RegisterEmitter &emitter);
  /// The left sides of early products stay in registers for an item.
  void readLeftSides(RegisterEmitter &emitter);
  /// What an early product with its left side as it is gives.
  mlir::Value scaleProduct(tile::DotOp dot, mlir::Value registers);
  /// Brings together what warps have of their shares of the keys; each has some
  /// of the columns then.
  mlir::LogicalResult joinShares(RegisterEmitter &emitter);

  Values flatten(const State &state);
  State unflatten(mlir::ValueRange values, const State &like);

  StepPlan &plan;
  const ScheduleOptions &options;
  mlir::ImplicitLocOpBuilder b;
  KernelFrame frame;
  mlir::Value work, turn;
  /// Where steps lie is computed once, by the role that loads, and goes with
  /// the first slot that is filled for a step.
  bool sendsSteps = false;
  pipe::WorkKind kind = pipe::WorkKind::Persistent;
  /// Tiles along each coordinate of the program; items of other coordinates
  /// than the rows'; of these, those that follow each other.
  Values counts;
  mlir::Value others, section;
  /// Coordinates by number, the one that changes from item to item last.
  llvm::SmallVector<size_t> order;
  /// In a role, of a stream's item: where it begins in the line, and its steps.
  mlir::Value stepsBefore, numSteps;
  /// What a role reads or fills. Those that multiply read `operands`; the one
  /// that loads fills `loaded`, of which the others are the same.
  Operands operands, loaded;
  /// For each store of a matrix, the tile on which each group stages it.
  llvm::DenseMap<mlir::Operation *, Values> staging;
  // In the role that multiplies:
  mlir::Value group;
  /// What products read of shared memory, and left sides that stay in
  /// registers, by the tile.
  llvm::DenseMap<mlir::Value, mlir::Value> slotValues;
  /// Where left sides were scaled, what rows of the products are multiplied by.
  llvm::DenseMap<mlir::Operation *, mlir::Value> leftFactors;
  /// And of those that are computed what their bits leave.
  llvm::DenseMap<mlir::Operation *, mlir::Value> leftRests;
  llvm::SmallVector<mlir::Value> pending;
  /// Left sides that are read ahead, who emits that, and their registers: of
  /// the item that is done, and at its end of the next one.
  llvm::SmallVector<tile::LoadOp> leftLoads;
  std::optional<RegisterEmitter> following;
  Values readLoads;
  /// Of a merged role: what it emits to fill slots, and an item's steps.
  std::optional<RegisterEmitter> loader;
  std::optional<StepSequence> filledSteps;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_SCHEDULER_H
