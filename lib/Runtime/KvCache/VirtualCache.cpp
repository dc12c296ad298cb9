//===- VirtualCache.cpp - sequences contiguous in address -----------------===//

#include "attn/Runtime/KvCache/VirtualCache.h"

#include "EditSlot.h"
#include "VirtualCacheGranules.h"

#include <algorithm>

using namespace attn;

VirtualCache::VirtualCache(std::shared_ptr<VirtualMemory> memory,
                           const VirtualCacheOptions &options, KvLayout layout,
                           SequenceSlots sequences)
    : options(options), layout(layout),
      pool(std::move(memory), options.mostGranules),
      sequences(std::move(sequences)),
      slotGranules(layout.getBlockBytes() / getGranuleBytes()),
      slots(static_cast<size_t>(options.numSlots)),
      mapped(static_cast<size_t>(options.numSlots * slotGranules),
             GranulePool::none) {
  added.reserve(static_cast<size_t>(slotGranules));
}

Result<std::unique_ptr<VirtualCache>>
VirtualCache::create(std::shared_ptr<VirtualMemory> memory,
                     const VirtualCacheOptions &options) {
  using Created = Result<std::unique_ptr<VirtualCache>>;
  return refuseWithoutMemory([&]() -> Created {
    if (!memory)
      return refuse("expects a machine's memory, but got none",
                    "give what createHostVirtualMemory or "
                    "createCudaVirtualMemory returns");
    Result<SequenceSlots> sequences =
        SequenceSlots::create(options.numSlots, options.capacity);
    if (!sequences.isOk())
      return sequences.takeStatus();
    const std::pair<const char *, int64_t> counts[] = {
        {"granules", options.mostGranules},
        {"tokens of overread", options.overreadTokens},
        {"tokens ahead", options.aheadTokens}};
    for (auto [what, count] : counts)
      if (count < 0)
        return refuse("expects no negative number of " + std::string(what) +
                          ", but got " + std::to_string(count),
                      "give 0 or more");
    auto granuleBytes = static_cast<int64_t>(memory->getGranularity());
    Result<KvLayout> layout = KvLayout::create(options.shape, options.capacity,
                                               options.order, granuleBytes);
    if (!layout.isOk())
      return layout.takeStatus();
    int64_t bytes = 0;
    if (__builtin_mul_overflow(layout->getBlockBytes(), options.numSlots,
                               &bytes))
      return refuse(std::to_string(options.numSlots) + " slots of " +
                        std::to_string(layout->getBlockBytes()) +
                        " bytes have more than 2^63 bytes of addresses",
                    "make the cache smaller", StatusCode::resourceExhausted);
    // More than there are addresses for are never mapped.
    VirtualCacheOptions limited = options;
    limited.mostGranules = static_cast<int32_t>(
        std::min<int64_t>(options.mostGranules, bytes / granuleBytes));
    std::unique_ptr<VirtualCache> cache(new VirtualCache(
        std::move(memory), limited, *layout, std::move(*sequences)));
    if (bytes > 0) {
      Result<Address> base =
          cache->pool.getMemory().reserve(static_cast<uint64_t>(bytes));
      if (!base.isOk())
        return base.takeStatus();
      cache->base = *base;
    }
    return Created(std::move(cache));
  });
}

VirtualCache::~VirtualCache() {
  // Best effort: there is nobody to tell.
  if (base == 0)
    return;
  for (int64_t index = 0; index < int64_t(mapped.size()); ++index)
    if (getMapped(index) != GranulePool::none)
      (void)unmap(index);
  (void)pool.getMemory().free(
      base, static_cast<uint64_t>(int64_t(mapped.size()) * getGranuleBytes()));
}

//===----------------------------------------------------------------------===//
// Edits
//===----------------------------------------------------------------------===//

VirtualCache::Growth::~Growth() {
  if (isDone)
    return;
  cache.get(slot).heldTokens = before;
  // Nobody knows of them yet. What the machine does not unmap is surplus.
  for (int64_t index : cache.added)
    try {
      (void)cache.unmap(index);
    } catch (const std::bad_alloc &) {
    }
}

Status VirtualCache::refuseSlots() const {
  int32_t numRead = 0;
  for (PageId slot = 0; slot < sequences.getNumSlots(); ++slot)
    numRead += !sequences.isUsed(slot) && isReadable(slot);
  return refuse("expects an unused slot, but sequences have " +
                    std::to_string(sequences.getNumSequences()) + " of " +
                    std::to_string(sequences.getNumSlots()) +
                    ", and readers may read " + std::to_string(numRead) +
                    " others",
                "free a sequence, signal the fences of readers that are done, "
                "or make the cache larger",
                StatusCode::resourceExhausted);
}

Result<SequenceId> VirtualCache::createSequence() {
  return refuseWithoutMemory([&]() -> Result<SequenceId> {
    // What other slots have as well must not be written here: it goes first.
    PageId best = -1;
    std::pair<bool, int64_t> bestRank;
    for (PageId slot = 0; slot < sequences.getNumSlots(); ++slot) {
      if (sequences.isUsed(slot))
        continue;
      bool isOwn = countShared(slot) == 0;
      std::pair<bool, int64_t> rank(isOwn, get(slot).numMapped);
      if ((isOwn || !isReadable(slot)) && (best < 0 || rank > bestRank)) {
        best = slot;
        bestRank = rank;
      }
    }
    if (best < 0)
      return refuseSlots();
    Status status;
    forEachSurplus(best, [&](int64_t index) {
      if (status.isOk() && pool.getNumMappings(getMapped(index)) > 1)
        status = unmap(index);
    });
    if (!status.isOk())
      return status;
    return sequences.take(best, 0);
  });
}

Result<int64_t> VirtualCache::append(SequenceId id, int64_t numTokens) {
  return editSlot(sequences, id, [&](PageId slot) -> Result<int64_t> {
    int64_t length = sequences.getLength(slot);
    if (Status status = checkAppend(numTokens, length, options.capacity);
        !status.isOk())
      return status;
    Growth growth(*this, slot, length + numTokens);
    if (Status status = mapHeld(slot, length); !status.isOk())
      return status;
    growth.isDone = true;
    sequences.setLength(slot, length + numTokens);
    return slot * options.capacity + length;
  });
}

Result<PageId> VirtualCache::findForkSlot() const {
  // One with little memory: that of the others is for sequences to come.
  PageId best = -1;
  for (PageId slot = 0; slot < sequences.getNumSlots(); ++slot)
    if (!sequences.isUsed(slot) && !isReadable(slot) &&
        (best < 0 || get(slot).numMapped < get(best).numMapped))
      best = slot;
  if (best < 0)
    return refuseSlots();
  return best;
}

Result<VirtualCache::Forked> VirtualCache::fork(SequenceId id) {
  Result<int64_t> length = getLength(id);
  return length.isOk() ? fork(id, *length) : length.takeStatus();
}

Result<VirtualCache::Forked> VirtualCache::fork(SequenceId id, int64_t length) {
  return editSlot(sequences, id, [&](PageId from) -> Result<Forked> {
    if (Status status = checkLength(length, sequences.getLength(from));
        !status.isOk())
      return status;
    Result<PageId> to = findForkSlot();
    if (!to.isOk())
      return to.takeStatus();
    Forked forked;
    for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
      KvLayout::Stream stream = layout.getStream(i);
      int64_t full = countFull(stream, length);
      int64_t rest = length * stream.tokenBytes - full * getGranuleBytes();
      if (rest > 0)
        forked.copies.push_back(
            {getGranuleAddress(getFirst(from, stream) + full),
             getGranuleAddress(getFirst(*to, stream) + full),
             static_cast<uint64_t>(rest)});
    }
    Status status;
    forEachSurplus(*to, [&](int64_t index) {
      if (status.isOk())
        status = unmap(index);
    });
    if (!status.isOk())
      return status;
    Growth growth(*this, *to, length);
    status = mapShared(from, *to, length);
    if (status.isOk())
      status = mapHeld(*to, 0);
    if (!status.isOk())
      return status;
    growth.isDone = true;
    forked.sequence = sequences.take(*to, length);
    return forked;
  });
}

Status VirtualCache::truncate(SequenceId id, int64_t length) {
  return editSlot(sequences, id, [&](PageId slot) -> Status {
    int64_t has = sequences.getLength(slot);
    if (Status status = checkLength(length, has); !status.isOk())
      return status;
    for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
      KvLayout::Stream stream = layout.getStream(i);
      for (int64_t at = countFull(stream, length);
           at < countNeeded(stream, has); ++at)
        if (pool.getNumMappings(getMapped(getFirst(slot, stream) + at)) > 1)
          return refuse("tokens behind " + std::to_string(length) + " of " +
                            std::to_string(has) +
                            " would be written to memory that another "
                            "sequence, or one before it, has as well",
                        "fork the sequence at that length, and free it");
    }
    sequences.setLength(slot, length);
    get(slot).heldTokens = length;
    if (countNeeded(length) < countNeeded(has))
      get(slot).fence = nextFence;
    return {};
  });
}

Status VirtualCache::free(SequenceId id) {
  return editSlot(sequences, id, [&](PageId slot) -> Status {
    sequences.free(slot);
    get(slot).heldTokens = 0;
    get(slot).fence = nextFence;
    return {};
  });
}

Result<int32_t> VirtualCache::mapAhead(int32_t mostGranules) {
  return refuseWithoutMemory([&]() -> Result<int32_t> {
    int32_t number = 0;
    Status status;
    for (PageId slot = 0; slot < sequences.getNumSlots(); ++slot) {
      int64_t length = sequences.getLength(slot);
      if (!sequences.isUsed(slot))
        continue;
      int64_t end =
          length + std::min(options.aheadTokens, options.capacity - length);
      forEachNeeded(slot, length, end, [&](int64_t index) {
        if (!status.isOk() || number >= mostGranules ||
            getMapped(index) != GranulePool::none)
          return;
        status = reclaim(1, /*takesFromSequences=*/false);
        if (!status.isOk() || pool.getNumAvailable() == 0)
          return;
        Result<GranuleId> granule = pool.map(getGranuleAddress(index));
        if (!granule.isOk()) {
          status = granule.takeStatus();
          return;
        }
        mapped[static_cast<size_t>(index)] = *granule;
        ++get(slot).numMapped;
        ++number;
      });
    }
    if (!status.isOk())
      return status;
    return number;
  });
}

Status VirtualCache::releaseUnused() {
  return refuseWithoutMemory([&]() -> Status {
    Status status = reclaim(int64_t(pool.getMost()) + 1,
                            /*takesFromSequences=*/true);
    return status.isOk() ? pool.release() : status;
  });
}

Status VirtualCache::signalFence(Fence fence) {
  return refuseWithoutMemory([&]() -> Status {
    if (fence >= nextFence)
      return refuse("expects a fence below " + std::to_string(nextFence) +
                        ", but got " + std::to_string(fence),
                    "give one that addFence has returned");
    signaledFence = std::max(signaledFence, fence);
    return {};
  });
}
