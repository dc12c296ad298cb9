//===- SyncOps.cpp - declarations, turns and work -------------------------===//

#include "Agent.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

Agent::Progress Agent::executeSync(Operation *op) {
  return TypeSwitch<Operation *, Progress>(op)
      .Case([&](RingOp o) {
        auto &slots = block.rings[o];
        for (int64_t i = 0; i < o.getRing().getType().getSlots(); ++i)
          slots.push_back(std::make_unique<RingSlot>(o, i, block.index));
        set(o.getRing(), Declared{o});
        return Progress::inside;
      })
      .Case([&](ArrayOp o) {
        auto &array = block.arrays[o] = std::make_unique<ThreadArray>(o);
        set(o.getArray(), array.get());
        return Progress::inside;
      })
      .Case([&](SharedTileOp o) {
        auto &tile = block.tiles[o] = std::make_unique<SharedTile>(o);
        set(o.getTile(), tile.get());
        return Progress::inside;
      })
      .Case([&](TurnOp o) {
        block.turns[o] = Turn();
        set(o.getTurn(), Declared{o});
        return Progress::inside;
      })
      .Case([&](WorkOp o) {
        int64_t items = getInteger(o.getItems());
        if (block.index > 0 && items != machine.items)
          return stop(o, "expects one number of items in all blocks, but got " +
                             std::to_string(machine.items) + " and " +
                             std::to_string(items));
        machine.items = items;
        set(o.getWork(), Declared{o});
        return startSteps(o);
      })
      .Case<SumOp, LocateOp>([&](Operation *o) { return startRuns(o); })
      .Case([&](FirstPartOp o) { return firstPart(o); })
      .Case([&](PartOp o) { return part(o); })
      .Case([&](NextPartOp o) { return nextPart(o); })
      .Case([&](MeetOp o) { return meet(o); })
      .Case([&](FirstItemOp o) {
        bool isSplit = o.getWork().getType().getKind() == WorkKind::Split;
        setInteger(o.getItem(),
                   isSplit ? machine.getShare(block.index).first : block.index);
        return Progress::inside;
      })
      .Case([&](BlockInClusterOp o) {
        setInteger(o.getRank(), block.index % machine.kernel.getCluster());
        return Progress::inside;
      })
      .Case([&](PagesOp o) { return findPages(o); })
      .Case([&](PageOp o) {
        set(o.getPage(), (*get<RegistersRef>(o.getPages()))[o.getNumber()]);
        return Progress::inside;
      })
      .Case([&](DimOp o) {
        unsigned argument = get<GlobalRef>(o.getSource()).argument;
        setInteger(o.getExtent(),
                   machine.globals[argument].shape[o.getIndex()]);
        return Progress::inside;
      })
      .Case([&](CursorOp o) {
        set(o.getCursor(), Cursor());
        return Progress::inside;
      })
      .Case([&](AdvanceOp o) {
        set(o.getNext(), Cursor{get<Cursor>(o.getCursor()).position + 1});
        return Progress::inside;
      })
      .Case([&](FillOp o) { return startFill(o); })
      .Case([&](LoadOp o) { return load(o); })
      .Case([&](WaitOp o) { return wait(o); })
      .Case([&](MessageOp o) { return message(o); })
      .Case([&](WidenOp o) { return widen(o); })
      .Case([&](ClearOp o) { return clear(o); })
      .Case([&](ClearRowOp o) { return clearRow(o); })
      .Case([&](ClearUnsetOp o) { return clearUnset(o); })
      .Case([&](ReleaseOp o) { return release(o); })
      .Case([&](TakeTurnOp o) { return takeTurn(o); })
      .Case([&](PassTurnOp o) { return passTurn(o); })
      .Case([&](NextItemOp o) { return nextItem(o); })
      .Case([&](MmaAsyncOp o) { return startProduct(o); })
      .Case([&](MmaWaitOp o) {
        return waitForProducts(o, o.getToken(), o.getPending(),
                               o.getAccumulator());
      })
      .Case([&](MmaRetireOp o) {
        return waitForProducts(o, o.getToken(), o.getPending(), o.getResult());
      })
      .Case([&](EachOp o) { return startEach(o); })
      .Case([&](GetOp o) { return getElement(o); })
      .Case([&](GatherOp o) { return gather(o); })
      .Case([&](PutOp o) { return putElement(o); })
      .Case([&](StageOp o) { return stage(o); })
      .Case([&](BulkStoreOp o) { return bulkStore(o); })
      .Case([&](StoreOp o) { return store(o); })
      .Default([&](Operation *other) {
        return stop(other, "the interpreter does not know '" +
                               other->getName().getStringRef().str() + "'");
      });
}

//===-- Turns -------------------------------------------------------------===//

Agent::Progress Agent::takeTurn(TakeTurnOp op) {
  auto turnOp = cast<TurnOp>(get<Declared>(op.getTurn()).op);
  Turn &turn = block.turns[turnOp];
  int64_t number = getInteger(op.getGroup());
  int64_t groups = turnOp.getTurn().getType().getGroups();
  if (number != group || groups != getNumGroups() ||
      (turn.role && turn.role != role))
    return stop(op,
                "expects a turn of this role's " +
                    std::to_string(getNumGroups()) +
                    " groups, taken by each for itself, but " + describe() +
                    " takes one of " + std::to_string(groups) + " for group " +
                    std::to_string(number),
                Note(turnOp, "the turn is declared here"));
  turn.role = role;
  if (turn.next != group)
    return waitFor(&turn,
                   "waits for its turn; it is " +
                       (turn.holder >= 0
                            ? "held by group " + std::to_string(turn.holder)
                            : "group " + std::to_string(turn.next) + "'s"),
                   turnOp);
  turn.next = -1;
  turn.holder = group;
  return Progress::outside;
}

Agent::Progress Agent::passTurn(PassTurnOp op) {
  auto turnOp = cast<TurnOp>(get<Declared>(op.getTurn()).op);
  Turn &turn = block.turns[turnOp];
  if (turn.role != role || turn.holder != group ||
      getInteger(op.getGroup()) != group)
    return stop(op, describe() + " passes a turn that it has not taken",
                Note(turnOp, "the turn is declared here"));
  turn.holder = -1;
  turn.next = (group + 1) % getNumGroups();
  return Progress::outside;
}

//===-- Work --------------------------------------------------------------===//

Agent::Progress Agent::nextItem(NextItemOp op) {
  int64_t item = getInteger(op.getItem());
  if (item < 0 || item >= machine.items)
    return stop(op, "expects one of the " + std::to_string(machine.items) +
                        " items, but got " + std::to_string(item));
  int64_t next = -1;
  switch (op.getWork().getType().getKind()) {
  case WorkKind::Single:
    break;
  case WorkKind::Persistent:
    next = item + static_cast<int64_t>(machine.blocks.size());
    break;
  case WorkKind::Split:
    next = item + 1 < machine.getShare(block.index).second ? item + 1 : -1;
    break;
  case WorkKind::Stream:
    break;
  case WorkKind::Dynamic:
    if (item != block.lastItem)
      return stop(op, "expects the item that this block took last, " +
                          std::to_string(block.lastItem) + ", but got " +
                          std::to_string(item));
    next = machine.nextItem++;
  }
  if (next >= machine.items)
    next = -1;
  block.lastItem = next;
  setInteger(op.getNext(), next);
  return Progress::outside;
}
