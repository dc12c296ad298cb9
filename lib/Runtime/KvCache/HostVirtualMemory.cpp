//===- HostVirtualMemory.cpp - a CPU's addresses and memory ---------------===//

#include "attn/Runtime/KvCache/VirtualMemory.h"

#include "../FileDescriptor.h"
#include "Grow.h"
#include "Refusals.h"

#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <vector>

using namespace attn;

/// Reports errno.
static Status report(const std::string &what) {
  const char *error = std::strerror(errno);
  return refuse("expects " + what + ", but got: " + error,
                "free memory or make the cache smaller",
                StatusCode::resourceExhausted);
}

namespace {
class HostVirtualMemory : public VirtualMemory {
public:
  HostVirtualMemory(FileDescriptor file, uint64_t granularity)
      : file(std::move(file)), granularity(granularity) {}

  uint64_t getGranularity() const override { return granularity; }
  Result<Address> reserve(uint64_t bytes) override;
  Status free(Address address, uint64_t bytes) override;
  Result<Granule> create() override;
  Status release(Granule granule) override;
  Status map(Address address, Granule granule) override;
  Status unmap(Address address) override;

private:
  off_t getOffset(Granule granule) const {
    return static_cast<off_t>(granule * granularity);
  }
  static void *getPointer(Address address) {
    return reinterpret_cast<void *>(static_cast<uintptr_t>(address));
  }

  FileDescriptor file;
  uint64_t granularity;
  /// Granules of the file: all so far, and those of them that were released,
  /// with room for all.
  uint64_t numGranules = 0;
  std::vector<Granule> released;
};
} // namespace

Result<VirtualMemory::Address> HostVirtualMemory::reserve(uint64_t bytes) {
  void *address = mmap(nullptr, bytes, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    return report(std::to_string(bytes) + " bytes of addresses");
  return static_cast<Address>(reinterpret_cast<uintptr_t>(address));
}

Status HostVirtualMemory::free(Address address, uint64_t bytes) {
  return munmap(getPointer(address), bytes) == 0
             ? Status()
             : report("to give addresses back");
}

Result<VirtualMemory::Granule> HostVirtualMemory::create() {
  Granule granule = released.empty() ? numGranules : released.back();
  if (released.empty())
    grow(released, numGranules + 1);
  int failed = 0;
  do
    failed = fallocate(file.get(), 0, getOffset(granule),
                       static_cast<off_t>(granularity));
  while (failed != 0 && errno == EINTR);
  if (failed != 0)
    return report(std::to_string(granularity) + " bytes of memory");
  if (released.empty())
    ++numGranules;
  else
    released.pop_back();
  return granule;
}

Status HostVirtualMemory::release(Granule granule) {
  if (fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                getOffset(granule), static_cast<off_t>(granularity)) != 0)
    return report("to give memory back");
  released.push_back(granule);
  return {};
}

Status HostVirtualMemory::map(Address address, Granule granule) {
  void *mapped = mmap(getPointer(address), granularity, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_FIXED, file.get(), getOffset(granule));
  return mapped != MAP_FAILED ? Status() : report("to map memory");
}

Status HostVirtualMemory::unmap(Address address) {
  // The addresses stay reserved.
  void *reserved =
      mmap(getPointer(address), granularity, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return reserved != MAP_FAILED ? Status() : report("to unmap memory");
}

Result<std::shared_ptr<VirtualMemory>>
attn::createHostVirtualMemory(uint64_t granularity) {
  using Created = Result<std::shared_ptr<VirtualMemory>>;
  return refuseWithoutMemory([&]() -> Created {
    auto pageBytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    if (granularity == 0 || granularity % pageBytes != 0)
      return refuse("expects granules of a multiple of " +
                        std::to_string(pageBytes) + " bytes, but got " +
                        std::to_string(granularity),
                    "give a multiple of the system's page");
    FileDescriptor file(memfd_create("attn-kv-cache", MFD_CLOEXEC));
    if (!file.isOpen())
      return report("a file in memory");
    return Created(
        std::make_shared<HostVirtualMemory>(std::move(file), granularity));
  });
}
