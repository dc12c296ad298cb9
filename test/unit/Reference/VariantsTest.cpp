//===- VariantsTest.cpp - the shipped variants against formulas
//--------------===//
//
// Each variant is run by the interpreter and computed by loops from its
// textbook formula.
//
//===----------------------------------------------------------------------===//

#include "RunCascade.h"

#include <cmath>
#include <functional>

using namespace attn;
using namespace attn::test;

namespace {
/// Extents, and what the formula needs of a point.
struct Shape {
  int64_t b = 2, h = 2, g = 3, p = 5, m = 7, e = 4, f = 6;
};

/// Attention as a weighted sum, row by row.
struct Formula {
  /// Whether query p sees key m.
  std::function<bool(int64_t p, int64_t m)> visible = [](int64_t, int64_t) {
    return true;
  };
  /// The score from q.k, at head (h, g).
  std::function<double(double s, int64_t b, int64_t h, int64_t g, int64_t p,
                       int64_t m)>
      modify;
  /// The weights of a row from its visible scores; absent: softmax.
  std::function<std::vector<double>(const std::vector<double> &)> weigh;
  /// A logit that joins the softmax's denominator.
  std::function<double(int64_t h, int64_t g)> sink;
};
} // namespace

static void expectAttention(const std::string &name, const Shape &shape,
                            const Formula &formula, CascadeArguments arguments,
                            bool hasGroups = true) {
  auto [nb, nh, ng, np, nm, ne, nf] = shape;
  if (!hasGroups)
    ng = 1;
  Values values(11);
  auto query = hasGroups ? std::vector<int64_t>{nb, nh, ng, np, ne}
                         : std::vector<int64_t>{nb, nh, np, ne};
  ReferenceTensor &q = arguments.tensors["q"] = values.tensor(query);
  ReferenceTensor &k = arguments.tensors["k"] = values.tensor({nb, nh, nm, ne});
  ReferenceTensor &v = arguments.tensors["v"] = values.tensor({nb, nh, nm, nf});
  Outcome outcome = runCascade(readVariant(name), arguments);
  ASSERT_EQ(outcome.message, "") << name;
  bool hasLse = !formula.weigh;
  EXPECT_EQ(outcome.results.count("lse"), hasLse ? 1u : 0u);
  int64_t row = 0;
  for (int64_t b = 0; b < nb; ++b)
    for (int64_t h = 0; h < nh; ++h)
      for (int64_t g = 0; g < ng; ++g)
        for (int64_t p = 0; p < np; ++p, ++row) {
          std::vector<double> scores;
          std::vector<int64_t> keys;
          for (int64_t m = 0; m < nm; ++m) {
            if (!formula.visible(p, m))
              continue;
            double s = 0;
            for (int64_t e = 0; e < ne; ++e)
              s += q.values[row * ne + e] *
                   k.values[((b * nh + h) * nm + m) * ne + e];
            scores.push_back(formula.modify(s, b, h, g, p, m));
            keys.push_back(m);
          }
          std::vector<double> weights;
          double lse = -kInf;
          if (formula.weigh) {
            weights = formula.weigh(scores);
          } else {
            double sum = formula.sink ? std::exp(formula.sink(h, g)) : 0;
            for (double s : scores)
              sum += std::exp(s);
            for (double s : scores)
              weights.push_back(sum == 0 ? 0 : std::exp(s) / sum);
            lse = std::log(sum);
          }
          for (int64_t f = 0; f < nf; ++f) {
            double o = 0;
            for (size_t i = 0; i < keys.size(); ++i)
              o +=
                  weights[i] * v.values[((b * nh + h) * nm + keys[i]) * nf + f];
            ASSERT_NEAR(outcome["o"][row * nf + f], o, 1e-12)
                << name << " row " << row;
          }
          if (!hasLse)
            continue;
          if (std::isinf(lse))
            ASSERT_EQ(outcome["lse"][row], lse) << name;
          else
            ASSERT_NEAR(outcome["lse"][row], lse, 1e-12) << name;
        }
}

static double scaled(double s, int64_t, int64_t, int64_t, int64_t, int64_t) {
  return 0.7 * s;
}

/// Shapes with as many, more and fewer queries than keys: with causal masks of
/// either alignment, the last two have rows without a key.
static std::vector<Shape> shapes() {
  return {{2, 2, 3, 7, 7, 4, 6},
          {1, 2, 3, 4, 9, 4, 5},
          {1, 1, 2, 9, 4, 3, 2},
          {1, 1, 1, 1, 140, 2, 3}};
}

TEST(Variants, Unmasked) {
  for (const Shape &shape : shapes()) {
    Formula formula;
    formula.modify = scaled;
    for (const char *name : {"full", "cross"})
      expectAttention(name, shape, formula, {{}, {{"scale", 0.7}}}, false);
    expectAttention("gqa", shape, formula, {{}, {{"scale", 0.7}}});
  }
}

TEST(Variants, Masks) {
  for (const Shape &shape : shapes()) {
    int64_t offset = shape.m - shape.p;
    Formula formula;
    formula.modify = scaled;
    formula.visible = [](int64_t p, int64_t m) { return m <= p; };
    expectAttention("causal-top-left", shape, formula, {{}, {{"scale", 0.7}}});
    formula.visible = [=](int64_t p, int64_t m) { return m <= p + offset; };
    expectAttention("causal-bottom-right", shape, formula,
                    {{}, {{"scale", 0.7}}});
    for (int64_t window : {0, 1, 3, 200}) {
      formula.visible = [=](int64_t p, int64_t m) {
        return m <= p + offset && p + offset - m < window;
      };
      expectAttention(
          "sliding-window", shape, formula,
          {{}, {{"scale", 0.7}, {"window", static_cast<double>(window)}}});
    }
    for (int64_t prefix : {0, 3, 200}) {
      formula.visible = [=](int64_t p, int64_t m) {
        return m <= p + offset || m < prefix;
      };
      expectAttention(
          "prefix-lm", shape, formula,
          {{}, {{"scale", 0.7}, {"prefix", static_cast<double>(prefix)}}});
    }
  }
}

TEST(Variants, ScoreModifications) {
  Values values(5);
  for (const Shape &shape : shapes()) {
    auto [nb, nh, ng, np, nm, ne, nf] = shape;
    int64_t offset = nm - np;
    Formula causal;
    causal.visible = [=](int64_t p, int64_t m) { return m <= p + offset; };

    Formula alibi = causal;
    ReferenceTensor slope = values.tensor({nh, ng});
    alibi.modify = [&, ng = ng](double s, int64_t, int64_t h, int64_t g,
                                int64_t p, int64_t m) {
      return 0.7 * s + slope.values[h * ng + g] * (m - p - offset);
    };
    expectAttention("alibi", shape, alibi,
                    {{{"slope", slope}}, {{"scale", 0.7}}});

    // As many entries as there are distances, fewer, one and none.
    for (int64_t entries : {20, 3, 1, 0}) {
      Formula relative = causal;
      ReferenceTensor table = values.tensor({nh, ng, entries});
      relative.modify = [&, ng = ng](double s, int64_t, int64_t h, int64_t g,
                                     int64_t p, int64_t m) {
        int64_t distance = std::min(p + offset - m, entries - 1);
        return 0.7 * s +
               (entries == 0 ? 0
                             : table.values[(h * ng + g) * entries + distance]);
      };
      expectAttention("relative-bias", shape, relative,
                      {{{"table", table}}, {{"scale", 0.7}}});
    }

    Formula softcap = causal;
    softcap.modify = [](double s, int64_t, int64_t, int64_t, int64_t, int64_t) {
      return 0.5 * std::tanh(0.7 * s / 0.5);
    };
    expectAttention("softcap", shape, softcap,
                    {{}, {{"scale", 0.7}, {"softcap", 0.5}}});

    Formula sink = causal;
    ReferenceTensor logits = values.tensor({nh, ng});
    logits.values[0] = -kInf;
    sink.modify = scaled;
    sink.sink = [&, ng = ng](int64_t h, int64_t g) {
      return logits.values[h * ng + g];
    };
    expectAttention("sink", shape, sink,
                    {{{"sink", logits}}, {{"scale", 0.7}}});

    Formula biased;
    ReferenceTensor bias = values.tensor({nb, nh, ng, np, nm});
    bias.values[0] = -kInf;
    for (int64_t m = 0; m < nm; ++m) // A row that the bias masks whole.
      bias.values[(np - 1) * nm + m] = -kInf;
    biased.modify = [&, nh = nh, ng = ng, np = np,
                     nm = nm](double s, int64_t b, int64_t h, int64_t g,
                              int64_t p, int64_t m) {
      return 0.7 * s + bias.values[(((b * nh + h) * ng + g) * np + p) * nm + m];
    };
    expectAttention("bias", shape, biased,
                    {{{"bias", bias}}, {{"scale", 0.7}}});
  }
}

TEST(Variants, OtherWeights) {
  for (const Shape &shape : shapes()) {
    int64_t offset = shape.m - shape.p;
    Formula sigmoid;
    sigmoid.visible = [=](int64_t p, int64_t m) { return m <= p + offset; };
    sigmoid.modify = scaled;
    sigmoid.weigh = [](std::vector<double> scores) {
      for (double &s : scores)
        s = 1 / (1 + std::exp(-(s - 0.25)));
      return scores;
    };
    expectAttention("sigmoid", shape, sigmoid,
                    {{}, {{"scale", 0.7}, {"shift", -0.25}}});

    Formula relu;
    relu.modify = scaled;
    relu.weigh = [](std::vector<double> scores) {
      double sum = 0;
      for (double &s : scores)
        sum += s = std::max(s, 0.0);
      for (double &s : scores)
        s = sum == 0 ? 0 : s / sum;
      return scores;
    };
    expectAttention("relu-norm", shape, relu, {{}, {{"scale", 0.7}}});

    Formula scaling;
    scaling.modify = scaled;
    scaling.weigh = [](const std::vector<double> &scores) { return scores; };
    expectAttention("scaling", shape, scaling, {{}, {{"scale", 0.7}}});
  }
}

/// The scan by keys, the scan by chunks and the quadratic form are one
/// function.
TEST(Variants, LinearAttention) {
  for (int64_t length : {1, 5, 64, 65, 150}) {
    Shape shape{1, 2, 2, length, length, 3, 4};
    Formula formula;
    formula.visible = [](int64_t p, int64_t m) { return m <= p; };
    formula.modify = scaled;
    formula.weigh = [](const std::vector<double> &scores) { return scores; };
    for (const char *name : {"linear", "linear-chunked"})
      expectAttention(name, shape, formula, {{}, {{"scale", 0.7}}});
  }
}

TEST(Variants, Rope) {
  Shape shape{1, 2, 2, 4, 6, 6, 3};
  auto [nb, nh, ng, np, nm, ne, nf] = shape;
  // Tables of angles, at both elements of each pair.
  auto table = [ne = ne](int64_t first, int64_t count, bool sine) {
    ReferenceTensor tensor{{count, ne}, {}};
    for (int64_t i = 0; i < count; ++i)
      for (int64_t e = 0; e < ne; ++e) {
        double angle = (first + i) * std::pow(100.0, -(e / 2) * 2.0 / ne);
        tensor.values.push_back(!sine        ? std::cos(angle)
                                : e % 2 == 0 ? -std::sin(angle)
                                             : std::sin(angle));
      }
    return tensor;
  };
  int64_t offset = nm - np;
  // A rotation of both by their positions turns q.k into the sum over pairs of
  // a rotation by the distance.
  CascadeArguments arguments{{{"qcos", table(offset, np, false)},
                              {"qsin", table(offset, np, true)},
                              {"kcos", table(0, nm, false)},
                              {"ksin", table(0, nm, true)}},
                             {{"scale", 0.7}}};
  Values values(11);
  ReferenceTensor q = values.tensor({nb, nh, ng, np, ne});
  ReferenceTensor k = values.tensor({nb, nh, nm, ne});
  Formula formula;
  formula.visible = [=](int64_t p, int64_t m) { return m <= p + offset; };
  formula.modify = [&, nh = nh, ng = ng, np = np, nm = nm,
                    ne = ne](double, int64_t b, int64_t h, int64_t g, int64_t p,
                             int64_t m) {
    const double *x = &q.values[(((b * nh + h) * ng + g) * np + p) * ne];
    const double *y = &k.values[((b * nh + h) * nm + m) * ne];
    double s = 0;
    for (int64_t e = 0; e < ne; e += 2) {
      double angle =
          (p + offset - m) * std::pow(100.0, -static_cast<double>(e) / ne);
      s += std::cos(angle) * (x[e] * y[e] + x[e + 1] * y[e + 1]) +
           std::sin(angle) * (x[e] * y[e + 1] - x[e + 1] * y[e]);
    }
    return 0.7 * s;
  };
  expectAttention("rope", shape, formula, arguments);
}

TEST(Variants, RmsNormGemm) {
  Values values(3);
  int64_t nb = 2, np = 3, ne = 5, nf = 4;
  ReferenceTensor x = values.tensor({nb, np, ne}), gain = values.tensor({ne}),
                  w = values.tensor({ne, nf});
  for (int64_t e = 0; e < ne; ++e)
    x.values[e] = 0; // A row of zeros: eps keeps it finite.
  Outcome outcome =
      runCascade(readVariant("rmsnorm-gemm"),
                 {{{"x", x}, {"gain", gain}, {"w", w}}, {{"eps", 1e-3}}});
  ASSERT_EQ(outcome.message, "");
  for (int64_t row = 0; row < nb * np; ++row) {
    double squares = 0;
    for (int64_t e = 0; e < ne; ++e)
      squares += x.values[row * ne + e] * x.values[row * ne + e];
    double rms = std::sqrt(squares / ne + 1e-3);
    for (int64_t f = 0; f < nf; ++f) {
      double y = 0;
      for (int64_t e = 0; e < ne; ++e)
        y += x.values[row * ne + e] / rms * gain.values[e] *
             w.values[e * nf + f];
      EXPECT_NEAR(outcome["o"][row * nf + f], y, 1e-13);
    }
  }
}
