//===- VirtualCache.h - sequences contiguous in address ---------*- C++ -*-===//
//
// Each sequence has a slot: a range of addresses with room for all that it may
// have, behind which memory is put by granules as it grows. Kernels read it as
// they do a dense cache.
//
// Memory is put there ahead of need where the caller calls mapAhead, and taken
// away as late as can be: what freed and shortened sequences leave stays
// mapped, for the slot's next sequence, until another needs it. Of a fork,
// granules that are full of common tokens are mapped in both slots, and the
// rest is copied.
//
// Mapping where nothing was is safe while kernels run. Unmapping is not:
// nothing is unmapped that a reader may still read. Readers are told apart by
// fences:
//
//   enqueue kernels;  fence = cache.addFence();  record an event
//   the event is done:                           cache.signalFence(fence)
//
// A call that is refused leaves sequences and their memory as they were; memory
// that no sequence needed may be mapped elsewhere or nowhere. Not for use by
// several threads at once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_VIRTUALCACHE_H
#define ATTN_RUNTIME_KVCACHE_VIRTUALCACHE_H

#include "attn/Runtime/KvCache/GranulePool.h"
#include "attn/Runtime/KvCache/KvLayout.h"
#include "attn/Runtime/KvCache/SequenceSlots.h"

namespace attn {

struct VirtualCacheOptions {
  int32_t numSlots = 0;
  /// The most tokens of a sequence.
  int64_t capacity = 0;
  KvShape shape;
  /// byLayer wastes up to a granule for each layer and side of a sequence.
  KvOrder order = KvOrder::byToken;
  /// The most granules of physical memory.
  int32_t mostGranules = 0;
  /// Tokens behind the last one that a reader may touch, as the rest of its
  /// tile: memory is there for them as well.
  int64_t overreadTokens = 0;
  /// How many tokens ahead mapAhead maps.
  int64_t aheadTokens = 0;
};

/// Bytes that are to be copied before anything is written.
struct RangeCopy {
  VirtualMemory::Address from, to;
  uint64_t numBytes;
};

struct VirtualCacheStats {
  int64_t numSequences = 0, numTokens = 0;
  int64_t granuleBytes = 0;
  /// Granules: all that were created, mapped nowhere, mapped where no sequence
  /// needs them, needed by sequences, and of these by several.
  int64_t numGranules = 0, numUnmapped = 0, numIdle = 0, numUsed = 0,
          numShared = 0;
  /// Bytes of tokens, of those that several sequences have once, and what the
  /// used granules have beyond. Without overread a sequence wastes less than a
  /// granule for each stream of the layout.
  int64_t numUsedBytes = 0, numWastedBytes = 0;
  /// Granules that sequences would take without sharing, over those they do.
  double sharing = 1;
};

class VirtualCache {
public:
  using Address = VirtualMemory::Address;
  using Fence = uint64_t;

  /// Reserves addresses for all slots. Refuses options that are out of range.
  static Result<std::unique_ptr<VirtualCache>>
  create(std::shared_ptr<VirtualMemory> memory,
         const VirtualCacheOptions &options);
  /// Pre-condition: nobody reads or writes any more.
  ~VirtualCache();
  VirtualCache(const VirtualCache &) = delete;
  VirtualCache &operator=(const VirtualCache &) = delete;

  /// A sequence in an unused slot, one with memory if there is. What is written
  /// to it has to come after what was enqueued before, as for a page that is
  /// used again.
  Result<SequenceId> createSequence();
  /// Room and memory for tokens behind the last one. Returns where the first of
  /// them goes, slot * capacity + place in the slot; the others follow.
  Result<int64_t> append(SequenceId sequence, int64_t numTokens);
  struct Forked {
    SequenceId sequence;
    /// At most one for each stream of the layout.
    std::vector<RangeCopy> copies;
  };
  /// Another sequence with the same tokens, or the first `length` of them.
  Result<Forked> fork(SequenceId sequence);
  Result<Forked> fork(SequenceId sequence, int64_t length);
  /// Drops all tokens from `length` on. Refused if there are fewer, and if the
  /// next token would be written to what another sequence has as well.
  Status truncate(SequenceId sequence, int64_t length);
  Status free(SequenceId sequence);

  /// Puts memory behind what live sequences will need next, at most
  /// `mostGranules`: while kernels run. Returns how many.
  Result<int32_t> mapAhead(int32_t mostGranules);
  /// Gives memory back that no sequence needs and no reader may read.
  Status releaseUnused();

  /// Stands for all readers that are enqueued so far.
  Fence addFence() { return nextFence++; }
  /// Says that the readers of a fence, and of all before it, are done. Refuses
  /// one that was never added.
  Status signalFence(Fence fence);

  Result<int64_t> getLength(SequenceId sequence) const;
  Result<PageId> getSlot(SequenceId sequence) const;
  /// Where a sequence's block begins: `getBaseAddress()` and its slot's blocks
  /// behind it.
  Result<Address> getAddress(SequenceId sequence) const;
  Address getBaseAddress() const { return base; }
  const KvLayout &getLayout() const { return layout; }

  VirtualCacheStats getStats() const;
  /// What is wrong with the accounts, or nothing. Looks at everything.
  std::string check() const;

private:
  using GranuleId = GranulePool::Id;
  struct Slot {
    /// Tokens that memory must stay for; none without a sequence.
    int64_t heldTokens = 0;
    int64_t numMapped = 0;
    /// Behind which nobody reads what the slot has more than it needs.
    Fence fence = 0;
  };

  /// Makes a slot hold more tokens, and undoes that and what was mapped
  /// meanwhile unless it is done.
  struct Growth {
    Growth(VirtualCache &cache, PageId slot, int64_t tokens)
        : cache(cache), slot(slot), before(cache.get(slot).heldTokens) {
      cache.added.clear();
      cache.get(slot).heldTokens = tokens;
    }
    ~Growth();
    VirtualCache &cache;
    PageId slot;
    int64_t before;
    bool isDone = false;
  };

  VirtualCache(std::shared_ptr<VirtualMemory> memory,
               const VirtualCacheOptions &options, KvLayout layout,
               SequenceSlots sequences);

  int64_t getGranuleBytes() const {
    return static_cast<int64_t>(pool.getMemory().getGranularity());
  }
  Slot &get(PageId slot) { return slots[static_cast<size_t>(slot)]; }
  const Slot &get(PageId slot) const {
    return slots[static_cast<size_t>(slot)];
  }
  /// The granule at an index of all slots' granules, or none.
  GranuleId getMapped(int64_t index) const {
    return mapped[static_cast<size_t>(index)];
  }
  Address getGranuleAddress(int64_t index) const {
    return base + static_cast<Address>(index * getGranuleBytes());
  }
  /// The index of a stream's first granule.
  int64_t getFirst(PageId slot, const KvLayout::Stream &stream) const {
    return slot * slotGranules + stream.offset / getGranuleBytes();
  }
  /// Granules of a stream that are full of tokens, that tokens need, and that
  /// the capacity has.
  int64_t countFull(const KvLayout::Stream &stream, int64_t tokens) const;
  int64_t countNeeded(const KvLayout::Stream &stream, int64_t tokens) const;
  int64_t countAll(const KvLayout::Stream &stream) const;
  /// Of all streams.
  int64_t countNeeded(int64_t tokens) const;
  /// Calls `visit(index)` for the granules that `to` tokens need and `from` do
  /// not.
  template <typename F>
  void forEachNeeded(PageId slot, int64_t from, int64_t to, F visit) const;
  /// As forEachNeeded, for those that are mapped and that what the slot holds
  /// does not need.
  template <typename F> void forEachSurplus(PageId slot, F visit) const;

  bool isReadable(PageId slot) const { return get(slot).fence > signaledFence; }
  int64_t countShared(PageId slot) const;
  Status refuseSlots() const;
  Result<PageId> findForkSlot() const;

  Status unmap(int64_t index);
  bool hasSurplus(PageId slot) const;
  /// The index of the last surplus granule that may be taken away, or -1.
  int64_t findSurplus(bool takesFromSequences) const;
  int64_t countSurplus() const;
  /// Unmaps what nobody needs until `number` granules are unmapped, if there
  /// are as many.
  Status reclaim(int64_t number, bool takesFromSequences);
  /// Memory for what a slot holds beyond `from` tokens.
  Status mapHeld(PageId slot, int64_t from);
  /// Maps the full granules of another slot's first tokens.
  Status mapShared(PageId from, PageId to, int64_t tokens);

  VirtualCacheOptions options;
  KvLayout layout;
  GranulePool pool;
  SequenceSlots sequences;
  Address base = 0;
  int64_t slotGranules = 0;
  std::vector<Slot> slots;
  std::vector<GranuleId> mapped;
  /// What one call has mapped so far, with room for a slot's granules.
  std::vector<int64_t> added;
  Fence nextFence = 1, signaledFence = 0;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_VIRTUALCACHE_H
