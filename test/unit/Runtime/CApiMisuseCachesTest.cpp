//===- CApiMisuseCachesTest.cpp - caches' accounts, kept against misuse ---===//

#include "Misuse.h"
#include "attn-c/KvCache.h"

#include <climits>
#include <cstring>

using namespace attn;
using namespace attn::test;

namespace {
attn_cache_stats getStats(attn_cache cache) {
  attn_cache_stats stats;
  std::memset(&stats, 0, sizeof(stats));
  stats.struct_size = sizeof(stats);
  EXPECT_EQ(attn_cache_get_stats(cache, &stats), ATTN_OK);
  return stats;
}

const attn_head_budget heads[] = {{2, 3}, {0, 20}};

attn_paged_cache_options makePaged() {
  return {sizeof(attn_paged_cache_options), 4, 4, 0};
}

attn_streaming_cache_options makeStreaming() {
  return {sizeof(attn_streaming_cache_options), 2, 20, 4, heads, 2};
}

attn_virtual_cache_options makeVirtual() {
  attn_virtual_cache_options options = {};
  options.struct_size = sizeof(options);
  options.device_type = kDLCPU;
  options.num_slots = 2;
  options.capacity = 20;
  options.num_layers = 3;
  options.num_heads = 2;
  options.key_bytes = options.value_bytes = 64;
  options.most_granules = 8;
  options.granule_bytes = 4096;
  return options;
}

/// A cache of each kind with a sequence of five tokens; a test's refusals may
/// not change the accounts of any.
class CApiMisuseCaches : public testing::Test {
protected:
  void SetUp() override {
    attn_paged_cache_options pagedOptions = makePaged();
    attn_streaming_cache_options streamingOptions = makeStreaming();
    ASSERT_EQ(attn_paged_cache_create(&pagedOptions, &paged), ATTN_OK);
    ASSERT_EQ(attn_dense_cache_create(2, 20, &dense), ATTN_OK);
    ASSERT_EQ(attn_streaming_cache_create(&streamingOptions, &streaming),
              ATTN_OK);
    pagedOptions.forgets_prefixes = 1;
    ASSERT_EQ(attn_paged_cache_create(&pagedOptions, &forgetful), ATTN_OK);
    attn_virtual_cache_options virtualOptions = makeVirtual();
    ASSERT_EQ(attn_virtual_cache_create(&virtualOptions, &virtually), ATTN_OK)
        << attn_last_error_message();
    all = {{"paged", paged, {}, {}},
           {"dense", dense, {}, {}},
           {"streaming", streaming, {}, {}},
           {"forgetful", forgetful, {}, {}},
           {"virtual", virtually, {}, {}}};
    for (Cache &cache : all) {
      ASSERT_EQ(attn_sequence_create(cache.handle, tokens, 5, &cache.sequence,
                                     nullptr),
                ATTN_OK);
      for (int i = 0; i < 5; ++i)
        ASSERT_EQ(attn_sequence_append(cache.handle, cache.sequence, tokens + i,
                                       1, slots, &copy),
                  ATTN_OK)
            << attn_last_error_message();
      cache.before = getStats(cache.handle);
    }
  }
  void TearDown() override {
    for (const Cache &cache : all) {
      attn_cache_stats after = getStats(cache.handle);
      EXPECT_EQ(std::memcmp(&after, &cache.before, sizeof(after)), 0)
          << cache.name << " has changed";
      int64_t length = 0;
      EXPECT_EQ(attn_sequence_length(cache.handle, cache.sequence, &length),
                ATTN_OK);
      EXPECT_EQ(length, 5) << cache.name;
      EXPECT_EQ(attn_cache_release(cache.handle), ATTN_OK);
    }
  }

  struct Cache {
    const char *name;
    attn_cache handle;
    attn_sequence sequence;
    attn_cache_stats before;
  };

  attn_cache paged, dense, streaming, forgetful, virtually;
  std::vector<Cache> all;
  const int32_t tokens[24] = {1, 2, 3, 4, 5};
  int64_t slots[24];
  attn_page_copy copy;
};

TEST_F(CApiMisuseCaches, NullPointers) {
  refuses("paged_cache_create: cache of NULL", ATTN_INVALID_ARGUMENT, "cache",
          [] {
            attn_paged_cache_options options = makePaged();
            return attn_paged_cache_create(&options, nullptr);
          });
  refusesToMake<attn_cache>("paged_cache_create: options of NULL",
                            ATTN_INVALID_ARGUMENT, "options",
                            [](attn_cache *cache) {
                              return attn_paged_cache_create(nullptr, cache);
                            });
  refuses("dense_cache_create: cache of NULL", ATTN_INVALID_ARGUMENT, "cache",
          [] { return attn_dense_cache_create(1, 1, nullptr); });
  refuses("streaming_cache_create: cache of NULL", ATTN_INVALID_ARGUMENT,
          "cache", [] {
            attn_streaming_cache_options options = makeStreaming();
            return attn_streaming_cache_create(&options, nullptr);
          });
  refusesToMake<attn_cache>(
      "streaming_cache_create: options of NULL", ATTN_INVALID_ARGUMENT,
      "options", [](attn_cache *cache) {
        return attn_streaming_cache_create(nullptr, cache);
      });
  attn_sequence made;
  for (const Cache &c : all) {
    std::string name = std::string(c.name) + ": ";
    refuses(name + "create, sequence of NULL", ATTN_INVALID_ARGUMENT,
            "sequence", [&] {
              return attn_sequence_create(c.handle, tokens, 1, nullptr,
                                          nullptr);
            });
    refuses(name + "create, tokens of NULL", ATTN_INVALID_ARGUMENT, "tokens",
            [&] {
              return attn_sequence_create(c.handle, nullptr, 1, &made, nullptr);
            });
    refuses(name + "append, slots of NULL", ATTN_INVALID_ARGUMENT, "slots",
            [&] {
              return attn_sequence_append(c.handle, c.sequence, tokens, 1,
                                          nullptr, &copy);
            });
    refuses(name + "fork, forked of NULL", ATTN_INVALID_ARGUMENT, "sequence",
            [&] {
              return attn_sequence_fork(c.handle, c.sequence, nullptr, &copy);
            });
    refuses(name + "length of NULL", ATTN_INVALID_ARGUMENT, "length", [&] {
      return attn_sequence_length(c.handle, c.sequence, nullptr);
    });
    refuses(name + "table, pages of NULL", ATTN_INVALID_ARGUMENT, "pages", [&] {
      return attn_sequence_table(c.handle, c.sequence, -1, nullptr, 4);
    });
    refuses(name + "stats of NULL", ATTN_INVALID_ARGUMENT, "stats",
            [&] { return attn_cache_get_stats(c.handle, nullptr); });
  }
  refuses("paged: append, tokens of NULL", ATTN_INVALID_ARGUMENT, "tokens",
          [&] {
            return attn_sequence_append(paged, all[0].sequence, nullptr, 1,
                                        slots, &copy);
          });
  for (int i : {0, 3})
    refuses(std::string(all[i].name) + ": append, copy of NULL",
            ATTN_INVALID_ARGUMENT, "copy", [&] {
              return attn_sequence_append(all[i].handle, all[i].sequence,
                                          tokens, 1, slots, nullptr);
            });
  for (int i : {1, 2})
    refuses(std::string(all[i].name) + ": fork, copy of NULL",
            ATTN_INVALID_ARGUMENT, "copy", [&] {
              return attn_sequence_fork(all[i].handle, all[i].sequence, &made,
                                        nullptr);
            });
  size_t count;
  refuses("segments, segments of NULL", ATTN_INVALID_ARGUMENT, "segments", [&] {
    return attn_sequence_segments(streaming, all[2].sequence, 0, 1, nullptr, 1,
                                  &count);
  });
  refuses("segments, count of NULL", ATTN_INVALID_ARGUMENT, "count", [&] {
    return attn_sequence_segments(streaming, all[2].sequence, 0, 1, nullptr, 0,
                                  nullptr);
  });
  refuses("place, row of NULL", ATTN_INVALID_ARGUMENT, "row",
          [&] { return attn_streaming_cache_place(streaming, 0, 0, nullptr); });
  refuses("rows, num_rows of NULL", ATTN_INVALID_ARGUMENT, "rows",
          [&] { return attn_streaming_cache_rows(streaming, nullptr); });
}

TEST_F(CApiMisuseCaches, PagedOptions) {
  struct {
    const char *name;
    attn_paged_cache_options options;
  } cases[] = {
      {"-1 pages", {sizeof(attn_paged_cache_options), -1, 4, 0}},
      {"INT32_MIN pages", {sizeof(attn_paged_cache_options), INT32_MIN, 4, 0}},
      {"pages of no tokens", {sizeof(attn_paged_cache_options), 4, 0, 0}},
      {"pages of -1 tokens", {sizeof(attn_paged_cache_options), 4, -1, 0}},
      {"pages of INT64_MAX tokens",
       {sizeof(attn_paged_cache_options), 4, INT64_MAX, 0}},
      {"pages of INT64_MIN tokens",
       {sizeof(attn_paged_cache_options), 4, INT64_MIN, 0}},
      {"options of no size", {0, 4, 4, 0}},
      {"options of 7 bytes", {7, 4, 4, 0}},
      // The pages' number is known, their size is not.
      {"options of 12 bytes", {12, 4, 4, 0}},
  };
  for (const auto &test : cases)
    refusesToMake<attn_cache>(
        std::string("paged_cache_create: ") + test.name, ATTN_INVALID_ARGUMENT,
        "", [&](attn_cache *cache) {
          return attn_paged_cache_create(&test.options, cache);
        });
}

TEST_F(CApiMisuseCaches, DenseOptions) {
  // A size that overflows is memory that no machine has.
  const std::pair<int32_t, int64_t> cases[] = {
      {-1, 8},        {INT32_MIN, 8}, {2, -1},
      {2, INT64_MIN}, {2, INT64_MAX}, {INT32_MAX, INT64_MAX}};
  for (auto [slots, capacity] : cases)
    refusesToMake<attn_cache>(
        "dense_cache_create: " + std::to_string(slots) + " slots of " +
            std::to_string(capacity),
        capacity == INT64_MAX ? ATTN_RESOURCE_EXHAUSTED : ATTN_INVALID_ARGUMENT,
        "cache", [slots = slots, capacity = capacity](attn_cache *cache) {
          return attn_dense_cache_create(slots, capacity, cache);
        });
}

TEST_F(CApiMisuseCaches, StreamingOptions) {
  const size_t size = sizeof(attn_streaming_cache_options);
  static const attn_head_budget sinks[] = {{-1, 3}}, windows[] = {{2, -3}},
                                empty[] = {{0, 0}}, none[] = {{2, 0}},
                                huge[] = {{INT64_MAX, INT64_MAX}},
                                least[] = {{INT64_MIN, INT64_MIN}},
                                second[] = {{2, 3}, {2, -1}};
  struct {
    const char *name;
    attn_streaming_cache_options options;
  } cases[] = {
      {"-1 slots", {size, -1, 20, 0, heads, 2}},
      {"no capacity", {size, 2, 0, 0, heads, 2}},
      {"a capacity of -1", {size, 2, -1, 0, heads, 2}},
      {"a capacity of INT64_MAX", {size, 2, INT64_MAX, 0, heads, 2}},
      {"appends of -1", {size, 2, 20, -1, heads, 2}},
      {"appends of INT64_MAX", {size, 2, 20, INT64_MAX, heads, 2}},
      {"appends of INT64_MIN", {size, 2, 20, INT64_MIN, heads, 2}},
      {"heads of NULL", {size, 2, 20, 0, nullptr, 2}},
      {"-1 sinks", {size, 2, 20, 0, sinks, 1}},
      {"a window of -3", {size, 2, 20, 0, windows, 1}},
      {"a head that keeps nothing", {size, 2, 20, 0, empty, 1}},
      {"a head without window", {size, 2, 20, 0, none, 1}},
      {"a head of more than numbers hold", {size, 2, 20, 0, huge, 1}},
      {"a head of INT64_MIN", {size, 2, 20, 0, least, 1}},
      {"a wrong second head", {size, 2, 20, 0, second, 2}},
      {"options of no size", {0, 2, 20, 0, heads, 2}},
      {"options of 9 bytes", {9, 2, 20, 0, heads, 2}},
  };
  for (const auto &test : cases)
    refusesToMake<attn_cache>(
        std::string("streaming_cache_create: ") + test.name,
        ATTN_INVALID_ARGUMENT, "", [&](attn_cache *cache) {
          return attn_streaming_cache_create(&test.options, cache);
        });
}

TEST_F(CApiMisuseCaches, VirtualOptions) {
  using Options = attn_virtual_cache_options;
  const std::pair<const char *, std::function<void(Options &)>> cases[] = {
      {"-1 slots", [](Options &o) { o.num_slots = -1; }},
      {"a capacity of -1", [](Options &o) { o.capacity = -1; }},
      {"a capacity of INT64_MAX", [](Options &o) { o.capacity = INT64_MAX; }},
      {"no layers", [](Options &o) { o.num_layers = 0; }},
      {"INT32_MIN layers", [](Options &o) { o.num_layers = INT32_MIN; }},
      {"no heads", [](Options &o) { o.num_heads = 0; }},
      {"keys of no bytes", [](Options &o) { o.key_bytes = 0; }},
      {"keys of INT64_MIN bytes", [](Options &o) { o.key_bytes = INT64_MIN; }},
      {"keys of INT64_MAX bytes", [](Options &o) { o.key_bytes = INT64_MAX; }},
      {"values of -1 bytes", [](Options &o) { o.value_bytes = -1; }},
      {"-1 granules", [](Options &o) { o.most_granules = -1; }},
      {"an overread of -1", [](Options &o) { o.overread_tokens = -1; }},
      {"-1 tokens ahead", [](Options &o) { o.ahead_tokens = -1; }},
      {"granules of 1000 bytes", [](Options &o) { o.granule_bytes = 1000; }},
      {"granules of -1 bytes", [](Options &o) { o.granule_bytes = -1; }},
      {"granules of INT64_MIN bytes",
       [](Options &o) { o.granule_bytes = INT64_MIN; }},
      {"granules of a GPU", [](Options &o) { o.device_type = kDLCUDA; }},
      {"options of no size", [](Options &o) { o.struct_size = 0; }},
      {"options of 9 bytes", [](Options &o) { o.struct_size = 9; }},
  };
  auto create = [](const Options &options, attn_cache *cache) {
    return attn_virtual_cache_create(&options, cache);
  };
  for (const auto &[name, spoil] : cases) {
    Options options = makeVirtual();
    spoil(options);
    attn_cache made = {poison};
    // Sizes that overflow are memory that no machine has.
    attn_status status = create(options, &made);
    EXPECT_TRUE(status == ATTN_INVALID_ARGUMENT ||
                status == ATTN_RESOURCE_EXHAUSTED)
        << name << ": " << status << " " << attn_last_error_message();
    refusesToMake<attn_cache>(
        std::string("virtual_cache_create: ") + name, status, "",
        [&](attn_cache *cache) { return create(options, cache); });
  }
  Options options = makeVirtual();
  options.device_type = kDLROCM;
  options.granule_bytes = 0;
  refusesToMake<attn_cache>(
      "virtual_cache_create: a device without such memory", ATTN_UNSUPPORTED,
      "device type 10",
      [&](attn_cache *cache) { return create(options, cache); });
  refusesToMake<attn_cache>("virtual_cache_create: options of NULL",
                            ATTN_INVALID_ARGUMENT, "options",
                            [](attn_cache *cache) {
                              return attn_virtual_cache_create(nullptr, cache);
                            });
  refuses("virtual_cache_create: cache of NULL", ATTN_INVALID_ARGUMENT, "cache",
          [] {
            Options options = makeVirtual();
            return attn_virtual_cache_create(&options, nullptr);
          });
}

TEST_F(CApiMisuseCaches, VirtualFunctions) {
  attn_sequence sequence = all[4].sequence, forked;
  attn_range_copy copies[4];
  attn_kv_view view;
  size_t count;
  uint64_t fence;
  for (int32_t layer : {-1, 3, INT32_MAX, INT32_MIN})
    refuses("view, layer " + std::to_string(layer), ATTN_INVALID_ARGUMENT,
            "3 layers", [&] {
              return attn_virtual_cache_view(virtually, layer, 0, &view);
            });
  refuses("view of NULL", ATTN_INVALID_ARGUMENT, "view",
          [&] { return attn_virtual_cache_view(virtually, 0, 0, nullptr); });
  auto fork = [&](int64_t length, attn_sequence *forked,
                  attn_range_copy *copies, size_t capacity, size_t *count) {
    return attn_virtual_cache_fork(virtually, sequence, length, forked, copies,
                                   capacity, count);
  };
  refuses("virtual fork, forked of NULL", ATTN_INVALID_ARGUMENT, "sequence",
          [&] { return fork(5, nullptr, copies, 4, &count); });
  refuses("virtual fork, count of NULL", ATTN_INVALID_ARGUMENT, "count",
          [&] { return fork(5, &forked, copies, 4, nullptr); });
  refuses("virtual fork, copies of NULL", ATTN_INVALID_ARGUMENT, "copies",
          [&] { return fork(5, &forked, nullptr, 4, &count); });
  refuses("virtual fork, no room for copies", ATTN_INVALID_ARGUMENT,
          "room for 1 copies",
          [&] { return fork(5, &forked, nullptr, 0, &count); });
  for (int64_t length : {int64_t(6), INT64_MAX})
    refuses("virtual fork of " + std::to_string(length), ATTN_INVALID_ARGUMENT,
            "5", [&] { return fork(length, &forked, copies, 4, &count); });
  refuses("map ahead -1 granules", ATTN_INVALID_ARGUMENT, "-1",
          [&] { return attn_virtual_cache_map_ahead(virtually, -1, nullptr); });
  refuses("fence of NULL", ATTN_INVALID_ARGUMENT, "fence",
          [&] { return attn_virtual_cache_add_fence(virtually, nullptr); });
  for (uint64_t wrong : {uint64_t(1), UINT64_MAX})
    refuses("signal " + std::to_string(wrong), ATTN_INVALID_ARGUMENT, "fence",
            [&] { return attn_virtual_cache_signal_fence(virtually, wrong); });
  for (const Cache &c : all) {
    if (c.handle.id == virtually.id)
      continue;
    const std::pair<const char *, std::function<attn_status()>> calls[] = {
        {"view",
         [&] { return attn_virtual_cache_view(c.handle, 0, 0, &view); }},
        {"fork",
         [&] {
           return attn_virtual_cache_fork(c.handle, c.sequence, 5, &forked,
                                          copies, 4, &count);
         }},
        {"map_ahead",
         [&] { return attn_virtual_cache_map_ahead(c.handle, 1, nullptr); }},
        {"release_unused",
         [&] { return attn_virtual_cache_release_unused(c.handle); }},
        {"add_fence",
         [&] { return attn_virtual_cache_add_fence(c.handle, &fence); }},
        {"signal_fence",
         [&] { return attn_virtual_cache_signal_fence(c.handle, 0); }}};
    for (const auto &[call, function] : calls)
      refuses(std::string(c.name) + ": virtual_cache_" + call,
              ATTN_INVALID_ARGUMENT, "virtually contiguous", function);
  }
}

TEST_F(CApiMisuseCaches, LaterOptions) {
  struct {
    attn_paged_cache_options known = makePaged();
    uint64_t later = 1;
  } pagedOptions;
  pagedOptions.known.struct_size = sizeof(pagedOptions);
  refusesToMake<attn_cache>(
      "paged_cache_create: a later version's member", ATTN_UNSUPPORTED,
      "options", [&](attn_cache *cache) {
        return attn_paged_cache_create(&pagedOptions.known, cache);
      });
  struct {
    attn_streaming_cache_options known = makeStreaming();
    uint64_t later = 1;
  } streamingOptions;
  streamingOptions.known.struct_size = sizeof(streamingOptions);
  refusesToMake<attn_cache>(
      "streaming_cache_create: a later version's member", ATTN_UNSUPPORTED,
      "options", [&](attn_cache *cache) {
        return attn_streaming_cache_create(&streamingOptions.known, cache);
      });
  for (size_t size : {size_t(0), size_t(7)}) {
    attn_cache_stats stats = {};
    stats.struct_size = size;
    refuses("get_stats: stats of " + std::to_string(size) + " bytes",
            ATTN_INVALID_ARGUMENT, "stats",
            [&] { return attn_cache_get_stats(paged, &stats); });
  }
}

TEST_F(CApiMisuseCaches, SequencesThatAreNone) {
  for (const Cache &c : all) {
    attn_sequence freed, made;
    ASSERT_EQ(attn_sequence_create(c.handle, nullptr, 0, &freed, nullptr),
              ATTN_OK);
    ASSERT_EQ(attn_sequence_free(c.handle, freed), ATTN_OK);
    const std::pair<const char *, attn_sequence> wrong[] = {
        {"a freed one", freed},
        {"a guessed one", {UINT32_MAX, UINT32_MAX}},
        {"another generation", {c.sequence.number, c.sequence.generation + 1}}};
    for (const auto &[what, sequence] : wrong) {
      std::string name = std::string(c.name) + ": " + what + ", ";
      attn_sequence s = sequence;
      int64_t length;
      int32_t pages[8];
      size_t count;
      attn_kv_segment segments[4];
      const std::pair<const char *, std::function<attn_status()>> calls[] = {
          {"append",
           [&] {
             return attn_sequence_append(c.handle, s, tokens, 1, slots, &copy);
           }},
          {"commit", [&] { return attn_sequence_commit(c.handle, s); }},
          {"fork",
           [&] { return attn_sequence_fork(c.handle, s, &made, &copy); }},
          {"truncate", [&] { return attn_sequence_truncate(c.handle, s, 0); }},
          {"free", [&] { return attn_sequence_free(c.handle, s); }},
          {"length",
           [&] { return attn_sequence_length(c.handle, s, &length); }},
          {"table",
           [&] { return attn_sequence_table(c.handle, s, -1, pages, 8); }},
          {"segments", [&] {
             return attn_sequence_segments(c.handle, s, 0, 1, segments, 4,
                                           &count);
           }}};
      for (const auto &[call, function] : calls)
        refuses(name + call, ATTN_INVALID_ARGUMENT, "", function);
    }
  }
}

TEST_F(CApiMisuseCaches, Lengths) {
  for (const Cache &c : all) {
    std::string name = std::string(c.name) + ": ";
    for (int64_t length : {int64_t(-1), int64_t(6), INT64_MAX, INT64_MIN})
      refuses(name + "truncate to " + std::to_string(length),
              ATTN_INVALID_ARGUMENT, "5", [&] {
                return attn_sequence_truncate(c.handle, c.sequence, length);
              });
    int32_t page;
    refuses(name + "a table without room", ATTN_INVALID_ARGUMENT, "", [&] {
      return attn_sequence_table(c.handle, c.sequence, -1, &page, 0);
    });
  }
  int32_t page;
  refuses("paged: a table for one of two pages", ATTN_INVALID_ARGUMENT, "2",
          [&] {
            return attn_sequence_table(paged, all[0].sequence, -1, &page, 1);
          });
}

TEST_F(CApiMisuseCaches, MemoryThatDoesNotSuffice) {
  const attn_status full = ATTN_RESOURCE_EXHAUSTED;
  for (int i : {0, 1, 3})
    refuses(std::string(all[i].name) + ": append more than there is", full, "",
            [&] {
              return attn_sequence_append(all[i].handle, all[i].sequence,
                                          tokens, 16, slots, &copy);
            });
  // A number of tokens that no cache has is refused before one is read.
  attn_sequence made;
  refuses("paged: create with SIZE_MAX tokens", full, std::to_string(SIZE_MAX),
          [&] {
            return attn_sequence_create(paged, tokens, SIZE_MAX, &made,
                                        nullptr);
          });
  for (const Cache &c : all)
    for (size_t count : {SIZE_MAX, SIZE_MAX / 2, size_t(1) << 40})
      refuses(std::string(c.name) + ": append " + std::to_string(count), full,
              std::to_string(count), [&] {
                return attn_sequence_append(c.handle, c.sequence, tokens, count,
                                            slots, &copy);
              });
  refuses("streaming: append more than max_append", ATTN_INVALID_ARGUMENT, "4",
          [&] {
            return attn_sequence_append(streaming, all[2].sequence, nullptr, 5,
                                        slots, &copy);
          });
  attn_sequence second, third;
  for (int i : {1, 2}) {
    ASSERT_EQ(attn_sequence_create(all[i].handle, nullptr, 0, &second, nullptr),
              ATTN_OK);
    refuses(std::string(all[i].name) + ": more sequences than slots", full, "2",
            [&] {
              return attn_sequence_create(all[i].handle, nullptr, 0, &third,
                                          nullptr);
            });
    refuses(std::string(all[i].name) + ": a fork without a slot", full, "2",
            [&] {
              return attn_sequence_fork(all[i].handle, all[i].sequence, &third,
                                        &copy);
            });
    ASSERT_EQ(attn_sequence_free(all[i].handle, second), ATTN_OK);
  }
}

TEST_F(CApiMisuseCaches, FunctionsOfAnotherKind) {
  int64_t row;
  size_t count;
  attn_kv_segment segments[4];
  for (int i : {1, 2})
    refuses(
        std::string(all[i].name) + ": commit", ATTN_INVALID_ARGUMENT, "paged",
        [&] { return attn_sequence_commit(all[i].handle, all[i].sequence); });
  for (int i : {0, 1, 3}) {
    std::string name = all[i].name;
    refuses(name + ": segments", ATTN_INVALID_ARGUMENT, "streaming", [&] {
      return attn_sequence_segments(all[i].handle, all[i].sequence, 0, 1,
                                    segments, 4, &count);
    });
    refuses(name + ": place", ATTN_INVALID_ARGUMENT, "streaming", [&] {
      return attn_streaming_cache_place(all[i].handle, 0, 0, &row);
    });
    refuses(name + ": rows", ATTN_INVALID_ARGUMENT, "streaming",
            [&] { return attn_streaming_cache_rows(all[i].handle, &row); });
  }
}

TEST_F(CApiMisuseCaches, PlacesOfStreamingHeads) {
  int64_t row;
  size_t count;
  attn_kv_segment segments[4];
  for (int32_t head : {-1, 2, INT32_MAX, INT32_MIN}) {
    refuses(
        "place: head " + std::to_string(head), ATTN_INVALID_ARGUMENT, "head",
        [&] { return attn_streaming_cache_place(streaming, head, 0, &row); });
    refuses("segments: head " + std::to_string(head), ATTN_INVALID_ARGUMENT,
            "head", [&] {
              return attn_sequence_segments(streaming, all[2].sequence, head, 1,
                                            segments, 4, &count);
            });
  }
  for (int64_t position : {int64_t(-1), int64_t(20), INT64_MAX, INT64_MIN})
    refuses("place: position " + std::to_string(position),
            ATTN_INVALID_ARGUMENT, "position", [&] {
              return attn_streaming_cache_place(streaming, 0, position, &row);
            });
  for (int64_t queries : {int64_t(-1), int64_t(6), INT64_MAX, INT64_MIN})
    refuses("segments: " + std::to_string(queries) + " queries",
            ATTN_INVALID_ARGUMENT, std::to_string(queries), [&] {
              return attn_sequence_segments(streaming, all[2].sequence, 0,
                                            queries, segments, 4, &count);
            });
}
// Nothing is refused for having room for nothing.
TEST(CApiMisuseEmptyCaches, AreMadeAndFull) {
  attn_paged_cache_options pagedOptions = makePaged();
  attn_streaming_cache_options streamingOptions = makeStreaming();
  pagedOptions.num_pages = streamingOptions.num_slots = 0;
  attn_cache caches[3];
  ASSERT_EQ(attn_paged_cache_create(&pagedOptions, &caches[0]), ATTN_OK);
  ASSERT_EQ(attn_dense_cache_create(0, 8, &caches[1]), ATTN_OK);
  ASSERT_EQ(attn_streaming_cache_create(&streamingOptions, &caches[2]),
            ATTN_OK);
  const int32_t token = 1;
  int64_t slot;
  attn_sequence sequence;
  attn_page_copy copy;
  ASSERT_EQ(attn_sequence_create(caches[0], &token, 1, &sequence, nullptr),
            ATTN_OK);
  refuses("a paged cache without pages: append", ATTN_RESOURCE_EXHAUSTED, "",
          [&] {
            return attn_sequence_append(caches[0], sequence, &token, 1, &slot,
                                        &copy);
          });
  for (int i : {1, 2})
    refuses("a cache without slots: create " + std::to_string(i),
            ATTN_RESOURCE_EXHAUSTED, "", [&] {
              return attn_sequence_create(caches[i], nullptr, 0, &sequence,
                                          nullptr);
            });
  for (attn_cache cache : caches)
    EXPECT_EQ(attn_cache_release(cache), ATTN_OK);
}
} // namespace
