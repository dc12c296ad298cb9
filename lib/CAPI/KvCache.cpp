//===- KvCache.cpp - the C interface of caches' accounts -----------------===//

#include "attn-c/KvCache.h"

#include "Caches.h"

using namespace attn;
using namespace attn::capi;

/// Refuses a number of tokens that no array of them has: read as a signed one
/// it would be negative.
static Status checkCount(const char *name, size_t numTokens) {
  constexpr size_t most = SIZE_MAX / 2 / sizeof(TokenId);
  if (numTokens <= most)
    return {};
  return Status::error(StatusCode::resourceExhausted, name,
                       "expects at most " + std::to_string(most) +
                           " tokens, but got " + std::to_string(numTokens),
                       "append them in parts");
}

/// Refuses more tokens than all pages hold, before any is copied.
static Status checkRoom(const char *name, const PagedCache &cache,
                        size_t numTokens) {
  if (Status status = checkCount(name, numTokens); !status.isOk())
    return status;
  const PagedCacheOptions &options = cache.getOptions();
  int64_t room = int64_t(options.numPages) * options.pageTokens;
  if (static_cast<int64_t>(numTokens) <= room)
    return {};
  return Status::error(StatusCode::resourceExhausted, name,
                       "expects tokens that the cache's " +
                           std::to_string(options.numPages) + " pages of " +
                           std::to_string(options.pageTokens) +
                           " hold, but got " + std::to_string(numTokens),
                       "append fewer, or make the cache larger");
}

attn_status attn_paged_cache_create(const attn_paged_cache_options *given,
                                    attn_cache *cache) {
  static constexpr const char *name = "attn_paged_cache_create";
  return guarded(name, [&]() -> Status {
    if (!cache)
      return isNull(name, "a place for the cache");
    *cache = {};
    if (!given)
      return isNull(name, "options");
    attn_paged_cache_options options;
    if (Status status = readOptions(name, given, options); !status.isOk())
      return status;
    PagedCacheOptions paged;
    paged.numPages = options.num_pages;
    paged.pageTokens = options.page_tokens;
    paged.keepsPrefixes = options.forgets_prefixes == 0;
    return addCache(PagedCache::create(paged), cache);
  });
}

attn_status attn_dense_cache_create(int32_t num_slots, int64_t capacity,
                                    attn_cache *cache) {
  return guarded("attn_dense_cache_create", [&]() -> Status {
    if (!cache)
      return isNull("attn_dense_cache_create", "a place for the cache");
    *cache = {};
    return addCache(DenseCache::create(num_slots, capacity), cache);
  });
}

attn_status
attn_streaming_cache_create(const attn_streaming_cache_options *given,
                            attn_cache *cache) {
  static constexpr const char *name = "attn_streaming_cache_create";
  return guarded(name, [&]() -> Status {
    if (!cache)
      return isNull(name, "a place for the cache");
    *cache = {};
    if (!given)
      return isNull(name, "options");
    attn_streaming_cache_options options;
    if (Status status = readOptions(name, given, options); !status.isOk())
      return status;
    if (options.num_heads != 0 && !options.heads)
      return isNull(name, "heads");
    StreamingCacheOptions streaming;
    streaming.numSlots = options.num_slots;
    streaming.capacity = options.capacity;
    streaming.maxAppend = options.max_append == 0 ? 1 : options.max_append;
    for (size_t i = 0; i < options.num_heads; ++i)
      streaming.heads.push_back(
          {options.heads[i].sink_tokens, options.heads[i].window_tokens});
    return addCache(StreamingCache::create(streaming), cache);
  });
}

attn_status attn_cache_release(attn_cache cache) {
  return release<CacheObject>(cache.id);
}

attn_status attn_sequence_create(attn_cache cache, const int32_t *tokens,
                                 size_t num_tokens, attn_sequence *sequence,
                                 int64_t *num_cached) {
  static constexpr const char *name = "attn_sequence_create";
  if (!sequence || (!tokens && num_tokens != 0))
    return guarded(name, [&] {
      return isNull(name, sequence ? "tokens" : "a place for the sequence");
    });
  // A number that no sequence has.
  *sequence = {UINT32_MAX, UINT32_MAX};
  if (num_cached)
    *num_cached = 0;
  auto ofSlots = [&](auto &accounts) -> Status {
    Result<SequenceId> created = accounts.createSequence();
    if (!created.isOk())
      return created.takeStatus();
    *sequence = toC(*created);
    return {};
  };
  return withCache(
      name, cache,
      [&](PagedCache &accounts) -> Status {
        if (Status status = checkCount(name, num_tokens); !status.isOk())
          return status;
        auto created =
            accounts.createSequence(std::vector(tokens, tokens + num_tokens));
        if (!created.isOk())
          return created.takeStatus();
        *sequence = toC(created->sequence);
        if (num_cached)
          *num_cached = created->numCached;
        return {};
      },
      [&](auto &accounts) { return ofSlots(accounts); });
}

attn_status attn_sequence_append(attn_cache cache, attn_sequence sequence,
                                 const int32_t *tokens, size_t num_tokens,
                                 int64_t *slots, attn_page_copy *copy) {
  static constexpr const char *name = "attn_sequence_append";
  if (!slots && num_tokens != 0)
    return guarded(name, [&] { return isNull(name, "a place for the slots"); });
  if (copy)
    *copy = {};
  auto ofSlots = [&](auto &accounts) -> Status {
    if (Status status = checkCount(name, num_tokens); !status.isOk())
      return status;
    Result<int64_t> first =
        accounts.append(toId(sequence), static_cast<int64_t>(num_tokens));
    if (!first.isOk())
      return first.takeStatus();
    for (size_t i = 0; i < num_tokens; ++i)
      slots[i] = *first + static_cast<int64_t>(i);
    return {};
  };
  return withCache(
      name, cache,
      [&](PagedCache &accounts) -> Status {
        if (!copy)
          return isNull(name, "a place for the copy");
        if (!tokens && num_tokens != 0 && accounts.getOptions().keepsPrefixes)
          return isNull(name, "tokens");
        if (Status status = checkRoom(name, accounts, num_tokens);
            !status.isOk())
          return status;
        Result<Append> done = accounts.append(
            toId(sequence), tokens ? std::vector(tokens, tokens + num_tokens)
                                   : std::vector<TokenId>(num_tokens));
        if (!done.isOk())
          return done.takeStatus();
        std::copy(done->slots.begin(), done->slots.end(), slots);
        if (!done->copies.empty())
          *copy = toC(done->copies.front());
        return {};
      },
      [&](auto &accounts) { return ofSlots(accounts); });
}

attn_status attn_sequence_commit(attn_cache cache, attn_sequence sequence) {
  static constexpr const char *name = "attn_sequence_commit";
  return withCache(
      name, cache,
      [&](PagedCache &accounts) { return accounts.commit(toId(sequence)); },
      [&](auto &) { return refuseKind(name, "a paged cache"); });
}

attn_status attn_sequence_fork(attn_cache cache, attn_sequence sequence,
                               attn_sequence *forked, attn_page_copy *copy) {
  static constexpr const char *name = "attn_sequence_fork";
  if (!forked)
    return guarded(name,
                   [&] { return isNull(name, "a place for the sequence"); });
  *forked = {UINT32_MAX, UINT32_MAX};
  if (copy)
    *copy = {};
  auto ofSlots = [&](auto &accounts) -> Status {
    if (!copy)
      return isNull(name, "a place for the copy");
    auto done = accounts.fork(toId(sequence));
    if (!done.isOk())
      return done.takeStatus();
    *forked = toC(done->sequence);
    *copy = toC(done->copy);
    return {};
  };
  return withCache(
      name, cache,
      [&](PagedCache &accounts) -> Status {
        Result<SequenceId> done = accounts.fork(toId(sequence));
        if (!done.isOk())
          return done.takeStatus();
        *forked = toC(*done);
        return {};
      },
      [&](VirtualCache &) {
        return refuseKind(name, "a cache whose copies are of tokens",
                          "call attn_virtual_cache_fork");
      },
      [&](auto &accounts) { return ofSlots(accounts); });
}

attn_status attn_sequence_truncate(attn_cache cache, attn_sequence sequence,
                                   int64_t length) {
  return withCache("attn_sequence_truncate", cache, [&](auto &accounts) {
    return accounts.truncate(toId(sequence), length);
  });
}

attn_status attn_sequence_free(attn_cache cache, attn_sequence sequence) {
  return withCache("attn_sequence_free", cache, [&](auto &accounts) {
    return accounts.free(toId(sequence));
  });
}

attn_status attn_sequence_length(attn_cache cache, attn_sequence sequence,
                                 int64_t *length) {
  static constexpr const char *name = "attn_sequence_length";
  return withCache(name, cache, [&](auto &accounts) -> Status {
    if (!length)
      return isNull(name, "a place for the length");
    *length = 0;
    Result<int64_t> found = accounts.getLength(toId(sequence));
    if (!found.isOk())
      return found.takeStatus();
    *length = *found;
    return {};
  });
}

attn_status attn_sequence_table(attn_cache cache, attn_sequence sequence,
                                int32_t sentinel, int32_t *pages,
                                size_t width) {
  static constexpr const char *name = "attn_sequence_table";
  if (!pages && width != 0)
    return guarded(name, [&] { return isNull(name, "a place for the pages"); });
  auto ofSlots = [&](auto &accounts) -> Status {
    Result<PageId> slot = accounts.getSlot(toId(sequence));
    if (!slot.isOk())
      return slot.takeStatus();
    if (width == 0)
      return Status::error(StatusCode::invalidArgument, name,
                           "expects room for a slot, but got none",
                           "give a width of at least 1");
    std::fill(pages, pages + width, sentinel);
    pages[0] = *slot;
    return {};
  };
  return withCache(
      name, cache,
      [&](PagedCache &accounts) -> Status {
        Result<std::vector<PageId>> table = accounts.getTable(
            toId(sequence), static_cast<int64_t>(width), sentinel);
        if (!table.isOk())
          return table.takeStatus();
        std::copy(table->begin(), table->end(), pages);
        return {};
      },
      [&](auto &accounts) { return ofSlots(accounts); });
}

attn_status attn_sequence_segments(attn_cache cache, attn_sequence sequence,
                                   int32_t head, int64_t num_queries,
                                   attn_kv_segment *segments, size_t capacity,
                                   size_t *count) {
  static constexpr const char *name = "attn_sequence_segments";
  return withCache(
      name, cache,
      [&](StreamingCache &accounts) -> Status {
        if (!count || (!segments && capacity != 0))
          return isNull(name, count ? "segments" : "a place for the count");
        *count = 0;
        Result<std::vector<KvSegment>> found =
            accounts.getSegments(toId(sequence), head, num_queries);
        if (!found.isOk())
          return found.takeStatus();
        *count = found->size();
        for (size_t i = 0; i < std::min(capacity, found->size()); ++i)
          segments[i] = {(*found)[i].first, (*found)[i].count,
                         (*found)[i].position};
        return {};
      },
      [&](auto &) { return refuseKind(name, "a streaming cache"); });
}

attn_status attn_streaming_cache_place(attn_cache cache, int32_t head,
                                       int64_t position, int64_t *row) {
  static constexpr const char *name = "attn_streaming_cache_place";
  return withCache(
      name, cache,
      [&](StreamingCache &accounts) -> Status {
        if (!row)
          return isNull(name, "a place for the row");
        *row = 0;
        if (head < 0 || head >= accounts.getNumHeads() || position < 0 ||
            position >= accounts.getCapacity())
          return Status::error(
              StatusCode::invalidArgument, name,
              "expects one of " + std::to_string(accounts.getNumHeads()) +
                  " heads and " + std::to_string(accounts.getCapacity()) +
                  " positions, but got " + std::to_string(head) + " and " +
                  std::to_string(position),
              "give a head and a position of the cache");
        *row = accounts.getFirstRow(head) + accounts.getPlace(head, position);
        return {};
      },
      [&](auto &) { return refuseKind(name, "a streaming cache"); });
}

attn_status attn_streaming_cache_rows(attn_cache cache, int64_t *num_rows) {
  static constexpr const char *name = "attn_streaming_cache_rows";
  return withCache(
      name, cache,
      [&](StreamingCache &accounts) -> Status {
        if (!num_rows)
          return isNull(name, "a place for the number");
        *num_rows = accounts.getNumRows();
        return {};
      },
      [&](auto &) { return refuseKind(name, "a streaming cache"); });
}

attn_status attn_cache_get_stats(attn_cache cache, attn_cache_stats *stats) {
  static constexpr const char *name = "attn_cache_get_stats";
  attn_cache_stats all = {};
  all.sharing = 1;
  // In slots, all that sequences have is their own.
  auto setSlots = [&](int64_t numSlots, int64_t numSequences) {
    all.num_pages = numSlots;
    all.num_sequences = all.num_used = numSequences;
    all.num_free = numSlots - numSequences;
  };
  return withCache(name, cache, [&](auto &accounts) -> Status {
    if (!stats)
      return isNull(name, "a place for the accounts");
    if (stats->struct_size < sizeof(size_t))
      return Status::error(StatusCode::invalidArgument, name,
                           "expects a struct that begins with its size, "
                           "but got a size of " +
                               std::to_string(stats->struct_size),
                           "set struct_size to sizeof(attn_cache_stats)");
    auto is = accounts.getStats();
    all.num_tokens = is.numTokens;
    if constexpr (std::is_same_v<decltype(is), PagedCacheStats>) {
      all.num_sequences = is.numSequences;
      all.num_pages = is.numPages;
      all.num_free = is.numFree;
      all.num_idle = is.numIdle;
      all.num_used = is.numUsed;
      all.num_shared = is.numShared;
      all.num_unused = is.numUnusedSlots;
      all.sharing = is.sharing;
    } else if constexpr (std::is_same_v<decltype(is), VirtualCacheStats>) {
      all.num_sequences = is.numSequences;
      all.num_pages = is.numGranules;
      all.num_free = is.numUnmapped;
      all.num_idle = is.numIdle;
      all.num_used = is.numUsed;
      all.num_shared = is.numShared;
      all.num_unused = is.numWastedBytes / accounts.getLayout().getTokenBytes();
      all.sharing = is.sharing;
    } else {
      setSlots(accounts.getNumSlots(), is.numSequences);
      if constexpr (std::is_same_v<decltype(is), DenseCacheStats>)
        all.num_unused = is.numUnusedSlots;
    }
    all.struct_size = stats->struct_size;
    std::memcpy(stats, &all, std::min(stats->struct_size, sizeof(all)));
    return {};
  });
}
