//===- VirtualCacheStats.cpp - what a virtually contiguous cache has ------===//

#include "EditSlot.h"
#include "VirtualCacheGranules.h"

using namespace attn;

Result<int64_t> VirtualCache::getLength(SequenceId id) const {
  return editSlot(sequences, id, [&](PageId slot) -> Result<int64_t> {
    return sequences.getLength(slot);
  });
}

Result<PageId> VirtualCache::getSlot(SequenceId id) const {
  return refuseWithoutMemory([&] { return sequences.find(id); });
}

Result<VirtualCache::Address> VirtualCache::getAddress(SequenceId id) const {
  return editSlot(sequences, id, [&](PageId slot) -> Result<Address> {
    return getGranuleAddress(slot * slotGranules);
  });
}

VirtualCacheStats VirtualCache::getStats() const {
  VirtualCacheStats stats;
  stats.numSequences = sequences.getNumSequences();
  stats.numTokens = sequences.getNumTokens();
  stats.granuleBytes = getGranuleBytes();
  stats.numGranules = pool.getNumCreated();
  stats.numUnmapped = pool.getNumUnmapped();
  std::vector<int32_t> users(static_cast<size_t>(pool.getMost()));
  int64_t numReferences = 0;
  for (PageId slot = 0; slot < sequences.getNumSlots(); ++slot)
    forEachNeeded(slot, 0, get(slot).heldTokens, [&](int64_t index) {
      ++users[static_cast<size_t>(getMapped(index))];
      ++numReferences;
    });
  for (int32_t count : users) {
    stats.numUsed += count > 0;
    stats.numShared += count > 1;
  }
  stats.numIdle = stats.numGranules - stats.numUnmapped - stats.numUsed;
  // What is shared is full of tokens.
  stats.numUsedBytes = stats.numTokens * layout.getTokenBytes() -
                       (numReferences - stats.numUsed) * stats.granuleBytes;
  stats.numWastedBytes =
      stats.numUsed * stats.granuleBytes - stats.numUsedBytes;
  if (stats.numUsed > 0)
    stats.sharing =
        static_cast<double>(numReferences) / static_cast<double>(stats.numUsed);
  return stats;
}

std::string VirtualCache::check() const {
  if (std::string wrong = pool.check(); !wrong.empty())
    return wrong;
  std::vector<int32_t> numMappings(static_cast<size_t>(pool.getMost()));
  for (GranuleId granule : mapped)
    if (granule != GranulePool::none)
      ++numMappings[static_cast<size_t>(granule)];
  for (size_t at = 0; at < numMappings.size(); ++at)
    if (numMappings[at] != pool.getNumMappings(static_cast<GranuleId>(at)))
      return "granule " + std::to_string(at) + " has " +
             std::to_string(pool.getNumMappings(static_cast<GranuleId>(at))) +
             " mappings, but is named " + std::to_string(numMappings[at]) +
             " times";
  for (PageId slot = 0; slot < sequences.getNumSlots(); ++slot) {
    std::string name = "slot " + std::to_string(slot);
    int64_t length = sequences.getLength(slot), numMapped = 0;
    if (get(slot).heldTokens != length)
      return name + " holds " + std::to_string(get(slot).heldTokens) +
             " tokens, but its sequence has " + std::to_string(length);
    for (int64_t at = 0; at < slotGranules; ++at)
      numMapped += getMapped(slot * slotGranules + at) != GranulePool::none;
    if (numMapped != get(slot).numMapped)
      return name + " counts other granules than it has";
    int64_t numMissing = 0, numShared = 0;
    forEachNeeded(slot, 0, length, [&](int64_t index) {
      numMissing += getMapped(index) == GranulePool::none;
    });
    for (int64_t i = 0; sequences.isUsed(slot) && i < layout.getNumStreams();
         ++i) {
      KvLayout::Stream stream = layout.getStream(i);
      for (int64_t at = countFull(stream, length); at < countAll(stream);
           ++at) {
        GranuleId granule = getMapped(getFirst(slot, stream) + at);
        numShared +=
            granule != GranulePool::none && pool.getNumMappings(granule) > 1;
      }
    }
    if (numMissing + numShared > 0)
      return name + " lacks " + std::to_string(numMissing) +
             " granules and shares " + std::to_string(numShared) +
             " that it will write";
  }
  return {};
}
