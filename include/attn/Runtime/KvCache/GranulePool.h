//===- GranulePool.h - physical memory of a cache ---------------*- C++ -*-===//
//
// Granules of one machine, and at how many addresses each is mapped. One that
// is mapped nowhere is kept and mapped again before another is created:
// creating and releasing are what takes longest.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_GRANULEPOOL_H
#define ATTN_RUNTIME_KVCACHE_GRANULEPOOL_H

#include "attn/Runtime/KvCache/VirtualMemory.h"

#include <string>
#include <vector>

namespace attn {

class GranulePool {
public:
  using Id = int32_t;
  static constexpr Id none = -1;

  /// Up to `mostGranules`, none of which is created yet. May throw
  /// std::bad_alloc; nothing else allocates, save refusals.
  GranulePool(std::shared_ptr<VirtualMemory> memory, int32_t mostGranules);
  /// Pre-condition: nothing is mapped.
  ~GranulePool();
  GranulePool(const GranulePool &) = delete;
  GranulePool &operator=(const GranulePool &) = delete;

  VirtualMemory &getMemory() const { return *memory; }
  int32_t getMost() const { return static_cast<int32_t>(granules.size()); }
  int32_t getNumCreated() const { return getMost() - getNumUncreated(); }
  int32_t getNumUnmapped() const {
    return static_cast<int32_t>(unmapped.size());
  }
  /// How many can be had without unmapping one.
  int32_t getNumAvailable() const {
    return getNumUnmapped() + getNumUncreated();
  }
  /// At how many addresses a granule is mapped.
  int32_t getNumMappings(Id granule) const { return get(granule).numMappings; }

  /// Maps a granule that is mapped nowhere. Pre-condition: one is available.
  Result<Id> map(VirtualMemory::Address address);
  /// Maps one at another address as well.
  Status mapAgain(VirtualMemory::Address address, Id granule);
  Status unmap(VirtualMemory::Address address, Id granule);
  /// Gives the granules back that are mapped nowhere.
  Status release();

  /// What is wrong with the lists, or nothing.
  std::string check() const;

private:
  struct Entry {
    VirtualMemory::Granule granule = 0;
    int32_t numMappings = 0;
  };
  Entry &get(Id id) { return granules[static_cast<size_t>(id)]; }
  const Entry &get(Id id) const { return granules[static_cast<size_t>(id)]; }
  int32_t getNumUncreated() const {
    return static_cast<int32_t>(uncreated.size());
  }

  std::shared_ptr<VirtualMemory> memory;
  std::vector<Entry> granules;
  /// Those that are mapped nowhere, and those that do not exist. The last ones
  /// are taken first.
  std::vector<Id> unmapped, uncreated;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_GRANULEPOOL_H
