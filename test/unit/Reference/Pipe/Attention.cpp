//===- Attention.cpp - plain attention in f64 -----------------------------===//

#include "Attention.h"
#include "RunPipe.h"

#include <cmath>
#include <limits>

using namespace attn;
using namespace attn::test;

static constexpr int64_t kDim = 128;

PipeArguments attn::test::makeArguments(const AttentionCase &c) {
  PipeArguments arguments;
  arguments.tensors["q"] = makeNormal({c.heads, c.queries, kDim}, 1);
  ReferenceTensor &k = arguments.tensors["k"] =
      makeNormal({c.heads, c.keys, kDim}, 2);
  arguments.tensors["v"] = makeNormal({c.heads, c.keys, kDim}, 3);
  for (size_t i = 0; i < k.values.size(); ++i) {
    double key = static_cast<double>(i / kDim % c.keys) / c.keys;
    if (c.rising || c.falling)
      k.values[i] =
          roundToBf16(k.values[i] * (0.25 + 4 * (c.rising ? key : 1 - key)));
  }
  arguments.scalars["scale"] = c.scale;
  if (c.causal)
    arguments.scalars["section"] = c.section;
  return arguments;
}

/// The kernel rounds the weights and the output to bf16, each by 2^-8 of the
/// value at most, and so is off by 2^-7 of the sum of |weight value|; what f32
/// adds is smaller. The LSE is f32: its error is that of the scores' sums.
std::string attn::test::compare(const AttentionCase &c,
                                const PipeArguments &arguments,
                                const PipeOutcome &outcome) {
  const std::vector<double> &q = arguments.tensors.at("q").values;
  const std::vector<double> &k = arguments.tensors.at("k").values;
  const std::vector<double> &v = arguments.tensors.at("v").values;
  const std::vector<double> &o = outcome.results.at("o").values;
  const std::vector<double> &lse = outcome.results.at("lse").values;
  double scale = static_cast<float>(c.scale);
  std::vector<double> weights(c.keys);
  for (int64_t h = 0; h < c.heads; ++h)
    for (int64_t p = 0; p < c.queries; ++p) {
      int64_t row = h * c.queries + p;
      double max = -std::numeric_limits<double>::infinity(), sum = 0;
      double largest = 0;
      int64_t visible = c.keys;
      if (c.causal)
        visible = std::max<int64_t>(0, p + 1 + c.keys - c.queries);
      for (int64_t m = 0; m < visible; ++m) {
        double score = 0, size = 0;
        for (int64_t e = 0; e < kDim; ++e) {
          double term = q[row * kDim + e] * k[(h * c.keys + m) * kDim + e];
          score += term;
          size += std::fabs(term);
        }
        weights[m] = scale * score;
        largest = std::max(largest, scale * size);
        max = std::max(max, weights[m]);
      }
      for (int64_t m = 0; m < visible; ++m)
        sum += weights[m] = std::exp(weights[m] - max);
      double expectedLse = sum > 0 ? max + std::log(sum) : max;
      // 128 terms in f32, each sum rounded by 2^-24 of the largest.
      double lseBound = 1e-6 + 0x1p-19 * largest;
      auto where = [&](double got, double expected) {
        return "head " + std::to_string(h) + ", row " + std::to_string(p) +
               ": " + std::to_string(got) + " instead of " +
               std::to_string(expected);
      };
      if (!(std::fabs(lse[row] - expectedLse) <= lseBound ||
            lse[row] == expectedLse))
        return "lse of " + where(lse[row], expectedLse);
      for (int64_t e = 0; e < kDim; ++e) {
        double value = 0, size = 0;
        for (int64_t m = 0; m < visible; ++m) {
          double term = weights[m] / sum * v[(h * c.keys + m) * kDim + e];
          value += term;
          size += std::fabs(term);
        }
        double got = o[row * kDim + e];
        if (!(std::fabs(got - value) <= (1.02 * 0x1p-7 + 4 * lseBound) * size))
          return "column " + std::to_string(e) + " of " + where(got, value);
      }
    }
  return {};
}
