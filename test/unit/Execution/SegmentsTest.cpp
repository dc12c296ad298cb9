//===- SegmentsTest.cpp - segments of keys that ranges of queries see -----===//
//
// Kernels of `segments`, run by the interpreter of pipe on random batches:
// prompts and decodes, prefixes that sequences share and prefixes of those,
// segments of nobody and queries of no segment, and tables and lengths of
// numbers that a caller must not give. The oracle is a loop in f64. Of kernels
// of invariant functions each row has the bits that it has alone.
//
//===----------------------------------------------------------------------===//

#include "InterpretVariant.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace attn;
using namespace attn::test;

namespace {
constexpr int64_t kHeads = 2, kGroup = 3, kDim = 16, kPage = 16;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Segment {
  int64_t length, first, last;
  bool isCausal;
  /// What the kernel is told: the same, or numbers that mean the same.
  int64_t toldLength = length;
  /// Of keys and values: [H, length, D].
  std::vector<double> k = {}, v = {};
};

struct Batch {
  std::vector<Segment> segments;
  int64_t queries = 0;
  std::vector<double> q; // [H, G, P, D]
  int64_t width = 0;
  ReferenceTensor table{{}, {}}, keys{{}, {}}, values{{}, {}};
};

/// What went wrong, or [H, G, P, D] and [H, G, P].
struct Outputs {
  std::string wrong;
  std::vector<double> o = {}, lse = {};
};

class SegmentsTest : public testing::Test {
protected:
  void SetUp() override {
    uint64_t seed = std::random_device()();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    random.seed(seed);
    context = createContext();
    c.isScheduled = true;
    c.schedule.isStream = true;
    c.kv.page = kPage;
    c.pack = 4;
  }

  int64_t draw(int64_t first, int64_t last) {
    return std::uniform_int_distribution<int64_t>(first, last)(random);
  }
  std::vector<double> noise(int64_t count) {
    std::normal_distribution<double> normal;
    std::vector<double> x;
    // As bf16 has them.
    for (int64_t i = 0; i < count; ++i)
      x.push_back(std::round(normal(random) * 32) / 32);
    return x;
  }
  Batch drawBatch();
  void layOut(Batch &batch);
  void lower();
  Outputs run(const Batch &batch, int64_t blocks);
  /// What is wrong with the outputs of a batch, or nothing.
  std::string compare(const Batch &batch, int64_t blocks);
  void expectRight(int batches);

  /// A query and what it sees of the segments.
  Batch takeQuery(const Batch &batch, int64_t query);
  /// A batch of one query with all its keys in one segment.
  Batch joinSegments(const Batch &alone);
  /// Sequences behind a prefix of whole steps that they share.
  Batch drawSharedPrefix();
  /// What is wrong with the bits of some queries beside those that `makeAlone`
  /// gives of each, or nothing.
  std::string compareBits(const Batch &batch,
                          llvm::function_ref<Batch(int64_t)> makeAlone);
  /// Of random batches, those of which some rows differ from the rows alone.
  int countDifferent(int batches);
  void expectAlone(int batches);

  InterpretedCase c = {{1, 1, 1, 1, 1, kDim, kDim, {}}, DType::bf16, 64, 32};
  std::mt19937_64 random;
  std::unique_ptr<mlir::MLIRContext> context;
  Source source;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
} // namespace

Batch SegmentsTest::drawBatch() {
  constexpr int64_t kQueries[] = {0, 1, 1, 1, 2, 7, 20};
  Batch batch;
  for (int64_t groups = draw(0, 3); groups > 0; --groups) {
    int64_t outer = batch.queries;
    for (int64_t members = draw(1, 5); members > 0; --members) {
      int64_t first = batch.queries, count = kQueries[draw(0, 6)];
      batch.queries += count;
      int64_t length = draw(0, 1) ? count + draw(0, 90) : draw(0, count);
      batch.segments.push_back({length, first, batch.queries, true});
      if (draw(0, 3) == 0)
        batch.segments.push_back({draw(0, 70), first, batch.queries, false});
    }
    if (draw(0, 1))
      batch.segments.push_back({draw(0, 200), outer, batch.queries, false});
  }
  // Queries of nobody, and a segment of none.
  batch.queries += draw(batch.queries == 0 ? 1 : 0, 2);
  if (draw(0, 2) == 0)
    batch.segments.push_back({draw(1, 40), draw(0, batch.queries), -5, true});
  std::shuffle(batch.segments.begin(), batch.segments.end(), random);
  for (Segment &segment : batch.segments) {
    segment.toldLength = segment.length;
    if (segment.length == 0 && draw(0, 1))
      segment.toldLength = -draw(1, 1 << 30);
    segment.k = noise(kHeads * segment.length * kDim);
    segment.v = noise(kHeads * segment.length * kDim);
  }
  batch.q = noise(kHeads * kGroup * batch.queries * kDim);
  layOut(batch);
  return batch;
}

/// Pages in random order; what nobody has is not a number, and behind the ends
/// of tables there is anything.
void SegmentsTest::layOut(Batch &batch) {
  auto countPages = [](int64_t keys) { return (keys + kPage - 1) / kPage; };
  int64_t numPages = 2, count = batch.segments.size();
  batch.width = draw(1, 3);
  for (const Segment &segment : batch.segments) {
    numPages += countPages(segment.length);
    batch.width = std::max(batch.width, countPages(segment.length));
  }
  std::vector<int64_t> order(numPages);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  std::vector<double> pool(numPages * kHeads * kPage * kDim, kNaN);
  batch.keys = {{numPages, kHeads, kPage, kDim}, pool};
  batch.values = batch.keys;
  batch.table = {{count, batch.width}, {}};
  auto next = order.begin();
  for (const Segment &segment : batch.segments)
    for (int64_t entry = 0; entry < batch.width; ++entry) {
      int64_t first = entry * kPage;
      if (first >= segment.length) {
        batch.table.values.push_back(draw(-2, numPages + 2));
        continue;
      }
      int64_t page = *next++;
      batch.table.values.push_back(page);
      for (int64_t n = first; n < std::min(first + kPage, segment.length); ++n)
        for (int64_t h = 0; h < kHeads; ++h) {
          int64_t to = ((page * kHeads + h) * kPage + n - first) * kDim;
          int64_t from = (h * segment.length + n) * kDim;
          std::copy_n(segment.k.begin() + from, kDim,
                      batch.keys.values.begin() + to);
          std::copy_n(segment.v.begin() + from, kDim,
                      batch.values.values.begin() + to);
        }
    }
}

void SegmentsTest::lower() {
  auto lowered = lowerVariant(*context, "segments", c, source);
  ASSERT_TRUE(lowered.isOk()) << lowered.getStatus().message();
  module = std::move(*lowered);
}

Outputs SegmentsTest::run(const Batch &batch, int64_t blocks) {
  int64_t count = batch.segments.size();
  PipeArguments arguments;
  arguments.scalars["scale"] = 0.25;
  arguments.extents = {{"H", kHeads}, {"G", kGroup}, {"P", batch.queries},
                       {"S", count},  {"F", kDim},   {"E", kDim}};
  auto column = [&](auto get) {
    ReferenceTensor tensor{{count}, {}};
    for (const Segment &segment : batch.segments)
      tensor.values.push_back(get(segment));
    return tensor;
  };
  arguments.tensors = {
      {"q", {{kHeads, kGroup, batch.queries, kDim}, batch.q}},
      {"k", batch.keys},
      {"v", batch.values},
      {"pages", batch.table},
      {"lengths", column([](const Segment &s) { return s.toldLength; })},
      {"first", column([](const Segment &s) { return s.first; })},
      {"last", column([](const Segment &s) { return s.last; })},
      {"causal", column([](const Segment &s) { return s.isCausal; })}};
  PipeLaunch launch;
  launch.target = getPipeTarget(c.target);
  launch.multiprocessors = blocks;
  launch.schedule = PipeSchedule::random;
  launch.seed = random();
  auto kernel = *module->getOps<pipe::KernelOp>().begin();
  auto outcome = interpretPipe(kernel, arguments, launch);
  if (!outcome.isOk())
    return {outcome.getStatus().message()};
  if (!outcome->findings.empty())
    return {outcome->findings.front().message};
  for (const auto &[name, unwritten] : outcome->unwritten)
    if (unwritten != 0)
      return {std::to_string(unwritten) + " elements of " + name +
              " are not written"};
  return {{}, outcome->results["o"].values, outcome->results["lse"].values};
}

std::string SegmentsTest::compare(const Batch &batch, int64_t blocks) {
  auto [wrong, o, lse] = run(batch, blocks);
  if (!wrong.empty())
    return wrong;
  for (int64_t row = 0; row < kHeads * kGroup * batch.queries; ++row) {
    int64_t h = row / (kGroup * batch.queries), p = row % batch.queries;
    double sum = 0;
    std::vector<double> exact(kDim, 0);
    for (const Segment &s : batch.segments)
      for (int64_t m = 0; m < s.length; ++m) {
        bool isSeen = s.first <= p && p < s.last &&
                      (!s.isCausal || m <= p + s.length - s.last);
        if (!isSeen)
          continue;
        double score = 0;
        int64_t key = (h * s.length + m) * kDim;
        for (int64_t d = 0; d < kDim; ++d)
          score += batch.q[row * kDim + d] * s.k[key + d];
        double weight = std::exp(score * 0.25);
        sum += weight;
        for (int64_t d = 0; d < kDim; ++d)
          exact[d] += weight * s.v[key + d];
      }
    bool isRight = sum == 0 ? lse[row] == -HUGE_VAL
                            : std::abs(lse[row] - std::log(sum)) < 1e-2;
    for (int64_t d = 0; d < kDim; ++d) {
      double value = sum == 0 ? 0 : exact[d] / sum;
      isRight &= std::abs(o[row * kDim + d] - value) <=
                 (sum == 0 ? 0 : 0.02 + 0.02 * std::abs(value));
    }
    if (!isRight)
      return "row " + std::to_string(row) + " of a batch of " +
             std::to_string(batch.queries) + " queries and " +
             std::to_string(batch.segments.size()) + " segments on " +
             std::to_string(blocks) + " blocks";
  }
  return "";
}

void SegmentsTest::expectRight(int batches) {
  ASSERT_NO_FATAL_FAILURE(lower());
  constexpr int64_t kBlocks[] = {1, 2, 3, 7, 40};
  for (int i = 0; i < batches && !HasFailure(); ++i)
    EXPECT_EQ(compare(drawBatch(), kBlocks[draw(0, 4)]), "");
}

Batch SegmentsTest::takeQuery(const Batch &batch, int64_t query) {
  Batch alone;
  alone.queries = 1;
  for (const Segment &s : batch.segments) {
    int64_t seen = s.isCausal ? query + s.length - s.last + 1 : s.length;
    seen = std::clamp<int64_t>(seen, 0, s.length);
    if (query < s.first || query >= s.last || seen == 0)
      continue;
    Segment own{seen, 0, 1, s.isCausal};
    for (auto [all, some] : {std::pair(&s.k, &own.k), std::pair(&s.v, &own.v)})
      for (int64_t h = 0; h < kHeads; ++h) {
        auto first = all->begin() + h * s.length * kDim;
        some->insert(some->end(), first, first + seen * kDim);
      }
    alone.segments.push_back(std::move(own));
  }
  for (int64_t row = 0; row < kHeads * kGroup; ++row) {
    auto first = batch.q.begin() + (row * batch.queries + query) * kDim;
    alone.q.insert(alone.q.end(), first, first + kDim);
  }
  layOut(alone);
  return alone;
}

Batch SegmentsTest::joinSegments(const Batch &alone) {
  Batch joined;
  joined.queries = 1;
  joined.q = alone.q;
  Segment all{0, 0, 1, true};
  for (const Segment &s : alone.segments)
    all.length += s.length;
  all.toldLength = all.length;
  for (int64_t h = 0; h < kHeads; ++h)
    for (const Segment &s : alone.segments)
      for (auto [some, whole] :
           {std::pair(&s.k, &all.k), std::pair(&s.v, &all.v)}) {
        auto first = some->begin() + h * s.length * kDim;
        whole->insert(whole->end(), first, first + s.length * kDim);
      }
  joined.segments.push_back(std::move(all));
  layOut(joined);
  return joined;
}

Batch SegmentsTest::drawSharedPrefix() {
  Batch batch;
  int64_t count = draw(1, 9);
  for (int64_t i = 0; i < count; ++i)
    batch.queries += draw(1, 3);
  batch.segments.push_back({c.tileKeys * draw(1, 8), 0, batch.queries, false});
  for (int64_t first = 0, left = count; left > 0; --left) {
    int64_t last = left == 1 ? batch.queries : draw(first, batch.queries);
    batch.segments.push_back({last - first + draw(0, 90), first, last, true});
    first = last;
  }
  for (Segment &segment : batch.segments) {
    segment.toldLength = segment.length;
    segment.k = noise(kHeads * segment.length * kDim);
    segment.v = noise(kHeads * segment.length * kDim);
  }
  batch.q = noise(kHeads * kGroup * batch.queries * kDim);
  layOut(batch);
  return batch;
}

std::string
SegmentsTest::compareBits(const Batch &batch,
                          llvm::function_ref<Batch(int64_t)> makeAlone) {
  constexpr int64_t kBlocks[] = {1, 2, 3, 7, 40}, kSome = 4;
  int64_t blocks = kBlocks[draw(0, 4)];
  Outputs all = run(batch, blocks);
  if (!all.wrong.empty())
    return all.wrong;
  auto areSame = [](double a, double b) {
    return a == b && std::signbit(a) == std::signbit(b);
  };
  for (int64_t i = 0; i < std::min(kSome, batch.queries); ++i) {
    int64_t query = draw(0, batch.queries - 1);
    Outputs own = run(makeAlone(query), 1);
    if (!own.wrong.empty())
      return own.wrong;
    for (int64_t row = 0; row < kHeads * kGroup; ++row) {
      int64_t at = row * batch.queries + query;
      if (!areSame(all.lse[at], own.lse[row]) ||
          !std::equal(own.o.begin() + row * kDim,
                      own.o.begin() + (row + 1) * kDim,
                      all.o.begin() + at * kDim, areSame))
        return "query " + std::to_string(query) + " of " +
               std::to_string(batch.queries) + " on " + std::to_string(blocks) +
               " blocks has other bits alone";
    }
  }
  return "";
}

int SegmentsTest::countDifferent(int batches) {
  int different = 0;
  for (int i = 0; i < batches; ++i) {
    Batch batch = drawBatch();
    different += !compareBits(batch, [&](int64_t query) {
                    return takeQuery(batch, query);
                  }).empty();
  }
  return different;
}

void SegmentsTest::expectAlone(int batches) {
  c.isInvariant = true;
  ASSERT_NO_FATAL_FAILURE(lower());
  for (int i = 0; i < batches && !HasFailure(); ++i) {
    Batch batch = drawBatch();
    EXPECT_EQ(compare(batch, 3), "");
    EXPECT_EQ(
        compareBits(batch,
                    [&](int64_t query) { return takeQuery(batch, query); }),
        "");
    batch = drawSharedPrefix();
    EXPECT_EQ(compareBits(batch,
                          [&](int64_t query) {
                            return joinSegments(takeQuery(batch, query));
                          }),
              "");
  }
}

TEST_F(SegmentsTest, AreRightInAStream) { expectRight(60); }

/// Each group lets runs pass of which its own rows see nothing.
TEST_F(SegmentsTest, AreRightInAStreamOfTwoGroups) {
  c.tileRows = 128;
  expectRight(60);
}

TEST_F(SegmentsTest, AreRightInAStreamOfLanes) {
  c.target = "sm_80";
  expectRight(20);
  c.tileRows = 128;
  expectRight(10);
}

TEST_F(SegmentsTest, AreRightInAStreamOfWaves) {
  for (const char *target : {"gfx942", "gfx1100"}) {
    c.target = target;
    expectRight(10);
  }
}

TEST_F(SegmentsTest, AreRightWhereBlocksDoItems) {
  c.schedule.isStream = false;
  expectRight(20);
  c.tileRows = 128;
  expectRight(20);
}

TEST_F(SegmentsTest, AreRightWithoutPackedRows) {
  c.pack = {};
  expectRight(20);
}

TEST_F(SegmentsTest, AreRightByThreads) {
  c.isScheduled = false;
  c.pack = {};
  c.dtype = DType::f32;
  c.tileRows = c.tileKeys = 8;
  expectRight(4);
}

/// The oracle notices a segment that the kernel is not told of whole.
TEST_F(SegmentsTest, ShorterSegmentsAreNoticed) {
  ASSERT_NO_FATAL_FAILURE(lower());
  int different = 0;
  for (int i = 0; i < 10; ++i) {
    Batch batch = drawBatch();
    for (Segment &segment : batch.segments)
      segment.toldLength = std::max<int64_t>(segment.length - 1, 0);
    different += !compare(batch, 3).empty();
  }
  EXPECT_GT(different, 0);
}

TEST_F(SegmentsTest, InvariantRowsAreThoseOfRowsAlone) { expectAlone(40); }

TEST_F(SegmentsTest, InvariantRowsAreThoseOfRowsAloneOfFewRows) {
  c.tileRows = 32;
  expectAlone(30);
}

TEST_F(SegmentsTest, InvariantRowsAreThoseOfRowsAloneOfTwoGroups) {
  c.tileRows = 128;
  expectAlone(30);
}

TEST_F(SegmentsTest, InvariantRowsAreThoseOfRowsAloneWhereBlocksDoItems) {
  c.schedule.isStream = false;
  expectAlone(20);
}

TEST_F(SegmentsTest, InvariantRowsAreThoseOfRowsAloneByThreads) {
  c.isScheduled = false;
  c.pack = {};
  c.dtype = DType::f32;
  c.tileRows = c.tileKeys = 8;
  expectAlone(3);
}

/// The batches show what they are for.
TEST_F(SegmentsTest, RowsOfOtherKernelsHaveOtherBitsAlone) {
  ASSERT_NO_FATAL_FAILURE(lower());
  EXPECT_EQ(compare(drawBatch(), 3), "");
  EXPECT_GT(countDifferent(20), 0);
}

/// Digits hold 32767 terms of a row, of which a tile's rows see more together.
TEST_F(SegmentsTest, InvariantRowsDoNotCountWhatOthersSee) {
  constexpr int64_t kSteps = 16400;
  c.isInvariant = true;
  c.tileKeys = kPage;
  ASSERT_NO_FATAL_FAILURE(lower());
  // All pages are one.
  int64_t length = kSteps * kPage;
  Batch batch{{{length, 0, 1, true}, {length, 1, 2, true}}, 2};
  batch.q = noise(kHeads * kGroup * batch.queries * kDim);
  batch.width = kSteps;
  batch.table = {{2, kSteps}, std::vector<double>(2 * kSteps, 0)};
  batch.keys = {{1, kHeads, kPage, kDim}, noise(kHeads * kPage * kDim)};
  batch.values = {{1, kHeads, kPage, kDim}, noise(kHeads * kPage * kDim)};
  Outputs all = run(batch, 7);
  ASSERT_EQ(all.wrong, "");
  Batch alone = batch;
  alone.queries = 1;
  alone.segments.pop_back();
  alone.table = {{1, kSteps}, std::vector<double>(kSteps, 0)};
  alone.q.clear();
  for (int64_t row = 0; row < kHeads * kGroup; ++row) {
    auto first = batch.q.begin() + 2 * row * kDim;
    alone.q.insert(alone.q.end(), first, first + kDim);
  }
  Outputs own = run(alone, 1);
  ASSERT_EQ(own.wrong, "");
  for (int64_t row = 0; row < kHeads * kGroup; ++row) {
    ASSERT_EQ(all.lse[2 * row], own.lse[row]);
    for (int64_t d = 0; d < kDim; ++d)
      ASSERT_EQ(all.o[2 * row * kDim + d], own.o[row * kDim + d]);
  }
}
