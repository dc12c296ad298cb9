//===- ScanTest.cpp - what a scan means
//--------------------------------------===//

#include "RunCascade.h"

using namespace attn;
using namespace attn::test;

/// The running sum of `%x` along M, emitted at each point, and the total.
static std::string runningSum(const std::string &order) {
  return R"(
!X = !cascade.tensor<[M], f32, empty = 0.0>
!S = !cascade.tensor<[], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (total: !S, sums: !X) {
  %zero = cascade.empty : !S
  %total, %sums = cascade.scan M )" +
         order + R"((%x : !X) init (%zero : !S) -> !S, !X
    step (%at, %xm, %sum) {
      %next = cascade.einsum [] = %sum[], %xm[] : !S, !S -> !S
        map (%a, %b) {
          %r = arith.addf %a, %b : f32
          cascade.yield %r : f32
        }
      cascade.yield %next, %next : !S, !S
    }
  cascade.return %total, %sums : !S, !X
})";
}

TEST(Scan, UnitSteps) {
  ReferenceTensor x{{4}, {1, 2, 3, 4}};
  Outcome outcome = runCascade(runningSum(""), {{{"x", x}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["total"], {10});
  expectValues(outcome["sums"], {1, 3, 6, 10});
  outcome = runCascade(runningSum("descending "), {{{"x", x}}, {}});
  expectValues(outcome["total"], {10});
  expectValues(outcome["sums"], {10, 9, 7, 4});
  outcome = runCascade(runningSum(""), {{{"x", {{0}, {}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["total"], {0});
}

/// Sum of products weighted by the coordinate: by tiles of 4, with a merge.
static const char *kTiled = R"(
!X = !cascade.tensor<[M, E], f32, empty = 0.0>
!XT = !cascade.tensor<[M0, E], f32, empty = 0.0>
!A = !cascade.tensor<[E], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (a: !A) {
  cascade.rank M0 = 4
  %zero = cascade.empty : !A
  %a = cascade.scan M by M0 (%x : !X) init (%zero : !A) -> !A
    step (%base, %xt, %sum) {
      %l = cascade.einsum [e] = %xt[m, e] reduce add : !XT -> !A
        map (%v) {
          %m = cascade.index m
          %at = arith.addi %base, %m : index
          %n = cascade.extent M0
          %i = arith.muli %at, %n : index
          %j = arith.index_cast %i : index to i64
          %f = arith.sitofp %j : i64 to f32
          %r = arith.mulf %v, %f : f32
          cascade.yield %r : f32
        }
      %next = cascade.einsum [e] = %sum[e], %l[e] : !A, !A -> !A
        map (%u, %v) {
          %r = arith.addf %u, %v : f32
          cascade.yield %r : f32
        }
      cascade.yield %next : !A
    }
    merge (%u, %v) {
      %r = cascade.einsum [e] = %u[e], %v[e] : !A, !A -> !A
        map (%s, %t) {
          %m = arith.addf %s, %t : f32
          cascade.yield %m : f32
        }
      cascade.yield %r : !A
    }
  cascade.return %a : !A
})";

// The last tile is shorter, and its extent says so; pieces merge to the whole.
TEST(Scan, TilesAndPieces) {
  Values values(7);
  for (int64_t n : {0, 1, 3, 4, 5, 8, 11}) {
    ReferenceTensor x = values.tensor({n, 2});
    std::vector<double> expected(2, 0);
    for (int64_t m = 0; m < n; ++m)
      for (int64_t e = 0; e < 2; ++e) {
        int64_t tile = std::min<int64_t>(4, n - m / 4 * 4);
        expected[e] += x.values[m * 2 + e] * static_cast<double>(m * tile);
      }
    for (int64_t pieces : {1, 2, 3}) {
      Outcome outcome = runCascade(kTiled, {{{"x", x}}, {}}, "", pieces);
      ASSERT_EQ(outcome.message, "");
      for (int64_t e = 0; e < 2; ++e)
        EXPECT_NEAR(outcome["a"][e], expected[e], 1e-12);
    }
  }
}
