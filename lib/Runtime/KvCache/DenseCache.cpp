//===- DenseCache.cpp - a cache of slots of one capacity ------------------===//

#include "attn/Runtime/KvCache/DenseCache.h"

#include "EditSlot.h"

using namespace attn;

Result<DenseCache> DenseCache::create(int32_t numSlots, int64_t capacity) {
  return refuseWithoutMemory([&]() -> Result<DenseCache> {
    Result<SequenceSlots> slots = SequenceSlots::create(numSlots, capacity);
    if (!slots.isOk())
      return slots.takeStatus();
    return DenseCache(std::move(*slots));
  });
}

Result<SequenceId> DenseCache::createSequence() {
  return refuseWithoutMemory([&]() -> Result<SequenceId> {
    Result<PageId> slot = slots.findUnused();
    if (!slot.isOk())
      return slot.takeStatus();
    return slots.take(*slot, 0);
  });
}

Result<int64_t> DenseCache::append(SequenceId id, int64_t numTokens) {
  return editSlot(slots, id, [&](PageId slot) -> Result<int64_t> {
    int64_t length = slots.getLength(slot);
    if (Status status = checkAppend(numTokens, length, slots.getCapacity());
        !status.isOk())
      return status;
    slots.setLength(slot, length + numTokens);
    return slot * slots.getCapacity() + length;
  });
}

Result<DenseCache::Forked> DenseCache::fork(SequenceId id) {
  return editSlot(slots, id, [&](PageId from) -> Result<Forked> {
    Result<PageId> to = slots.findUnused();
    if (!to.isOk())
      return to.takeStatus();
    int64_t length = slots.getLength(from);
    return Forked{slots.take(*to, length), {from, *to, length}};
  });
}

Status DenseCache::truncate(SequenceId id, int64_t length) {
  return editSlot(slots, id, [&](PageId slot) -> Status {
    if (Status status = checkLength(length, slots.getLength(slot));
        !status.isOk())
      return status;
    slots.setLength(slot, length);
    return {};
  });
}

Status DenseCache::free(SequenceId id) {
  return editSlot(slots, id, [&](PageId slot) -> Status {
    slots.free(slot);
    return {};
  });
}

Result<int64_t> DenseCache::getLength(SequenceId id) const {
  return editSlot(slots, id, [&](PageId slot) -> Result<int64_t> {
    return slots.getLength(slot);
  });
}

Result<PageId> DenseCache::getSlot(SequenceId id) const {
  return refuseWithoutMemory(
      [&]() -> Result<PageId> { return slots.find(id); });
}

DenseCacheStats DenseCache::getStats() const {
  int64_t numTokens = slots.getNumTokens();
  return {slots.getNumSlots(), slots.getNumSequences(), numTokens,
          slots.getNumSequences() * slots.getCapacity() - numTokens};
}
