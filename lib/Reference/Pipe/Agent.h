//===- Agent.h - one group of one role of one block -------------------===//
//
// A stack machine over regions, which stops after each operation that others
// can see and goes on where it stopped.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_REFERENCE_PIPE_AGENT_H
#define ATTN_LIB_REFERENCE_PIPE_AGENT_H

#include "Machine.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace attn::reference {

/// A matrix product in flight or done.
struct Product {
  pipe::MmaAsyncOp op;
  /// Which of its group's products it is.
  int64_t number;
  /// The left side, and what is added: nothing, registers or a product.
  RuntimeValue lhs, rhs, acc;
  /// Null until it completes.
  RegistersRef result;
  /// What took the accumulator out of the token.
  mlir::Operation *consumer = nullptr;
};

class Agent {
public:
  /// The body of `block`'s kernel outside of roles.
  Agent(Machine &machine, Block &block);
  /// Group `group` of `role`.
  Agent(Machine &machine, Block &block, pipe::RoleOp role, int64_t group);

  enum class Progress {
    /// Did something of its own; goes on.
    inside,
    /// Did something that others can see.
    outside,
    /// Waits: `getAwaited` and `getWaitReason` say for what.
    waits,
    ended,
  };

  /// Goes on up to and including one operation that others can see.
  Progress step();

  bool hasEnded() const { return stack.empty(); }
  mlir::Operation *getOperation() const { return &*stack.back().next; }
  const void *getAwaited() const { return awaited; }
  const std::string &getWaitReason() const { return waitReason; }
  /// The op that another party waited for has to come after, or null.
  mlir::Operation *getWaitParty() const { return waitParty; }

  int64_t getNumGroups() { return role.getGroups(); }
  int64_t getNumWarps() { return role.getWarps(); }

  /// group 1 of "multiply" in block 0
  std::string describe() const;

  /// Findings on what it left undone. Pre-condition: hasEnded().
  void finish();

  Machine &machine;
  Block &block;
  pipe::RoleOp role;
  const int64_t group;
  /// Products not complete, oldest first; what was started; and what is known
  /// from waits to have completed.
  std::deque<std::shared_ptr<Product>> products;
  int64_t numStarted = 0, numRetired = 0;
  /// Of the products not retired.
  std::deque<std::shared_ptr<Product>> unretired;

  /// Whether slot `ref` may be read; else a finding of `op`.
  bool checkRead(const SlotRef &ref, mlir::Operation *op);
  /// What `op` may read of a ring's slot; null after a finding.
  Buffer *getReadable(mlir::Value slot, mlir::Operation *op);
  /// Claims a shared tile for this agent; else a finding of `op`.
  bool claim(SharedTile &tile, mlir::Operation *op);

private:
  struct Frame {
    mlir::Block *block;
    mlir::Block::iterator next;
    /// Of scf.for; of pipe.each, how many points ran before; of a stream's
    /// steps, the item; the run.
    int64_t index = 0;
    /// Of pipe.sum, those so far; of pipe.locate, what is left.
    std::vector<int64_t> sums = {};
  };

  Progress execute(mlir::Operation *op);
  Progress waitFor(const void *object, std::string reason,
                   mlir::Operation *party = nullptr);
  /// A finding that stops the run.
  Progress stop(mlir::Operation *op, std::string message,
                llvm::ArrayRef<Note> notes = {});

  // Values.
  const RuntimeValue &get(mlir::Value value) const;
  template <typename T> const T &get(mlir::Value value) const {
    return std::get<T>(get(value));
  }
  int64_t getInteger(mlir::Value value) const { return get<Scalar>(value).i; }
  llvm::SmallVector<int64_t> getIntegers(mlir::ValueRange values) const;
  void set(mlir::Value value, RuntimeValue result);
  void setInteger(mlir::Value value, int64_t integer);
  void set(mlir::Value value, Registers result) {
    set(value, std::make_shared<const Registers>(std::move(result)));
  }

  // Control flow (Agent.cpp).
  void enter(mlir::Region &region, llvm::ArrayRef<RuntimeValue> arguments);
  void leave(llvm::ArrayRef<RuntimeValue> results);
  llvm::SmallVector<RuntimeValue> getAll(mlir::ValueRange values) const;
  Progress executeControl(mlir::Operation *op);
  Progress executeTerminator(mlir::Operation *op);
  Progress startFor(mlir::scf::ForOp op);

  // Scalars and elementwise operations (Arithmetic.cpp).
  Progress executeArithmetic(mlir::Operation *op);
  Progress executeConstant(mlir::Operation *op);

  // Tiles in registers (TileOps.cpp).
  bool executeTile(mlir::Operation *op);
  void splat(pipe::SplatOp op);
  void coord(pipe::CoordOp op);
  void broadcast(pipe::BroadcastOp op);
  void rowReduce(pipe::RowReduceOp op);
  void laneReduce(pipe::LaneReduceOp op);
  void split(pipe::SplitOp op);
  void move(mlir::Value from, mlir::Value to, int64_t firstColumn);
  void combineLanes(Registers &values, mlir::RankedTensorType type,
                    pipe::ReduceKind kind, mlir::Operation *op);

  // Rings, turns and work (SyncOps.cpp).
  RingSlot &getSlot(mlir::Value ring, mlir::Value cursor, int64_t &filling);
  Progress startFill(pipe::FillOp op);
  Progress endFill(pipe::FillOp op);
  Progress load(pipe::LoadOp op);
  Progress wait(pipe::WaitOp op);
  Progress message(pipe::MessageOp op);
  Progress gather(pipe::GatherOp op);
  Progress widen(pipe::WidenOp op);
  Progress clear(pipe::ClearOp op);
  Progress clearRow(pipe::ClearRowOp op);
  Progress clearUnset(pipe::ClearUnsetOp op);
  Progress release(pipe::ReleaseOp op);

  // Turns, work and the rest (SyncOps.cpp).
  Progress executeSync(mlir::Operation *op);
  Progress takeTurn(pipe::TakeTurnOp op);
  Progress passTurn(pipe::PassTurnOp op);
  Progress nextItem(pipe::NextItemOp op);

  // Items that several blocks do (Stream.cpp).
  Progress startSteps(pipe::WorkOp op);
  Progress endSteps(pipe::WorkOp op, int64_t steps);

  // Sums over runs (Runs.cpp).
  Progress startRuns(mlir::Operation *op);
  Progress endRun(mlir::Operation *op, llvm::ArrayRef<RuntimeValue> numbers);

  Progress firstPart(pipe::FirstPartOp op);
  Progress part(pipe::PartOp op);
  Progress nextPart(pipe::NextPartOp op);
  int64_t findLastItem();
  std::pair<int64_t, int64_t> countParts(pipe::MeetOp op);
  Progress meet(pipe::MeetOp op);
  /// Goes on with the next part.
  Progress merge(pipe::MeetOp op);
  Progress endMerge(pipe::MeetOp op, llvm::ArrayRef<RuntimeValue> values);

  // Points (Threads.cpp).
  Progress startEach(pipe::EachOp op);
  Progress endPoint(pipe::EachOp op);
  /// The coordinates of the point that runs as the `index`-th.
  llvm::SmallVector<RuntimeValue> choosePoint(pipe::EachOp op, int64_t index);
  /// The element of an array, or null after a finding of `op`.
  ThreadArray::Element *getElement(mlir::Value array, mlir::ValueRange indices,
                                   mlir::Operation *op);
  Progress getElement(pipe::GetOp op);
  Progress findPages(pipe::PagesOp op);
  Progress putElement(pipe::PutOp op);

  // Products (Products.cpp).
  Progress startProduct(pipe::MmaAsyncOp op);
  Progress waitForProducts(mlir::Operation *op, mlir::Value token,
                           int64_t pending, mlir::Value result);
  bool consume(Product &product, mlir::Operation *op);
  void retire(int64_t number);

  // Stores (Stores.cpp).
  Progress stage(pipe::StageOp op);
  Progress bulkStore(pipe::BulkStoreOp op);
  Progress store(pipe::StoreOp op);
  /// Whether a box at `indices` stays within 32 bits; else a finding.
  bool checkIndices(llvm::ArrayRef<int64_t> indices,
                    llvm::ArrayRef<int64_t> box, mlir::Operation *op);

  llvm::DenseMap<mlir::Value, RuntimeValue> values;
  std::vector<Frame> stack;
  const void *awaited = nullptr;
  std::string waitReason;
  mlir::Operation *waitParty = nullptr;
  /// How often threads began to share points or met, and the point that runs.
  int64_t eachNumber = 0, point = -1;
  /// Of the `pipe.fill` whose body runs.
  RingSlot *filledSlot = nullptr;
  /// Of the `pipe.meet` whose parts are merged: those that are left, by their
  /// numbers, and what the others have together.
  std::map<int64_t, std::vector<RuntimeValue>> unmerged;
  std::vector<RuntimeValue> merged;
};

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_PIPE_AGENT_H
