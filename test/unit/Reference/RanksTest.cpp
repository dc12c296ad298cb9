//===- RanksTest.cpp - ranks cut, joined and selected
//------------------------===//

#include "RunCascade.h"

using namespace attn;
using namespace attn::test;

// The tail of an uneven split is empty.
TEST(Ranks, SplitPadsWithEmpty) {
  std::string text = R"(
!J = !cascade.tensor<[J, E], f32, empty = -inf>
!Y = !cascade.tensor<[J1, J0, E], f32, empty = -inf>
cascade.func @f(%j: !J) -> (y: !Y) {
  cascade.rank J0 = 2
  %y = cascade.split %j J into J1, J0 : !J -> !Y
  cascade.return %y : !Y
})";
  Outcome outcome =
      runCascade(text, {{{"j", {{3, 2}, {1, 2, 3, 4, 5, 6}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  EXPECT_EQ(outcome.results["y"].shape, (std::vector<int64_t>{2, 2, 2}));
  expectValues(outcome["y"], {1, 2, 3, 4, 5, 6, -kInf, -kInf});
  outcome = runCascade(text, {{{"j", {{0, 2}, {}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  EXPECT_EQ(outcome.results["y"].shape, (std::vector<int64_t>{0, 2, 2}));
}

TEST(Ranks, MergeIsOuterTimesInnerPlusInner) {
  std::string text = R"(
!Q = !cascade.tensor<[G, P, E], f32, empty = 0.0>
!R = !cascade.tensor<[R, E], f32, empty = 0.0>
!T = !cascade.tensor<[E, G, P], f32, empty = 0.0>
!TR = !cascade.tensor<[E, R], f32, empty = 0.0>
cascade.func @f(%q: !Q) -> (r: !R, t: !TR) {
  %r = cascade.merge %q G, P into R : !Q -> !R
  %u = cascade.einsum [e, g, p] = %q[g, p, e] : !Q -> !T
  %t = cascade.merge %u G, P into R : !T -> !TR
  cascade.return %r, %t : !R, !TR
})";
  ReferenceTensor q{{2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}};
  Outcome outcome = runCascade(text, {{{"q", q}}, {}});
  ASSERT_EQ(outcome.message, "");
  EXPECT_EQ(outcome.results["r"].shape, (std::vector<int64_t>{4, 2}));
  expectValues(outcome["r"], q.values);
  expectValues(outcome["t"], {1, 3, 5, 7, 2, 4, 6, 8});
}

// The coordinates of the largest, ascending; ties to the smaller one; -1 where
// fewer are not empty.
TEST(Ranks, SelectTheLargest) {
  std::string text = R"(
!X = !cascade.tensor<[E, I], f32, empty = -inf>
!Sel = !cascade.tensor<[E, T], i32, empty = -1>
cascade.func @f(%x: !X) -> (y: !Sel) {
  cascade.rank T = 2
  %y = cascade.select %x I into T : !X -> !Sel
  cascade.return %y : !Sel
})";
  ReferenceTensor x{{4, 4},
                    {5, 1, 5, 5, -kInf, 3, -kInf, -kInf, 1, kNaN, 9, 2, -kInf,
                     -kInf, -kInf, -kInf}};
  Outcome outcome = runCascade(text, {{{"x", x}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["y"], {0, 2, 1, -1, 1, 2, -1, -1});
}

TEST(Ranks, ExtentsAndEmptyTensors) {
  std::string text = R"(
!X = !cascade.tensor<[I], f32, empty = -inf>
!Y = !cascade.tensor<[I], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (e: !X, n: !Y) {
  %e = cascade.empty : !X
  %n = cascade.extent I
  %i = arith.index_cast %n : index to i64
  %f = arith.sitofp %i : i64 to f32
  %y = cascade.einsum [i] = %x[i] through : !X -> !Y
    map (%a) {
      %m = cascade.extent I
      %j = arith.index_cast %m : index to i64
      %g = arith.sitofp %j : i64 to f32
      %s = arith.addf %f, %g : f32
      cascade.yield %s : f32
    }
  cascade.return %e, %y : !X, !Y
})";
  Outcome outcome = runCascade(text, {{{"x", {{3}, {1, 2, 3}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["e"], {-kInf, -kInf, -kInf});
  expectValues(outcome["n"], {6, 6, 6});
}

TEST(Ranks, RankWithoutExtentIsRefused) {
  std::string text = R"(
!X = !cascade.tensor<[I], f32, empty = 0.0>
cascade.func @f() -> (e: !X) {
  cascade.rank I
  %e = cascade.empty : !X
  cascade.return %e : !X
})";
  EXPECT_EQ(runCascade(text, {}).message,
            "interpreter: rank 'I' has no extent; give a tensor that has it, "
            "or declare 'cascade.rank I = ...'");
}
