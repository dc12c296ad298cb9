//===- ProgramsTest.cpp - runs tile programs that are not attention -------===//

#include "TileKernels.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {

const Placement kPlacements[] = {
    Placement::Compact,  Placement::Transposed,   Placement::Padded,
    Placement::Reversed, Placement::GuardedBegin, Placement::GuardedEnd};

TEST(CpuPrograms, Gemm) {
  for (const std::string &target : getRunnableTargets())
    for (DType type : {DType::f32, DType::bf16, DType::f16})
      for (Placement placement : kPlacements)
        for (int64_t tile : {16, 40}) {
          int64_t m = 50, n = 37, k = 75;
          HostTensor x(type, {m, k}, placement), w(type, {k, n}, placement);
          HostTensor bias(DType::f32, {n}), y(DType::f32, {m, n}, placement);
          x.fill(1);
          w.fill(2);
          bias.fill(3);
          std::string text = std::to_string(tile);
          runKernel(compileProgram("gemm.mlir",
                                   {{"T", std::string(getName(type))},
                                    {"TM", text},
                                    {"TN", text},
                                    {"TK", "33"}},
                                   target),
                    {ArgumentValue::ofTensor("x", &x.view),
                     ArgumentValue::ofTensor("w", &w.view),
                     ArgumentValue::ofTensor("bias", &bias.view),
                     ArgumentValue::ofTensor("y", &y.view)});
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j) {
              double sum = bias.get({j}), size = std::abs(sum);
              for (int64_t l = 0; l < k; ++l) {
                double term = double(x.get({i, l})) * w.get({l, j});
                sum += term;
                size += std::abs(term);
              }
              ASSERT_NEAR(y.get({i, j}), std::max(sum, 0.0), k * 0x1p-24 * size)
                  << i << " " << j << " " << getName(type) << " " << tile << " "
                  << target;
            }
        }
}

TEST(CpuPrograms, NormalisedChain) {
  for (const std::string &target : getRunnableTargets())
    for (const char *tile : {"1", "8", "16", "48"}) {
      int64_t m = 50;
      HostTensor x(DType::f32, {m, 40}), w(DType::f32, {40, 24});
      HostTensor u(DType::f32, {24, 56}), y(DType::f32, {m, 56});
      x.fill(1);
      w.fill(2);
      u.fill(3);
      runKernel(compileProgram("norm-gemm.mlir", {{"TM", tile}}, target),
                {ArgumentValue::ofTensor("x", &x.view),
                 ArgumentValue::ofTensor("w", &w.view),
                 ArgumentValue::ofTensor("u", &u.view),
                 ArgumentValue::ofTensor("y", &y.view)});
      for (int64_t i = 0; i < m; ++i) {
        double squares = 0;
        for (int64_t e = 0; e < 40; ++e)
          squares += double(x.get({i, e})) * x.get({i, e});
        double scale = 1 / std::sqrt(squares / 40 + 1e-5);
        std::vector<double> h(24), size(24);
        for (int64_t j = 0; j < 24; ++j)
          for (int64_t e = 0; e < 40; ++e) {
            double term = double(x.get({i, e})) * w.get({e, j}) * scale;
            h[j] += term;
            size[j] += std::abs(term);
          }
        for (int64_t f = 0; f < 56; ++f) {
          double sum = 0, total = 0;
          for (int64_t j = 0; j < 24; ++j) {
            sum += h[j] * u.get({j, f});
            total += size[j] * std::abs(u.get({j, f}));
          }
          ASSERT_NEAR(y.get({i, f}), sum, 100 * 0x1p-24 * total)
              << i << " " << f << " tile " << tile << " " << target;
        }
      }
    }
}

TEST(CpuPrograms, PhasesThroughWorkspace) {
  for (const std::string &target : getRunnableTargets())
    for (Placement placement : kPlacements) {
      int64_t m = 53, n = 45;
      HostTensor x(DType::f32, {m, n}, placement);
      HostTensor y(DType::f32, {n, m}, placement);
      x.fill(7);
      runKernel(compileProgram("columns.mlir", {}, target),
                {ArgumentValue::ofTensor("x", &x.view),
                 ArgumentValue::ofTensor("y", &y.view)},
                2);
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t i = 0; i < m; ++i)
          sum += x.get({i, j});
        for (int64_t i = 0; i < m; ++i)
          ASSERT_NEAR(y.get({j, i}), x.get({i, j}) - sum / m + i, 1e-5)
              << i << " " << j << " " << target;
      }
    }
}

double ulps(float actual, double expected) {
  if (std::isnan(expected))
    return std::isnan(actual) ? 0 : INFINITY;
  if (std::isinf(float(expected)) || std::isinf(actual))
    return actual == float(expected) ? 0 : INFINITY;
  int exponent;
  std::frexp(expected, &exponent);
  return std::abs(actual - expected) /
         std::ldexp(1.0, std::max(exponent - 24, -149));
}

TEST(CpuPrograms, Functions) {
  struct Function {
    const char *name;
    double (*exact)(double);
    double most;
  } functions[] = {{"exp", std::exp, 2.5},
                   {"exp2", std::exp2, 2.5},
                   {"tanh", std::tanh, 3},
                   {"log", std::log, 3},
                   {"sqrt", std::sqrt, 0.51}};
  for (const std::string &target : getRunnableTargets())
    for (const Function &f : functions) {
      std::vector<float> values = {
          0.0f,   -0.0f,  INFINITY, -INFINITY, NAN,     2e-38f, -2e-38f, 3e38f,
          -3e38f, 128.0f, -126.5f,  -149.0f,   -150.5f, 88.8f,  -103.0f};
      for (int i = -4000; i < 4000; ++i)
        values.push_back(i * 0.04f);
      int64_t n = values.size();
      HostTensor x(DType::f32, {n}), y(DType::f32, {n});
      for (int64_t i = 0; i < n; ++i)
        x.set({i}, values[i]);
      runKernel(compileProgram("functions.mlir",
                               {{"BODY", std::string("%yt = math.") + f.name +
                                             " %xt : tensor<64xf32>"}},
                               target),
                {ArgumentValue::ofTensor("x", &x.view),
                 ArgumentValue::ofTensor("y", &y.view)});
      for (int64_t i = 0; i < n; ++i)
        ASSERT_LE(ulps(y.get({i}), f.exact(values[i])), f.most)
            << f.name << "(" << values[i] << ") = " << y.get({i}) << " on "
            << target;
    }
}

// Its error was that of 61.125 log2(e), rounded, which is larger than of an
// exact difference: rows of `rescale` missed the error rule.
TEST(CpuPrograms, ExponentialOfADifferenceHasTheDifferencesError) {
  for (const std::string &target : getRunnableTargets()) {
    constexpr int64_t n = 1200;
    HostTensor x(DType::f32, {n}), y(DType::f32, {n});
    for (int64_t i = 0; i < n; ++i)
      x.set({i}, (i - n / 2) * 0.125f);
    runKernel(
        compileProgram(
            "functions.mlir",
            {{"BODY", "%c = arith.constant dense<61.125> : tensor<64xf32>\n"
                      "  %d = arith.subf %xt, %c : tensor<64xf32>\n"
                      "  %yt = math.exp %d : tensor<64xf32>"}},
            target),
        {ArgumentValue::ofTensor("x", &x.view),
         ArgumentValue::ofTensor("y", &y.view)});
    for (int64_t i = 0; i < n; ++i)
      ASSERT_LE(ulps(y.get({i}), std::exp(x.get({i}) - 61.125)), 2.5)
          << x.get({i}) << " on " << target;
  }
}

// A rounding that a program states is part of its numbers: no stage may see
// that the wide type comes back.
TEST(CpuPrograms, RoundsWhereTheProgramSays) {
  for (const std::string &target : getRunnableTargets())
    for (DType type : {DType::bf16, DType::f16}) {
      std::string narrow = "tensor<64x" + std::string(getName(type)) + ">";
      int64_t n = 100;
      HostTensor x(DType::f32, {n}), y(DType::f32, {n}), rounded(type, {n});
      x.fill(1);
      runKernel(compileProgram(
                    "functions.mlir",
                    {{"BODY", "%r = arith.truncf %xt : tensor<64xf32> to " +
                                  narrow + "\n%yt = arith.extf %r : " + narrow +
                                  " to tensor<64xf32>"}},
                    target),
                {ArgumentValue::ofTensor("x", &x.view),
                 ArgumentValue::ofTensor("y", &y.view)});
      int64_t changed = 0;
      for (int64_t i = 0; i < n; ++i) {
        rounded.set({i}, x.get({i}));
        ASSERT_EQ(y.get({i}), rounded.get({i})) << x.get({i}) << " " << target;
        changed += y.get({i}) != x.get({i});
      }
      EXPECT_GT(changed, n / 2);
    }
}

} // namespace
