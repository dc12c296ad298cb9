//===- Rings.cpp - fills, waits, messages and releases --------------------===//

#include "Agent.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

RingSlot &Agent::getSlot(Value ring, Value cursor, int64_t &filling) {
  auto &slots = block.rings[get<Declared>(ring).op];
  int64_t position = get<Cursor>(cursor).position;
  filling = position / slots.size();
  return *slots[position % slots.size()];
}

static std::string nameFilling(const RingSlot &slot, int64_t filling) {
  return "filling " + std::to_string(filling) + " of slot " +
         std::to_string(slot.index);
}

bool Agent::checkRead(const SlotRef &ref, Operation *op) {
  RingSlot &slot = *ref.slot;
  RingSlot::Use &use = slot.uses[this];
  std::string what = nameFilling(slot, ref.filling);
  if (use.released >= ref.filling) {
    stop(op, describe() + " reads " + what + " after it released it",
         Note(use.release, "it is released here"));
    return false;
  }
  if (slot.filling != ref.filling) {
    stop(op,
         describe() + " reads " + what + ", which holds filling " +
             std::to_string(slot.filling) + " by now",
         Note(slot.lastFill, "it is filled anew here"));
    return false;
  }
  if (llvm::is_contained(slot.buffer.written, false)) {
    stop(op, describe() + " reads uninitialised rows of " + what,
         Note(slot.lastFill, "no copy of this filling writes them"));
    return false;
  }
  return true;
}

Agent::Progress Agent::startFill(FillOp op) {
  int64_t filling;
  RingSlot &slot = getSlot(op.getRing(), op.getCursor(), filling);
  if (slot.begun > filling)
    return stop(op,
                "fills " + nameFilling(slot, filling) + " again; " +
                    std::to_string(slot.begun) +
                    " fillings of it have begun, and the cursor points at "
                    "an old one",
                Note(slot.lastFill, "the last one is here"));
  int64_t cluster = machine.kernel.getCluster();
  bool shared = slot.ring.getRing().getType().getCluster();
  int64_t releasers = slot.ring.getReaders() * (shared ? cluster : 1);
  bool isFree =
      slot.filling == filling || slot.filling < 0 || slot.releases >= releasers;
  if (slot.begun < filling || !isFree) {
    std::string reason =
        "waits to fill " + nameFilling(slot, filling) +
        " of the ring, of which " + std::to_string(slot.begun) +
        " have begun and the "
        "last was released by " +
        std::to_string(slot.releases) + " of " + std::to_string(releasers);
    return waitFor(&slot, std::move(reason), slot.lastFill);
  }
  ++slot.begun;
  // A cluster's blocks fill all their copies of the slot, each a share.
  if (shared)
    for (std::unique_ptr<Block> &peer : machine.getCluster(block))
      peer->rings[slot.ring][slot.index]->begin(filling, op);
  else
    slot.begin(filling, op);
  slot.messages.clear();
  for (int64_t message : getIntegers(op.getMessages()))
    slot.messages.push_back(static_cast<int32_t>(message));
  filledSlot = &slot;
  RuntimeValue argument = SlotRef{&slot, filling};
  enter(op.getBody(), argument);
  return Progress::inside;
}

Agent::Progress Agent::endFill(FillOp) {
  if (filledSlot->ring.getRing().getType().getCluster())
    for (std::unique_ptr<Block> &peer : machine.getCluster(block))
      ++peer->rings[filledSlot->ring][filledSlot->index]->startedShares;
  else
    ++filledSlot->startedShares;
  filledSlot = nullptr;
  return Progress::outside;
}

Agent::Progress Agent::wait(WaitOp op) {
  int64_t filling;
  RingSlot &slot = getSlot(op.getRing(), op.getCursor(), filling);
  RingSlot::Use &use = slot.uses[this];
  if (use.released >= filling)
    return stop(op,
                describe() + " waits for " + nameFilling(slot, filling) +
                    ", which it has released; the cursor points at an old "
                    "filling",
                Note(use.release, "it is released here"));
  if (slot.filling > filling)
    return stop(op,
                describe() + " waits for " + nameFilling(slot, filling) +
                    ", which holds filling " + std::to_string(slot.filling) +
                    " by now",
                Note(slot.lastFill, "it is filled anew here"));
  bool shared = slot.ring.getRing().getType().getCluster();
  if (!slot.isReady(filling, shared ? machine.kernel.getCluster() : 1))
    return waitFor(&slot,
                   "waits for " + nameFilling(slot, filling) + ", of which " +
                       std::to_string(slot.filling + 1) + " have begun",
                   slot.ring);
  use.waited = filling;
  slot.wasWaitedFor = true;
  set(op.getSlot(), SlotRef{&slot, filling});
  return Progress::outside;
}

Buffer *Agent::getReadable(Value slot, Operation *op) {
  RuntimeValue value = get(slot);
  auto *ref = std::get_if<SlotRef>(&value);
  if (!ref)
    stop(op, "expects a ring's slot, but got a pipe.shared_tile");
  return ref && checkRead(*ref, op) ? &ref->slot->buffer : nullptr;
}

Agent::Progress Agent::widen(WidenOp op) {
  Buffer *source = getReadable(op.getSource(), op);
  if (!source)
    return Progress::outside;
  Buffer &buffer = filledSlot->buffer;
  for (int64_t row = 0; row < buffer.rows; ++row) {
    for (int64_t column = 0; column < buffer.columns; ++column)
      buffer.getRow(row)[column] =
          toScalar(buffer.elementType,
                   toNumber(source->elementType, source->getRow(row)[column]));
    buffer.written[row] = true;
  }
  return Progress::outside;
}

Agent::Progress Agent::clear(ClearOp op) {
  Buffer *found = getReadable(op.getSlot(), op);
  if (!found)
    return Progress::outside;
  Buffer &buffer = *found;
  for (int64_t row = std::max<int64_t>(getInteger(op.getRow()), 0);
       row < buffer.rows; ++row)
    std::fill_n(buffer.getRow(row), buffer.columns, Scalar());
  return Progress::outside;
}

Agent::Progress Agent::clearRow(ClearRowOp op) {
  Buffer *found = getReadable(op.getSlot(), op);
  if (!found)
    return Progress::outside;
  Buffer &buffer = *found;
  int64_t row = getInteger(op.getRow());
  if (row < 0 || row >= buffer.rows)
    return stop(op, "expects one of the slot's " + std::to_string(buffer.rows) +
                        " rows, but got " + std::to_string(row));
  if (getInteger(op.getCondition()))
    std::fill_n(buffer.getRow(row), buffer.columns, Scalar());
  return Progress::inside;
}

Agent::Progress Agent::clearUnset(ClearUnsetOp op) {
  Buffer *found = getReadable(op.getSlot(), op);
  if (!found)
    return Progress::outside;
  Buffer &buffer = *found;
  Meeting &meeting = block.meetings[op];
  if (meeting.leaving.erase(group))
    return Progress::outside;
  if (meeting.waiting.insert(group).second) {
    RankedTensorType type = op.getBits().getType();
    const FragmentTable &table = machine.getTable(getFragment(type));
    const Registers &bits = *get<RegistersRef>(op.getBits());
    meeting.isSet.resize(buffer.rows);
    for (size_t i = 0; i < bits.size(); ++i)
      if (bits[i].i & 1)
        meeting.isSet[table.coordinate[1][i]] = true;
  }
  if (static_cast<int64_t>(meeting.waiting.size()) < getNumGroups())
    return waitFor(&meeting, "waits for the role's other groups", op);
  for (int64_t row = 0; row < buffer.rows; ++row)
    if (!meeting.isSet[row])
      std::fill_n(buffer.getRow(row), buffer.columns, Scalar());
  meeting.leaving.swap(meeting.waiting);
  meeting.leaving.erase(group);
  meeting.waiting.clear();
  meeting.isSet.clear();
  return Progress::outside;
}

Agent::Progress Agent::message(MessageOp op) {
  int64_t filling;
  RingSlot &slot = getSlot(op.getRing(), op.getCursor(), filling);
  RingSlot::Use &use = slot.uses[this];
  if (use.waited != filling)
    return stop(op, describe() + " reads the message of " +
                        nameFilling(slot, filling) +
                        ", for which it has not waited");
  if (use.released >= filling)
    return stop(op,
                describe() + " reads the message of " +
                    nameFilling(slot, filling) + " after it released it",
                Note(use.release, "it is released here"));
  setInteger(op.getMessage(), slot.messages[op.getNumber()]);
  return Progress::outside;
}

Agent::Progress Agent::release(ReleaseOp op) {
  if (op.getCondition() && !getInteger(op.getCondition()))
    return Progress::inside;
  int64_t filling;
  RingSlot &slot = getSlot(op.getRing(), op.getCursor(), filling);
  RingSlot::Use &use = slot.uses[this];
  std::string what = nameFilling(slot, filling);
  if (use.released >= filling)
    return stop(op, describe() + " releases " + what + " again",
                Note(use.release, "it is first released here"));
  if (use.waited != filling)
    return stop(op, describe() + " releases " + what +
                        ", for which it has not waited");
  for (const std::shared_ptr<Product> &product : unretired)
    for (const RuntimeValue &operand : {product->lhs, product->rhs})
      if (auto *ref = std::get_if<SlotRef>(&operand);
          ref && ref->slot == &slot && ref->filling == filling)
        return stop(op,
                    describe() + " releases " + what +
                        " while a product that reads it is in flight",
                    Note(product->op, "the product is started here"));
  use.released = filling;
  use.release = op;
  bool shared = slot.ring.getRing().getType().getCluster();
  int64_t readers =
      slot.ring.getReaders() * (shared ? machine.kernel.getCluster() : 1);
  auto count = [&](RingSlot &peer) {
    if (++peer.releases > readers || peer.filling != filling)
      stop(op,
           describe() + " releases " + what +
               ", which enough groups have released; the ring has " +
               std::to_string(slot.ring.getReaders()) + " readers",
           Note(slot.ring, "the ring is declared here"));
  };
  if (shared)
    for (std::unique_ptr<Block> &peer : machine.getCluster(block))
      count(*peer->rings[slot.ring][slot.index]);
  else
    count(slot);
  return Progress::outside;
}
