//===- GranulePool.cpp - physical memory of a cache -----------------------===//

#include "attn/Runtime/KvCache/GranulePool.h"

using namespace attn;

GranulePool::GranulePool(std::shared_ptr<VirtualMemory> machine,
                         int32_t mostGranules)
    : memory(std::move(machine)), granules(static_cast<size_t>(mostGranules)) {
  unmapped.reserve(granules.size());
  uncreated.reserve(granules.size());
  for (Id id = mostGranules; id-- > 0;)
    uncreated.push_back(id);
}

GranulePool::~GranulePool() {
  // Best effort: there is nobody to tell.
  for (Id id : unmapped)
    (void)memory->release(get(id).granule);
}

Result<GranulePool::Id> GranulePool::map(VirtualMemory::Address address) {
  if (unmapped.empty()) {
    Result<VirtualMemory::Granule> created = memory->create();
    if (!created.isOk())
      return created.takeStatus();
    Id id = uncreated.back();
    uncreated.pop_back();
    get(id).granule = *created;
    unmapped.push_back(id);
  }
  Id id = unmapped.back();
  if (Status status = memory->map(address, get(id).granule); !status.isOk())
    return status;
  unmapped.pop_back();
  get(id).numMappings = 1;
  return id;
}

Status GranulePool::mapAgain(VirtualMemory::Address address, Id id) {
  Status status = memory->map(address, get(id).granule);
  if (status.isOk())
    ++get(id).numMappings;
  return status;
}

Status GranulePool::unmap(VirtualMemory::Address address, Id id) {
  Status status = memory->unmap(address);
  if (status.isOk() && --get(id).numMappings == 0)
    unmapped.push_back(id);
  return status;
}

Status GranulePool::release() {
  while (!unmapped.empty()) {
    Id id = unmapped.back();
    if (Status status = memory->release(get(id).granule); !status.isOk())
      return status;
    unmapped.pop_back();
    uncreated.push_back(id);
  }
  return {};
}

std::string GranulePool::check() const {
  std::vector<bool> isListed(granules.size());
  for (const std::vector<Id> *list : {&unmapped, &uncreated})
    for (Id id : *list) {
      auto at = static_cast<size_t>(id);
      if (id < 0 || at >= granules.size() || isListed[at])
        return "granule " + std::to_string(id) +
               " is listed twice, or is no granule";
      isListed[at] = true;
    }
  for (size_t at = 0; at < granules.size(); ++at)
    if ((granules[at].numMappings > 0) == isListed[at])
      return "granule " + std::to_string(at) + " has " +
             std::to_string(granules[at].numMappings) + " mappings and is " +
             (isListed[at] ? "" : "not ") + "listed as without any";
  return {};
}
