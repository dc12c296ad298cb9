//===- SequenceSlots.h - sequences that have a slot each --------*- C++ -*-===//
//
// The accounts of back ends that give a sequence one contiguous range: slots,
// who has them, and how many tokens. Allocates nothing once it is made.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_SEQUENCESLOTS_H
#define ATTN_RUNTIME_KVCACHE_SEQUENCESLOTS_H

#include "attn/Runtime/KvCache/Sequence.h"
#include "attn/Runtime/Status.h"

#include <vector>

namespace attn {

class SequenceSlots {
public:
  /// Refuses a negative number of slots or tokens. May throw std::bad_alloc.
  static Result<SequenceSlots> create(int32_t numSlots, int64_t capacity);

  int32_t getNumSlots() const { return static_cast<int32_t>(slots.size()); }
  int64_t getCapacity() const { return capacity; }
  int32_t getNumSequences() const { return numLive; }
  /// Tokens of all sequences.
  int64_t getNumTokens() const;

  /// The slot of a sequence. Refuses those that were freed or never created.
  Result<PageId> find(SequenceId sequence) const;
  /// The first slot that no sequence has. Refused if all are taken.
  Result<PageId> findUnused() const;
  bool isUsed(PageId slot) const { return get(slot).isLive; }
  int64_t getLength(PageId slot) const { return get(slot).length; }
  void setLength(PageId slot, int64_t length) { get(slot).length = length; }

  /// Pre-condition: no sequence has the slot.
  SequenceId take(PageId slot, int64_t length);
  /// Pre-condition: a sequence has it.
  void free(PageId slot);

private:
  struct Slot {
    uint32_t generation = 0;
    bool isLive = false;
    int64_t length = 0;
  };
  SequenceSlots(int32_t numSlots, int64_t capacity)
      : slots(static_cast<size_t>(numSlots)), capacity(capacity) {}
  Slot &get(PageId slot) { return slots[static_cast<size_t>(slot)]; }
  const Slot &get(PageId slot) const {
    return slots[static_cast<size_t>(slot)];
  }

  std::vector<Slot> slots;
  int64_t capacity;
  int32_t numLive = 0;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_SEQUENCESLOTS_H
