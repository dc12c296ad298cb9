//===- VirtualCacheGranules.h - walks over a slot's granules ----*- C++ -*-===//

#ifndef ATTN_LIB_RUNTIME_KVCACHE_VIRTUALCACHEGRANULES_H
#define ATTN_LIB_RUNTIME_KVCACHE_VIRTUALCACHEGRANULES_H

#include "attn/Runtime/KvCache/VirtualCache.h"

namespace attn {

template <typename F>
void VirtualCache::forEachNeeded(PageId slot, int64_t from, int64_t to,
                                 F visit) const {
  for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
    KvLayout::Stream stream = layout.getStream(i);
    int64_t first = getFirst(slot, stream);
    for (int64_t at = countNeeded(stream, from); at < countNeeded(stream, to);
         ++at)
      visit(first + at);
  }
}

template <typename F>
void VirtualCache::forEachSurplus(PageId slot, F visit) const {
  if (get(slot).numMapped == 0)
    return;
  for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
    KvLayout::Stream stream = layout.getStream(i);
    int64_t first = getFirst(slot, stream);
    for (int64_t at = countNeeded(stream, get(slot).heldTokens);
         at < countAll(stream); ++at)
      if (getMapped(first + at) != GranulePool::none)
        visit(first + at);
  }
}

} // namespace attn

#endif // ATTN_LIB_RUNTIME_KVCACHE_VIRTUALCACHEGRANULES_H
