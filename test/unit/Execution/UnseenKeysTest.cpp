//===- UnseenKeysTest.cpp - keys without queries, queries without keys ----===//
//
// What stands in keys and values that no query of a batch and head sees changes
// no bit of an output, a NaN neither. A query that sees no key has the output 0
// and the log-sum-exp -inf. Which pairs these are is said by a formula, not by
// the variant.
//
//===----------------------------------------------------------------------===//

#include "PublishedCases.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace attn;
using namespace attn::test;

namespace {
/// A query head's number among the heads of all keys, a query and a key.
using Sees = std::function<bool(int64_t b, int64_t head, int64_t p, int64_t m)>;

struct Masked {
  Case c;
  Sees sees;

  int64_t batch() const { return c.shape.batch.value_or(1); }
  int64_t heads() const { return *c.shape.heads; }
  int64_t keyHeads() const { return *c.shape.kvHeads; }
  int64_t queries() const { return *c.shape.queryLength; }
  int64_t keys() const { return *c.shape.keyLength; }

  bool isSeen(int64_t b, int64_t keyHead, int64_t m) const {
    int64_t group = heads() / keyHeads();
    for (int64_t head = keyHead * group; head < (keyHead + 1) * group; ++head)
      for (int64_t p = 0; p < queries(); ++p)
        if (sees(b, head, p, m))
          return true;
    return false;
  }
  bool seesNothing(int64_t b, int64_t head, int64_t p) const {
    for (int64_t m = 0; m < keys(); ++m)
      if (sees(b, head, p, m))
        return false;
    return true;
  }
};
} // namespace

/// Keys or values, of which those that are not seen are `unseen`.
static NpyArray makeKeys(const Masked &masked, uint64_t seed, float unseen) {
  NpyArray array;
  int64_t width = *masked.c.shape.headDim;
  array.shape = {masked.batch(), masked.keyHeads(), masked.keys(), width};
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (int64_t b = 0; b < masked.batch(); ++b)
    for (int64_t h = 0; h < masked.keyHeads(); ++h)
      for (int64_t m = 0; m < masked.keys(); ++m) {
        bool seen = masked.isSeen(b, h, m);
        for (int64_t e = 0; e < width; ++e) {
          float value = normal(random);
          values.push_back(seen ? value : unseen);
        }
      }
  array.data.assign(reinterpret_cast<const char *>(values.data()),
                    values.size() * sizeof(float));
  return array;
}

static std::vector<Masked> getMasks() {
  std::vector<Masked> masks;
  // Tails of padding, one of all keys, and queries without a sequence.
  for (int64_t causal : {0, 1}) {
    const std::vector<int32_t> queries = {3, 100, 0, 150},
                               keys = {130, 70, 90, 0};
    Case c = makeCase("varlen", 2, 2, 150, 200, 32, {{"causal", causal}});
    c.shape.batch = 4;
    c.arrays["q_lengths"] = makeTable({4}, queries);
    c.arrays["k_lengths"] = makeTable({4}, keys);
    masks.push_back({c, [=](int64_t b, int64_t, int64_t p, int64_t m) {
                       return p < queries[b] && m < keys[b] &&
                              (causal == 0 || m <= p + keys[b] - queries[b]);
                     }});
  }
  // Documents that no query is of, before and after, and between.
  for (int32_t last : {2, 3}) {
    const std::vector<int32_t> first = {0, 30, 100, 170, 300};
    std::vector<int32_t> doc(200, 1);
    std::fill(doc.begin() + (last == 2 ? 100 : 170), doc.end(), last);
    Case c = makeCase(ATTN_INPUTS_DIR "/foreign-documents.mlir", 2, 1, 200, 300,
                      32, {});
    c.arrays["doc"] = makeTable({200}, doc);
    c.arrays["first"] = makeTable({5}, first);
    masks.push_back({c, [=](int64_t, int64_t, int64_t p, int64_t m) {
                       return m >= first[doc[p]] && m < first[doc[p] + 1] &&
                              m <= p;
                     }});
  }
  // Keys that a table hides, one by one and many together.
  {
    Case c =
        makeCase(ATTN_INPUTS_DIR "/hidden-keys.mlir", 2, 1, 200, 200, 32, {});
    c.shape.batch = 2;
    auto keeps = [](int64_t b, int64_t m) {
      return b == 0 ? m % 3 != 0 : m < 40 || m > 120;
    };
    NpyArray table;
    table.dtype = DType::i8;
    table.shape = {2, 200};
    for (int64_t i = 0; i < 2 * 200; ++i)
      table.data.push_back(keeps(i / 200, i % 200));
    c.arrays["keep"] = table;
    masks.push_back({c, [=](int64_t b, int64_t, int64_t p, int64_t m) {
                       return m <= p && keeps(b, m);
                     }});
  }
  // Windows of few queries, and of none.
  for (int64_t window : {0, 40}) {
    masks.push_back(
        {makeCase("sliding-window", 2, 1, 20, 300, 32, {{"window", window}}),
         [=](int64_t, int64_t, int64_t p, int64_t m) {
           return m <= p + 280 && m > p + 280 - window;
         }});
    masks.push_back({makeCase("streaming", 2, 1, 20, 300, 32,
                              {{"window", window}, {"sinks", window / 8}}),
                     [=](int64_t, int64_t, int64_t p, int64_t m) {
                       return m <= p + 280 &&
                              (m > p + 280 - window || m < window / 8);
                     }});
  }
  // Heads that see nothing, a sink, and a span.
  {
    Case c = makeCase("moa", 3, 1, 70, 260, 32, {});
    const std::vector<int32_t> globals = {0, 3, 0}, spans = {0, 0, 50};
    c.arrays["globals"] = makeTable({3, 1}, globals);
    c.arrays["spans"] = makeTable({3, 1}, spans);
    masks.push_back({c, [=](int64_t, int64_t head, int64_t p, int64_t m) {
                       return m <= p + 190 &&
                              (m < globals[head] || p + 190 - m < spans[head]);
                     }});
    c = makeCase("duo", 2, 1, 70, 260, 32, {{"sinks", 0}, {"recent", 0}});
    c.arrays["retrieval"] = makeTable({2, 1}, {1, 0});
    masks.push_back({c, [](int64_t, int64_t head, int64_t p, int64_t m) {
                       return m <= p + 190 && head == 0;
                     }});
  }
  // More queries than keys: the first see nothing.
  masks.push_back(
      {makeCase("causal-bottom-right", 2, 1, 300, 100, 32, {}),
       [](int64_t, int64_t, int64_t p, int64_t m) { return m <= p - 200; }});
  // Block rows without blocks, and blocks that no row lists.
  {
    Case c = makeCase("block-sparse", 2, 2, 128, 256, 32,
                      {{"block_rows", 32}, {"block_cols", 16}});
    const std::vector<int32_t> lists[] = {{2, 9}, {}, {-1, 9}, {}};
    std::vector<int32_t> indptr = {0}, indices;
    for (auto &list : lists) {
      indices.insert(indices.end(), list.begin(), list.end());
      indptr.push_back(static_cast<int32_t>(indices.size()));
    }
    c.arrays["indptr"] = makeTable({1, 5}, indptr);
    c.arrays["indices"] = makeTable({4}, indices);
    masks.push_back({c, [](int64_t, int64_t, int64_t p, int64_t m) {
                       return (m / 16 == 9 && p / 32 % 2 == 0) ||
                              (m / 16 == 2 && p < 32);
                     }});
    c = makeCase("selected-blocks", 2, 2, 128, 256, 32,
                 {{"block", 16}, {"rows", 64}, {"sinks", 0}, {"window", 0}});
    c.arrays["idx"] = makeTable({1, 1, 2, 2}, {-1, -1, 3, 3});
    masks.push_back({c, [](int64_t, int64_t, int64_t p, int64_t m) {
                       return p >= 64 && m / 16 == 3;
                     }});
  }
  // Every second key about few queries, and windows of an image of few rows.
  masks.push_back({makeCase("dilated-window", 2, 1, 20, 300, 32,
                            {{"window", 6}, {"dilation", 2}}),
                   [](int64_t, int64_t, int64_t p, int64_t m) {
                     return m >= p - 6 && m <= p + 6 && (p - m) % 2 == 0;
                   }});
  masks.push_back({makeCase("dilated-window", 2, 1, 1, 300, 32,
                            {{"window", 60}, {"dilation", 7}}),
                   [](int64_t, int64_t, int64_t p, int64_t m) {
                     return m <= p + 60 && (p - m) % 7 == 0;
                   }});
  return masks;
}

class UnseenKeysTest : public testing::TestWithParam<DType> {};

/// Expects the same bits of the outputs whether ones or `unseen` stand where no
/// query sees them.
static void expectNoTrace(CaseRunner &runner, const Masked &masked, DType dtype,
                          float unseen) {
  for (int64_t tileKeys : {0, 64}) {
    Case c = masked.c;
    c.dtype = dtype;
    c.tileKeys = tileKeys;
    c.arrays["k"] = makeKeys(masked, 1, 1);
    c.arrays["v"] = makeKeys(masked, 2, 1);
    Outcome clean = runner.run(c, nullptr, /*check=*/false);
    ASSERT_EQ(clean.refusal, "") << c.describe();
    c.arrays["k"] = makeKeys(masked, 1, unseen);
    c.arrays["v"] = makeKeys(masked, 2, unseen);
    Outcome outcome = runner.run(c, nullptr, /*check=*/false);
    for (auto &[name, values] : clean.outputs)
      EXPECT_EQ(std::memcmp(values.data(), outcome.outputs[name].data(),
                            values.size() * sizeof(double)),
                0)
          << name << " of " << c.describe();
  }
}

static constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST_P(UnseenKeysTest, ReachNoOutput) {
  CaseRunner runner;
  for (const Masked &masked : getMasks())
    expectNoTrace(runner, masked, GetParam(), kNaN);
}

TEST_P(UnseenKeysTest, LeaveARowEmpty) {
  CaseRunner runner;
  for (const Masked &masked : getMasks()) {
    Case c = masked.c;
    c.dtype = GetParam();
    Outcome outcome = runner.run(c, nullptr, /*check=*/false);
    ASSERT_EQ(outcome.refusal, "") << c.describe();
    int64_t row = 0, width = *c.shape.headDim, wrong = 0;
    for (int64_t b = 0; b < masked.batch(); ++b)
      for (int64_t head = 0; head < masked.heads(); ++head)
        for (int64_t p = 0; p < masked.queries(); ++p, ++row) {
          bool isEmpty = masked.seesNothing(b, head, p);
          double lse = outcome.outputs["lse"][row];
          wrong += isEmpty != (lse == -std::numeric_limits<double>::infinity());
          for (int64_t f = 0; f < width; ++f) {
            double o = outcome.outputs["o"][row * width + f];
            wrong += !std::isfinite(o) || (isEmpty && o != 0);
          }
        }
    EXPECT_EQ(wrong, 0) << c.describe();
  }
}

INSTANTIATE_TEST_SUITE_P(Types, UnseenKeysTest,
                         testing::Values(DType::f32, DType::bf16));
