//===- HostBlocks.h - blocks of keys and values on a CPU --------*- C++ -*-===//
//
// The memory of a paged cache (a block is a page) or of a dense one (a block is
// a sequence's slot), in one piece. Pages of the system come when they are
// first written, huge ones where the system gives them.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_HOSTBLOCKS_H
#define ATTN_RUNTIME_KVCACHE_HOSTBLOCKS_H

#include "attn/Runtime/KvCache/KvLayout.h"
#include "attn/Runtime/KvCache/Sequence.h"

#include <cstddef>
#include <memory>

namespace attn {

class HostBlocks {
public:
  /// Blocks that read as zeros. Refused if the system has no addresses for
  /// them.
  static Result<HostBlocks> create(const KvLayout &layout, int32_t numBlocks);

  const KvLayout &getLayout() const { return layout; }
  int32_t getNumBlocks() const { return numBlocks; }

  /// Where the first block begins, aligned to the system's pages, the others
  /// follow. Null without blocks.
  std::byte *getData() const { return data.get(); }
  /// Pre-condition: there is such a block and row.
  std::byte *getRow(PageId block, KvSide side, int64_t layer, int64_t token,
                    int64_t head) const {
    return data.get() + block * layout.getBlockBytes() +
           layout.getOffset(side, layer, token, head);
  }

  /// Carries out what a cache has asked for. Refuses blocks and tokens that
  /// there are not.
  Status copy(const PageCopy &copy);

private:
  struct Unmap {
    size_t bytes;
    void operator()(std::byte *data) const;
  };

  explicit HostBlocks(const KvLayout &layout) : layout(layout) {}

  KvLayout layout;
  int32_t numBlocks = 0;
  std::unique_ptr<std::byte, Unmap> data;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_HOSTBLOCKS_H
