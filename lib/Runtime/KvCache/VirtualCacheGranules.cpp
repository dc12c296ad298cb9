//===- VirtualCacheGranules.cpp - memory behind the slots -----------------===//

#include "VirtualCacheGranules.h"
#include "Refusals.h"

#include <algorithm>

using namespace attn;

static int64_t divideUp(int64_t a, int64_t b) { return a / b + (a % b != 0); }

int64_t VirtualCache::countFull(const KvLayout::Stream &stream,
                                int64_t tokens) const {
  return tokens * stream.tokenBytes / getGranuleBytes();
}

int64_t VirtualCache::countNeeded(const KvLayout::Stream &stream,
                                  int64_t tokens) const {
  // Nobody reads a sequence without tokens.
  if (tokens == 0)
    return 0;
  int64_t touched =
      tokens + std::min(options.overreadTokens, options.capacity - tokens);
  return divideUp(touched * stream.tokenBytes, getGranuleBytes());
}

int64_t VirtualCache::countAll(const KvLayout::Stream &stream) const {
  return divideUp(options.capacity * stream.tokenBytes, getGranuleBytes());
}

int64_t VirtualCache::countNeeded(int64_t tokens) const {
  int64_t number = 0;
  for (int64_t i = 0; i < layout.getNumStreams(); ++i)
    number += countNeeded(layout.getStream(i), tokens);
  return number;
}

Status VirtualCache::unmap(int64_t index) {
  Status status = pool.unmap(getGranuleAddress(index), getMapped(index));
  if (status.isOk()) {
    mapped[static_cast<size_t>(index)] = GranulePool::none;
    --slots[static_cast<size_t>(index / slotGranules)].numMapped;
  }
  return status;
}

bool VirtualCache::hasSurplus(PageId slot) const {
  int64_t held = get(slot).heldTokens;
  if (held == sequences.getLength(slot))
    return get(slot).numMapped > countNeeded(held);
  // A slot that grows may lack some and have others.
  bool has = false;
  forEachSurplus(slot, [&](int64_t) { has = true; });
  return has;
}

int64_t VirtualCache::findSurplus(bool takesFromSequences) const {
  // Slots without sequence first, of these the one that was left first.
  PageId best = -1;
  std::pair<bool, Fence> bestRank;
  for (PageId slot = 0; slot < sequences.getNumSlots(); ++slot) {
    std::pair<bool, Fence> rank(sequences.isUsed(slot), get(slot).fence);
    if (isReadable(slot) || (rank.first && !takesFromSequences) ||
        (best >= 0 && rank >= bestRank) || !hasSurplus(slot))
      continue;
    best = slot;
    bestRank = rank;
  }
  int64_t last = -1;
  if (best >= 0)
    forEachSurplus(best, [&](int64_t index) { last = index; });
  return last;
}

/// Granules that are unmapped once all surplus is.
int64_t VirtualCache::countSurplus() const {
  std::vector<int32_t> numSurplus(static_cast<size_t>(pool.getMost()));
  int64_t number = 0;
  for (PageId slot = 0; slot < sequences.getNumSlots(); ++slot)
    if (!isReadable(slot))
      forEachSurplus(slot, [&](int64_t index) {
        GranuleId granule = getMapped(index);
        number += ++numSurplus[static_cast<size_t>(granule)] ==
                  pool.getNumMappings(granule);
      });
  return number;
}

Status VirtualCache::reclaim(int64_t number, bool takesFromSequences) {
  while (pool.getNumUnmapped() < number) {
    int64_t index = findSurplus(takesFromSequences);
    if (index < 0)
      return {};
    if (Status status = unmap(index); !status.isOk())
      return status;
  }
  return {};
}

Status VirtualCache::mapHeld(PageId slot, int64_t from) {
  int64_t missing = 0;
  forEachNeeded(slot, from, get(slot).heldTokens, [&](int64_t index) {
    missing += getMapped(index) == GranulePool::none;
  });
  int64_t shortage = missing - pool.getNumAvailable();
  if (shortage > 0) {
    int64_t available = pool.getNumAvailable() + countSurplus();
    if (missing > available)
      return refuse(std::to_string(get(slot).heldTokens) + " tokens take " +
                        std::to_string(missing) + " granules more, but " +
                        std::to_string(available) + " of " +
                        std::to_string(options.mostGranules) + " can be had",
                    "free or shorten a sequence, signal the fences of readers "
                    "that are done, or give the cache more granules",
                    StatusCode::resourceExhausted);
  }
  Status status = reclaim(missing, /*takesFromSequences=*/false);
  shortage = missing - pool.getNumAvailable();
  // What sequences have ahead is theirs as long as there is other memory.
  if (status.isOk() && shortage > 0)
    status = reclaim(pool.getNumUnmapped() + shortage,
                     /*takesFromSequences=*/true);
  forEachNeeded(slot, from, get(slot).heldTokens, [&](int64_t index) {
    if (!status.isOk() || getMapped(index) != GranulePool::none)
      return;
    Result<GranuleId> granule = pool.map(getGranuleAddress(index));
    if (!granule.isOk()) {
      status = granule.takeStatus();
      return;
    }
    mapped[static_cast<size_t>(index)] = *granule;
    ++get(slot).numMapped;
    added.push_back(index);
  });
  return status;
}

Status VirtualCache::mapShared(PageId from, PageId to, int64_t tokens) {
  for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
    KvLayout::Stream stream = layout.getStream(i);
    for (int64_t at = 0; at < countFull(stream, tokens); ++at) {
      GranuleId granule = getMapped(getFirst(from, stream) + at);
      int64_t index = getFirst(to, stream) + at;
      if (Status status = pool.mapAgain(getGranuleAddress(index), granule);
          !status.isOk())
        return status;
      mapped[static_cast<size_t>(index)] = granule;
      ++get(to).numMapped;
      added.push_back(index);
    }
  }
  return {};
}

int64_t VirtualCache::countShared(PageId slot) const {
  int64_t number = 0;
  forEachSurplus(slot, [&](int64_t index) {
    number += pool.getNumMappings(getMapped(index)) > 1;
  });
  return number;
}
