//===- DependentRanksTest.cpp - ragged and list ranks
//------------------------===//

#include "RunCascade.h"

using namespace attn;
using namespace attn::test;

static const char *kRagged = R"(
!Cu = !cascade.tensor<[B], i32, empty = 0>
!K = !cascade.tensor<[B, M], f32, empty = -inf>
!L = !cascade.tensor<[B], f32, empty = 0.0>
!Top = !cascade.tensor<[B], f32, empty = -inf>
cascade.func @f(%k: !K, %cu: !Cu) -> (top: !Top, count: !L, next: !K) {
  cascade.rank M ragged %cu[B] : !Cu
  %top = cascade.einsum [b] = %k[b, m] reduce max : !K -> !Top
  %count = cascade.einsum [b] = %k[b, m] through reduce max : !K -> !L
    map (%a) {
      %n = cascade.extent M
      %i = arith.index_cast %n : index to i64
      %f = arith.sitofp %i : i64 to f32
      cascade.yield %f : f32
    }
  %next = cascade.einsum [b, m] = %k[b, m + 1], %k[b, m] through : !K, !K -> !K
    map (%x, %y) {
      cascade.yield %x : f32
    }
  cascade.return %top, %count, %next : !Top, !L, !K
})";

// Elements beyond a request's own length are not there, whatever they hold.
TEST(DependentRanks, RaggedRankEndsWhereTheOffsetsSay) {
  ReferenceTensor k{{3, 4}, {1, 2, 9, 9, 9, 9, 9, 9, 3, 4, 6, 5}};
  ReferenceTensor cu{{4}, {0, 2, 2, 6}};
  Outcome outcome = runCascade(kRagged, {{{"k", k}, {"cu", cu}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["top"], {2, -kInf, 6});
  expectValues(outcome["count"], {2, 0, 4});
  expectValues(outcome["next"], {2, -kInf, -kInf, -kInf, -kInf, -kInf, -kInf,
                                 -kInf, 4, 6, 5, -kInf});
}

TEST(DependentRanks, RaggedRefusals) {
  ReferenceTensor cu{{4}, {0, 2, 2, 6}};
  EXPECT_EQ(
      runCascade(kRagged, {{{"k", {{3, 1}, {1, 2, 3}}}, {"cu", cu}}, {}})
          .message,
      "interpreter: ragged rank 'M' has extent 4 at some coordinate, but "
      "argument 'k' has room for 1; give a tensor with the largest extent");
  EXPECT_EQ(
      runCascade(kRagged, {{{"k", {{2, 1}, {1, 2}}}, {"cu", cu}}, {}}).message,
      "interpreter: rank 'B' has extent 2 in argument 'k' and 3 in "
      "argument 'cu'; give them one extent");
}

// Query block p reads the keys that its list names, each once, and no others.
TEST(DependentRanks, ListRankVisitsItsCoordinates) {
  std::string text = R"(
!Idx = !cascade.tensor<[P, T], i32, empty = -1>
!Q = !cascade.tensor<[P], f32, empty = 0.0>
!K = !cascade.tensor<[M], f32, empty = 0.0>
!N = !cascade.tensor<[N], f32, empty = 0.0>
!S = !cascade.tensor<[P, M], f32, empty = -inf>
!O = !cascade.tensor<[P], f32, empty = -inf>
!Sum = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%q: !Q, %k: !K, %n: !N, %idx: !Idx) -> (s: !S, top: !O, at: !Sum) {
  cascade.rank M list %idx[P] of N : !Idx
  %s = cascade.einsum [p, m] = %q[p] through, %k[m] through : !Q, !K -> !S
    map (%x, %y) {
      %r = arith.mulf %x, %y : f32
      cascade.yield %r : f32
    }
  %top = cascade.einsum [p] = %s[p, m] reduce max : !S -> !O
  %at = cascade.einsum [p] = %s[p, m] absorb reduce add : !S -> !Sum
    map (%x) {
      %m = cascade.index m
      %i = arith.index_cast %m : index to i64
      %f = arith.sitofp %i : i64 to f32
      cascade.yield %f : f32
    }
  cascade.return %s, %top, %at : !S, !O, !Sum
})";
  Outcome outcome =
      runCascade(text, {{{"q", {{3}, {1, 10, 100}}},
                         {"k", {{4}, {1, 2, 3, 4}}},
                         {"n", {{4}, {0, 0, 0, 0}}},
                         {"idx", {{3, 3}, {3, 1, -1, -1, -1, -1, 2, 2, 7}}}},
                        {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["s"], {-kInf, 2, -kInf, 4, -kInf, -kInf, -kInf, -kInf,
                              -kInf, -kInf, 300, -kInf});
  expectValues(outcome["top"], {4, -kInf, 300});
  expectValues(outcome["at"], {4, 0, 2});
}
