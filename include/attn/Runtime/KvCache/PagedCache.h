//===- PagedCache.h - sequences over pages of a cache -----------*- C++ -*-===//
//
// Which tokens of which sequence lie in which page: the accounts of a paged
// cache of keys and values, without its memory. Sequences grow, are forked,
// shortened and freed; what they have in common they share by page until one of
// them writes (copy on write). Full pages whose tokens have been written are
// kept after their sequences are gone, and found by new ones that begin with
// the same tokens, as long as nobody needs the room.
//
// A call that is refused changes nothing, also where the host's memory runs
// out. Not for use by several threads at once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_PAGEDCACHE_H
#define ATTN_RUNTIME_KVCACHE_PAGEDCACHE_H

#include "attn/Runtime/KvCache/PrefixTree.h"
#include "attn/Runtime/Status.h"

#include <memory>

namespace attn {

struct PagedCacheOptions {
  /// Pages of the cache, and tokens of a page.
  int32_t numPages = 0;
  int64_t pageTokens = 16;
  /// Whether pages are kept for sequences to come.
  bool keepsPrefixes = true;
};

/// What the caller has to do for an append.
struct Append {
  /// At most one.
  std::vector<PageCopy> copies;
  /// Where each of the tokens goes: page * pageTokens + place in the page.
  std::vector<int64_t> slots;
};

struct PagedCacheStats {
  /// Pages: all, free, kept for prefixes alone, referred to by sequences, and
  /// of these by several.
  int64_t numPages = 0, numFree = 0, numIdle = 0, numUsed = 0, numShared = 0;
  int64_t numSequences = 0;
  /// Tokens of all sequences, and slots of their pages beyond their ends; a
  /// page counts once. A sequence leaves fewer than `pageTokens` unused.
  int64_t numTokens = 0, numUnusedSlots = 0;
  /// Pages that sequences would take without sharing, over those they do.
  double sharing = 1;
};

class PagedCache {
public:
  /// Refuses options that are out of range.
  static Result<PagedCache> create(const PagedCacheOptions &options);

  struct Created {
    SequenceId sequence;
    /// Tokens at its beginning whose keys and values are there. The last token
    /// is never among them: its query has still to be computed.
    int64_t numCached;
  };
  /// A sequence that will begin with `tokens`, and has as many of them as kept
  /// pages begin with.
  Result<Created> createSequence(const std::vector<TokenId> &tokens = {});

  /// Room for `tokens` behind the last one. Takes kept pages if no other is
  /// free. Refused if the pages do not suffice.
  Result<Append> append(SequenceId sequence,
                        const std::vector<TokenId> &tokens);
  /// Says that the keys and values of all tokens so far are written, or will be
  /// before anything that is enqueued from now on: others may find them.
  Status commit(SequenceId sequence);
  /// Another sequence with the same tokens. It shares all pages.
  Result<SequenceId> fork(SequenceId sequence);
  /// Drops all tokens from `length` on. Refused if there are fewer.
  Status truncate(SequenceId sequence, int64_t length);
  Status free(SequenceId sequence);

  Result<int64_t> getLength(SequenceId sequence) const;
  Result<std::vector<TokenId>> getTokens(SequenceId sequence) const;
  /// The pages of a sequence, in its order, then `sentinel` up to `width`
  /// entries. Refused if the sequence has more pages.
  Result<std::vector<PageId>> getTable(SequenceId sequence, int64_t width,
                                       PageId sentinel = -1) const;

  const PagedCacheOptions &getOptions() const { return options; }
  PagedCacheStats getStats() const;
  /// What is wrong with the accounts, or nothing: for tests, and for callers
  /// that have reason to doubt. Looks at everything.
  std::string check() const;

private:
  struct Sequence {
    uint32_t generation = 0;
    bool isLive = false;
    std::vector<TokenId> tokens;
    std::vector<PageId> pages;
    /// The node of the first pages that were committed, if the tree still has
    /// it, and how many they are.
    PrefixTree::Node node = PrefixTree::root;
    uint32_t nodeGeneration = 0;
    size_t numCommitted = 0;
  };

  explicit PagedCache(const PagedCacheOptions &options);
  /// The place of a live sequence.
  Result<size_t> find(SequenceId sequence) const;
  /// A free sequence with what `state` holds; throws std::bad_alloc before it
  /// changes anything.
  SequenceId takeSequence(Sequence state);
  /// Keeps full pages from `node` on; returns the last one's node.
  PrefixTree::Node keepPages(Sequence &sequence);
  int64_t countPages(int64_t tokens) const;
  PageId takePage();
  void retain(PageId page);
  void release(PageId page);
  void cut(Sequence &sequence, size_t numPages);

  PagedCacheOptions options;
  /// Kept at one place: the tree refers to it.
  std::unique_ptr<PagePool> pool;
  PrefixTree tree;
  std::vector<Sequence> sequences;
  std::vector<size_t> unusedSequences;
  /// The node that a page belongs to, or none.
  std::vector<PrefixTree::Node> nodeOfPage;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_PAGEDCACHE_H
