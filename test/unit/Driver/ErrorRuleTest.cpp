//===- ErrorRuleTest.cpp - how wrong may a kernel be?
//------------------------===//

#include "attn/Driver/ErrorRule.h"
#include "attn/Driver/HostTensor.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace attn;

static const double kNaN = std::numeric_limits<double>::quiet_NaN();
static const double kInf = std::numeric_limits<double>::infinity();

using Numbers = std::vector<double>;

/// With one naive computation.
static ErrorReport compare(const Numbers &actual, const Numbers &exact,
                           const Numbers &unfused, const ErrorRule &rule) {
  return compareRows(actual, exact, {unfused}, rule);
}

TEST(ErrorRule, UlpOfEachType) {
  EXPECT_EQ(getUlp(1, DType::f32), 0x1p-23);
  EXPECT_EQ(getUlp(1.5, DType::bf16), 0x1p-7);
  EXPECT_EQ(getUlp(-2, DType::bf16), 0x1p-6);
  EXPECT_EQ(getUlp(1, DType::f16), 0x1p-10);
  EXPECT_EQ(getUlp(0, DType::f16), 0x1p-24);
  EXPECT_EQ(getUlp(0x1p-20, DType::f16), 0x1p-24);
}

// Two ulp at the row's largest magnitude where the unfused result is exact.
TEST(ErrorRule, TwoUlpWithoutUnfusedError) {
  double ulp = 0x1p-7;
  ErrorRule rule{2, DType::bf16, 2, 0};
  EXPECT_EQ(compare({1, 0.5 + 2 * ulp}, {1, 0.5}, {1, 0.5}, rule).maxRatio, 1);
  ErrorReport report = compare({1, 0.5, 1, 0.5 + 3 * ulp}, {1, 0.5, 1, 0.5},
                               {1, 0.5, 1, 0.5}, rule);
  EXPECT_EQ(report.maxRatio, 1.5);
  EXPECT_FALSE(report.isRight());
  EXPECT_EQ(report.row, 1);
  EXPECT_EQ(report.element, 1);
  EXPECT_EQ(report.relative, 3 * ulp);
}

// The unfused error counts for the whole row, by the factor.
TEST(ErrorRule, UnfusedErrorIsMultiplied) {
  double ulp = 0x1p-23;
  ErrorRule rule{2, DType::f32, 2, 0};
  EXPECT_EQ(compare({1 + 10 * ulp, 1}, {1, 1}, {1, 1 + 4 * ulp}, rule).maxRatio,
            1);
  rule.factor = 3;
  EXPECT_EQ(compare({1 + 10 * ulp, 1}, {1, 1}, {1, 1 + 4 * ulp}, rule).maxRatio,
            10.0 / 14);
  // An overflow of the unfused computation excuses nothing.
  EXPECT_GT(compare({1 + 10 * ulp, 1}, {1, 1}, {kInf, kNaN}, rule).maxRatio, 1);
}

// A naive computation that is right by chance does not make the rule strict.
TEST(ErrorRule, LargestErrorOfSeveralOrdersCounts) {
  double ulp = 0x1p-23;
  ErrorRule rule{1, DType::f32, 2, 0};
  std::vector<Numbers> unfused = {{1}, {1 + 4 * ulp}};
  EXPECT_EQ(compareRows({1 + 10 * ulp}, {1.0}, unfused, rule).maxRatio, 1);
  EXPECT_EQ(compare({1 + 10 * ulp}, {1}, {1}, rule).maxRatio, 5);
}

TEST(ErrorRule, NaNAndInfinityHaveToBeTheSame) {
  ErrorRule rule{1, DType::f16, 2, 0};
  auto ratio = [&](double actual, double exact) {
    return compare({actual}, {exact}, {exact}, rule).maxRatio;
  };
  EXPECT_EQ(ratio(kNaN, kNaN), 0);
  EXPECT_EQ(ratio(kNaN, 1), kInf);
  EXPECT_EQ(ratio(1, kNaN), kInf);
  EXPECT_EQ(ratio(-kInf, -kInf), 0);
  EXPECT_EQ(ratio(-kInf, -1e4), kInf);
  EXPECT_EQ(ratio(-1e4, -kInf), kInf);
  // Beyond the type's range.
  EXPECT_EQ(ratio(kInf, 70000), 0);
}

// exp(90) * 1e-2 is a number of f32, but exp(90) is not.
TEST(ErrorRule, KernelOverflowsF32WhereAllOrdersDo) {
  ErrorRule rule{1, DType::f32, 2, 0};
  double exact = 1.22e37;
  EXPECT_EQ(compareRows({kInf}, {exact}, {{kInf}, {kInf}}, rule).maxRatio, 0);
  EXPECT_EQ(compareRows({kInf}, {exact}, {{kInf}, {exact}}, rule).maxRatio,
            kInf);
  EXPECT_EQ(compareRows({-kInf}, {exact}, {{kInf}, {kInf}}, rule).maxRatio,
            kInf);
  rule.type = DType::f16;
  EXPECT_EQ(compareRows({kInf}, {1.0}, {{kInf}, {kInf}}, rule).maxRatio, kInf);
}

// x86 converts a subnormal f32 to a bf16 of zero.
TEST(ErrorRule, SubnormalNumbersMayBeZero) {
  ErrorRule rule{1, DType::bf16, 2, 0};
  EXPECT_LE(compare({0}, {0x1p-127}, {0x1p-127}, rule).maxRatio, 1);
  EXPECT_GT(compare({0}, {0x1.8p-126}, {0x1.8p-126}, rule).maxRatio, 1);
  rule.type = DType::f16;
  EXPECT_GT(compare({0}, {0x1p-20}, {0x1p-20}, rule).maxRatio, 1);
}

// A NaN that another row of the tile sees may reach these rows, not others.
TEST(ErrorRule, SpreadRows) {
  ErrorRule rule{1, DType::f32, 2, 1};
  ErrorReport report = compare({kNaN, 1}, {1, 1}, {1, 1}, rule);
  EXPECT_TRUE(report.isRight());
  EXPECT_EQ(report.spreadRows, 1);
  EXPECT_FALSE(compare({1, kNaN}, {1, 1}, {1, 1}, rule).isRight());
  EXPECT_FALSE(compare({1, 1}, {kNaN, 1}, {kNaN, 1}, rule).isRight());
}
