//===- PagePool.h - pages of a cache, and who refers to them ----*- C++ -*-===//
//
// Numbers of pages only: what a page is, and where, is the matter of what holds
// the cache's memory. A page is free, or referred to by as many holders as its
// count says.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_PAGEPOOL_H
#define ATTN_RUNTIME_KVCACHE_PAGEPOOL_H

#include "attn/Runtime/KvCache/Sequence.h"

#include <cstddef>
#include <string>
#include <vector>

namespace attn {

class PagePool {
public:
  explicit PagePool(int32_t numPages);

  int32_t getNumPages() const { return static_cast<int32_t>(counts.size()); }
  int32_t getNumFree() const { return static_cast<int32_t>(free.size()); }
  /// References to a page; 0 if it is free.
  int32_t getCount(PageId page) const {
    return counts[static_cast<size_t>(page)];
  }

  /// A free page, with one reference. Pre-condition: there is one.
  PageId take();
  /// One reference more. Pre-condition: the page is not free.
  void retain(PageId page) { ++counts[static_cast<size_t>(page)]; }
  /// One reference less; without any the page is free. Pre-condition: the page
  /// is not free.
  void release(PageId page);

  /// What is wrong with the lists and counts, or nothing.
  std::string check() const;

private:
  std::vector<int32_t> counts;
  /// The last one is taken next.
  std::vector<PageId> free;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_PAGEPOOL_H
