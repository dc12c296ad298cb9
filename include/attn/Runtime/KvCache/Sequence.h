//===- Sequence.h - what all back ends of a cache speak of ------*- C++ -*-===//

#ifndef ATTN_RUNTIME_KVCACHE_SEQUENCE_H
#define ATTN_RUNTIME_KVCACHE_SEQUENCE_H

#include <cstdint>

namespace attn {

/// A page of a paged cache, or a slot of one that gives each sequence its own.
using PageId = int32_t;

/// A sequence of a cache. One that was freed is known as such: the number's
/// next owner has another generation.
struct SequenceId {
  uint32_t number = 0, generation = 0;

  bool operator==(const SequenceId &other) const {
    return number == other.number && generation == other.generation;
  }
};

/// Tokens that are to be copied before anything is written: the first of a page
/// that others refer to as well.
struct PageCopy {
  PageId from, to;
  int64_t numTokens;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_SEQUENCE_H
