//===- EinsumTest.cpp - what an Einsum means
//---------------------------------===//

#include "RunCascade.h"

using namespace attn;
using namespace attn::test;

/// `!X` and `!Y` of rank I and J, and a function body.
static std::string wrap(const std::string &arguments,
                        const std::string &results, const std::string &body) {
  return R"(
!S = !cascade.tensor<[], f32, empty = 0.0>
!X = !cascade.tensor<[I], f32, empty = 0.0>
!Xm = !cascade.tensor<[I], f32, empty = -inf>
!XJ = !cascade.tensor<[I, J], f32, empty = 0.0>
!Y = !cascade.tensor<[J], f32, empty = 0.0>
!Ym = !cascade.tensor<[J], f32, empty = -inf>
!N = !cascade.tensor<[I], i32, empty = -1>
cascade.func @f()" +
         arguments + ") -> (" + results + ") {\n" + body + "\n}\n";
}

TEST(Einsum, ProductOfMatricesAgreesWithLoops) {
  std::string text = R"(
!A = !cascade.tensor<[I, K], f32, empty = 0.0>
!B = !cascade.tensor<[J, K], f32, empty = 0.0>
!C = !cascade.tensor<[I, J], f32, empty = 0.0>
cascade.func @f(%a: !A, %b: !B) -> (c: !C) {
  %c = cascade.einsum [i, j] = %a[i, k], %b[j, k] reduce add : !A, !B -> !C
  cascade.return %c : !C
})";
  Values values(1);
  // Sizes around one and two batches of lanes.
  for (int64_t i : {1, 3, 129})
    for (int64_t j : {1, 127, 128, 257})
      for (int64_t k : {1, 2, 130}) {
        ReferenceTensor a = values.tensor({i, k}), b = values.tensor({j, k});
        Outcome outcome = runCascade(text, {{{"a", a}, {"b", b}}, {}});
        ASSERT_EQ(outcome.message, "");
        for (int64_t x = 0; x < i; ++x)
          for (int64_t y = 0; y < j; ++y) {
            double sum = 0;
            for (int64_t z = 0; z < k; ++z)
              sum += a.values[x * k + z] * b.values[y * k + z];
            ASSERT_NEAR(outcome["c"][x * j + y], sum, 1e-13);
          }
      }
}

// A point that `where` leaves out is empty, not the identity; one that it lets
// through and whose operands are all empty holds the identity.
TEST(Einsum, ReachedPointsHoldTheIdentityOthersAreEmpty) {
  Outcome outcome = runCascade(wrap("%x: !XJ", "r: !Xm", R"(
  %r = cascade.einsum [i] = %x[i, j] reduce add : !XJ -> !Xm
    where {
      %i = cascade.index i
      %c = arith.constant 1 : index
      %w = arith.cmpi ne, %i, %c : index
      cascade.yield %w : i1
    }
  cascade.return %r : !Xm)"),
                               {{{"x", {{3, 2}, {1, 2, 3, 4, 0, 0}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["r"], {3, -kInf, 0});
}

// Nothing above an output point: it is empty.
TEST(Einsum, NoPointsGiveEmpty) {
  Outcome outcome = runCascade(wrap("%x: !XJ", "r: !Xm", R"(
  %r = cascade.einsum [i] = %x[i, j] reduce add : !XJ -> !Xm
  cascade.return %r : !Xm)"),
                               {{{"x", {{2, 0}, {}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["r"], {-kInf, -kInf});
}

// `absorb`: an empty operand takes the point away; `through`: the region sees
// the empty value.
TEST(Einsum, MergesSayWhatEmptyDoes) {
  std::string body = R"(
  %r = cascade.einsum [i] = %x[i] MERGE : !Xm -> !X
    map (%a) {
      %one = arith.constant 1.0 : f32
      %e = math.exp %a : f32
      %s = arith.addf %e, %one : f32
      cascade.yield %s : f32
    }
  cascade.return %r : !X)";
  for (bool absorb : {true, false}) {
    std::string text = body;
    text.replace(text.find("MERGE"), 5, absorb ? "absorb" : "through");
    Outcome outcome = runCascade(wrap("%x: !Xm", "r: !X", text),
                                 {{{"x", {{2}, {-kInf, 0}}}}, {}});
    ASSERT_EQ(outcome.message, "");
    expectValues(outcome["r"], {absorb ? 0.0 : 1.0, 2});
  }
}

// An empty operand of a product takes the point away, so 0 hides a NaN: masked
// weights do not meet what they weigh. A NaN is not empty.
TEST(Einsum, ZeroHidesNaNInAProduct) {
  Outcome outcome = runCascade(
      wrap("%x: !XJ, %y: !Y", "r: !X", R"(
  %r = cascade.einsum [i] = %x[i, j], %y[j] reduce add : !XJ, !Y -> !X
  cascade.return %r : !X)"),
      {{{"x", {{2, 2}, {1, 0, 1, 2}}}, {"y", {{2}, {3, kNaN}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["r"], {3, kNaN});
}

TEST(Einsum, MaximumKeepsNaN) {
  Outcome outcome = runCascade(wrap("%x: !XJ", "r: !Xm", R"(
  %r = cascade.einsum [i] = %x[i, j] through reduce max : !XJ -> !Xm
  cascade.return %r : !Xm)"),
                               {{{"x", {{2, 3}, {1, kNaN, 2, 1, 5, 2}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["r"], {kNaN, 5});
}

TEST(Einsum, EveryMonoidFoldsFromItsIdentity) {
  struct Case {
    const char *monoid;
    double expected;
  };
  for (Case c : {Case{"add", 9}, {"mul", 24}, {"max", 4}, {"min", 2}}) {
    Outcome outcome = runCascade(wrap("%x: !X", "r: !S",
                                      std::string(R"(
  %r = cascade.einsum [] = %x[i] through reduce )") +
                                          c.monoid + R"( : !X -> !S
  cascade.return %r : !S)"),
                                 {{{"x", {{3}, {2, 3, 4}}}}, {}});
    ASSERT_EQ(outcome.message, "") << c.monoid;
    expectValues(outcome["r"], {c.expected});
  }
}

// A coordinate outside the rank reads as empty: here a sum of three neighbours.
TEST(Einsum, CoordinatesOutsideReadAsEmpty) {
  std::string text = R"(
!P = !cascade.tensor<[P], f32, empty = 0.0>
!F = !cascade.tensor<[S], f32, empty = 0.0>
cascade.func @f(%x: !P, %f: !F) -> (y: !P) {
  %y = cascade.einsum [p] = %x[p + s - 1], %f[s] reduce add : !P, !F -> !P
  cascade.return %y : !P
})";
  Values values(2);
  for (int64_t n : {1, 2, 200}) {
    ReferenceTensor x = values.tensor({n}), f = values.tensor({3});
    Outcome outcome = runCascade(text, {{{"x", x}, {"f", f}}, {}});
    ASSERT_EQ(outcome.message, "");
    for (int64_t p = 0; p < n; ++p) {
      double sum = 0;
      for (int64_t s = 0; s < 3; ++s)
        if (p + s - 1 >= 0 && p + s - 1 < n)
          sum += x.values[p + s - 1] * f.values[s];
      EXPECT_NEAR(outcome["y"][p], sum, 1e-15);
    }
  }
}

TEST(Einsum, FloorDivideAndModuloIndex) {
  std::string text = R"(
!P = !cascade.tensor<[P], f32, empty = 0.0>
!T = !cascade.tensor<[A, B], f32, empty = 0.0>
cascade.func @f(%t: !T, %p: !P) -> (y: !P) {
  %y = cascade.einsum [p] = %t[p floordiv 3, (p + 1) mod 3], %p[p] : !T, !P -> !P
  cascade.return %y : !P
})";
  ReferenceTensor t{{2, 3}, {1, 2, 3, 4, 5, 6}},
      ones{{7}, {1, 1, 1, 1, 1, 1, 1}};
  Outcome outcome = runCascade(text, {{{"t", t}, {"p", ones}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["y"], {2, 3, 1, 5, 6, 4, 0});
}

// Points that fall outside the output are dropped; those that meet are reduced.
TEST(Einsum, OutputCoordinatesCollideAndDrop) {
  std::string text = R"(
!X = !cascade.tensor<[I], f32, empty = 0.0>
!Y = !cascade.tensor<[J], f32, empty = -inf>
cascade.func @f(%x: !X) -> (y: !Y) {
  cascade.rank J = 3
  %y = cascade.einsum [i floordiv 2] = %x[i] reduce add : !X -> !Y
  cascade.return %y : !Y
})";
  Outcome outcome = runCascade(text, {{{"x", {{4}, {1, 2, 3, 4}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["y"], {3, 7, -kInf});
  outcome = runCascade(text, {{{"x", {{8}, {1, 2, 3, 4, 5, 6, 7, 8}}}}, {}});
  expectValues(outcome["y"], {3, 7, 11});
}

// A gather reads pages through a table, a negative entry as empty; its adjoint
// adds what comes from the same page.
TEST(Einsum, GatherAndItsAdjoint) {
  std::string text = R"(
!Pages = !cascade.tensor<[Pg, M0], bf16, empty = 0.0>
!Table = !cascade.tensor<[B, M1], i32, empty = -1>
!Tiled = !cascade.tensor<[B, M1, M0], bf16, empty = 0.0>
cascade.func @gather(%k: !Pages, %t: !Table) -> (y: !Tiled, g: !Pages) {
  %y = cascade.einsum [b, m1, m0] = %k[%t[b, m1], m0] : !Pages, !Table -> !Tiled
  %g = cascade.einsum [%t[b, m1], m0] = %y[b, m1, m0] reduce add : !Tiled, !Table -> !Pages
  cascade.return %y, %g : !Tiled, !Pages
})";
  ReferenceTensor pages{{3, 2}, {1, 2, 3, 4, 5, 6}};
  ReferenceTensor table{{2, 2}, {2, -1, 2, 0}};
  Outcome outcome = runCascade(text, {{{"k", pages}, {"t", table}}, {}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["y"], {5, 6, 0, 0, 5, 6, 1, 2});
  expectValues(outcome["g"], {1, 2, 0, 0, 10, 12});
  // A page that does not exist reads as empty too.
  table.values[0] = 3;
  outcome = runCascade(text, {{{"k", pages}, {"t", table}}, {}});
  expectValues(outcome["y"], {0, 0, 0, 0, 5, 6, 1, 2});
}

// cascade.read outside the tensor is empty; scalars are captured.
TEST(Einsum, ReadsAndCapturesInRegions) {
  Outcome outcome = runCascade(
      wrap("%x: !X, %n: !N, %shift: index, %factor: f32", "r: !X", R"(
  %r = cascade.einsum [i] = %x[i] through : !X -> !X
    where {
      %i = cascade.index i
      %j = arith.addi %i, %shift : index
      %v = cascade.read %n[%j] : !N -> i32
      %c = arith.constant 0 : i32
      %w = arith.cmpi sge, %v, %c : i32
      cascade.yield %w : i1
    }
    map (%a) {
      %y = arith.mulf %a, %factor : f32
      cascade.yield %y : f32
    }
  cascade.return %r : !X)"),
      {{{"x", {{4}, {1, 2, 3, 4}}}, {"n", {{4}, {0, -1, 5, 7}}}},
       {{"shift", 1}, {"factor", 10}}});
  ASSERT_EQ(outcome.message, "");
  expectValues(outcome["r"], {0, 20, 30, 0});
}

// Entries are a set, negative ones are absent, and lists outside are empty.
TEST(Einsum, MembersOfAList) {
  std::string text = R"(
!L = !cascade.tensor<[I, T], i32, empty = -1>
!X = !cascade.tensor<[K], f32, empty = 0.0>
!Y = !cascade.tensor<[I, K], f32, empty = 0.0>
cascade.func @f(%l: !L, %x: !X, %i: !cascade.tensor<[I], f32, empty = 0.0>, %shift: index) -> (y: !Y) {
  %y = cascade.einsum [i, k] = %x[k], %i[i] : !X, !cascade.tensor<[I], f32, empty = 0.0> -> !Y
    where {
      %i0 = cascade.index i
      %k = cascade.index k
      %row = arith.addi %i0, %shift : index
      %c = arith.constant 1 : index
      %number = arith.subi %k, %c : index
      %in = cascade.member %number in %l[%row] : !L
      cascade.yield %in : i1
    }
  cascade.return %y : !Y
})";
  Tensors tensors = {{"l", {{2, 3}, {2, 0, 2, -1, 9, 1}}},
                     {"x", {{4}, {1, 1, 1, 1}}},
                     {"i", {{2}, {1, 1}}}};
  Outcome outcome = runCascade(text, {tensors, {{"shift", 0}}});
  ASSERT_EQ(outcome.message, "");
  // Numbers are -1 to 2.
  expectValues(outcome["y"], {0, 1, 0, 1, 0, 0, 1, 0});
  outcome = runCascade(text, {tensors, {{"shift", 1}}});
  expectValues(outcome["y"], {0, 0, 1, 0, 0, 0, 0, 0});
  outcome = runCascade(text, {tensors, {{"shift", -1}}});
  expectValues(outcome["y"], {0, 0, 0, 0, 0, 1, 0, 1});
  tensors["l"] = {{2, 0}, {}};
  outcome = runCascade(text, {tensors, {{"shift", 0}}});
  expectValues(outcome["y"], std::vector<double>(8, 0));
}

// Rows of one flat list; what a range has outside the list is nothing.
TEST(Einsum, MembersOfARange) {
  std::string text = R"(
!L = !cascade.tensor<[N], i32, empty = -1>
!X = !cascade.tensor<[K], f32, empty = 0.0>
cascade.func @f(%l: !L, %x: !X, %first: index, %last: index) -> (y: !X) {
  %y = cascade.einsum [k] = %x[k] : !X -> !X
    where {
      %k = cascade.index k
      %in = cascade.member %k in %l[] from %first to %last : !L
      cascade.yield %in : i1
    }
  cascade.return %y : !X
})";
  struct Case {
    double first, last;
    std::vector<double> expected;
  };
  for (const Case &c : {Case{0, 2, {1, 0, 0, 1}}, Case{1, 3, {1, 1, 0, 0}},
                        Case{2, 2, {0, 0, 0, 0}}, Case{3, 1, {0, 0, 0, 0}},
                        Case{-5, 1, {0, 0, 0, 1}}, Case{2, 99, {0, 1, 1, 0}}}) {
    Outcome outcome = runCascade(
        text, {{{"l", {{5}, {3, 0, 1, 2, 1}}}, {"x", {{4}, {1, 1, 1, 1}}}},
               {{"first", c.first}, {"last", c.last}}});
    ASSERT_EQ(outcome.message, "");
    expectValues(outcome["y"], c.expected);
  }
}

// A predicate on reduced and kept variables, as masks are.
TEST(Einsum, PredicateOnBothSides) {
  std::string text = R"(
!A = !cascade.tensor<[I, K], f32, empty = 0.0>
!C = !cascade.tensor<[I], f32, empty = -inf>
cascade.func @f(%a: !A) -> (c: !C) {
  %c = cascade.einsum [i] = %a[i, k] reduce add : !A -> !C
    where {
      %i = cascade.index i
      %k = cascade.index k
      %w = arith.cmpi slt, %k, %i : index
      cascade.yield %w : i1
    }
  cascade.return %c : !C
})";
  Values values(3);
  for (int64_t n : {1, 5, 300}) {
    ReferenceTensor a = values.tensor({n, n});
    Outcome outcome = runCascade(text, {{{"a", a}}, {}});
    ASSERT_EQ(outcome.message, "");
    EXPECT_EQ(outcome["c"][0], -kInf);
    for (int64_t i = 1; i < n; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < i; ++k)
        sum += a.values[i * n + k];
      EXPECT_NEAR(outcome["c"][i], sum, 1e-13);
    }
  }
}

TEST(Einsum, IntegerArithmetic) {
  Outcome outcome = runCascade(wrap("%n: !N", "r: !N", R"(
  %r = cascade.einsum [i] = %n[i] through : !N -> !N
    map (%a) {
      %c = arith.constant 2147483647 : i32
      %two = arith.constant 2 : i32
      %s = arith.addi %a, %c : i32
      %q = arith.floordivsi %s, %two : i32
      cascade.yield %q : i32
    }
  cascade.return %r : !N)"),
                               {{{"n", {{3}, {0, 1, -2}}}}, {}});
  ASSERT_EQ(outcome.message, "");
  // 2^31 - 1 + 1 wraps to -2^31.
  expectValues(outcome["r"], {1073741823, -1073741824, 1073741822});
}

TEST(Einsum, Refusals) {
  std::string divide = wrap("%n: !N", "r: !N", R"(
  %r = cascade.einsum [i] = %n[i] through : !N -> !N
    map (%a) {
      %q = arith.divsi %a, %a : i32
      cascade.yield %q : i32
    }
  cascade.return %r : !N)");
  EXPECT_EQ(runCascade(divide, {{{"n", {{2}, {1, 0}}}}, {}}).message,
            "interpreter: an integer is divided by zero or the quotient "
            "overflows");
  std::string unknown = wrap("%x: !X", "r: !X", R"(
  %r = cascade.einsum [i] = %x[i] through : !X -> !X
    map (%a) {
      %q, %e = math.sincos %a : f32
      cascade.yield %q : f32
    }
  cascade.return %r : !X)");
  EXPECT_EQ(runCascade(unknown, {{{"x", {{1}, {1}}}}, {}}).message,
            "interpreter: operation 'math.sincos' is not one that the "
            "interpreter knows; use scalar operations of arith and math");
  std::string copy = wrap("%x: !XJ, %y: !Y, %s: f32", "r: !X", R"(
  %r = cascade.einsum [i] = %x[i, j], %y[j] reduce add : !XJ, !Y -> !X
  cascade.return %r : !X)");
  ReferenceTensor x{{1, 2}, {1, 2}}, y{{3}, {1, 2, 3}};
  EXPECT_EQ(runCascade(copy, {{{"x", x}, {"y", y}}, {{"s", 0}}}).message,
            "interpreter: rank 'J' has extent 2 in argument 'x' and 3 in "
            "argument 'y'; give them one extent");
  EXPECT_EQ(runCascade(copy, {{{"x", x}}, {{"s", 0}}}).message,
            "interpreter: argument 'y' is missing");
  EXPECT_EQ(runCascade(copy, {{{"x", x}, {"y", {{2}, {1, 2}}}}, {}}).message,
            "interpreter: scalar argument 's' is missing");
  EXPECT_EQ(
      runCascade(copy, {{{"x", x}, {"y", {{2}, {1, 2}}}, {"z", x}}, {{"s", 0}}})
          .message,
      "interpreter: no tensor argument is called 'z'");
  EXPECT_EQ(
      runCascade(copy, {{{"x", x}, {"y", {{2}, {1}}}}, {{"s", 0}}}).message,
      "interpreter: argument 'y' has 1 dimensions and 1 values, but 1 ranks; "
      "give a shape of one extent a rank, and its values");
}
