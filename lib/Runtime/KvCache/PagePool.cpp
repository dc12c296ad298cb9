//===- PagePool.cpp - pages of a cache, and who refers to them ------------===//

#include "attn/Runtime/KvCache/PagePool.h"

using namespace attn;

PagePool::PagePool(int32_t numPages) : counts(static_cast<size_t>(numPages)) {
  // The first page is taken first.
  free.reserve(counts.size());
  for (PageId page = numPages; page-- > 0;)
    free.push_back(page);
}

PageId PagePool::take() {
  PageId page = free.back();
  free.pop_back();
  counts[static_cast<size_t>(page)] = 1;
  return page;
}

void PagePool::release(PageId page) {
  if (--counts[static_cast<size_t>(page)] == 0)
    free.push_back(page);
}

std::string PagePool::check() const {
  std::vector<bool> isListed(counts.size());
  for (PageId page : free) {
    auto at = static_cast<size_t>(page);
    if (page < 0 || at >= counts.size() || isListed[at])
      return "page " + std::to_string(page) +
             " is listed as free twice, or is "
             "no page";
    isListed[at] = true;
  }
  for (size_t at = 0; at < counts.size(); ++at)
    if (counts[at] < 0 || (counts[at] == 0) != isListed[at])
      return "page " + std::to_string(at) + " has " +
             std::to_string(counts[at]) + " references and is " +
             (isListed[at] ? "" : "not ") + "listed as free";
  return {};
}
