//===- SampledRowsTest.cpp - masks that are too large for the interpreter -===//
//
// A kernel runs the whole problem. Of its queries 64 are drawn, the first, the
// last and the middle ones among them; the keys that a formula says each of
// them sees are gathered, and the interpreter computes attention to these
// alone: as sequences of one query each, padded to the most keys.
// ATTN_PUBLISHED_MASKS adds the problems that take minutes.
//
//===----------------------------------------------------------------------===//

#include "PublishedCases.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <set>

using namespace attn;
using namespace attn::test;

namespace {
/// The keys that a query sees.
using Keys = std::function<std::vector<int64_t>(int64_t query)>;

class SampledRows {
public:
  /// Pre-condition: one batch and one head.
  SampledRows(const Case &c, Keys keys) : c(c), keys(std::move(keys)) {}

  /// Runs the kernel and compares the rows.
  void run();

private:
  /// Compares these rows.
  void compare(const std::vector<int64_t> &rows);
  /// Values of rows of `name`, drawn once.
  std::vector<float> draw(const char *name, int64_t rows, uint64_t seed);

  Case c;
  Keys keys;
  std::map<std::string, std::vector<float>> inputs;
  Outcome outcome;
};
} // namespace

static NpyArray makeArray(std::vector<int64_t> shape,
                          const std::vector<float> &values) {
  NpyArray array;
  array.shape = std::move(shape);
  array.data.assign(reinterpret_cast<const char *>(values.data()),
                    values.size() * sizeof(float));
  return array;
}

std::vector<float> SampledRows::draw(const char *name, int64_t rows,
                                     uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(rows * *c.shape.headDim);
  for (float &value : values)
    value = normal(random);
  c.arrays[name] = makeArray({1, 1, rows, *c.shape.headDim}, values);
  return values;
}

void SampledRows::run() {
  int64_t queries = *c.shape.queryLength;
  inputs["q"] = draw("q", queries, 1);
  c.arrays["q"].shape.insert(c.arrays["q"].shape.begin(), 1);
  for (const char *name : {"k", "v"})
    inputs[name] = draw(name, *c.shape.keyLength, name[0]);
  c.threads = 2;
  CaseRunner runner;
  outcome = runner.run(c, nullptr, /*check=*/false);
  ASSERT_EQ(outcome.refusal, "") << c.describe();

  std::set<int64_t> drawn = {0,           1,           queries / 2 - 1,
                             queries / 2, queries - 2, queries - 1};
  std::mt19937_64 random(queries);
  while (drawn.size() < 64)
    drawn.insert(static_cast<int64_t>(random() % queries));
  // Eight at a time, whose keys are all in memory.
  std::vector<int64_t> rows(drawn.begin(), drawn.end());
  for (size_t at = 0; at < rows.size(); at += 8)
    compare({rows.begin() + at, rows.begin() + at + 8});
}

void SampledRows::compare(const std::vector<int64_t> &rows) {
  int64_t count = rows.size(), width = *c.shape.headDim;
  std::vector<std::vector<int64_t>> seen;
  std::vector<int32_t> lengths;
  for (int64_t row : rows) {
    seen.push_back(keys(row));
    lengths.push_back(static_cast<int32_t>(seen.back().size()));
  }
  int64_t most = *std::max_element(lengths.begin(), lengths.end());
  auto take = [&](const std::string &name, int64_t row) {
    return inputs[name].begin() + row * width;
  };
  std::vector<float> q(count * width), k(count * most * width), v(k.size());
  for (int64_t i = 0; i < count; ++i) {
    std::copy_n(take("q", rows[i]), width, q.begin() + i * width);
    for (int64_t j = 0; j < lengths[i]; ++j) {
      int64_t to = (i * most + j) * width;
      std::copy_n(take("k", seen[i][j]), width, k.begin() + to);
      std::copy_n(take("v", seen[i][j]), width, v.begin() + to);
    }
  }

  auto context = createContext();
  auto source = loadSource(*context, "varlen", "");
  ASSERT_TRUE(source.isOk());
  cascade::FuncOp func = source->func;
  Problem problem;
  problem.dtype = c.dtype;
  Arrays arrays;
  arrays["q"] = makeArray({count, 1, 1, 1, width}, q);
  arrays["k"] = makeArray({count, 1, most, width}, k);
  arrays["v"] = makeArray({count, 1, most, width}, v);
  arrays["q_lengths"] = makeTable({count}, std::vector<int32_t>(count, 1));
  arrays["k_lengths"] = makeTable({count}, lengths);
  ASSERT_TRUE(bindArrays(func, arrays, problem).isOk());
  ASSERT_TRUE(resolveExtents(func, {}, problem).isOk());
  ASSERT_TRUE(resolveScalars(func, {}, problem).isOk());
  auto gathered = createInputs(func, problem, arrays, {});
  auto outputs = createOutputs(func, problem, Layout::contiguous);
  ASSERT_TRUE(gathered.isOk() && outputs.isOk());
  for (auto &[name, tensor] : *outputs) {
    const std::vector<double> &from = outcome.outputs[name];
    int64_t inner = name == "o" ? width : 1;
    std::vector<double> values;
    for (int64_t row : rows)
      values.insert(values.end(), from.begin() + row * inner,
                    from.begin() + (row + 1) * inner);
    tensor.setValues(values);
  }
  auto errors =
      checkOutputs(func, problem, getReferenceArguments(*gathered, problem),
                   *outputs, /*mayspread=*/false);
  ASSERT_TRUE(errors.isOk()) << errors.getStatus().message();
  // Eight rows are too few for the rule's own statistics: a wrong key of
  // thousands is beyond any of this.
  for (const OutputError &error : *errors)
    EXPECT_LE(error.report.maxRatio, 2) << error.name << " of " << c.describe()
                                        << ", query " << rows[error.report.row];
}

//===----------------------------------------------------------------------===//
// The problems
//===----------------------------------------------------------------------===//

static bool runsAll() { return std::getenv("ATTN_PUBLISHED_MASKS") != nullptr; }

static const DType kTypes[] = {DType::f32, DType::bf16};

/// The first key of a window on an axis, by NATTEN's definition without
/// dilation.
static int64_t getWindowStart(int64_t at, int64_t extent, int64_t window,
                              int64_t stride) {
  int64_t center = std::min(at / stride * stride + stride / 2, extent - 1);
  return std::clamp<int64_t>(center - window / 2, 0, extent - window);
}

TEST(SampledRows, Neighborhoods1D) {
  int64_t length = runsAll() ? 32768 : 2048, window = length / 16;
  for (int64_t stride : {int64_t(1), window / 8, window})
    for (DType dtype : kTypes) {
      Case c = makeCase("neighborhood-1d", 1, 1, length, length,
                        runsAll() ? 128 : 32,
                        {{"window", window}, {"stride", stride}});
      c.dtype = dtype;
      c.tileKeys = 0;
      SampledRows(c, [&](int64_t query) {
        std::vector<int64_t> keys(window);
        int64_t key = getWindowStart(query, length, window, stride);
        for (int64_t &each : keys)
          each = key++;
        return keys;
      }).run();
    }
}

TEST(SampledRows, Neighborhoods3D) {
  struct Axis {
    int64_t extent, window, stride;
  };
  using Axes = std::array<Axis, 3>;
  Axes axes = runsAll() ? Axes{{{30, 18, 16}, {48, 24, 8}, {80, 24, 8}}}
                        : Axes{{{8, 4, 3}, {9, 5, 1}, {20, 6, 4}}};
  auto [z, y, x] = axes;
  int64_t points = z.extent * y.extent * x.extent;
  for (DType dtype : kTypes) {
    Case c =
        makeCase("neighborhood-3d", 1, 1, points, points, runsAll() ? 128 : 32,
                 {{"height", y.extent},
                  {"width", x.extent},
                  {"window_z", z.window},
                  {"window_y", y.window},
                  {"window_x", x.window},
                  {"stride_z", z.stride},
                  {"stride_y", y.stride},
                  {"stride_x", x.stride}});
    c.dtype = dtype;
    c.tileKeys = 0;
    SampledRows(c, [&, &y = y, &x = x](int64_t query) {
      int64_t at[] = {query / x.extent / y.extent, query / x.extent % y.extent,
                      query % x.extent};
      int64_t first[3];
      for (int axis = 0; axis < 3; ++axis)
        first[axis] = getWindowStart(at[axis], axes[axis].extent,
                                     axes[axis].window, axes[axis].stride);
      std::vector<int64_t> keys;
      for (int64_t i = 0; i < axes[0].window; ++i)
        for (int64_t j = 0; j < axes[1].window; ++j)
          for (int64_t k = 0; k < axes[2].window; ++k)
            keys.push_back(((first[0] + i) * y.extent + first[1] + j) *
                               x.extent +
                           first[2] + k);
      return keys;
    }).run();
  }
}

// DKernel's long prompts; the interpreter has one of these.
TEST(SampledRows, LocalAndVertical) {
  int64_t length = runsAll() ? 8192 : 1500;
  for (int64_t block : {16, 32, 64})
    for (auto [local, vertical] :
         {std::pair{10, 3}, std::pair{1, 8}, std::pair{8, 1}, std::pair{4, 4}})
      for (DType dtype : kTypes) {
        if (!runsAll() && (block != 64 || local != 4))
          continue;
        Case c = makeCase(
            "s2", 1, 1, length, length, runsAll() ? 128 : 32,
            {{"block", block}, {"local", local}, {"vertical", vertical}});
        c.dtype = dtype;
        c.tileKeys = 0;
        SampledRows(c, [&, block = block, local = local,
                        vertical = vertical](int64_t query) {
          std::vector<int64_t> keys;
          for (int64_t key = 0; key <= query; ++key)
            if (query / block - key / block < local ||
                key / block % vertical == 0)
              keys.push_back(key);
          return keys;
        }).run();
      }
}
