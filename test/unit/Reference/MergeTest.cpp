//===- MergeTest.cpp - attention in parts, against formulas ---------------===//
//
// Each row of each part has a few logits and values of width one; what `merge`
// and `rescale` make of the parts' outputs is compared with all of them at
// once.
//
//===----------------------------------------------------------------------===//

#include "RunCascade.h"

#include <cmath>

using namespace attn;
using namespace attn::test;

namespace {
constexpr int64_t kParts = 4, kRows = 6;

/// The state of a softmax-weighted sum.
struct State {
  std::vector<double> logits, values;

  double getLse() const {
    double sum = 0;
    for (double logit : logits)
      sum += std::exp(logit);
    return std::log(sum);
  }
  double getOutput() const {
    double sum = 0;
    for (size_t i = 0; i < logits.size(); ++i)
      sum += std::exp(logits[i] - getLse()) * values[i];
    return sum;
  }
};

/// Parts of six rows: part `s` of row `p` has `(p + s) % 3` logits, none at all
/// in row 0. What a part without logits gives is NaN.
struct Parts {
  explicit Parts(double none) {
    Values random(23);
    outputs.shape = {kParts, 1, 2, kRows / 2, 1};
    lses.shape = {kParts, 1, 2, kRows / 2};
    for (int64_t s = 0; s < kParts; ++s)
      for (int64_t p = 0; p < kRows; ++p) {
        State part;
        for (int64_t i = 0; p != 0 && i < (p + s) % 3; ++i) {
          part.logits.push_back(5 * random.next());
          part.values.push_back(random.next());
        }
        State &row = rows[p];
        row.logits.insert(row.logits.end(), part.logits.begin(),
                          part.logits.end());
        row.values.insert(row.values.end(), part.values.begin(),
                          part.values.end());
        bool isEmpty = part.logits.empty();
        outputs.values.push_back(isEmpty ? kNaN : part.getOutput());
        lses.values.push_back(isEmpty ? none : part.getLse());
      }
  }

  void check(const std::vector<double> &o, const std::vector<double> &lse) {
    ASSERT_EQ(o.size(), size_t(kRows));
    ASSERT_EQ(lse.size(), size_t(kRows));
    EXPECT_EQ(o[0], 0);
    EXPECT_EQ(lse[0], -kInf);
    for (int64_t p = 1; p < kRows; ++p) {
      EXPECT_NEAR(o[p], rows[p].getOutput(), 1e-12);
      EXPECT_NEAR(lse[p], rows[p].getLse(), 1e-12);
    }
  }

  ReferenceTensor outputs, lses;
  State rows[kRows];
};
} // namespace

TEST(Merge, IsTheWhole) {
  for (double none : {-kInf, kInf}) {
    Parts parts(none);
    Outcome outcome =
        runCascade(readVariant("merge"),
                   {{{"parts", parts.outputs}, {"lses", parts.lses}}, {}});
    ASSERT_EQ(outcome.message, "");
    parts.check(outcome["o"], outcome["lse"]);
  }
}

TEST(Merge, RescaledPartsAddUpToTheWhole) {
  for (double none : {-kInf, kInf}) {
    Parts parts(none);
    std::vector<double> sum(kRows);
    for (int64_t s = 0; s < kParts; ++s) {
      auto take = [s](const ReferenceTensor &all) {
        ReferenceTensor part;
        part.shape.assign(all.shape.begin() + 1, all.shape.end());
        part.values.assign(all.values.begin() + s * kRows,
                           all.values.begin() + (s + 1) * kRows);
        return part;
      };
      Outcome outcome =
          runCascade(readVariant("rescale"), {{{"part", take(parts.outputs)},
                                               {"own", take(parts.lses)},
                                               {"lses", parts.lses}},
                                              {}});
      ASSERT_EQ(outcome.message, "");
      for (int64_t p = 0; p < kRows; ++p)
        sum[p] += outcome["o"][p];
      if (s == kParts - 1)
        parts.check(sum, outcome["lse"]);
    }
  }
}
