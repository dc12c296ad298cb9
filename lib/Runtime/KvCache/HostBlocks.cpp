//===- HostBlocks.cpp - blocks of keys and values on a CPU ----------------===//

#include "attn/Runtime/KvCache/HostBlocks.h"

#include "BlockCopies.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>

using namespace attn;

void HostBlocks::Unmap::operator()(std::byte *data) const {
  munmap(data, bytes);
}

Result<HostBlocks> HostBlocks::create(const KvLayout &layout,
                                      int32_t numBlocks) {
  return refuseWithoutMemory([&]() -> Result<HostBlocks> {
    if (Status status = checkNumBlocks(numBlocks); !status.isOk())
      return status;
    HostBlocks blocks(layout);
    blocks.numBlocks = numBlocks;
    if (numBlocks == 0)
      return blocks;
    size_t bytes = 0;
    int error = ENOMEM;
    void *data = MAP_FAILED;
    if (!__builtin_mul_overflow(static_cast<size_t>(layout.getBlockBytes()),
                                static_cast<size_t>(numBlocks), &bytes)) {
      data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      error = errno;
    }
    if (data == MAP_FAILED)
      return refuse("expects memory for " + std::to_string(numBlocks) +
                        " blocks of " + std::to_string(layout.getBlockBytes()) +
                        " bytes, but got: " + std::strerror(error),
                    "make the cache smaller", StatusCode::resourceExhausted);
    // An advice: the system may have none, or be told not to give them.
    (void)madvise(data, bytes, MADV_HUGEPAGE);
    blocks.data = {static_cast<std::byte *>(data), Unmap{bytes}};
    return blocks;
  });
}

Status HostBlocks::copy(const PageCopy &copy) {
  return refuseWithoutMemory([&]() -> Status {
    if (Status status = checkCopy(copy, layout, numBlocks); !status.isOk())
      return status;
    const std::byte *from = data.get() + copy.from * layout.getBlockBytes();
    std::byte *to = data.get() + copy.to * layout.getBlockBytes();
    for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
      KvLayout::Stream stream = layout.getStream(i);
      std::memcpy(to + stream.offset, from + stream.offset,
                  static_cast<size_t>(copy.numTokens * stream.tokenBytes));
    }
    return {};
  });
}
