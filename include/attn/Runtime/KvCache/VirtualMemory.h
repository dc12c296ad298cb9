//===- VirtualMemory.h - addresses, and memory put behind them --*- C++ -*-===//
//
// What a machine does for a cache whose sequences are contiguous in address but
// not in memory: addresses are reserved once, and granules of physical memory
// are mapped where they are needed. One granule may be mapped at several
// addresses.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_VIRTUALMEMORY_H
#define ATTN_RUNTIME_KVCACHE_VIRTUALMEMORY_H

#include "attn/Runtime/Status.h"

#include <cstdint>
#include <memory>

namespace attn {

/// Pre-conditions are the caller's: a machine reports what its system refuses.
/// A call that fails has changed nothing.
class VirtualMemory {
public:
  using Address = uint64_t;
  /// Physical memory of `getGranularity()` bytes, by the machine's own name.
  using Granule = uint64_t;

  virtual ~VirtualMemory() = default;

  virtual uint64_t getGranularity() const = 0;

  /// Addresses that nothing is mapped at. Pre-condition of both: `bytes` is a
  /// multiple of the granularity, not 0.
  virtual Result<Address> reserve(uint64_t bytes) = 0;
  /// Pre-condition: nothing is mapped there.
  virtual Status free(Address address, uint64_t bytes) = 0;

  virtual Result<Granule> create() = 0;
  /// Pre-condition: it is mapped nowhere.
  virtual Status release(Granule granule) = 0;

  /// Makes a granule readable and writable at a reserved address where nothing
  /// is mapped. Kernels may run meanwhile.
  virtual Status map(Address address, Granule granule) = 0;
  /// Pre-condition: a granule is mapped there, and nobody reads or writes it.
  virtual Status unmap(Address address) = 0;
};

/// The CPU's: granules are parts of a file in memory, all of whose pages are
/// taken when a granule is created, so that no access fails for want of memory.
/// Refuses a granularity that is no multiple of the system's page.
Result<std::shared_ptr<VirtualMemory>>
createHostVirtualMemory(uint64_t granularity = uint64_t(2) << 20);

/// A GPU's: of the calling thread's current CUDA context, else of device 0.
/// Refused where there is no driver, or a device without virtual memory
/// management.
Result<std::shared_ptr<VirtualMemory>> createCudaVirtualMemory();

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_VIRTUALMEMORY_H
