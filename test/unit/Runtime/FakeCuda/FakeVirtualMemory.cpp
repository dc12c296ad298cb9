//===- FakeVirtualMemory.cpp - the fake libcuda's virtual memory ----------===//
//
// Accounts of addresses and of physical memory; calls that the driver would
// refuse are refused. A call that is made to fail changes nothing.
//
//===----------------------------------------------------------------------===//

#include "FakeState.h"

#include <iterator>

using namespace attn::cuda;
using namespace attn::fake;

static constexpr size_t granularity = size_t(2) << 20;

static bool isValid(const MemoryProperties &properties) {
  bool isZero = properties.handleTypes == 0 && !properties.windowsHandle;
  for (char flag : properties.flags)
    isZero &= flag == 0;
  return isZero && properties.type == memoryPinned &&
         properties.location.type == locationDevice &&
         (properties.location.id == 0 || properties.location.id == 1);
}

extern "C" {
ResultCode cuMemGetAllocationGranularity(size_t *bytes,
                                         const MemoryProperties *properties,
                                         GranularityOption option) {
  if (ResultCode code =
          enter(line("cuMemGetAllocationGranularity", int(option))))
    return code;
  if (!isValid(*properties))
    return errorInvalidValue;
  *bytes = granularity;
  return success;
}

ResultCode cuMemAddressReserve(DevicePointer *address, size_t bytes,
                               size_t alignment, DevicePointer wanted,
                               unsigned long long flags) {
  if (ResultCode code = enterUnsafe(line("cuMemAddressReserve", bytes)))
    return code;
  if (bytes == 0 || bytes % granularity != 0 || alignment % granularity != 0 ||
      wanted != 0 || flags != 0)
    return errorInvalidValue;
  State &state = getState();
  *address = state.nextRange;
  state.ranges[*address] = bytes;
  state.nextRange += bytes;
  return success;
}

ResultCode cuMemAddressFree(DevicePointer address, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("cuMemAddressFree", bytes)))
    return code;
  State &state = getState();
  auto range = state.ranges.find(address);
  auto mapping = state.mappings.lower_bound(address);
  if (range == state.ranges.end() || range->second != bytes ||
      (mapping != state.mappings.end() && mapping->first < address + bytes))
    return errorInvalidValue;
  state.ranges.erase(range);
  return success;
}

ResultCode cuMemCreate(MemoryHandle *granule, size_t bytes,
                       const MemoryProperties *properties,
                       unsigned long long flags) {
  if (ResultCode code =
          enterUnsafe(line("cuMemCreate", bytes, properties->location.id)))
    return code;
  if (bytes != granularity || flags != 0 || !isValid(*properties))
    return errorInvalidValue;
  State &state = getState();
  *granule = state.nextGranule++;
  state.granules[*granule] = 0;
  return success;
}

ResultCode cuMemRelease(MemoryHandle granule) {
  if (ResultCode code = enterUnsafe(line("cuMemRelease", granule)))
    return code;
  State &state = getState();
  auto found = state.granules.find(granule);
  if (found == state.granules.end() || found->second != 0)
    return errorInvalidValue;
  state.granules.erase(found);
  return success;
}

ResultCode cuMemMap(DevicePointer address, size_t bytes, size_t offset,
                    MemoryHandle granule, unsigned long long flags) {
  if (ResultCode code = enterUnsafe(line("cuMemMap", granule)))
    return code;
  State &state = getState();
  auto range = state.ranges.upper_bound(address);
  if (range == state.ranges.begin())
    return errorInvalidValue;
  --range;
  auto found = state.granules.find(granule);
  if (address + bytes > range->first + range->second || bytes != granularity ||
      address % granularity != 0 || offset != 0 || flags != 0 ||
      found == state.granules.end() || state.mappings.count(address) != 0)
    return errorInvalidValue;
  ++found->second;
  state.mappings[address] = {granule, false};
  return success;
}

ResultCode cuMemUnmap(DevicePointer address, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("cuMemUnmap", bytes)))
    return code;
  State &state = getState();
  auto found = state.mappings.find(address);
  if (found == state.mappings.end() || bytes != granularity)
    return errorInvalidValue;
  --state.granules[found->second.granule];
  state.mappings.erase(found);
  return success;
}

ResultCode cuMemSetAccess(DevicePointer address, size_t bytes,
                          const MemoryAccess *access, size_t count) {
  if (ResultCode code =
          enterUnsafe(line("cuMemSetAccess", access->location.id)))
    return code;
  State &state = getState();
  auto found = state.mappings.find(address);
  if (found == state.mappings.end() || bytes != granularity || count != 1 ||
      access->location.type != locationDevice ||
      access->flags != accessReadWrite)
    return errorInvalidValue;
  found->second.isAccessible = true;
  return success;
}
} // extern "C"
