//===- RankPolynomialTest.cpp - sums of products of extents ---------------===//

#include "attn/Analysis/RankPolynomial.h"

#include <gtest/gtest.h>

using namespace attn;

TEST(RankPolynomial, AddsEqualTermsInAnyOrderOfRanks) {
  RankPolynomial sum(1, {"P", "M"});
  sum += RankPolynomial(2, {"M", "P"});
  sum += RankPolynomial(1, {"P"});
  EXPECT_EQ(sum.str(), "3*P*M + P");
  sum *= 2;
  EXPECT_EQ(sum.str(), "6*P*M + 2*P");
  sum *= 0;
  EXPECT_TRUE(sum.isZero());
  EXPECT_EQ(sum.str(), "0");
}

TEST(RankPolynomial, CountsAScalarAsOne) {
  EXPECT_EQ(RankPolynomial(1, {}).str(), "1");
  EXPECT_EQ(RankPolynomial(1, {}).evaluate({}), 1);
  EXPECT_EQ(RankPolynomial().evaluate({}), 0);
}

TEST(RankPolynomial, EvaluatesAtKnownExtentsOnly) {
  RankPolynomial sum(3, {"P", "M"});
  sum += RankPolynomial(1, {"P"});
  EXPECT_EQ(sum.evaluate({{"P", 5}, {"M", 7}}), 110);
  EXPECT_EQ(sum.evaluate({{"P", 5}}), std::nullopt);
  EXPECT_EQ(sum.evaluate({{"P", INT64_MAX}, {"M", 2}}), std::nullopt);
}

TEST(RankExtents, NamesTheFirstWrongAssignment) {
  RankExtents extents;
  EXPECT_EQ(parseRankExtents({"P=12", "M=1"}, extents), std::nullopt);
  EXPECT_EQ(extents.lookup("P"), 12);
  for (const char *wrong : {"P", "=3", "P=", "P=0", "P=-1", "P=1x", "P=1=2"})
    EXPECT_EQ(parseRankExtents({"M=2", wrong}, extents), wrong);
}
