//===- StreamingCacheModelTest.cpp - random edits beside a model ----------===//
//
// Streaming sequences over real memory, beside plain lists of tokens: after
// each step the segments of each head read what the mask of the last append's
// queries shows, in its order.
//
//===----------------------------------------------------------------------===//

#include "KvRows.h"

#include "attn/Runtime/KvCache/HostBlocks.h"
#include "attn/Runtime/KvCache/StreamingCache.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn;
using namespace attn::test;

namespace {
const StreamingCacheOptions options{
    4, 40, 5, {{2, 3}, {0, 1}, {0, 40}, {4, 9}, {40, 1}, {3, 34}}};

class Model {
public:
  explicit Model(uint64_t seed)
      : random(seed), cache(makeCache()), layout(makeRows(cache)),
        blocks(makeBlocks(layout)) {}

  /// What an operation got wrong, or nothing.
  std::string step();

  uint64_t numRefused = 0, numCut = 0, numInPieces = 0;

private:
  struct Known {
    SequenceId id;
    std::vector<uint32_t> tokens;
    /// Of the last append.
    int64_t numQueries = 0;
    /// The position that was written last to each row.
    std::vector<int64_t> rows;

    int64_t getLength() const { return int64_t(tokens.size()); }
  };

  static StreamingCache makeCache() {
    auto made = StreamingCache::create(options);
    EXPECT_TRUE(made.isOk()) << made.getStatus().message();
    return std::move(*made);
  }
  static KvLayout makeRows(const StreamingCache &cache) {
    KvShape shape = makeOddShape();
    shape.numHeads = 1;
    return makeLayout(shape, cache.getNumRows(), KvOrder::byToken);
  }
  static HostBlocks makeBlocks(const KvLayout &layout) {
    auto made = HostBlocks::create(layout, options.numSlots);
    EXPECT_TRUE(made.isOk()) << made.getStatus().message();
    return std::move(*made);
  }

  size_t pick(size_t number) { return random() % number; }
  std::byte *getBlock(SequenceId id) const {
    return blocks.getData() + *cache.getSlot(id) * layout.getBlockBytes();
  }
  std::string create();
  std::string fork(const Known &known);
  std::string truncate(Known &known);
  std::string append(Known &known);
  std::string edit();
  std::string read(const Known &known, int32_t head);
  std::string checkAll();

  std::mt19937_64 random;
  StreamingCache cache;
  KvLayout layout;
  HostBlocks blocks;
  std::vector<Known> sequences;
};
} // namespace

/// Whether a query sees a key, by the definition of a streaming head.
static bool isSeen(const HeadBudget &budget, int64_t query, int64_t key) {
  return key <= query &&
         (key < budget.sinkTokens || query - key < budget.windowTokens);
}

std::string Model::create() {
  auto created = cache.createSequence();
  if (created.isOk() != (sequences.size() < size_t(options.numSlots)))
    return "a slot is refused that there is, or is not";
  if (created.isOk())
    sequences.push_back({*created,
                         {},
                         0,
                         std::vector<int64_t>(size_t(cache.getNumRows()), -1)});
  return {};
}

std::string Model::fork(const Known &known) {
  auto forked = cache.fork(known.id);
  if (forked.isOk() != (sequences.size() < size_t(options.numSlots)))
    return "a slot is refused that there is, or is not";
  if (!forked.isOk())
    return {};
  if (Status status = blocks.copy(forked->copy); !status.isOk())
    return status.message();
  Known other = known;
  other.id = forked->sequence;
  sequences.push_back(other);
  return {};
}

std::string Model::truncate(Known &known) {
  int64_t length =
      known.getLength() - std::min(int64_t(pick(4)), known.getLength());
  // What the next token sees must be where it was written.
  bool isKept = true;
  for (int32_t head = 0; head < cache.getNumHeads(); ++head)
    for (int64_t key = 0; key < length; ++key)
      if (isSeen(options.heads[size_t(head)], length, key))
        isKept &= known.rows[size_t(cache.getFirstRow(head) +
                                    cache.getPlace(head, key))] == key;
  Status status = cache.truncate(known.id, length);
  if (status.isOk() != isKept)
    return "a sequence is cut to what is gone, or not to what is kept";
  numRefused += !isKept;
  if (isKept) {
    numCut += length < known.getLength();
    known.tokens.resize(size_t(length));
    known.numQueries = 0;
  }
  return {};
}

std::string Model::append(Known &known) {
  auto number = int64_t(pick(7));
  bool fits = number <= options.maxAppend &&
              known.getLength() + number <= options.capacity;
  auto first = cache.append(known.id, number);
  if (first.isOk() != fits)
    return "an append is refused that there is room for, or is not";
  if (!fits)
    return {};
  for (int64_t position = *first; position < *first + number; ++position) {
    known.tokens.push_back(uint32_t(random()));
    for (int32_t head = 0; head < cache.getNumHeads(); ++head) {
      int64_t row = cache.getFirstRow(head) + cache.getPlace(head, position);
      writeToken(layout, getBlock(known.id), row,
                 known.tokens.back() + uint32_t(head));
      known.rows[size_t(row)] = position;
    }
  }
  known.numQueries = number;
  return {};
}

std::string Model::edit() {
  size_t kind = sequences.empty() ? 0 : pick(16);
  if (kind == 0)
    return create();
  size_t at = pick(sequences.size());
  if (kind == 1)
    return fork(sequences[at]);
  if (kind < 4)
    return truncate(sequences[at]);
  if (kind > 4)
    return append(sequences[at]);
  Status status = cache.free(sequences[at].id);
  sequences.erase(sequences.begin() + ptrdiff_t(at));
  return status.message();
}

std::string Model::read(const Known &known, int32_t head) {
  std::vector<int64_t> expected, found;
  for (int64_t key = 0; key < known.getLength(); ++key)
    for (int64_t query = known.getLength() - known.numQueries;
         query < known.getLength(); ++query)
      if (isSeen(options.heads[size_t(head)], query, key)) {
        expected.push_back(key);
        break;
      }
  auto segments = cache.getSegments(known.id, head, known.numQueries);
  if (!segments.isOk())
    return segments.getStatus().message();
  if (segments->size() > 3)
    return "a head is read in more than three pieces";
  numInPieces += segments->size() == 3;
  for (const KvSegment &segment : *segments) {
    if (segment.first < 0 ||
        segment.first + segment.count > cache.getNumPlaces(head))
      return "a segment leaves its head's places";
    for (int64_t i = 0; i < segment.count; ++i) {
      int64_t position = segment.position + i;
      found.push_back(position);
      if (std::string wrong =
              readToken(layout, getBlock(known.id),
                        cache.getFirstRow(head) + segment.first + i,
                        known.tokens[size_t(position)] + uint32_t(head));
          !wrong.empty())
        return wrong;
    }
  }
  if (found != expected)
    return "head " + std::to_string(head) + " reads other tokens than it sees";
  if (*cache.getHeadLength(known.id, head, known.numQueries) !=
      int64_t(expected.size()))
    return "head " + std::to_string(head) + " has another length";
  return {};
}

std::string Model::checkAll() {
  int64_t numKept = 0;
  for (const Known &known : sequences) {
    if (*cache.getLength(known.id) != known.getLength())
      return "a sequence has another length";
    for (int32_t head = 0; head < cache.getNumHeads(); ++head) {
      if (std::string wrong = read(known, head); !wrong.empty())
        return wrong;
      for (int64_t key = 0; key < known.getLength(); ++key)
        numKept +=
            isSeen(options.heads[size_t(head)], known.getLength() - 1, key);
    }
  }
  StreamingCacheStats stats = cache.getStats();
  if (stats.numSequences != int64_t(sequences.size()) ||
      stats.numRows != stats.numSequences * cache.getNumRows())
    return "the cache counts other sequences";
  return stats.numKept == numKept ? "" : "the cache counts other rows";
}

std::string Model::step() {
  std::string wrong = edit();
  return wrong.empty() ? checkAll() : wrong;
}

// ATTN_CACHE_SEED repeats a run, ATTN_CACHE_STEPS says how long it is.
TEST(StreamingCache, EqualsItsModel) {
  uint64_t seed = getNumber("ATTN_CACHE_SEED", std::random_device()());
  uint64_t steps = getNumber("ATTN_CACHE_STEPS", 10000);
  std::printf("ATTN_CACHE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Model model(seed);
  for (uint64_t step = 0; step < steps; ++step)
    ASSERT_EQ(model.step(), "") << "step " << step;
  EXPECT_GT(model.numRefused, 0u);
  EXPECT_GT(model.numCut, 0u);
  EXPECT_GT(model.numInPieces, 0u);
}
