//===- Machine.cpp - memory, rings and findings of one run ------------===//

#include "Machine.h"
#include "Agent.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

/// More findings than these say no more.
static constexpr size_t kMaxFindings = 32;

void RingSlot::begin(int64_t filling, Operation *op) {
  lastFill = op;
  if (this->filling == filling)
    return;
  this->filling = filling;
  startedShares = copiesInFlight = releases = 0;
  wasWaitedFor = false;
  buffer.clear();
}

Machine::Machine(KernelOp kernel, const PipeLaunch &launch,
                 std::vector<Global> globals, std::vector<Scalar> scalars)
    : kernel(kernel), launch(launch),
      instructions(getInstructions(launch.target)), globals(std::move(globals)),
      scalars(std::move(scalars)) {}

Machine::~Machine() = default;

//===-- Findings ----------------------------------------------------------===//

void Machine::report(Operation *op, std::string message, ArrayRef<Note> notes) {
  std::string key = std::to_string(reinterpret_cast<uintptr_t>(op)) + message;
  if (!reported.insert(key).second)
    return;
  PipeFinding finding{op->getLoc(), std::move(message), {}};
  for (const auto &[other, text] : notes)
    finding.notes.emplace_back(other->getLoc(), text);
  findings.push_back(std::move(finding));
  isStopped |= findings.size() >= kMaxFindings;
}

void Machine::stop(Operation *op, std::string message, ArrayRef<Note> notes) {
  report(op, std::move(message), notes);
  isStopped = true;
}

//===-- Caches ------------------------------------------------------------===//

const FragmentTable &Machine::getTable(FragmentAttr fragment) {
  std::unique_ptr<FragmentTable> &table = tables[fragment];
  if (!table)
    table = std::make_unique<FragmentTable>(fragment);
  return *table;
}

MutableArrayRef<std::unique_ptr<reference::Block>>
Machine::getCluster(const reference::Block &block) {
  int64_t size = kernel.getCluster();
  return MutableArrayRef(blocks).slice(block.index / size * size, size);
}

//===-- Global memory -----------------------------------------------------===//

int64_t Machine::getOffset(const Global &global, ArrayRef<int64_t> coordinate) {
  int64_t offset = 0;
  for (auto [position, extent] : llvm::zip_equal(coordinate, global.shape)) {
    if (position < 0 || position >= extent)
      return -1;
    offset = offset * extent + position;
  }
  return offset;
}

Scalar Machine::read(Global &global, int64_t offset, Operation *op) {
  if (global.isWritten) {
    int32_t writer = global.writer[offset];
    if (writer < 0)
      report(op, "reads uninitialised elements of output '" + global.name +
                     "'; nothing has written them");
    else
      report(op,
             "reads elements of output '" + global.name +
                 "' while they may be written; nothing orders the two",
             Note(writers[writer].first, "they are written here"));
  }
  return global.values[offset];
}

void Machine::write(Global &global, int64_t offset, Scalar value, Operation *op,
                    const Agent &agent) {
  if (!global.isWritten)
    return stop(op, "writes tensor '" + global.name +
                        "', but its pipe.access is \"read\"");
  int32_t &writer = global.writer[offset];
  if (writer >= 0)
    report(op,
           "writes elements of '" + global.name + "' by " + agent.describe() +
               " that were written before",
           Note(writers[writer].first,
                "by " + writers[writer].second->describe() + " here"));
  if (writers.empty() || writers.back() != std::pair(op, &agent))
    writers.emplace_back(op, &agent);
  writer = static_cast<int32_t>(writers.size() - 1);
  global.values[offset] = value;
}

//===-- Running -----------------------------------------------------------===//

/// Runs the kernel's body up to its roles, in each block that is launched.
bool Machine::createBlocks() {
  auto create = [&] {
    auto block = std::make_unique<reference::Block>();
    block->index = block->lastItem = blocks.size();
    blocks.push_back(std::move(block));
    Agent body(*this, *blocks.back());
    while (!isStopped && body.step() != Agent::Progress::ended)
      ;
    return !isStopped;
  };
  if (!create())
    return false;
  int64_t cluster = kernel.getCluster();
  auto fit = launch.multiprocessors * static_cast<int64_t>(kernel.getBlocks());
  fit = std::max(cluster, fit / cluster * cluster);
  numBlocks = cluster;
  if (WorkOp work = kernel.getWork()) {
    WorkKind kind = work.getWork().getType().getKind();
    numBlocks = kind == WorkKind::Single ? items : std::min(items, fit);
    if (kind == WorkKind::Stream)
      numBlocks = items > 0 ? fit : 0;
    if (numBlocks <= 0) {
      blocks.clear();
      return true;
    }
    if (numBlocks % cluster) {
      stop(work, "expects items in multiples of the cluster's " +
                     std::to_string(cluster) + " blocks, but got " +
                     std::to_string(items));
      return false;
    }
  }
  while (static_cast<int64_t>(blocks.size()) < numBlocks)
    if (!create())
      return false;
  nextItem = numBlocks;
  return true;
}

void Machine::run() {
  if (!createBlocks())
    return;
  for (std::unique_ptr<reference::Block> &block : blocks)
    for (RoleOp role : kernel.getBody().getOps<RoleOp>())
      for (uint64_t group = 0; group < role.getGroups(); ++group)
        agents.push_back(std::make_unique<Agent>(*this, *block, role, group));
  schedule(*this);
  if (!isStopped)
    finish();
}

void Machine::finish() {
  for (std::unique_ptr<Agent> &agent : agents)
    agent->finish();
  // The counter of dynamic items is set back by what takes the last of them.
  WorkOp work = kernel.getWork();
  if (work && work.getWork().getType().getKind() == WorkKind::Dynamic)
    for (std::unique_ptr<reference::Block> &block : blocks)
      if (block->lastItem >= 0)
        report(work, "block " + std::to_string(block->index) +
                         " ends without asking for the item after " +
                         std::to_string(block->lastItem));
  for (const auto &[place, met] : parts)
    report(met.op, "ends with " + std::to_string(met.values.size()) +
                       " parts of an item that has " +
                       std::to_string(met.expected));
  for (std::unique_ptr<reference::Block> &block : blocks)
    kernel.getBody().walk([&](RingOp ring) {
      for (std::unique_ptr<RingSlot> &slot : block->rings[ring])
        if (slot->filling >= 0 && !slot->wasWaitedFor)
          report(slot->lastFill,
                 "fills slot " + std::to_string(slot->index) +
                     ", which no group waits for before the kernel ends",
                 Note(ring, "the ring is declared here"));
    });
  // What is left are bulk stores, which nothing has to wait for, and copies
  // that were just reported.
  for (std::unique_ptr<Event> &event : events)
    event->complete();
  events.clear();
}
