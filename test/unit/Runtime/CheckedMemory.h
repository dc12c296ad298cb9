//===- CheckedMemory.h - a machine that knows what may be asked -*- C++ -*-===//

#ifndef ATTN_TEST_UNIT_RUNTIME_CHECKEDMEMORY_H
#define ATTN_TEST_UNIT_RUNTIME_CHECKEDMEMORY_H

#include "attn/Runtime/KvCache/VirtualMemory.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace attn::test {

/// Checks the pre-conditions of each call, among them that nothing is unmapped
/// that a reader in flight may read, and can fail any call. Passes calls on to
/// another machine, or without one only keeps accounts, of addresses that
/// nothing is behind.
class CheckedMemory : public VirtualMemory {
public:
  explicit CheckedMemory(uint64_t granularity) : granularity(granularity) {}
  explicit CheckedMemory(std::shared_ptr<VirtualMemory> inner)
      : granularity(inner->getGranularity()), inner(std::move(inner)) {}

  uint64_t getGranularity() const override { return granularity; }
  Result<Address> reserve(uint64_t bytes) override;
  Status free(Address address, uint64_t bytes) override;
  Result<Granule> create() override;
  Status release(Granule granule) override;
  Status map(Address address, Granule granule) override;
  Status unmap(Address address) override;

  /// Makes the call `first` from now fail, the next one being 1; 0 none.
  void fail(int first) { failFirst = first; }
  bool hasFailed() const { return numFailures > 0; }
  void forgetFailures() { failFirst = numFailures = 0; }

  bool isMapped(Address address) const { return mapped.count(address) != 0; }
  /// How often the granule is mapped that is at an address. Pre-condition:
  /// there is one.
  int getNumMappings(Address address) const {
    return granules.at(mapped.at(address));
  }
  /// Says what granules a reader in flight may read; a number names it.
  void addReader(uint64_t reader, std::set<Address> addresses) {
    readers[reader] = std::move(addresses);
  }
  /// Readers up to this one are done.
  void endReaders(uint64_t last) {
    readers.erase(readers.begin(), readers.upper_bound(last));
  }

  size_t getNumGranules() const { return granules.size(); }
  /// What a call violated, or what is alive, or nothing.
  const std::string &getWrong() const { return wrong; }
  std::string describeLeaks() const;

  /// Names of calls, in order.
  std::vector<std::string> log;

private:
  /// Records a call. Returns whether it is to fail.
  bool enter(const char *name);
  void expect(bool condition, const char *what) {
    if (!condition && wrong.empty())
      wrong = what;
  }
  static Status makeError();

  uint64_t granularity;
  std::shared_ptr<VirtualMemory> inner;
  std::map<Address, uint64_t> reserved;
  std::map<Address, Granule> mapped;
  /// How often each granule is mapped.
  std::map<Granule, int> granules;
  std::map<uint64_t, std::set<Address>> readers;
  uint64_t nextAddress = uint64_t(1) << 40, nextGranule = 1;
  int failFirst = 0, numFailures = 0;
  std::string wrong;
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_RUNTIME_CHECKEDMEMORY_H
