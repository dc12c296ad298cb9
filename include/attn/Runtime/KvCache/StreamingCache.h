//===- StreamingCache.h - heads that keep a part of the tokens --*- C++ -*-===//
//
// Streaming heads see the first tokens of a sequence (the sink) and the last
// ones (the window), and keep no others. Each head of a sequence has places of
// its own: `sinkTokens` of them for the sink, then a ring, in which position p
// stands at
//
//   p                                   if p < sinkTokens
//   sinkTokens + (p - sinkTokens) % R   otherwise
//
// Several queries of one append each see a window of W tokens, itself the last;
// all of them stand in the ring at once if it has R = W + maxAppend - 1 places.
// So a reader needs no copy and no other order than that of getSegments: the
// sink, then the ring's pieces from the oldest position on.
//
// Accounts only; the memory is a block a sequence of as many rows as all of its
// heads have places. A call that is refused changes nothing. Not for use by
// several threads at once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_STREAMINGCACHE_H
#define ATTN_RUNTIME_KVCACHE_STREAMINGCACHE_H

#include "attn/Runtime/KvCache/SequenceSlots.h"

namespace attn {

/// What a head keeps. One that keeps everything has the cache's capacity as its
/// window.
struct HeadBudget {
  int64_t sinkTokens = 0, windowTokens = 0;
};

struct StreamingCacheOptions {
  int32_t numSlots = 0;
  /// The most tokens of a sequence, and of one append.
  int64_t capacity = 0, maxAppend = 1;
  std::vector<HeadBudget> heads;
};

/// Tokens that stand one behind the other: places [first, first + count) of a
/// head, which hold the positions from `position` on.
struct KvSegment {
  int64_t first, count, position;

  bool operator==(const KvSegment &other) const {
    return first == other.first && count == other.count &&
           position == other.position;
  }
};

struct StreamingCacheStats {
  int64_t numSequences = 0, numTokens = 0;
  /// Rows (a token of a head) of all sequences: those there is memory for,
  /// those that the last tokens see, and those that heads without budgets would
  /// have.
  int64_t numRows = 0, numKept = 0, numDense = 0;
};

class StreamingCache {
public:
  /// Refuses options that are out of range.
  static Result<StreamingCache> create(const StreamingCacheOptions &options);

  Result<SequenceId> createSequence();
  /// Room for tokens behind the last one; returns the first one's position.
  /// Refused beyond `maxAppend` and the capacity.
  Result<int64_t> append(SequenceId sequence, int64_t numTokens);
  struct Forked {
    SequenceId sequence;
    /// To be carried out before either sequence is written; its tokens are the
    /// rows of a block.
    PageCopy copy;
  };
  /// Another sequence with the same tokens.
  Result<Forked> fork(SequenceId sequence);
  /// Drops all tokens from `length` on. Refused if there are fewer, and if a
  /// token that the next one sees has been overwritten.
  Status truncate(SequenceId sequence, int64_t length);
  Status free(SequenceId sequence);

  Result<int64_t> getLength(SequenceId sequence) const;
  Result<PageId> getSlot(SequenceId sequence) const;
  /// Tokens that the last `numQueries` ones of a sequence see by a head, with
  /// themselves. Refuses more queries than one append has, or than what is kept
  /// suffices for.
  Result<std::vector<KvSegment>> getSegments(SequenceId sequence, int32_t head,
                                             int64_t numQueries = 1) const;
  /// How many they are: the length of the head.
  Result<int64_t> getHeadLength(SequenceId sequence, int32_t head,
                                int64_t numQueries = 1) const;

  int32_t getNumSlots() const { return slots.getNumSlots(); }
  int64_t getCapacity() const { return slots.getCapacity(); }
  int32_t getNumHeads() const { return static_cast<int32_t>(heads.size()); }
  /// Rows of a sequence's block, and those of them that stand before a head's.
  /// Pre-condition: 0 <= head < getNumHeads().
  int64_t getNumRows() const { return numRows; }
  int64_t getFirstRow(int32_t head) const { return get(head).firstRow; }
  int64_t getNumPlaces(int32_t head) const { return get(head).numPlaces; }
  /// The place among a head's where a position stands. Pre-condition:
  /// 0 <= position < capacity.
  int64_t getPlace(int32_t head, int64_t position) const;

  StreamingCacheStats getStats() const;

private:
  struct Head {
    HeadBudget budget;
    int64_t firstRow = 0, numPlaces = 0;
    int64_t getRing() const { return numPlaces - budget.sinkTokens; }
  };
  explicit StreamingCache(SequenceSlots slots) : slots(std::move(slots)) {}
  Status initialize(const StreamingCacheOptions &options);
  const Head &get(int32_t head) const {
    return heads[static_cast<size_t>(head)];
  }
  /// Where the tokens behind the sink begin that a query at a position sees.
  static int64_t getWindowBegin(const Head &head, int64_t position);
  int64_t &getKept(PageId slot, int32_t head) {
    return kept[static_cast<size_t>(slot) * heads.size() +
                static_cast<size_t>(head)];
  }
  /// Refuses if a token before `end` has been overwritten that a query at a
  /// position sees.
  Status checkKept(PageId slot, int32_t head, int64_t position,
                   int64_t end) const;
  Result<PageId> find(SequenceId sequence, int32_t head,
                      int64_t numQueries) const;

  SequenceSlots slots;
  std::vector<Head> heads;
  /// For each slot and head, the position from which on its ring holds all of
  /// the sequence's tokens.
  std::vector<int64_t> kept;
  int64_t maxAppend = 1, numRows = 0;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_STREAMINGCACHE_H
