//===- PagedCache.cpp - sequences over pages of a cache -------------------===//

#include "attn/Runtime/KvCache/PagedCache.h"

#include "Grow.h"
#include "Refusals.h"

#include <algorithm>

using namespace attn;

PagedCache::PagedCache(const PagedCacheOptions &options)
    : options(options), pool(std::make_unique<PagePool>(options.numPages)),
      tree(*pool, options.pageTokens),
      nodeOfPage(static_cast<size_t>(options.numPages), PrefixTree::none) {}

Result<PagedCache> PagedCache::create(const PagedCacheOptions &options) {
  constexpr int64_t kMostTokens = int64_t(1) << 20;
  if (options.numPages < 0)
    return refuse("expects no negative number of pages, but got " +
                      std::to_string(options.numPages),
                  "give the pages that there is memory for");
  if (options.pageTokens < 1 || options.pageTokens > kMostTokens)
    return refuse("expects pages of 1 to " + std::to_string(kMostTokens) +
                      " tokens, but got " + std::to_string(options.pageTokens),
                  "give a number between");
  return refuseWithoutMemory(
      [&]() -> Result<PagedCache> { return PagedCache(options); });
}

//===----------------------------------------------------------------------===//
// Sequences and their pages
//===----------------------------------------------------------------------===//

Result<size_t> PagedCache::find(SequenceId sequence) const {
  size_t at = sequence.number;
  if (at >= sequences.size())
    return refuseUnknown(at);
  const Sequence &entry = sequences[at];
  if (!entry.isLive || entry.generation != sequence.generation)
    return refuseFreed(at);
  return at;
}

SequenceId PagedCache::takeSequence(Sequence state) {
  if (unusedSequences.empty()) {
    // Room for all, so that freeing one takes no memory.
    grow(unusedSequences, sequences.size() + 1);
    sequences.emplace_back();
    unusedSequences.push_back(sequences.size() - 1);
  }
  size_t at = unusedSequences.back();
  unusedSequences.pop_back();
  state.isLive = true;
  state.generation = sequences[at].generation;
  sequences[at] = std::move(state);
  for (PageId page : sequences[at].pages)
    retain(page);
  return {static_cast<uint32_t>(at), sequences[at].generation};
}

int64_t PagedCache::countPages(int64_t tokens) const {
  return tokens / options.pageTokens + (tokens % options.pageTokens != 0);
}

PageId PagedCache::takePage() {
  if (pool->getNumFree() == 0)
    tree.evict([&](PageId page) {
      nodeOfPage[static_cast<size_t>(page)] = PrefixTree::none;
    });
  return pool->take();
}

void PagedCache::retain(PageId page) {
  pool->retain(page);
  PrefixTree::Node node = nodeOfPage[static_cast<size_t>(page)];
  if (node != PrefixTree::none)
    tree.updateIdle(node);
}

void PagedCache::release(PageId page) {
  pool->release(page);
  PrefixTree::Node node = nodeOfPage[static_cast<size_t>(page)];
  if (node != PrefixTree::none)
    tree.updateIdle(node);
}

/// Keeps the first pages only.
void PagedCache::cut(Sequence &sequence, size_t numPages) {
  for (size_t at = sequence.pages.size(); at-- > numPages;)
    release(sequence.pages[at]);
  sequence.pages.resize(numPages);
}

//===----------------------------------------------------------------------===//
// Edits
//===----------------------------------------------------------------------===//

Result<PagedCache::Created>
PagedCache::createSequence(const std::vector<TokenId> &tokens) {
  return refuseWithoutMemory([&]() -> Result<Created> {
    Sequence sequence;
    auto pageTokens = static_cast<size_t>(options.pageTokens);
    PrefixTree::Node node = PrefixTree::root;
    for (size_t first = 0; first + pageTokens < tokens.size();
         first += pageTokens) {
      node = tree.find(node, tokens.data() + first);
      if (node == PrefixTree::none)
        break;
      sequence.pages.push_back(tree.getPage(node));
    }
    size_t numCached = sequence.pages.size() * pageTokens;
    sequence.tokens.assign(tokens.begin(),
                           tokens.begin() + static_cast<ptrdiff_t>(numCached));
    return Created{takeSequence(std::move(sequence)),
                   static_cast<int64_t>(numCached)};
  });
}

Result<Append> PagedCache::append(SequenceId id,
                                  const std::vector<TokenId> &tokens) {
  return refuseWithoutMemory([&]() -> Result<Append> {
    Result<size_t> at = find(id);
    if (!at.isOk())
      return at.takeStatus();
    Sequence &sequence = sequences[*at];
    auto length = static_cast<int64_t>(sequence.tokens.size());
    int64_t end = length + static_cast<int64_t>(tokens.size());
    int64_t inLast = length % options.pageTokens;
    bool copies = !tokens.empty() && inLast != 0 &&
                  pool->getCount(sequence.pages.back()) > 1;
    int64_t needed = countPages(end) - countPages(length) + copies;
    int64_t available = int64_t(pool->getNumFree()) + tree.getNumIdle();
    if (needed > available)
      return refuse(std::to_string(tokens.size()) + " tokens more take " +
                        std::to_string(needed) + " pages, but " +
                        std::to_string(available) + " of " +
                        std::to_string(options.numPages) + " can be had",
                    "free or shorten a sequence, or make the cache larger",
                    StatusCode::resourceExhausted);
    // All the room first: what follows takes no memory.
    Append result;
    result.copies.reserve(1);
    result.slots.reserve(tokens.size());
    grow(sequence.pages, static_cast<size_t>(countPages(end)));
    grow(sequence.tokens, static_cast<size_t>(end));
    if (copies) {
      PageId from = sequence.pages.back(), to = takePage();
      release(from);
      sequence.pages.back() = to;
      result.copies.push_back({from, to, inLast});
    }
    while (static_cast<int64_t>(sequence.pages.size()) < countPages(end))
      sequence.pages.push_back(takePage());
    sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
    for (int64_t token = length; token < end; ++token) {
      PageId page =
          sequence.pages[static_cast<size_t>(token / options.pageTokens)];
      result.slots.push_back(page * options.pageTokens +
                             token % options.pageTokens);
    }
    return result;
  });
}

PrefixTree::Node PagedCache::keepPages(Sequence &sequence) {
  auto pageTokens = static_cast<size_t>(options.pageTokens);
  PrefixTree::Node node = sequence.node, firstKept = PrefixTree::none;
  try {
    for (size_t page = sequence.numCommitted;
         (page + 1) * pageTokens <= sequence.tokens.size(); ++page) {
      const TokenId *tokens = sequence.tokens.data() + page * pageTokens;
      PrefixTree::Node next = tree.find(node, tokens);
      // Of two pages with the same tokens the first is kept; the other goes
      // with its sequence.
      if (next == PrefixTree::none) {
        next = tree.insert(node, tokens, sequence.pages[page]);
        nodeOfPage[static_cast<size_t>(sequence.pages[page])] = next;
        if (firstKept == PrefixTree::none)
          firstKept = next;
      }
      node = next;
    }
  } catch (...) {
    // What was kept stands below what was there.
    for (bool isDone = firstKept == PrefixTree::none; !isDone;) {
      isDone = node == firstKept;
      PrefixTree::Node parent = tree.getParent(node);
      nodeOfPage[static_cast<size_t>(tree.getPage(node))] = PrefixTree::none;
      tree.remove(node);
      node = parent;
    }
    throw;
  }
  return node;
}

Status PagedCache::commit(SequenceId id) {
  return refuseWithoutMemory([&]() -> Status {
    Result<size_t> at = find(id);
    if (!at.isOk())
      return at.takeStatus();
    if (!options.keepsPrefixes)
      return {};
    Sequence &sequence = sequences[*at];
    if (tree.getGeneration(sequence.node) != sequence.nodeGeneration) {
      sequence.node = PrefixTree::root;
      sequence.nodeGeneration = tree.getGeneration(PrefixTree::root);
      sequence.numCommitted = 0;
    }
    sequence.node = keepPages(sequence);
    sequence.nodeGeneration = tree.getGeneration(sequence.node);
    sequence.numCommitted =
        sequence.tokens.size() / static_cast<size_t>(options.pageTokens);
    return {};
  });
}

Result<SequenceId> PagedCache::fork(SequenceId id) {
  return refuseWithoutMemory([&]() -> Result<SequenceId> {
    Result<size_t> at = find(id);
    if (!at.isOk())
      return at.takeStatus();
    Sequence sequence;
    sequence.tokens = sequences[*at].tokens;
    sequence.pages = sequences[*at].pages;
    return takeSequence(std::move(sequence));
  });
}

Status PagedCache::truncate(SequenceId id, int64_t length) {
  return refuseWithoutMemory([&]() -> Status {
    Result<size_t> at = find(id);
    if (!at.isOk())
      return at.takeStatus();
    Sequence &sequence = sequences[*at];
    if (Status status =
            checkLength(length, static_cast<int64_t>(sequence.tokens.size()));
        !status.isOk())
      return status;
    cut(sequence, static_cast<size_t>(countPages(length)));
    sequence.tokens.resize(static_cast<size_t>(length));
    // Commits begin anew, with what is left.
    if (length / options.pageTokens <
        static_cast<int64_t>(sequence.numCommitted)) {
      sequence.node = PrefixTree::root;
      sequence.nodeGeneration = tree.getGeneration(PrefixTree::root);
      sequence.numCommitted = 0;
    }
    return {};
  });
}

Status PagedCache::free(SequenceId id) {
  return refuseWithoutMemory([&]() -> Status {
    Result<size_t> at = find(id);
    if (!at.isOk())
      return at.takeStatus();
    Sequence &sequence = sequences[*at];
    cut(sequence, 0);
    uint32_t generation = sequence.generation + 1;
    sequence = Sequence();
    sequence.generation = generation;
    unusedSequences.push_back(*at);
    return {};
  });
}

//===----------------------------------------------------------------------===//
// What there is
//===----------------------------------------------------------------------===//

Result<int64_t> PagedCache::getLength(SequenceId id) const {
  return refuseWithoutMemory([&]() -> Result<int64_t> {
    Result<size_t> at = find(id);
    if (!at.isOk())
      return at.takeStatus();
    return static_cast<int64_t>(sequences[*at].tokens.size());
  });
}

Result<std::vector<TokenId>> PagedCache::getTokens(SequenceId id) const {
  return refuseWithoutMemory([&]() -> Result<std::vector<TokenId>> {
    Result<size_t> at = find(id);
    if (!at.isOk())
      return at.takeStatus();
    return sequences[*at].tokens;
  });
}

Result<std::vector<PageId>> PagedCache::getTable(SequenceId id, int64_t width,
                                                 PageId sentinel) const {
  return refuseWithoutMemory([&]() -> Result<std::vector<PageId>> {
    Result<size_t> at = find(id);
    if (!at.isOk())
      return at.takeStatus();
    const std::vector<PageId> &pages = sequences[*at].pages;
    if (width < static_cast<int64_t>(pages.size()))
      return refuse("expects a table of at least " +
                        std::to_string(pages.size()) + " entries, but got " +
                        std::to_string(width),
                    "give a wider one");
    std::vector<PageId> table = pages;
    table.resize(static_cast<size_t>(width), sentinel);
    return table;
  });
}

PagedCacheStats PagedCache::getStats() const {
  PagedCacheStats stats;
  stats.numPages = options.numPages;
  stats.numFree = pool->getNumFree();
  stats.numIdle = tree.getNumIdle();
  std::vector<int64_t> users(static_cast<size_t>(options.numPages)),
      tokens(users.size());
  int64_t numReferences = 0;
  for (const Sequence &sequence : sequences) {
    stats.numSequences += sequence.isLive;
    auto length = static_cast<int64_t>(sequence.tokens.size());
    stats.numTokens += length;
    for (size_t i = 0; i < sequence.pages.size(); ++i) {
      auto page = static_cast<size_t>(sequence.pages[i]);
      int64_t first = static_cast<int64_t>(i) * options.pageTokens;
      ++users[page];
      ++numReferences;
      tokens[page] =
          std::max(tokens[page], std::min(options.pageTokens, length - first));
    }
  }
  for (size_t page = 0; page < users.size(); ++page) {
    stats.numUsed += users[page] > 0;
    stats.numShared += users[page] > 1;
    if (users[page] > 0)
      stats.numUnusedSlots += options.pageTokens - tokens[page];
  }
  if (stats.numUsed > 0)
    stats.sharing =
        static_cast<double>(numReferences) / static_cast<double>(stats.numUsed);
  return stats;
}

std::string PagedCache::check() const {
  if (std::string wrong = pool->check(); !wrong.empty())
    return wrong;
  if (std::string wrong = tree.check(); !wrong.empty())
    return wrong;
  std::vector<int32_t> references(static_cast<size_t>(options.numPages));
  std::vector<PageId> kept = tree.getPages();
  for (PageId page : kept)
    ++references[static_cast<size_t>(page)];
  size_t numNamed = 0;
  for (size_t page = 0; page < nodeOfPage.size(); ++page) {
    PrefixTree::Node node = nodeOfPage[page];
    numNamed += node != PrefixTree::none;
    if (node != PrefixTree::none &&
        tree.getPage(node) != static_cast<PageId>(page))
      return "page " + std::to_string(page) + " has the node of another";
  }
  if (numNamed != kept.size())
    return "a page of the tree has no node";
  for (size_t at = 0; at < sequences.size(); ++at) {
    const Sequence &sequence = sequences[at];
    std::string name = "sequence " + std::to_string(at);
    if (!sequence.isLive && !sequence.pages.empty())
      return name + " is free and has pages";
    auto length = static_cast<int64_t>(sequence.tokens.size());
    if (static_cast<int64_t>(sequence.pages.size()) != countPages(length))
      return name + " has " + std::to_string(sequence.pages.size()) +
             " pages for " + std::to_string(length) + " tokens";
    for (PageId page : sequence.pages)
      ++references[static_cast<size_t>(page)];
  }
  for (size_t page = 0; page < references.size(); ++page)
    if (references[page] != pool->getCount(static_cast<PageId>(page)))
      return "page " + std::to_string(page) + " has " +
             std::to_string(pool->getCount(static_cast<PageId>(page))) +
             " references, but is named " + std::to_string(references[page]) +
             " times";
  return {};
}
