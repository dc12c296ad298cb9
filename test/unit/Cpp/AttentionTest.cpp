//===- AttentionTest.cpp - attention composed in C++ ----------------------===//
//
// Each program is compared with the shipped variant of the same meaning, and
// with a plain loop in f64.
//
//===----------------------------------------------------------------------===//

#include "attn-cpp/Attention.h"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <random>

using namespace attn::api;

namespace {
constexpr int64_t batch = 2, keyHeads = 2, groups = 2, width = 16;
constexpr double scale = 0.25;

/// A compact tensor of any type of 4 bytes.
struct Tensor {
  Tensor(std::vector<int64_t> extents, DLDataType type = {kDLFloat, 32, 1})
      : shape(std::move(extents)) {
    size_t size = 1;
    for (int64_t extent : shape)
      size *= static_cast<size_t>(extent);
    reals.resize(size);
    integers.resize(size);
    view = {type.code == kDLFloat ? static_cast<void *>(reals.data())
                                  : integers.data(),
            {kDLCPU, 0},
            static_cast<int>(shape.size()),
            type,
            shape.data(),
            nullptr,
            0};
  }

  std::vector<int64_t> shape;
  std::vector<float> reals;
  std::vector<int32_t> integers;
  DLTensor view;
};

class Problem {
public:
  Problem(int64_t queries, int64_t keys)
      : queries(queries), keys(keys),
        q({batch, keyHeads, groups, queries, width}),
        k({batch, keyHeads, keys, width}), v({batch, keyHeads, keys, width}) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (Tensor *tensor : {&q, &k, &v})
      for (float &value : tensor->reals)
        value = normal(random);
  }

  void add(const char *name, Tensor &tensor) {
    arguments.push_back({name, ATTN_TENSOR, &tensor.view, 0, 0});
  }
  void add(const char *name, int64_t value) {
    arguments.push_back({name, ATTN_INTEGER, nullptr, value, 0});
  }
  void addReal(const char *name, double value) {
    arguments.push_back({name, ATTN_REAL, nullptr, 0, value});
  }

  std::vector<float> run(const Kernel &kernel) {
    Tensor o({batch, keyHeads, groups, queries, width});
    Tensor lse({batch, keyHeads, groups, queries});
    size_t count = arguments.size();
    add("q", q);
    add("k", k);
    add("v", v);
    add("o", o);
    add("lse", lse);
    addReal("scale", scale);
    Plan plan;
    EXPECT_EQ(attn_plan_prepare(kernel.get(), arguments.data(),
                                arguments.size(), nullptr, plan.receive()),
              ATTN_OK)
        << attn_last_error_message();
    EXPECT_EQ(attn_plan_run(plan.get()), ATTN_OK);
    arguments.resize(count);
    return o.reals;
  }

  /// By the score of a batch, query head, query and key, -infinity hiding it.
  std::vector<float>
  define(const std::function<double(int64_t, int64_t, int64_t, int64_t, double)>
             &score) const {
    std::vector<float> results;
    for (int64_t row = 0; row < batch * keyHeads * groups * queries; ++row) {
      int64_t p = row % queries, head = row / queries % (keyHeads * groups);
      int64_t b = row / queries / (keyHeads * groups);
      size_t base = static_cast<size_t>((b * keyHeads + head / groups) * keys);
      std::vector<double> scores, sums(width);
      double top = -INFINITY, sum = 0;
      for (int64_t m = 0; m < keys; ++m) {
        double product = 0;
        for (size_t e = 0; e < width; ++e)
          product += double(q.reals[size_t(row) * width + e]) *
                     double(k.reals[(base + size_t(m)) * width + e]);
        scores.push_back(score(b, head, p, m, scale * product));
        top = std::max(top, scores.back());
      }
      for (size_t m = 0; m < size_t(keys); ++m) {
        double weight = top == -INFINITY ? 0 : std::exp(scores[m] - top);
        sum += weight;
        for (size_t f = 0; f < width; ++f)
          sums[f] += weight * double(v.reals[(base + m) * width + f]);
      }
      for (double value : sums)
        results.push_back(sum == 0 ? 0 : static_cast<float>(value / sum));
    }
    return results;
  }

  const int64_t queries, keys;

private:
  Tensor q, k, v;
  std::vector<attn_argument> arguments;
};

class CppAttention : public testing::Test {
protected:
  void SetUp() override {
    setenv("ATTN_COMPILE", ATTN_COMPILE, 1);
    // Kernels that an earlier run has kept would hide what is compiled.
    setenv("ATTN_CACHE_DIR", "", 1);
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
  }

  static Kernel compileProgram(const Attention &program) {
    Kernel kernel;
    CompileOptions options;
    options.words = {"--head-dim=16"};
    Error error = compile(program, options, kernel);
    EXPECT_EQ(error.code, ATTN_OK) << error.message;
    return kernel;
  }

  static Kernel compileVariant(const char *name) {
    const char *words[] = {"--head-dim=16"};
    attn_compile_options options = {};
    options.struct_size = sizeof(options);
    options.words = words;
    options.num_words = 1;
    Kernel kernel;
    EXPECT_EQ(attn_compile(name, &options, kernel.receive()), ATTN_OK)
        << attn_last_error_message();
    return kernel;
  }
};

double getDistance(const std::vector<float> &a, const std::vector<float> &b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::fabs(double(a[i]) - double(b[i])));
  return worst;
}

// f32's rounding of sums of some 50 products of numbers of size 1.
constexpr double tolerance = 2e-5;

TEST_F(CppAttention, Causal) {
  Attention program("mine", /*isGrouped=*/true);
  auto p = program.query(), m = program.key();
  program.setMask(m <= p + (program.numKeys() - program.numQueries()));
  for (int64_t queries : {3, 40}) {
    Problem problem(queries, 50);
    auto mine = problem.run(compileProgram(program));
    EXPECT_LT(getDistance(mine, problem.run(compileVariant("causal"))), 1e-6);
    auto wanted = problem.define(
        [&](int64_t, int64_t, int64_t row, int64_t key, double x) {
          return key <= row + 50 - queries ? x : -INFINITY;
        });
    EXPECT_LT(getDistance(mine, wanted), tolerance);
  }
}

TEST_F(CppAttention, Alibi) {
  Attention program("mine", true);
  auto h = program.head(), p = program.query(), m = program.key();
  auto slope = program.table("slope", Element::f32, {"SLOPES"});
  auto distance =
      named("distance", m - p - (program.numKeys() - program.numQueries()));
  program.setMask(distance <= 0);
  program.setScore(program.score() + slope[h] * distance);
  Problem problem(30, 50);
  Tensor all({keyHeads * groups}), byGroup({keyHeads, groups});
  for (size_t i = 0; i < all.reals.size(); ++i)
    all.reals[i] = byGroup.reals[i] = 0.05f * static_cast<float>(i + 1);
  problem.add("slope", all);
  auto mine = problem.run(compileProgram(program));
  Problem shipped(30, 50);
  shipped.add("slope", byGroup);
  EXPECT_LT(getDistance(mine, shipped.run(compileVariant("alibi"))), 1e-5);
  auto wanted = problem.define(
      [&](int64_t, int64_t head, int64_t row, int64_t key, double x) {
        int64_t far = key - row - 20;
        return far <= 0 ? x + double(all.reals[size_t(head)]) * double(far)
                        : -INFINITY;
      });
  EXPECT_LT(getDistance(mine, wanted), tolerance);
}

TEST_F(CppAttention, Softcap) {
  Attention program("mine", true);
  auto p = program.query(), m = program.key();
  auto cap = program.real("softcap", 30);
  program.setMask(m <= p + program.numKeys() - program.numQueries());
  program.setScore(cap * tanh(program.score() / cap));
  Problem problem(30, 50);
  problem.addReal("softcap", 2);
  auto mine = problem.run(compileProgram(program));
  EXPECT_LT(getDistance(mine, problem.run(compileVariant("softcap"))), 1e-5);
  auto wanted =
      problem.define([](int64_t, int64_t, int64_t row, int64_t key, double x) {
        return key <= row + 20 ? 2 * std::tanh(x / 2) : -INFINITY;
      });
  EXPECT_LT(getDistance(mine, wanted), tolerance);
}

TEST_F(CppAttention, Window) {
  Attention program("mine", true);
  auto p = program.query(), m = program.key();
  auto window = program.integer("window", 128, 0);
  auto at = p + program.numKeys() - program.numQueries();
  program.setMask(m <= at && m > at - window);
  Kernel kernel = compileProgram(program);
  Kernel shipped = compileVariant("sliding-window");
  for (int64_t size : {0, 1, 7, 100}) {
    Problem problem(30, 50);
    problem.add("window", size);
    auto mine = problem.run(kernel);
    EXPECT_LT(getDistance(mine, problem.run(shipped)), 1e-5) << size;
    auto wanted = problem.define(
        [&](int64_t, int64_t, int64_t row, int64_t key, double x) {
          return key <= row + 20 && key > row + 20 - size ? x : -INFINITY;
        });
    EXPECT_LT(getDistance(mine, wanted), tolerance) << size;
  }
}

// The shipped one reads where documents begin, this one compares their numbers.
TEST_F(CppAttention, Documents) {
  Attention program("mine", true);
  auto p = program.query(), m = program.key();
  auto doc = program.table("doc", Element::i32, {"TOKENS"});
  program.setMask((m <= p) & (doc[m] == doc[p]));
  Problem problem(50, 50), shipped(50, 50);
  Tensor numbers({50}, {kDLInt, 32, 1}), first({4}, {kDLInt, 32, 1});
  first.integers = {0, 20, 21, 50};
  for (int32_t token = 0; token < 50; ++token)
    numbers.integers[size_t(token)] = token < 20 ? 0 : token < 21 ? 1 : 2;
  problem.add("doc", numbers);
  shipped.add("doc", numbers);
  shipped.add("first", first);
  auto mine = problem.run(compileProgram(program));
  EXPECT_LT(getDistance(mine, shipped.run(compileVariant("documents"))), 1e-5);
  auto wanted =
      problem.define([&](int64_t, int64_t, int64_t row, int64_t key, double x) {
        return key <= row && numbers.integers[size_t(key)] ==
                                 numbers.integers[size_t(row)]
                   ? x
                   : -INFINITY;
      });
  EXPECT_LT(getDistance(mine, wanted), tolerance);
}

// What operators mean, all of them in one score.
TEST_F(CppAttention, Operators) {
  Attention program("operators", true);
  auto b = program.batch(), h = program.head(), p = program.query(),
       m = program.key();
  auto x = program.score();
  program.setMask((m % 2 == 1) & !(p / 4 == 2) & (abs(p - m) < 30 || b == 1));
  program.setScore(select(h > 1, max(x, 0.125 * m), min(x, -1)) + (m - p) / 3 +
                   (p - m) % 5 - sqrt(toReal(m)) * 0.5 + toReal(m > p) +
                   exp2(-abs(x)) + (x < 0) * 0.25);
  Problem problem(30, 50);
  auto mine = problem.run(compileProgram(program));
  auto floorDiv = [](int64_t a, int64_t d) {
    return a / d - (a % d != 0 && a < 0);
  };
  auto wanted = problem.define([&](int64_t bb, int64_t head, int64_t row,
                                   int64_t key, double s) {
    if (key % 2 == 0 || row / 4 == 2 || !(std::abs(row - key) < 30 || bb == 1))
      return -HUGE_VAL;
    double k = double(key);
    return (head > 1 ? std::max(s, 0.125 * k) : std::min(s, -1.0)) +
           double(floorDiv(key - row, 3)) +
           double(row - key - 5 * floorDiv(row - key, 5)) - std::sqrt(k) * 0.5 +
           double(key > row) + std::exp2(-std::fabs(s)) + (s < 0) * 0.25;
  });
  EXPECT_LT(getDistance(mine, wanted), 1e-4);
}
} // namespace
