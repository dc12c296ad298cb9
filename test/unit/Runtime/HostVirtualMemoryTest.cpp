//===- HostVirtualMemoryTest.cpp - a CPU's addresses and memory -----------===//

#include "attn/Runtime/KvCache/VirtualMemory.h"

#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace attn;

namespace {
constexpr uint64_t kGranule = 8192;

std::shared_ptr<VirtualMemory> create() {
  auto memory = createHostVirtualMemory(kGranule);
  EXPECT_TRUE(memory.isOk()) << memory.getStatus().message();
  return *memory;
}

char *getPointer(VirtualMemory::Address address) {
  return reinterpret_cast<char *>(uintptr_t(address));
}

/// Whether the system can read a byte there.
bool isReadable(VirtualMemory::Address address) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  bool isWritten = write(ends[1], getPointer(address), 1) == 1;
  close(ends[0]);
  close(ends[1]);
  return isWritten;
}

TEST(HostVirtualMemory, RefusesPartsOfPages) {
  EXPECT_EQ(createHostVirtualMemory(1000).getStatus().message(),
            "cache: expects granules of a multiple of 4096 bytes, but got "
            "1000; give a multiple of the system's page");
  EXPECT_FALSE(createHostVirtualMemory(0).isOk());
  EXPECT_EQ((*createHostVirtualMemory())->getGranularity(), 2u << 20);
}

// Addresses alone hold nothing; a granule does wherever it is mapped, and keeps
// what was written to it.
TEST(HostVirtualMemory, PutsMemoryBehindAddresses) {
  auto memory = create();
  auto base = memory->reserve(4 * kGranule);
  ASSERT_TRUE(base.isOk());
  EXPECT_FALSE(isReadable(*base));
  auto a = memory->create(), b = memory->create();
  ASSERT_TRUE(a.isOk() && b.isOk());
  ASSERT_TRUE(memory->map(*base, *a).isOk());
  ASSERT_TRUE(memory->map(*base + kGranule, *b).isOk());
  EXPECT_FALSE(isReadable(*base + 2 * kGranule));
  // Contiguous in address.
  std::memset(getPointer(*base), 1, 2 * kGranule);
  std::strcpy(getPointer(*base + kGranule - 4), "across");
  ASSERT_TRUE(memory->map(*base + 3 * kGranule, *b).isOk());
  EXPECT_STREQ(getPointer(*base + 3 * kGranule), "ss");
  ASSERT_TRUE(memory->unmap(*base + kGranule).isOk());
  EXPECT_FALSE(isReadable(*base + kGranule));
  EXPECT_STREQ(getPointer(*base + 3 * kGranule), "ss");
  ASSERT_TRUE(memory->unmap(*base + 3 * kGranule).isOk());
  ASSERT_TRUE(memory->release(*b).isOk());
  // What comes next does not read what another has left.
  auto c = memory->create();
  ASSERT_TRUE(c.isOk());
  ASSERT_TRUE(memory->map(*base + kGranule, *c).isOk());
  EXPECT_EQ(*getPointer(*base + kGranule), 0);
  EXPECT_EQ(std::memcmp(getPointer(*base + kGranule - 4), "acro", 4), 0);
  ASSERT_TRUE(memory->unmap(*base).isOk());
  ASSERT_TRUE(memory->unmap(*base + kGranule).isOk());
  ASSERT_TRUE(memory->free(*base, 4 * kGranule).isOk());
}

TEST(HostVirtualMemory, SaysWhatTheSystemRefuses) {
  auto memory = create();
  auto refused = memory->reserve(uint64_t(1) << 60);
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.getStatus().getCode(), StatusCode::resourceExhausted);
  EXPECT_EQ(refused.getStatus().message(),
            "cache: expects 1152921504606846976 bytes of addresses, but got: "
            "Cannot allocate memory; free memory or make the cache smaller");
}
} // namespace
