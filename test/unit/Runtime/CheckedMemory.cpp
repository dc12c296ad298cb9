//===- CheckedMemory.cpp - a machine that knows what may be asked ---------===//

#include "CheckedMemory.h"

#include <cstring>

using namespace attn;
using namespace attn::test;

bool CheckedMemory::enter(const char *name) {
  log.push_back(name);
  bool fails = failFirst > 0 && --failFirst == 0;
  numFailures += fails;
  return fails;
}

Status CheckedMemory::makeError() {
  return Status::error(StatusCode::device, "machine", "fails as told", "");
}

Result<VirtualMemory::Address> CheckedMemory::reserve(uint64_t bytes) {
  if (enter("reserve"))
    return makeError();
  expect(bytes > 0 && bytes % granularity == 0, "a range of half a granule");
  Address address = nextAddress;
  nextAddress += bytes;
  if (inner) {
    Result<Address> result = inner->reserve(bytes);
    if (!result.isOk())
      return result;
    address = *result;
  }
  reserved[address] = bytes;
  return address;
}

Status CheckedMemory::free(Address address, uint64_t bytes) {
  if (enter("free"))
    return makeError();
  auto range = reserved.find(address);
  expect(range != reserved.end() && range->second == bytes,
         "a range is freed that was not reserved");
  auto first = mapped.lower_bound(address);
  expect(first == mapped.end() || first->first >= address + bytes,
         "a range is freed where something is mapped");
  reserved.erase(address);
  return inner ? inner->free(address, bytes) : Status();
}

Result<VirtualMemory::Granule> CheckedMemory::create() {
  if (enter("create"))
    return makeError();
  Granule granule = nextGranule++;
  if (inner) {
    Result<Granule> result = inner->create();
    if (!result.isOk())
      return result;
    granule = *result;
  }
  expect(granules.count(granule) == 0, "a granule is created twice");
  granules[granule] = 0;
  return granule;
}

Status CheckedMemory::release(Granule granule) {
  if (enter("release"))
    return makeError();
  auto found = granules.find(granule);
  expect(found != granules.end() && found->second == 0,
         "a granule is released that is mapped or was never created");
  granules.erase(granule);
  return inner ? inner->release(granule) : Status();
}

Status CheckedMemory::map(Address address, Granule granule) {
  if (enter("map"))
    return makeError();
  auto range = reserved.upper_bound(address);
  expect(range != reserved.begin() &&
             address + granularity <=
                 std::prev(range)->first + std::prev(range)->second &&
             (address - std::prev(range)->first) % granularity == 0,
         "a granule is mapped outside of what is reserved");
  expect(mapped.count(address) == 0, "an address is mapped twice");
  expect(granules.count(granule) != 0, "a granule is mapped that is not there");
  if (inner) {
    if (Status status = inner->map(address, granule); !status.isOk())
      return status;
    // Nobody may read what another has left.
    if (granules[granule] == 0)
      std::memset(reinterpret_cast<void *>(uintptr_t(address)), 0xff,
                  granularity);
  }
  mapped[address] = granule;
  ++granules[granule];
  return {};
}

Status CheckedMemory::unmap(Address address) {
  if (enter("unmap"))
    return makeError();
  auto found = mapped.find(address);
  expect(found != mapped.end(), "an address is unmapped that is not mapped");
  for (const auto &[reader, addresses] : readers)
    expect(addresses.count(address) == 0,
           "an address is unmapped that a reader may read");
  if (found == mapped.end())
    return makeError();
  --granules[found->second];
  mapped.erase(found);
  return inner ? inner->unmap(address) : Status();
}

std::string CheckedMemory::describeLeaks() const {
  std::string text;
  if (!reserved.empty())
    text += std::to_string(reserved.size()) + " ranges ";
  if (!granules.empty())
    text += std::to_string(granules.size()) + " granules ";
  if (!mapped.empty())
    text += std::to_string(mapped.size()) + " mappings ";
  return text;
}
