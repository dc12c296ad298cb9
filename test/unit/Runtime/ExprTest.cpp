//===- ExprTest.cpp - laws and limits of integer expressions --------------===//

#include "attn/Runtime/Expr.h"
#include "attn/Runtime/Manifest.h"

#include <gtest/gtest.h>
#include <limits>

using namespace attn;

namespace {
constexpr int64_t largest = std::numeric_limits<int64_t>::max();
constexpr int64_t smallest = std::numeric_limits<int64_t>::min();

std::optional<int64_t> noName(std::string_view) { return std::nullopt; }

Result<int64_t> evaluate(const Expr &expr) {
  return expr.evaluate(noName, "test");
}

int64_t valueOf(const Expr &expr) {
  Result<int64_t> value = evaluate(expr);
  EXPECT_TRUE(value.isOk()) << expr.toString();
  return value.isOk() ? *value : 0;
}

TEST(Expr, DivisionObeysItsLaws) {
  for (int64_t a = -20; a <= 20; ++a)
    for (int64_t b = -7; b <= 7; ++b) {
      if (b == 0)
        continue;
      int64_t floor = valueOf(floorDiv(Expr(a), b));
      int64_t ceil = valueOf(ceilDiv(Expr(a), b));
      int64_t rest = valueOf(mod(Expr(a), b));
      EXPECT_EQ(a, floor * b + rest);
      EXPECT_EQ(ceil, -valueOf(floorDiv(Expr(-a), b)));
      // The rest has the divisor's sign and is smaller.
      EXPECT_TRUE(b > 0 ? rest >= 0 && rest < b : rest <= 0 && rest > b);
    }
}

TEST(Expr, ComparesAndSelects) {
  EXPECT_EQ(valueOf(equal(Expr(3), 3)), 1);
  EXPECT_EQ(valueOf(lessThan(Expr(3), 3)), 0);
  EXPECT_EQ(valueOf(lessEqual(Expr(3), 3)), 1);
  EXPECT_EQ(valueOf(min(Expr(-4), 3)), -4);
  EXPECT_EQ(valueOf(max(Expr(-4), 3)), 3);
  EXPECT_EQ(valueOf(Expr(5) - 7), -2);
}

// What is not selected may be undefined: that is what a guard is for.
TEST(Expr, SelectGuardsADivision) {
  Expr guarded = select(equal(Expr::name("N"), 0), 0,
                        floorDiv(Expr(100), Expr::name("N")));
  for (int64_t n : {0, 7}) {
    Result<int64_t> value = guarded.evaluate(
        [n](std::string_view) -> std::optional<int64_t> { return n; }, "test");
    ASSERT_TRUE(value.isOk());
    EXPECT_EQ(*value, n == 0 ? 0 : 14);
  }
}

TEST(Expr, RefusesOverflow) {
  for (const Expr &expr :
       {Expr(largest) + 1, Expr(smallest) - 1, Expr(largest) * 2,
        Expr(smallest) * -1, floorDiv(Expr(smallest), -1),
        ceilDiv(Expr(smallest), -1)}) {
    Result<int64_t> value = evaluate(expr);
    ASSERT_FALSE(value.isOk()) << expr.toString();
    EXPECT_EQ(value.getStatus().getCode(), StatusCode::resourceExhausted);
    EXPECT_NE(value.getStatus().message().find("overflows"), std::string::npos);
  }
  EXPECT_EQ(valueOf(mod(Expr(smallest), -1)), 0);
  EXPECT_EQ(valueOf(ceilDiv(Expr(largest), 1)), largest);
  EXPECT_EQ(valueOf(floorDiv(Expr(smallest), 1)), smallest);
  // No sum a + b - 1 is formed.
  EXPECT_EQ(valueOf(ceilDiv(Expr(largest), 2)), largest / 2 + 1);
}

TEST(Expr, RefusesDivisionByZero) {
  for (const Expr &expr :
       {floorDiv(Expr(1), 0), ceilDiv(Expr(1), 0), mod(Expr(1), 0)}) {
    Result<int64_t> value = evaluate(expr);
    ASSERT_FALSE(value.isOk());
    EXPECT_NE(value.getStatus().message().find("non-zero divisor in " +
                                               expr.toString()),
              std::string::npos);
  }
}

TEST(Expr, RefusesAnUnboundName) {
  Result<int64_t> value = evaluate(Expr(1) + Expr::name("P"));
  ASSERT_FALSE(value.isOk());
  EXPECT_EQ(value.getStatus().message(),
            "test: expects a value for 'P', but has none; bind that rank or "
            "scalar");
}

TEST(Expr, PrintsCompactJson) {
  Expr expr = Expr::name("B") * ceilDiv(Expr::name("P"), 64);
  EXPECT_EQ(expr.toString(), R"(["mul","B",["ceildiv","P",64]])");
}

TEST(Expr, NamesOfOperationsAreInverse) {
  for (int i = 0; i <= static_cast<int>(ExprOp::select); ++i) {
    ExprOp op = static_cast<ExprOp>(i);
    EXPECT_EQ(parseExprOp(getName(op)), op);
  }
  EXPECT_EQ(parseExprOp("pow"), std::nullopt);
}
} // namespace
