//===- Machine.h - memory, rings and findings of one run --------------===//
//
// What agents share. The state of a slot follows from three counts: a slot
// holds filling `f` (0, 1, ...) from the moment the first of its cluster's
// blocks begins it; it is ready when all of them have started their copies and
// these have arrived; it may be filled again when `readers` groups of each of
// these blocks have released `f`.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_REFERENCE_PIPE_MACHINE_H
#define ATTN_LIB_REFERENCE_PIPE_MACHINE_H

#include "Fragments.h"
#include "Instructions.h"
#include "Values.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace attn::reference {

using Note = std::pair<mlir::Operation *, std::string>;

/// One slot of a block's copy of a ring.
struct RingSlot {
  RingSlot(pipe::RingOp ring, int64_t index, unsigned block)
      : ring(ring), index(index), block(block),
        buffer(ring.getRing().getType().getSlot()) {}

  /// What one agent has done with the slot: the last filling that it waited for
  /// and that it released, and where.
  struct Use {
    int64_t waited = -1, released = -1;
    mlir::Operation *release = nullptr;
  };

  bool isReady(int64_t filling, int64_t cluster) const {
    return this->filling == filling && startedShares == cluster &&
           copiesInFlight == 0;
  }

  /// Takes up `filling`, unless another block of the cluster has.
  void begin(int64_t filling, mlir::Operation *op);

  pipe::RingOp ring;
  int64_t index;
  unsigned block;
  Buffer buffer;
  int64_t filling = -1;
  /// Fillings that this block itself has begun.
  int64_t begun = 0;
  /// Of the present filling.
  int64_t startedShares = 0, copiesInFlight = 0, releases = 0;
  bool wasWaitedFor = false;
  llvm::SmallVector<int32_t, 2> messages;
  mlir::Operation *lastFill = nullptr;
  std::map<const Agent *, Use> uses;
};

/// A `pipe.shared_tile` of a block.
struct SharedTile {
  SharedTile(pipe::SharedTileOp op)
      : buffer(op.getTile().getType()), stagedBy(buffer.rows, -1) {}

  Buffer buffer;
  /// For each row, the warp that staged it.
  std::vector<int64_t> stagedBy;
  /// The agent that uses the tile, and where it first did.
  const Agent *owner = nullptr;
  mlir::Operation *firstUse = nullptr;
  int64_t storesInFlight = 0;
};

/// A `pipe.array` of a block.
struct ThreadArray {
  ThreadArray(pipe::ArrayOp op)
      : elements(op.getArray().getType().getNumElements()) {}

  /// An op that used an element, the number of its pipe.each and its point: -1
  /// outside of one.
  struct Use {
    mlir::Operation *op = nullptr;
    int64_t each = 0, point = -1;
  };
  /// In place of a point: more than one.
  static constexpr int64_t kSeveral = -2;

  struct Element {
    Scalar value;
    Use put, get;
  };

  std::vector<Element> elements;
  const Agent *owner = nullptr;
};

struct Turn {
  /// Which group may take it; -1 while one holds it.
  int64_t next = 0;
  int64_t holder = -1;
  pipe::RoleOp role;
};

/// Groups of a role that wait for each other at an op.
struct Meeting {
  llvm::SmallDenseSet<int64_t> waiting, leaving;
  /// Columns at which a group has a bit.
  std::vector<bool> isSet;
};

/// A tensor of the caller's.
struct Global {
  std::string name;
  mlir::Type elementType;
  bool isWritten = false;
  std::vector<int64_t> shape;
  std::vector<Scalar> values;
  /// For each element of a tensor written, a number in `Machine::writers`, or
  /// -1.
  std::vector<int32_t> writer;
};

/// Something that completes at a time of the schedule's choosing.
class Event {
public:
  Event(mlir::Operation *op, Agent &agent, const void *awaited)
      : op(op), agent(agent), awaited(awaited) {}
  virtual ~Event() = default;

  /// Whether it may complete now.
  virtual bool isReady() const { return true; }
  virtual void complete() = 0;

  mlir::Operation *op;
  Agent &agent;
  /// What an agent that waits for this event waits for.
  const void *awaited;
};

struct Block {
  unsigned index;
  /// Values of the kernel's body outside of roles.
  llvm::DenseMap<mlir::Value, RuntimeValue> values;
  llvm::DenseMap<mlir::Operation *, std::vector<std::unique_ptr<RingSlot>>>
      rings;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<SharedTile>> tiles;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<ThreadArray>> arrays;
  llvm::DenseMap<mlir::Operation *, Turn> turns;
  llvm::DenseMap<mlir::Operation *, Meeting> meetings;
  /// The item that this block took last.
  int64_t lastItem = 0;
};

class Machine {
public:
  Machine(pipe::KernelOp kernel, const PipeLaunch &launch,
          std::vector<Global> globals, std::vector<Scalar> scalars);
  ~Machine();

  /// Runs the kernel to its end, or to a finding that stops it.
  void run();

  /// Adds a finding, once for an op and message.
  void report(mlir::Operation *op, std::string message,
              llvm::ArrayRef<Note> notes = {});
  /// As `report`, and the run stops.
  void stop(mlir::Operation *op, std::string message,
            llvm::ArrayRef<Note> notes = {});

  const FragmentTable &getTable(pipe::FragmentAttr fragment);
  const Instruction *getInstruction(mlir::Operation *op);

  /// The items of split work that block `index` does: the first, and the one
  /// after the last.
  std::pair<int64_t, int64_t> getShare(int64_t index) const {
    return {index * items / numBlocks, (index + 1) * items / numBlocks};
  }

  /// What blocks have computed of an item of a stream.
  struct Parts {
    /// By their place in the item: the values of its parts.
    std::map<int64_t, std::vector<RuntimeValue>> values;
    int64_t expected = 0;
    mlir::Operation *op = nullptr;
  };
  /// By the group that computes them and the steps before the item.
  std::map<std::pair<int64_t, int64_t>, Parts> parts;
  /// Of a stream, where each item begins in the line, and its end; and how many
  /// steps more an item counts, before its first, than it has.
  std::vector<int64_t> lineOfSteps;
  int64_t leadOfItems = 0;

  /// Moves items apart by `lead`, but where each block does one step at the
  /// most.
  void addLeads(int64_t lead) {
    if (lineOfSteps.back() <= numBlocks)
      return;
    leadOfItems = lead;
    for (auto [item, begin] : llvm::enumerate(lineOfSteps))
      begin += static_cast<int64_t>(item) * lead;
  }

  /// The steps of a stream that block `index` does: the first, and the one
  /// after the last.
  std::pair<int64_t, int64_t> getShareOfSteps(int64_t index) const {
    int64_t share = lineOfSteps.back() / numBlocks;
    int64_t rest = lineOfSteps.back() % numBlocks;
    auto getBegin = [&](int64_t number) {
      return number * share + std::min(number, rest);
    };
    return {getBegin(index), getBegin(index + 1)};
  }

  /// The blocks of `block`'s cluster.
  llvm::MutableArrayRef<std::unique_ptr<Block>> getCluster(const Block &block);

  /// The element of `global` at `coordinate`, or -1 beyond its extents.
  static int64_t getOffset(const Global &global,
                           llvm::ArrayRef<int64_t> coordinate);
  /// Reads an element that lies within the extents.
  Scalar read(Global &global, int64_t offset, mlir::Operation *op);
  /// Writes one; a second write is a finding.
  void write(Global &global, int64_t offset, Scalar value, mlir::Operation *op,
             const Agent &agent);

  pipe::KernelOp kernel;
  const PipeLaunch launch;
  const ProductInstructions &instructions;
  std::vector<Global> globals;
  std::vector<Scalar> scalars;
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<std::unique_ptr<Agent>> agents;
  /// In the order of their starts.
  std::vector<std::unique_ptr<Event>> events;
  std::vector<PipeFinding> findings;
  int64_t operations = 0;
  int64_t items = 0, numBlocks = 1;
  /// Of dynamic work.
  int64_t nextItem = 0;
  bool isStopped = false;

private:
  bool createBlocks();
  void runBodies();
  void finish();

  llvm::DenseMap<pipe::FragmentAttr, std::unique_ptr<FragmentTable>> tables;
  llvm::DenseMap<mlir::Operation *, Instruction> compiled;
  llvm::StringSet<> reported;
  std::vector<std::pair<mlir::Operation *, const Agent *>> writers;
};

/// Runs `machine`'s agents until all have ended, none can go on (a finding), or
/// the machine stops.
void schedule(Machine &machine);

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_PIPE_MACHINE_H
