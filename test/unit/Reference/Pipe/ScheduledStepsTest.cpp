//===- ScheduledStepsTest.cpp - steps of other forms run right ------------===//

#include "Scheduled.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace attn;
using namespace attn::test;

/// What stands behind the second product runs in the next turn, and takes the
/// values of its own.
TEST(ScheduledStepsTest, WeighsEachStep) {
  constexpr int64_t kWidth = 64, kStep = 64;
  for (int64_t m : {0, 1, 64, 130, 300}) {
    int64_t p = 140;
    PipeArguments arguments;
    arguments.tensors["q"] = makeNormal({p, kWidth}, 1);
    arguments.tensors["k"] = makeNormal({m, kWidth}, 2);
    arguments.tensors["v"] = makeNormal({m, kWidth}, 3);
    auto results = runScheduled(readProgram("weighted", {}), "", arguments);
    if (results.empty())
      return;
    for (int64_t number = 0; number < p; ++number) {
      Row row(kWidth);
      for (int64_t begin = 0; begin < m; begin += kStep) {
        Row own(kWidth);
        addKeys(own, arguments, number, 0, begin, std::min(begin + kStep, m),
                kWidth);
        for (int64_t i = 0; i < kWidth; ++i) {
          row.values[i] += 0.5 * own.sum * (own.values[i] + 1);
          row.sizes[i] += 0.5 * own.sum * (own.sizes[i] + 1);
        }
      }
      ASSERT_NO_FATAL_FAILURE(expectRow(row, results["o"].values, number));
    }
  }
}

/// The dot of rows i of a and j of b.
static double multiply(const ReferenceTensor &a, int64_t i,
                       const ReferenceTensor &b, int64_t j) {
  double sum = 0;
  for (int64_t e = 0, width = a.shape[1]; e < width; ++e)
    sum += a.values[i * width + e] * b.values[j * width + e];
  return sum;
}

TEST(ScheduledStepsTest, SeveralProducts) {
  constexpr int64_t kWidth = 64;
  constexpr float kSlope = 0.125;
  for (auto [p, m] : {std::pair<int64_t, int64_t>{140, 64}, {70, 150}}) {
    PipeArguments arguments;
    std::map<std::string, ReferenceTensor> &t = arguments.tensors;
    t["q"] = makeNormal({p, kWidth}, 1);
    t["k"] = makeNormal({m, kWidth}, 2);
    t["l"] = makeNormal({m, kWidth}, 3);
    t["v"] = makeNormal({kWidth, m}, 4);
    t["w"] = makeNormal({kWidth, m}, 5);
    arguments.scalars["slope"] = kSlope;
    auto results = runScheduled(readProgram("several", {}), "", arguments);
    if (results.empty())
      return;
    for (int64_t number = 0; number < p; ++number) {
      Row o(kWidth), u(kWidth);
      for (int64_t j = 0; j < m; ++j) {
        double x = multiply(t["q"], number, t["k"], j) + kSlope * (j - number);
        double y = multiply(t["q"], number, t["l"], j);
        double a = roundToBf16(std::max(x * y, 0.0));
        double b = roundToBf16(std::max(x, y));
        for (int64_t i = 0; i < kWidth; ++i) {
          o.values[i] += a * t["v"].values[i * m + j];
          o.sizes[i] += std::fabs(a * t["v"].values[i * m + j]);
          u.values[i] += b * t["w"].values[i * m + j];
          u.sizes[i] += std::fabs(b * t["w"].values[i * m + j]);
        }
      }
      ASSERT_NO_FATAL_FAILURE(expectRow(o, results["o"].values, number));
      ASSERT_NO_FATAL_FAILURE(expectRow(u, results["u"].values, number));
    }
  }
}

TEST(ScheduledStepsTest, ProductWithOnes) {
  for (int64_t m : {0, 1, 64, 200}) {
    PipeArguments arguments;
    const ReferenceTensor &v = arguments.tensors["v"] = makeNormal({m, 64}, 3);
    arguments.extents["P"] = 70;
    auto results = runScheduled(readProgram("sums", {}), "", arguments);
    if (results.empty())
      return;
    for (int64_t i = 0; i < 70 * 64; ++i) {
      double sum = 0, size = 0;
      for (int64_t j = 0; j < m; ++j) {
        sum += v.values[j * 64 + i % 64];
        size += std::fabs(v.values[j * 64 + i % 64]);
      }
      ASSERT_NO_FATAL_FAILURE(
          expectNear(results["o"].values[i], sum, size, kRounding, kLoss));
    }
  }
}

/// Steps that are whole take the ones as they are. Of 8 bits there is a role
/// that widens, for late products alone.
TEST(ScheduledStepsTest, ProductWithMaskedOnes) {
  constexpr int64_t kWidth = 64, kRows = 90;
  for (const char *rows : {"32", "64"})
    for (bool isNarrow : {false, true})
      for (int64_t m : {0, 40, 250})
        for (int64_t shift : {0, 100}) {
          SCOPED_TRACE(std::string(rows) + " rows, M" + std::to_string(m) +
                       ", shift " + std::to_string(shift) +
                       (isNarrow ? ", i8" : ""));
          PipeArguments arguments;
          ReferenceTensor &v = arguments.tensors["v"] =
              makeNormal({m, kWidth}, 3);
          if (isNarrow)
            for (double &value : v.values)
              value = std::nearbyint(8 * value);
          arguments.extents["P"] = kRows;
          arguments.scalars["shift"] = shift;
          auto results = runScheduled(
              readProgram("pooled", {{"ROWS", rows},
                                     {"VALUE", isNarrow ? "i8" : "bf16"}}),
              "", arguments);
          if (results.empty())
            return;
          std::vector<double> sums(kWidth), sizes(kWidth);
          int64_t key = 0;
          for (int64_t row = 0; row < kRows; ++row) {
            for (; key < std::min(row + shift + 1, m); ++key)
              for (int64_t i = 0; i < kWidth; ++i) {
                sums[i] += v.values[key * kWidth + i];
                sizes[i] += std::fabs(v.values[key * kWidth + i]);
              }
            for (int64_t i = 0; i < kWidth; ++i)
              ASSERT_NO_FATAL_FAILURE(
                  expectNear(results["o"].values[row * kWidth + i], sums[i],
                             sizes[i], kRounding, kLoss));
          }
        }
}

//===----------------------------------------------------------------------===//
// Steps that depend on the rows
//===----------------------------------------------------------------------===//

static void expectMasked(int64_t p, int64_t m, int64_t shift, int64_t step,
                         const std::string &options = "", int64_t heads = 1,
                         bool isInvariant = false) {
  SCOPED_TRACE("P" + std::to_string(p) + " M" + std::to_string(m) + " shift " +
               std::to_string(shift));
  constexpr int64_t kWidth = 64;
  PipeArguments arguments;
  arguments.tensors["q"] = makeNormal({heads, p, kWidth}, 1);
  arguments.tensors["k"] = makeNormal({heads, m, kWidth}, 2);
  arguments.tensors["v"] = makeNormal({heads, m, kWidth}, 3);
  arguments.scalars["shift"] = shift;
  auto results =
      runScheduled(readProgram("masked", {{"STEP", std::to_string(step)}}),
                   options, arguments, isInvariant);
  if (results.empty())
    return;
  for (int64_t number = 0; number < heads * p; ++number) {
    Row row(kWidth);
    int64_t seen = std::clamp<int64_t>(number % p + shift + 1, 0, m);
    addKeys(row, arguments, number, number / p * m, 0, seen, kWidth);
    ASSERT_NO_FATAL_FAILURE(expectRow(row, results["o"].values, number));
    ASSERT_NO_FATAL_FAILURE(expectSum(row, results["z"].values, number));
    SCOPED_TRACE("maximum of row " + std::to_string(number));
    ASSERT_NO_FATAL_FAILURE(expectNear(results["t"].values[number], row.top,
                                       row.scoreSize, 0, kLoss));
  }
}

TEST(ScheduledStepsTest, StepsThatDependOnTheRows) {
  for (int64_t step : {64, 128})
    for (int64_t shift : {-100, 0, 37, 500}) {
      expectMasked(300, 300, shift, step);
      expectMasked(130, 70, shift, step);
    }
  expectMasked(64, 500, 0, 64);
  expectMasked(200, 0, 0, 64);
}

/// More heads than run one after another before the next of their tiles.
TEST(ScheduledStepsTest, SectionsOfHeads) {
  expectMasked(130, 40, 0, 64, "", 35);
}

TEST(ScheduledStepsTest, SchedulesOfStepsThatDependOnTheRows) {
  for (std::string options :
       {"slots=1", "slots=3", "turns=false", "stream=true"})
    expectMasked(520, 600, 5, 64, options);
}

TEST(ScheduledStepsTest, InvariantStreamsOfStepsThatDependOnTheRows) {
  for (int64_t step : {64, 128})
    expectMasked(520, 600, 5, step, "stream=true", /*heads=*/1,
                 /*isInvariant=*/true);
}

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

namespace {
struct Predicate {
  const char *text;
  bool (*holds)(int64_t i, int64_t j, int64_t n);
};
} // namespace

static int64_t divideDown(int64_t x, int64_t y) {
  return (x - ((x % y + y) % y)) / y;
}

/// The column of a point stays on one side of a comparison as long as it stands
/// there once: on either side, with either sign, twice, or in what is no sum.
static const Predicate kPredicates[] = {
    {"%c = arith.cmpi sle, %j, %i : index",
     [](int64_t i, int64_t j, int64_t) { return j <= i; }},
    {"%c = arith.cmpi slt, %i, %j : index",
     [](int64_t i, int64_t j, int64_t) { return i < j; }},
    {"%c = arith.cmpi sle, %i, %j : index",
     [](int64_t i, int64_t j, int64_t) { return i <= j; }},
    {"%c = arith.cmpi sgt, %i, %j : index",
     [](int64_t i, int64_t j, int64_t) { return i > j; }},
    {"%c = arith.cmpi sge, %i, %j : index",
     [](int64_t i, int64_t j, int64_t) { return i >= j; }},
    {"%x = arith.subi %i, %j : index\n%c = arith.cmpi slt, %x, %n : index",
     [](int64_t i, int64_t j, int64_t n) { return i - j < n; }},
    {"%x = arith.subi %j, %i : index\n%c = arith.cmpi sge, %n, %x : index",
     [](int64_t i, int64_t j, int64_t n) { return n >= j - i; }},
    {"%x = arith.subi %n, %j : index\n%c = arith.cmpi sgt, %x, %i : index",
     [](int64_t i, int64_t j, int64_t n) { return n - j > i; }},
    {"%x = arith.addi %i, %j : index\n%c = arith.cmpi eq, %x, %n : index",
     [](int64_t i, int64_t j, int64_t n) { return i + j == n; }},
    {"%c = arith.cmpi ne, %j, %n : index",
     [](int64_t, int64_t j, int64_t n) { return j != n; }},
    {"%x = arith.addi %j, %j : index\n%c = arith.cmpi sle, %x, %i : index",
     [](int64_t i, int64_t j, int64_t) { return 2 * j <= i; }},
    {"%x = arith.subi %j, %n : index\n%y = arith.subi %j, %x : index\n"
     "%c = arith.cmpi slt, %y, %i : index",
     [](int64_t i, int64_t, int64_t n) { return n < i; }},
    {"%x = arith.addi %j, %i : index\n%c = arith.cmpi slt, %j, %x : index",
     [](int64_t i, int64_t, int64_t) { return i > 0; }},
    {"%x = arith.floordivsi %j, %c7 : index\n"
     "%y = arith.floordivsi %i, %c7 : index\n"
     "%c = arith.cmpi eq, %x, %y : index",
     [](int64_t i, int64_t j, int64_t) { return j / 7 == i / 7; }},
    {"%x = arith.subi %j, %i : index\n%y = arith.floordivsi %x, %c7 : index\n"
     "%w = arith.remsi %y, %c2 : index\n%c = arith.cmpi eq, %w, %c0 : index",
     [](int64_t i, int64_t j, int64_t) {
       return divideDown(j - i, 7) % 2 == 0;
     }},
    {"%c = arith.cmpi ult, %j, %n : index",
     [](int64_t, int64_t j, int64_t n) { return j < n; }},
    {"%c = arith.cmpi slt, %i, %n : index",
     [](int64_t i, int64_t, int64_t n) { return i < n; }},
    {"%c = arith.cmpi slt, %n, %c64 : index",
     [](int64_t, int64_t, int64_t n) { return n < 64; }},
    {"%x = arith.cmpi slt, %j, %n : index\n%y = arith.cmpi sle, %i, %j : "
     "index\n"
     "%w = arith.cmpi slt, %i, %n : index\n%v = arith.andi %y, %w : i1\n"
     "%c = arith.ori %x, %v : i1",
     [](int64_t i, int64_t j, int64_t n) {
       return j < n || (i <= j && i < n);
     }},
    {"%x = arith.cmpi slt, %i, %n : index\n"
     "%y = arith.select %x, %j, %i : index\n"
     "%c = arith.cmpi slt, %y, %n : index",
     [](int64_t i, int64_t j, int64_t n) { return (i < n ? j : i) < n; }},
};

/// Scores are small integers, so that sums are exact.
TEST(ScheduledStepsTest, PredicatesOfMasks) {
  constexpr int64_t kWidth = 64, kRows = 200, kKeys = 150;
  PipeArguments arguments;
  ReferenceTensor &q = arguments.tensors["q"];
  ReferenceTensor &k = arguments.tensors["k"];
  q.shape = {kRows, kWidth};
  q.values.assign(kRows * kWidth, 0);
  k.shape = {kKeys, kWidth};
  k.values.assign(kKeys * kWidth, 0);
  for (int64_t i = 0; i < kRows; ++i)
    q.values[i * kWidth] = 1 + i % 3;
  for (int64_t j = 0; j < kKeys; ++j)
    k.values[j * kWidth] = 1 + j * 7 % 61;
  for (const Predicate &predicate : kPredicates)
    for (int64_t n : {20, 133}) {
      SCOPED_TRACE(std::string(predicate.text) + ", n = " + std::to_string(n));
      arguments.scalars["n"] = n;
      auto results = runScheduled(
          readProgram("predicate", {{"PREDICATE", predicate.text}}), "",
          arguments);
      if (results.empty())
        return;
      for (int64_t i = 0; i < kRows; ++i) {
        double sum = 0;
        for (int64_t j = 0; j < kKeys; ++j)
          if (predicate.holds(i, j, n))
            sum += q.values[i * kWidth] * k.values[j * kWidth];
        ASSERT_EQ(results["z"].values[i], sum) << "row " << i;
      }
    }
}
