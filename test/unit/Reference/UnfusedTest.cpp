//===- UnfusedTest.cpp - the cascade in a machine's types
//--------------------===//

#include "RunCascade.h"

using namespace attn;
using namespace attn::test;

static const char *kProduct = R"(
!A = !cascade.tensor<[I, K], bf16, empty = 0.0>
!B = !cascade.tensor<[J, K], bf16, empty = 0.0>
!C = !cascade.tensor<[I, J], f32, empty = 0.0>
!D = !cascade.tensor<[I], f32, empty = 0.0>
cascade.func @f(%a: !A, %b: !B) -> (c: !C, d: !D, s: !C) {
  %c = cascade.einsum [i, j] = %a[i, k], %b[j, k] reduce add : !A, !B -> !C
  %d = cascade.einsum [i] = %c[i, j] reduce add : !C -> !D
  %s = cascade.einsum [i, j] = %c[i, j], %d[i] : !C, !D -> !C
    map (%x, %y) {
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }
  cascade.return %c, %d, %s : !C, !D, !C
})";

// Contractions are stored in the input type, row sums and quotients in f32.
TEST(Unfused, ContractionsRoundToTheInputType) {
  ReferenceTensor a{{1, 2}, {1, 0.0078125}}, b{{2, 2}, {1, 0.25, 3, 0}};
  Outcome outcome = runCascade(kProduct, {{{"a", a}, {"b", b}}, {}}, "bf16");
  ASSERT_EQ(outcome.message, "");
  // 1 + 2^-9 has no place in the 8 bits of bf16.
  expectValues(outcome["c"], {1, 3});
  expectValues(outcome["d"], {4});
  expectValues(outcome["s"], {0.25, 0.75});
  outcome = runCascade(kProduct, {{{"a", a}, {"b", b}}, {}}, "f32");
  expectValues(outcome["c"], {1.001953125, 3});
  outcome = runCascade(kProduct, {{{"a", a}, {"b", b}}, {}}, "f16");
  expectValues(outcome["c"], {1.001953125, 3});
}

// f32 keeps 24 bits of a product and of each sum.
TEST(Unfused, ArithmeticIsF32) {
  ReferenceTensor a{{1, 2}, {1, 1}}, b{{1, 2}, {1, 5.9604644775390625e-08}};
  Outcome exact = runCascade(kProduct, {{{"a", a}, {"b", b}}, {}});
  EXPECT_GT(exact["c"][0], 1);
  Outcome outcome = runCascade(kProduct, {{{"a", a}, {"b", b}}, {}}, "f32");
  EXPECT_EQ(outcome["c"][0], 1);
  b.values[1] = 1.0 / 3;
  outcome = runCascade(kProduct, {{{"a", a}, {"b", b}}, {}}, "f32");
  EXPECT_EQ(outcome["c"][0], 1 + 1.0f / 3);
}

// The order of a sum matters where it rounds, and only there.
TEST(Unfused, SumsInSeveralOrders) {
  ReferenceTensor a{{1, 3}, {1, 1, 1}}, b{{1, 3}, {1, 0x1p-24, 0x1p-24}};
  CascadeArguments arguments{{{"a", a}, {"b", b}}, {}};
  EXPECT_EQ(runCascade(kProduct, arguments, "f32")["c"][0], 1);
  EXPECT_EQ(runCascade(kProduct, arguments, "f32", 1, 1)["c"][0], 1 + 0x1p-23);
  EXPECT_EQ(runCascade(kProduct, arguments, "", 1, 1)["c"][0], 1 + 0x1p-23);
  // A sum into one place, which takes lanes one by one.
  ReferenceTensor c{{1, 1}, {1}},
      d{{300, 1}, std::vector<double>(300, 0x1p-24)};
  d.values[0] = 1;
  arguments = {{{"a", c}, {"b", d}}, {}};
  EXPECT_EQ(runCascade(kProduct, arguments, "f32")["d"][0], 1);
  EXPECT_GT(runCascade(kProduct, arguments, "f32", 1, 1)["d"][0], 1);
}

// Every order takes each point once.
TEST(Unfused, OrdersArePermutations) {
  Values values(4);
  for (int64_t n : {0, 1, 2, 9, 15, 105, 128, 129, 300}) {
    ReferenceTensor a = values.tensor({2, n}), b = values.tensor({3, n});
    CascadeArguments arguments{{{"a", a}, {"b", b}}, {}};
    Outcome expected = runCascade(kProduct, arguments);
    for (unsigned order : {1, 2, 3, 4}) {
      Outcome outcome = runCascade(kProduct, arguments, "", 1, order);
      for (size_t i = 0; i < 6; ++i)
        EXPECT_NEAR(outcome["c"][i], expected["c"][i], 1e-13);
    }
  }
}

// A value beyond the type's range becomes infinite, ties go to even.
TEST(Unfused, RoundsLikeTheHardware) {
  ReferenceTensor a{{1, 1}, {1}};
  auto round = [&](double value, const char *type) {
    ReferenceTensor b{{1, 1}, {value}};
    return runCascade(kProduct, {{{"a", a}, {"b", b}}, {}}, type)["c"][0];
  };
  EXPECT_EQ(round(65520, "f16"), kInf);
  EXPECT_EQ(round(65519, "f16"), 65504);
  EXPECT_EQ(round(-65520, "f16"), -kInf);
  EXPECT_EQ(round(2049, "f16"), 2048);
  EXPECT_EQ(round(2051, "f16"), 2052);
  // The smallest number of f16, and half of it.
  EXPECT_EQ(round(0x1p-24, "f16"), 0x1p-24);
  EXPECT_EQ(round(0x1p-25, "f16"), 0);
  EXPECT_EQ(round(0x1.8p-25, "f16"), 0x1p-24);
  EXPECT_EQ(round(257, "bf16"), 256);
  EXPECT_EQ(round(259, "bf16"), 260);
  EXPECT_EQ(round(0x1.ffp127, "bf16"), kInf);
}
