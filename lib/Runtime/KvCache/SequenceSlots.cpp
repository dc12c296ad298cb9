//===- SequenceSlots.cpp - sequences that have a slot each ----------------===//

#include "attn/Runtime/KvCache/SequenceSlots.h"

#include "Refusals.h"

using namespace attn;

Result<SequenceSlots> SequenceSlots::create(int32_t numSlots,
                                            int64_t capacity) {
  if (numSlots < 0)
    return refuse("expects no negative number of slots, but got " +
                      std::to_string(numSlots),
                  "give the sequences that there is memory for");
  if (capacity < 0)
    return refuse("expects no negative capacity, but got " +
                      std::to_string(capacity),
                  "give the most tokens that a sequence may have");
  if (int64_t all; __builtin_mul_overflow(capacity, numSlots, &all))
    return refuse(std::to_string(numSlots) + " slots of " +
                      std::to_string(capacity) + " tokens have more than 2^63",
                  "make the cache smaller", StatusCode::resourceExhausted);
  return SequenceSlots(numSlots, capacity);
}

int64_t SequenceSlots::getNumTokens() const {
  int64_t numTokens = 0;
  for (const Slot &slot : slots)
    numTokens += slot.length;
  return numTokens;
}

Result<PageId> SequenceSlots::find(SequenceId sequence) const {
  if (sequence.number >= slots.size())
    return refuseUnknown(sequence.number);
  const Slot &slot = slots[sequence.number];
  if (sequence.generation < slot.generation)
    return refuseFreed(sequence.number);
  if (sequence.generation > slot.generation || !slot.isLive)
    return refuseUnknown(sequence.number);
  return static_cast<PageId>(sequence.number);
}

Result<PageId> SequenceSlots::findUnused() const {
  for (PageId slot = 0; slot < getNumSlots(); ++slot)
    if (!isUsed(slot))
      return slot;
  return refuse("expects an unused slot, but sequences have all " +
                    std::to_string(slots.size()),
                "free a sequence, or make the cache larger",
                StatusCode::resourceExhausted);
}

SequenceId SequenceSlots::take(PageId at, int64_t length) {
  Slot &slot = get(at);
  slot.isLive = true;
  slot.length = length;
  ++numLive;
  return {static_cast<uint32_t>(at), slot.generation};
}

void SequenceSlots::free(PageId at) {
  Slot &slot = get(at);
  slot = {slot.generation + 1, false, 0};
  --numLive;
}
