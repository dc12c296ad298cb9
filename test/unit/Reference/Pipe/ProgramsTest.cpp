//===- ProgramsTest.cpp - hand-written products run right -----------------===//

#include "RunPipe.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace attn;
using namespace attn::test;

namespace {
/// A matrix in f64, with the sum of the terms' magnitudes of each element.
struct Product {
  std::vector<double> values, sizes;
};
} // namespace

/// A [m, k] times B, which is [n, k] if `transposed` and [k, n] otherwise.
static Product multiply(const std::vector<double> &a,
                        const std::vector<double> &b, int64_t m, int64_t n,
                        int64_t k, bool transposed) {
  Product product;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0, size = 0;
      for (int64_t l = 0; l < k; ++l) {
        double term = a[i * k + l] * b[transposed ? j * k + l : l * n + j];
        sum += term;
        size += std::fabs(term);
      }
      product.values.push_back(sum);
      product.sizes.push_back(size);
    }
  return product;
}

/// `got` may be off by a rounding to bf16, 2^-8 of the value, and by what sums
/// in f32 lose of the terms.
static void expectNear(const std::vector<double> &got,
                       const std::vector<double> &expected,
                       const std::vector<double> &sizes) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_LE(std::fabs(got[i] - expected[i]),
              1.02 * 0x1p-8 * std::fabs(expected[i]) + 0x1p-18 * sizes[i])
        << "at " << i;
}

TEST(ProgramsTest, Gemm) {
  PipeProgram program = PipeProgram::load("gemm");
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  struct Shape {
    int64_t m, n, k;
  };
  // Ragged everywhere; one tile; more rows than a section of 16 tiles.
  for (Shape s : {Shape{200, 300, 200}, Shape{128, 256, 64}, Shape{1, 1, 1},
                  Shape{2100, 260, 70}, Shape{130, 600, 385}}) {
    PipeArguments arguments;
    arguments.tensors["a"] = makeNormal({s.m, s.k}, 1);
    arguments.tensors["b"] = makeNormal({s.n, s.k}, 2);
    arguments.scalars["alpha"] = 0.5;
    Product expected =
        multiply(arguments.tensors["a"].values, arguments.tensors["b"].values,
                 s.m, s.n, s.k, /*transposed=*/true);
    for (double &value : expected.values)
      value = std::max(value * 0.5, 0.0);
    for (const PipeLaunch &launch : getLaunches(3, 2)) {
      SCOPED_TRACE(describe(launch));
      PipeOutcome outcome = program.run(arguments, launch);
      ASSERT_EQ(print(outcome), "");
      expectNear(outcome.results["c"].values, expected.values, expected.sizes);
    }
  }
}

TEST(ProgramsTest, ChainedGemms) {
  PipeProgram program = PipeProgram::load("chained-gemms");
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  constexpr int64_t kSize = 64;
  int64_t m = 150, n = 200;
  PipeArguments arguments;
  arguments.tensors["a"] = makeNormal({m, kSize}, 1);
  arguments.tensors["b"] = makeNormal({n, kSize}, 2);
  arguments.tensors["c"] = makeNormal({n, kSize}, 3);
  arguments.tensors["e"] = makeNormal({kSize, kSize}, 4);
  auto round = [](std::vector<double> values) {
    for (double &value : values)
      value = roundToBf16(value);
    return values;
  };
  // What lies between products is rounded too; whether up or down may depend on
  // the last bit of a sum in f32, which moves it by 2^-8 of the value.
  Product ab = multiply(arguments.tensors["a"].values,
                        arguments.tensors["b"].values, m, n, kSize, true);
  Product abc = multiply(round(ab.values), arguments.tensors["c"].values, m,
                         kSize, n, false);
  Product result = multiply(round(abc.values), arguments.tensors["e"].values, m,
                            kSize, kSize, false);
  for (double &size : result.sizes)
    size *= 0x1p8; // 2^-10 of the terms: a few of them round the other way.
  for (const PipeLaunch &launch : getLaunches(2, 10)) {
    SCOPED_TRACE(describe(launch));
    PipeOutcome outcome = program.run(arguments, launch);
    ASSERT_EQ(print(outcome), "");
    expectNear(outcome.results["o"].values, result.values, result.sizes);
  }
}
