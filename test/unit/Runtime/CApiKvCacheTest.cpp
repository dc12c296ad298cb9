//===- CApiKvCacheTest.cpp - caches' accounts from C ---------------------===//

#include "attn-c/KvCache.h"

#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <string>
#include <vector>

namespace {
attn_cache createPaged(int32_t pages, int64_t pageTokens) {
  attn_paged_cache_options options = {sizeof(options), pages, pageTokens, 0};
  attn_cache cache;
  EXPECT_EQ(attn_paged_cache_create(&options, &cache), ATTN_OK);
  return cache;
}

std::vector<int32_t> count(int32_t begin, size_t n) {
  std::vector<int32_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), begin);
  return tokens;
}

attn_cache_stats getStats(attn_cache cache) {
  attn_cache_stats stats = {};
  stats.struct_size = sizeof(stats);
  EXPECT_EQ(attn_cache_get_stats(cache, &stats), ATTN_OK);
  return stats;
}

TEST(CApiKvCache, SharesPrefixesAndCopiesWhenOneWrites) {
  attn_cache cache = createPaged(8, 4);
  std::vector<int32_t> tokens = count(1, 10);
  attn_sequence first, second, forked;
  int64_t cached = -1, slots[10], length;
  attn_page_copy copy;
  ASSERT_EQ(attn_sequence_create(cache, tokens.data(), 10, &first, &cached),
            ATTN_OK);
  EXPECT_EQ(cached, 0);
  ASSERT_EQ(attn_sequence_append(cache, first, tokens.data(), 10, slots, &copy),
            ATTN_OK);
  EXPECT_EQ(copy.num_tokens, 0);
  int32_t table[5];
  ASSERT_EQ(attn_sequence_table(cache, first, -7, table, 5), ATTN_OK);
  EXPECT_EQ(table[3], -7);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(slots[i], table[i / 4] * 4 + i % 4);
  ASSERT_EQ(attn_sequence_commit(cache, first), ATTN_OK);
  // Two full pages of the same tokens are there.
  ASSERT_EQ(attn_sequence_create(cache, tokens.data(), 10, &second, &cached),
            ATTN_OK);
  EXPECT_EQ(cached, 8);
  EXPECT_EQ(getStats(cache).num_shared, 2);
  // The last page of a fork is copied by who writes first.
  ASSERT_EQ(attn_sequence_fork(cache, first, &forked, nullptr), ATTN_OK);
  int32_t token = 99;
  ASSERT_EQ(attn_sequence_append(cache, forked, &token, 1, slots, &copy),
            ATTN_OK);
  EXPECT_EQ(copy.from, table[2]);
  EXPECT_EQ(copy.num_tokens, 2);
  EXPECT_EQ(slots[0], copy.to * 4 + 2);
  ASSERT_EQ(attn_sequence_truncate(cache, forked, 3), ATTN_OK);
  ASSERT_EQ(attn_sequence_length(cache, forked, &length), ATTN_OK);
  EXPECT_EQ(length, 3);
  EXPECT_EQ(getStats(cache).num_sequences, 3);
  ASSERT_EQ(attn_sequence_free(cache, forked), ATTN_OK);
  EXPECT_EQ(attn_sequence_free(cache, forked), ATTN_INVALID_ARGUMENT);
  EXPECT_EQ(attn_cache_release(cache), ATTN_OK);
  EXPECT_EQ(attn_sequence_free(cache, first), ATTN_INVALID_ARGUMENT);
}

TEST(CApiKvCache, LeavesARefusedAppendWithoutEffect) {
  attn_cache cache = createPaged(2, 4);
  std::vector<int32_t> tokens = count(0, 9);
  attn_sequence sequence;
  int64_t slots[9], length;
  attn_page_copy copy;
  ASSERT_EQ(attn_sequence_create(cache, nullptr, 0, &sequence, nullptr),
            ATTN_OK);
  EXPECT_EQ(
      attn_sequence_append(cache, sequence, tokens.data(), 9, slots, &copy),
      ATTN_RESOURCE_EXHAUSTED);
  ASSERT_EQ(attn_sequence_length(cache, sequence, &length), ATTN_OK);
  EXPECT_EQ(length, 0);
  EXPECT_EQ(getStats(cache).num_free, 2);
  EXPECT_EQ(
      attn_sequence_append(cache, sequence, tokens.data(), 8, slots, &copy),
      ATTN_OK);
  EXPECT_EQ(attn_cache_release(cache), ATTN_OK);
}

TEST(CApiKvCache, GivesSequencesSlots) {
  attn_cache cache;
  ASSERT_EQ(attn_dense_cache_create(3, 100, &cache), ATTN_OK);
  attn_sequence a, b, c;
  int64_t slots[5];
  attn_page_copy copy;
  int32_t slot;
  ASSERT_EQ(attn_sequence_create(cache, nullptr, 0, &a, nullptr), ATTN_OK);
  ASSERT_EQ(attn_sequence_append(cache, a, nullptr, 5, slots, nullptr),
            ATTN_OK);
  ASSERT_EQ(attn_sequence_fork(cache, a, &b, &copy), ATTN_OK);
  EXPECT_EQ(copy.num_tokens, 5);
  ASSERT_EQ(attn_sequence_table(cache, b, -1, &slot, 1), ATTN_OK);
  EXPECT_EQ(copy.to, slot);
  ASSERT_EQ(attn_sequence_append(cache, b, nullptr, 1, slots, nullptr),
            ATTN_OK);
  EXPECT_EQ(slots[0], slot * 100 + 5);
  ASSERT_EQ(attn_sequence_create(cache, nullptr, 0, &c, nullptr), ATTN_OK);
  EXPECT_EQ(attn_sequence_create(cache, nullptr, 0, &c, nullptr),
            ATTN_RESOURCE_EXHAUSTED);
  EXPECT_EQ(getStats(cache).num_free, 0);
  EXPECT_EQ(getStats(cache).num_tokens, 11);
  // What only paged caches do.
  EXPECT_EQ(attn_sequence_commit(cache, a), ATTN_INVALID_ARGUMENT);
  EXPECT_EQ(attn_cache_release(cache), ATTN_OK);
}

TEST(CApiKvCache, TellsWhereStreamingHeadsKeepTokens) {
  attn_head_budget heads[] = {{2, 3}, {0, 20}};
  attn_streaming_cache_options options = {sizeof(options), 2, 20, 0, heads, 2};
  attn_cache cache;
  ASSERT_EQ(attn_streaming_cache_create(&options, &cache), ATTN_OK);
  int64_t rows;
  ASSERT_EQ(attn_streaming_cache_rows(cache, &rows), ATTN_OK);
  EXPECT_EQ(rows, 5 + 20);
  attn_sequence sequence;
  ASSERT_EQ(attn_sequence_create(cache, nullptr, 0, &sequence, nullptr),
            ATTN_OK);
  for (int64_t i = 0; i < 9; ++i) {
    int64_t position;
    ASSERT_EQ(
        attn_sequence_append(cache, sequence, nullptr, 1, &position, nullptr),
        ATTN_OK);
    EXPECT_EQ(position, i);
  }
  // Positions 0 and 1, then 6, 7 and 8 in a ring of 3: 8 stands at place 2.
  attn_kv_segment segments[4];
  size_t n;
  ASSERT_EQ(attn_sequence_segments(cache, sequence, 0, 1, segments, 4, &n),
            ATTN_OK);
  std::vector<int64_t> positions;
  for (size_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < segments[i].count; ++k) {
      positions.push_back(segments[i].position + k);
      int64_t row;
      ASSERT_EQ(attn_streaming_cache_place(cache, 0, positions.back(), &row),
                ATTN_OK);
      EXPECT_EQ(row, segments[i].first + k);
    }
  EXPECT_EQ(positions, (std::vector<int64_t>{0, 1, 6, 7, 8}));
  size_t all;
  ASSERT_EQ(attn_sequence_segments(cache, sequence, 0, 1, nullptr, 0, &all),
            ATTN_OK);
  EXPECT_EQ(all, n);
  EXPECT_EQ(attn_streaming_cache_place(cache, 2, 0, &rows),
            ATTN_INVALID_ARGUMENT);
  EXPECT_EQ(attn_streaming_cache_place(cache, 0, 20, &rows),
            ATTN_INVALID_ARGUMENT);
  EXPECT_EQ(attn_cache_release(cache), ATTN_OK);
}

// Keys and values of layers and heads, of which a byte each tells them apart.
TEST(CApiKvCache, PutsMemoryBehindAddresses) {
  constexpr int64_t rowBytes = 64, capacity = 100;
  for (int byLayer : {0, 1}) {
    attn_virtual_cache_options options = {};
    options.struct_size = sizeof(options);
    options.device_type = kDLCPU;
    options.num_slots = 3;
    options.capacity = capacity;
    options.num_layers = options.num_heads = 2;
    options.key_bytes = options.value_bytes = rowBytes;
    options.by_layer = byLayer;
    options.most_granules = 64;
    options.ahead_tokens = 64;
    options.granule_bytes = 4096;
    attn_cache cache;
    ASSERT_EQ(attn_virtual_cache_create(&options, &cache), ATTN_OK)
        << attn_last_error_message();
    auto getRow = [&](int64_t slot, int layer, int side, int64_t head) {
      attn_kv_view view;
      EXPECT_EQ(attn_virtual_cache_view(cache, layer, side, &view), ATTN_OK);
      return static_cast<unsigned char *>(view.data) +
             slot / capacity * view.slot_bytes +
             slot % capacity * view.token_bytes + head * view.head_bytes;
    };
    auto forEachRow = [&](int64_t slot, auto visit) {
      for (int part = 0; part < 8; ++part)
        visit(getRow(slot, part / 4, part / 2 % 2, part % 2),
              int(slot % capacity * 8 + part) % 251);
    };
    attn_sequence first, second;
    std::vector<int64_t> slots(40);
    ASSERT_EQ(attn_sequence_create(cache, nullptr, 0, &first, nullptr),
              ATTN_OK);
    ASSERT_EQ(
        attn_sequence_append(cache, first, nullptr, 40, slots.data(), nullptr),
        ATTN_OK)
        << attn_last_error_message();
    for (int64_t slot : slots)
      forEachRow(slot, [](unsigned char *row, int mark) {
        std::memset(row, mark, rowBytes);
      });
    int32_t numMapped = 0;
    ASSERT_EQ(attn_virtual_cache_map_ahead(cache, 2, &numMapped), ATTN_OK);
    EXPECT_EQ(numMapped, 2);
    EXPECT_EQ(getStats(cache).num_idle, 2);
    // A fork has the same bytes at other addresses.
    attn_range_copy copies[4];
    size_t count;
    ASSERT_EQ(attn_virtual_cache_fork(cache, first, -1, &second, copies,
                                      byLayer ? 4 : 1, &count),
              ATTN_OK)
        << attn_last_error_message();
    for (size_t i = 0; i < count; ++i)
      std::memcpy(copies[i].to, copies[i].from, copies[i].num_bytes);
    EXPECT_GT(getStats(cache).num_shared, 0);
    EXPECT_GT(getStats(cache).sharing, 1);
    int32_t slot;
    ASSERT_EQ(attn_sequence_table(cache, second, -1, &slot, 1), ATTN_OK);
    for (int64_t token = 0; token < 40; ++token)
      forEachRow(slot * capacity + token, [](unsigned char *row, int mark) {
        for (int64_t i = 0; i < rowBytes; ++i)
          ASSERT_EQ(row[i], mark);
      });
    // What a reader may read stays until a later fence is signalled.
    ASSERT_EQ(attn_sequence_free(cache, first), ATTN_OK);
    ASSERT_EQ(attn_sequence_free(cache, second), ATTN_OK);
    uint64_t fence;
    ASSERT_EQ(attn_virtual_cache_add_fence(cache, &fence), ATTN_OK);
    EXPECT_GT(getStats(cache).num_idle, 2);
    ASSERT_EQ(attn_virtual_cache_release_unused(cache), ATTN_OK);
    EXPECT_GT(getStats(cache).num_idle, 0);
    ASSERT_EQ(attn_virtual_cache_signal_fence(cache, fence), ATTN_OK);
    ASSERT_EQ(attn_virtual_cache_release_unused(cache), ATTN_OK);
    EXPECT_EQ(getStats(cache).num_idle, 0);
    EXPECT_EQ(getStats(cache).num_pages, 0);
    EXPECT_EQ(attn_cache_release(cache), ATTN_OK);
  }
}
} // namespace
