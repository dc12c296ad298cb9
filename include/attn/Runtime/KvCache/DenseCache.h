//===- DenseCache.h - a cache of slots of one capacity ----------*- C++ -*-===//
//
// The simplest back end: [slots, capacity], a slot for each sequence, with room
// for all that it may have. Accounts only, as those of a paged cache: its
// memory is blocks of `capacity` tokens. What a sequence does not use is
// wasted, and nothing is shared.
//
// A call that is refused changes nothing. Not for use by several threads at
// once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_DENSECACHE_H
#define ATTN_RUNTIME_KVCACHE_DENSECACHE_H

#include "attn/Runtime/KvCache/SequenceSlots.h"

namespace attn {

struct DenseCacheStats {
  int64_t numSlots = 0, numSequences = 0, numTokens = 0;
  /// Tokens that sequences have room for and have not.
  int64_t numUnusedSlots = 0;
};

class DenseCache {
public:
  /// `numSlots` sequences of up to `capacity` tokens. Refuses negative ones.
  static Result<DenseCache> create(int32_t numSlots, int64_t capacity);

  Result<SequenceId> createSequence();
  /// Room for tokens behind the last one. Returns where the first of them goes,
  /// slot * capacity + place in the slot; the others follow.
  Result<int64_t> append(SequenceId sequence, int64_t numTokens);
  struct Forked {
    SequenceId sequence;
    /// To be carried out before either sequence is written.
    PageCopy copy;
  };
  /// Another sequence with the same tokens.
  Result<Forked> fork(SequenceId sequence);
  /// Drops all tokens from `length` on. Refused if there are fewer.
  Status truncate(SequenceId sequence, int64_t length);
  Status free(SequenceId sequence);

  Result<int64_t> getLength(SequenceId sequence) const;
  Result<PageId> getSlot(SequenceId sequence) const;
  int32_t getNumSlots() const { return slots.getNumSlots(); }
  DenseCacheStats getStats() const;

private:
  explicit DenseCache(SequenceSlots slots) : slots(std::move(slots)) {}

  SequenceSlots slots;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_DENSECACHE_H
