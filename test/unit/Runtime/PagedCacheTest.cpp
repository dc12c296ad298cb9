//===- PagedCacheTest.cpp - the accounts of a paged cache -----------------===//

#include "attn/Runtime/KvCache/PagedCache.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <random>

using namespace attn;

static PagedCache create(int32_t numPages, int64_t pageTokens,
                         bool keepsPrefixes = true) {
  auto cache = PagedCache::create({numPages, pageTokens, keepsPrefixes});
  EXPECT_TRUE(cache.isOk());
  return std::move(*cache);
}

static std::vector<TokenId> count(TokenId first, size_t number) {
  std::vector<TokenId> tokens(number);
  for (size_t i = 0; i < number; ++i)
    tokens[i] = first + static_cast<TokenId>(i);
  return tokens;
}

TEST(PagedCache, RefusesOptionsOutOfRange) {
  EXPECT_EQ(PagedCache::create({-1, 16, true}).getStatus().message(),
            "cache: expects no negative number of pages, but got -1; give the "
            "pages that there is memory for");
  EXPECT_EQ(PagedCache::create({4, 0, true}).getStatus().message(),
            "cache: expects pages of 1 to 1048576 tokens, but got 0; give a "
            "number between");
}

TEST(PagedCache, GrowsByPages) {
  PagedCache cache = create(4, 4);
  SequenceId a = cache.createSequence()->sequence;
  auto append = cache.append(a, count(10, 6));
  ASSERT_TRUE(append.isOk());
  EXPECT_TRUE(append->copies.empty());
  EXPECT_EQ(append->slots, (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(*cache.getTable(a, 4), (std::vector<PageId>{0, 1, -1, -1}));
  PagedCacheStats stats = cache.getStats();
  EXPECT_EQ(stats.numUsed, 2);
  EXPECT_EQ(stats.numUnusedSlots, 2);
  EXPECT_EQ(cache.getTable(a, 1).getStatus().message(),
            "cache: expects a table of at least 2 entries, but got 1; give a "
            "wider one");
}

// 17 tokens do not fit 4 pages of 4, and nothing is different after.
TEST(PagedCache, RefusesWhatHasNoRoom) {
  PagedCache cache = create(4, 4);
  SequenceId a = cache.createSequence()->sequence;
  ASSERT_TRUE(cache.append(a, count(0, 3)).isOk());
  auto refused = cache.append(a, count(3, 14));
  EXPECT_EQ(refused.getStatus().getCode(), StatusCode::resourceExhausted);
  EXPECT_EQ(refused.getStatus().message(),
            "cache: 14 tokens more take 4 pages, but 3 of 4 can be had; free "
            "or shorten a sequence, or make the cache larger");
  EXPECT_EQ(*cache.getLength(a), 3);
  EXPECT_EQ(cache.getStats().numFree, 3);
  EXPECT_EQ(cache.append(a, count(3, 13))->slots.size(), 13u);
}

// Who writes first to a page that two have takes a copy; the other has it
// alone.
TEST(PagedCache, CopiesOnWrite) {
  PagedCache cache = create(4, 4);
  SequenceId a = cache.createSequence()->sequence;
  ASSERT_TRUE(cache.append(a, count(0, 6)).isOk());
  SequenceId b = *cache.fork(a);
  EXPECT_EQ(cache.getStats().numShared, 2);
  EXPECT_EQ(cache.getStats().sharing, 2);
  auto append = cache.append(b, {100});
  ASSERT_EQ(append->copies.size(), 1u);
  EXPECT_EQ(append->copies[0].from, 1);
  EXPECT_EQ(append->copies[0].to, 2);
  EXPECT_EQ(append->copies[0].numTokens, 2);
  EXPECT_EQ(append->slots, std::vector<int64_t>{10});
  EXPECT_TRUE(cache.append(a, {200})->copies.empty());
  EXPECT_EQ(*cache.getTable(a, 2), (std::vector<PageId>{0, 1}));
  EXPECT_EQ(*cache.getTable(b, 2), (std::vector<PageId>{0, 2}));
  EXPECT_EQ(cache.check(), "");
}

// What was committed is found by a sequence that begins with it, but for the
// page of its last token.
TEST(PagedCache, FindsPrefixes) {
  PagedCache cache = create(8, 4);
  SequenceId a = cache.createSequence()->sequence;
  ASSERT_TRUE(cache.append(a, count(0, 10)).isOk());
  EXPECT_EQ(cache.createSequence(count(0, 10))->numCached, 0);
  ASSERT_TRUE(cache.commit(a).isOk());
  EXPECT_EQ(cache.createSequence(count(0, 10))->numCached, 8);
  EXPECT_EQ(cache.createSequence(count(0, 8))->numCached, 4);
  EXPECT_EQ(cache.createSequence(count(1, 10))->numCached, 0);
  // They outlive their sequence.
  ASSERT_TRUE(cache.free(a).isOk());
  auto b = cache.createSequence(count(0, 9));
  EXPECT_EQ(b->numCached, 8);
  EXPECT_EQ(*cache.getTokens(b->sequence), count(0, 8));
  EXPECT_EQ(cache.check(), "");
}

// Kept pages make room, those that were used last the last, and of one sequence
// its end before its beginning.
TEST(PagedCache, EvictsTheLeastRecentlyUsed) {
  PagedCache cache = create(4, 2);
  for (TokenId first : {0, 100}) {
    SequenceId id = cache.createSequence()->sequence;
    ASSERT_TRUE(cache.append(id, count(first, 4)).isOk());
    ASSERT_TRUE(cache.commit(id).isOk());
    ASSERT_TRUE(cache.free(id).isOk());
  }
  EXPECT_EQ(cache.getStats().numIdle, 4);
  SequenceId id = cache.createSequence()->sequence;
  ASSERT_TRUE(cache.append(id, {7}).isOk());
  auto first = cache.createSequence(count(0, 5));
  EXPECT_EQ(first->numCached, 2);
  EXPECT_EQ(cache.createSequence(count(100, 5))->numCached, 4);
  EXPECT_EQ(cache.check(), "");
}

TEST(PagedCache, KnowsFreedSequences) {
  PagedCache cache = create(4, 4);
  SequenceId a = cache.createSequence()->sequence;
  ASSERT_TRUE(cache.free(a).isOk());
  SequenceId b = cache.createSequence()->sequence;
  EXPECT_EQ(b.number, a.number);
  EXPECT_EQ(cache.free(a).message(),
            "cache: sequence 0 was freed; create another, or fork before");
  EXPECT_EQ(cache.append({9, 0}, {1}).getStatus().message(),
            "cache: sequence 9 was never created; give one that createSequence "
            "or fork has returned");
  EXPECT_EQ(cache.truncate(b, 1).message(),
            "cache: expects a length of 0 to 0, but got 1; append what is "
            "missing");
}

//===----------------------------------------------------------------------===//
// Random operations
//===----------------------------------------------------------------------===//

namespace {
/// A cache beside what each of its sequences should read, and memory that holds
/// tokens where a cache has keys and values.
class Model {
public:
  Model(uint64_t seed, int32_t numPages, int64_t pageTokens, bool keepsPrefixes)
      : cache(create(numPages, pageTokens, keepsPrefixes)), random(seed),
        memory(static_cast<size_t>(numPages * pageTokens), -1) {}

  /// What an operation got wrong, or nothing.
  std::string step();
  std::string freeAll();

  uint64_t numRefused = 0, numFound = 0, numCopies = 0;

private:
  struct Known {
    SequenceId id;
    std::vector<TokenId> tokens;
  };

  size_t pick(size_t number) { return random() % number; }
  /// Few different tokens, so that prefixes meet.
  std::vector<TokenId> draw(size_t most) {
    std::vector<TokenId> tokens(pick(most + 1));
    for (TokenId &token : tokens)
      token = static_cast<TokenId>(pick(2));
    return tokens;
  }
  std::string createOne();
  std::string append(Known &known);
  std::string read(const Known &known) const;
  std::string checkAll() const;

  PagedCache cache;
  std::mt19937_64 random;
  std::vector<TokenId> memory;
  std::vector<Known> sequences;
};
} // namespace

std::string Model::read(const Known &known) const {
  auto tokens = cache.getTokens(known.id);
  if (!tokens.isOk() || *tokens != known.tokens)
    return "a sequence has other tokens";
  auto table = cache.getTable(known.id, 64);
  if (!table.isOk())
    return table.getStatus().message();
  auto pageTokens = static_cast<size_t>(cache.getOptions().pageTokens);
  size_t numPages = (known.tokens.size() + pageTokens - 1) / pageTokens;
  for (size_t i = 0; i < known.tokens.size(); ++i) {
    auto page = static_cast<size_t>((*table)[i / pageTokens]);
    if (memory[page * pageTokens + i % pageTokens] != known.tokens[i])
      return "token " + std::to_string(i) + " reads as another";
  }
  for (size_t i = numPages; i < table->size(); ++i)
    if ((*table)[i] != -1)
      return "the table's tail is no sentinel";
  return {};
}

std::string Model::checkAll() const {
  if (std::string wrong = cache.check(); !wrong.empty())
    return wrong;
  PagedCacheStats stats = cache.getStats();
  if (stats.numFree + stats.numIdle + stats.numUsed != stats.numPages)
    return "free, idle and used pages are not all pages";
  for (const Known &known : sequences)
    if (std::string wrong = read(known); !wrong.empty())
      return wrong;
  return {};
}

std::string Model::createOne() {
  std::vector<TokenId> prompt = draw(12);
  auto created = cache.createSequence(prompt);
  if (!created.isOk())
    return created.getStatus().message();
  auto numCached = static_cast<size_t>(created->numCached);
  if (numCached != 0 && numCached >= prompt.size())
    return "a whole prompt is cached";
  numFound += numCached != 0;
  prompt.resize(numCached);
  sequences.push_back({created->sequence, prompt});
  return {};
}

std::string Model::append(Known &known) {
  std::vector<TokenId> tokens = draw(7);
  if (known.tokens.size() + tokens.size() > 64)
    return {};
  PagedCacheStats before = cache.getStats();
  auto result = cache.append(known.id, tokens);
  if (!result.isOk()) {
    ++numRefused;
    PagedCacheStats after = cache.getStats();
    bool isSame = before.numFree == after.numFree &&
                  before.numIdle == after.numIdle &&
                  before.numShared == after.numShared;
    return isSame ? "" : "a refused append changed the accounts";
  }
  auto pageTokens = cache.getOptions().pageTokens;
  for (const PageCopy &copy : result->copies) {
    ++numCopies;
    for (int64_t i = 0; i < copy.numTokens; ++i)
      memory[static_cast<size_t>(copy.to * pageTokens + i)] =
          memory[static_cast<size_t>(copy.from * pageTokens + i)];
  }
  if (result->slots.size() != tokens.size())
    return "an append has other than a slot a token";
  for (size_t i = 0; i < tokens.size(); ++i)
    memory[static_cast<size_t>(result->slots[i])] = tokens[i];
  known.tokens.insert(known.tokens.end(), tokens.begin(), tokens.end());
  return {};
}

std::string Model::step() {
  std::string wrong;
  size_t kind = pick(20);
  if (sequences.empty() || (kind < 3 && sequences.size() < 12)) {
    wrong = createOne();
  } else {
    size_t at = pick(sequences.size());
    Known &known = sequences[at];
    if (kind < 11) {
      wrong = append(known);
    } else if (kind < 14) {
      wrong = cache.commit(known.id).message();
    } else if (kind < 16 && sequences.size() < 12) {
      auto forked = cache.fork(known.id);
      if (!forked.isOk())
        return forked.getStatus().message();
      sequences.push_back({*forked, known.tokens});
    } else if (kind < 18) {
      size_t length = pick(known.tokens.size() + 1);
      wrong = cache.truncate(known.id, static_cast<int64_t>(length)).message();
      known.tokens.resize(length);
    } else {
      wrong = cache.free(known.id).message();
      if (cache.getLength(known.id).isOk())
        return "a freed sequence has a length";
      sequences.erase(sequences.begin() + static_cast<ptrdiff_t>(at));
    }
  }
  return wrong.empty() ? checkAll() : wrong;
}

std::string Model::freeAll() {
  for (const Known &known : sequences)
    if (Status status = cache.free(known.id); !status.isOk())
      return status.message();
  sequences.clear();
  PagedCacheStats stats = cache.getStats();
  if (stats.numUsed != 0 || stats.numFree + stats.numIdle != stats.numPages)
    return "pages are in use after all sequences";
  return checkAll();
}

// ATTN_CACHE_SEED repeats a run, ATTN_CACHE_STEPS says how long each is.
TEST(PagedCache, EqualsItsModel) {
  auto getNumber = [](const char *variable, uint64_t fallback) {
    const char *text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : fallback;
  };
  uint64_t seed = getNumber("ATTN_CACHE_SEED", std::random_device()());
  uint64_t steps = getNumber("ATTN_CACHE_STEPS", 40000);
  std::printf("ATTN_CACHE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  struct {
    int32_t numPages;
    int64_t pageTokens;
    bool keepsPrefixes;
  } shapes[] = {{0, 4, true},  {1, 1, true},   {5, 2, true},
                {12, 3, true}, {20, 4, false}, {40, 4, true}};
  for (const auto &shape : shapes) {
    Model model(seed, shape.numPages, shape.pageTokens, shape.keepsPrefixes);
    for (uint64_t step = 0; step < steps; ++step) {
      std::string wrong = model.step();
      ASSERT_EQ(wrong, "") << "step " << step << " of " << shape.numPages
                           << " pages of " << shape.pageTokens;
    }
    ASSERT_EQ(model.freeAll(), "") << shape.numPages << " pages";
    EXPECT_GT(model.numRefused, 0u);
    if (shape.numPages >= 12) {
      EXPECT_GT(model.numCopies, 0u);
      EXPECT_EQ(model.numFound > 0, shape.keepsPrefixes);
    }
  }
}
