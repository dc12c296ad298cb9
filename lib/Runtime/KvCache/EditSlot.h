//===- EditSlot.h - edits of a sequence that has a slot ---------*- C++ -*-===//

#ifndef ATTN_LIB_RUNTIME_KVCACHE_EDITSLOT_H
#define ATTN_LIB_RUNTIME_KVCACHE_EDITSLOT_H

#include "Refusals.h"
#include "attn/Runtime/KvCache/SequenceSlots.h"

namespace attn {

/// What `edit` makes of a sequence's slot. Refuses sequences that were freed or
/// never created, and where the host has no memory.
template <typename Edit>
auto editSlot(const SequenceSlots &slots, SequenceId sequence, Edit edit)
    -> decltype(edit(PageId())) {
  return refuseWithoutMemory([&]() -> decltype(edit(PageId())) {
    Result<PageId> slot = slots.find(sequence);
    if (!slot.isOk())
      return slot.takeStatus();
    return edit(*slot);
  });
}

} // namespace attn

#endif // ATTN_LIB_RUNTIME_KVCACHE_EDITSLOT_H
