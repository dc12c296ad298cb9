//===- UpdatesTest.cpp - Einsums that update a tensor ---------------------===//

#include "RunCascade.h"

#include <algorithm>
#include <random>

using namespace attn;
using namespace attn::test;

static std::string wrap(const std::string &body) {
  return R"(
!K = !cascade.tensor<[T, E], f32, empty = 0.0>
!Slots = !cascade.tensor<[T], i64, empty = -1>
!C = !cascade.tensor<[N, S, E], f32, empty = 0.0>
cascade.func @f(%k: !K, %slots: !Slots {cascade.distinct}, %c: !C) -> (c: !C) {
  cascade.rank S = 4
)" + body +
         "\n  cascade.return %r : !C\n}\n";
}

static const char *const kScatter = R"(
  %r = cascade.einsum [%slots[t] floordiv 4, %slots[t] mod 4, e] = %k[t, e] through into %c : !K, !Slots, !C -> !C)";

// More tokens than lanes, in any order; what no slot names keeps what it had.
TEST(Updates, RowsGoWhereSlotsSay) {
  unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Values values(1);
  for (int64_t tokens : {0, 1, 7, 300}) {
    int64_t pages = tokens / 4 + 3, width = 5;
    std::vector<double> order(pages * 4);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    order.resize(tokens);
    for (double &slot : order)
      if (random() % 4 == 0)
        slot = random() % 2 ? -1 : double(pages * 4 + random() % 9);
    ReferenceTensor k = values.tensor({tokens, width}),
                    c = values.tensor({pages, 4, width});
    Outcome outcome =
        runCascade(wrap(kScatter),
                   {{{"k", k}, {"slots", {{tokens}, order}}, {"c", c}}, {}});
    ASSERT_EQ(outcome.message, "");
    for (int64_t t = 0; t < tokens; ++t)
      if (order[t] >= 0 && order[t] < double(pages * 4))
        std::copy_n(k.values.begin() + t * width, width,
                    c.values.begin() + int64_t(order[t]) * width);
    EXPECT_EQ(outcome["c"], c.values) << tokens;
  }
}

// What an operand empties is stored, as is a zero that is a number; what
// `where` leaves out is not.
TEST(Updates, EmptyPointsAreStoredAndMaskedOnesKept) {
  CascadeArguments arguments;
  arguments.tensors = {{"k", {{2, 2}, {0, 1, 2, 0}}},
                       {"slots", {{2}, {5, 0}}},
                       {"c", {{2, 4, 2}, std::vector<double>(16, 9)}}};
  std::vector<double> stored(16, 9), masked(16, 9);
  stored[10] = 0, stored[11] = 1, stored[0] = 2, stored[1] = 0;
  masked[0] = 2, masked[1] = 0;
  EXPECT_EQ(runCascade(wrap(kScatter), arguments)["c"], stored);
  EXPECT_EQ(runCascade(wrap(R"(
  %r = cascade.einsum [%slots[t] floordiv 4, %slots[t] mod 4, e] = %k[t, e] absorb into %c : !K, !Slots, !C -> !C)"),
                       arguments)["c"],
            stored);
  EXPECT_EQ(runCascade(wrap(R"(
  %r = cascade.einsum [%slots[t] floordiv 4, %slots[t] mod 4, e] = %k[t, e] absorb into %c : !K, !Slots, !C -> !C
    where {
      %t = cascade.index t
      %c1 = arith.constant 1 : index
      %w = arith.cmpi eq, %t, %c1 : index
      cascade.yield %w : i1
    })"),
                       arguments)["c"],
            masked);
}

// A reduction goes on from what is there; points may meet.
TEST(Updates, SumsGoOnFromWhatIsThere) {
  Outcome outcome =
      runCascade(wrap(R"(
  %r = cascade.einsum [%slots[t], 1, e] = %k[t, e] reduce add into %c : !K, !Slots, !C -> !C)"),
                 {{{"k", {{3, 1}, {1, 2, 4}}},
                   {"slots", {{3}, {1, 1, -1}}},
                   {"c", {{2, 4, 1}, {10, 20, 30, 40, 50, 60, 70, 80}}}},
                  {}});
  ASSERT_EQ(outcome.message, "");
  EXPECT_EQ(outcome["c"],
            (std::vector<double>{10, 20, 30, 40, 50, 63, 70, 80}));
}

// The argument is not changed: the next use reads what was there.
TEST(Updates, AreNewTensors) {
  std::string text = wrap(R"(
  %u = cascade.einsum [%slots[t] floordiv 4, %slots[t] mod 4, e] = %k[t, e] through into %c : !K, !Slots, !C -> !C
  %d = cascade.einsum [n, s, e] = %u[n, s, e] through, %c[n, s, e] through : !C, !C -> !C
    map (%x, %y) {
      %z = arith.subf %x, %y : f32
      cascade.yield %z : f32
    }
  %r = cascade.einsum [n, s, e] = %d[n, s, e] through into %c : !C, !C -> !C)");
  Outcome outcome = runCascade(text, {{{"k", {{1, 1}, {5}}},
                                       {"slots", {{1}, {2}}},
                                       {"c", {{1, 4, 1}, {1, 2, 3, 4}}}},
                                      {}});
  ASSERT_EQ(outcome.message, "");
  EXPECT_EQ(outcome["c"], (std::vector<double>{0, 0, 2, 0}));
}
