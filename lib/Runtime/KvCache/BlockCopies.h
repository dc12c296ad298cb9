//===- BlockCopies.h - what may be copied from block to block ---*- C++ -*-===//

#ifndef ATTN_LIB_RUNTIME_KVCACHE_BLOCKCOPIES_H
#define ATTN_LIB_RUNTIME_KVCACHE_BLOCKCOPIES_H

#include "Refusals.h"

#include "attn/Runtime/KvCache/KvLayout.h"
#include "attn/Runtime/KvCache/Sequence.h"

namespace attn {

inline Status checkNumBlocks(int32_t numBlocks) {
  if (numBlocks >= 0)
    return {};
  return refuse("expects no negative number of blocks, but got " +
                    std::to_string(numBlocks),
                "give the pages or slots of the cache");
}

/// Refuses blocks and tokens that there are not.
inline Status checkCopy(const PageCopy &copy, const KvLayout &layout,
                        int32_t numBlocks) {
  for (PageId block : {copy.from, copy.to})
    if (block < 0 || block >= numBlocks)
      return refuse("expects a block below " + std::to_string(numBlocks) +
                        ", but got " + std::to_string(block),
                    "give a copy that this memory's cache has returned");
  if (copy.from == copy.to)
    return refuse("expects a copy to another block, but got block " +
                      std::to_string(copy.to) + " twice",
                  "give a copy that this memory's cache has returned");
  if (copy.numTokens < 0 || copy.numTokens > layout.getBlockTokens())
    return refuse("expects to copy 0 to " +
                      std::to_string(layout.getBlockTokens()) +
                      " tokens, but got " + std::to_string(copy.numTokens),
                  "give a copy that this memory's cache has returned");
  return {};
}

} // namespace attn

#endif // ATTN_LIB_RUNTIME_KVCACHE_BLOCKCOPIES_H
