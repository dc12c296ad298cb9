//===- TileEndsTest.cpp - data that ends inside of its tile ---------------===//
//
// What lies behind the end may be anything, NaN here, and zero times that is
// not zero: pipe.clear makes it zero, `depth` and narrow accumulators leave it
// out.
//
//===----------------------------------------------------------------------===//

#include "SmallPrograms.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace attn;
using namespace attn::test;

static constexpr int64_t kSize = 64;
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

static double at(const ReferenceTensor &tensor, int64_t row, int64_t column) {
  return tensor.values[row * kSize + column];
}

//===----------------------------------------------------------------------===//
// pipe.clear
//===----------------------------------------------------------------------===//

/// The sum of the first 40 rows of x in each row of y: rows behind them have
/// the factor 0. Each of `groups` groups has the rows `64 * group` on of y.
static SmallProgram sumRows(const std::string &clear, int64_t groups) {
  SmallProgram program;
  program.groups = program.readers = groups;
  program.declare = "%end = arith.constant 40 : i32\n"
                    "%all = arith.constant 64 : i32\n"
                    "%before = arith.constant -3 : i32\n";
  program.load = fill("%c", "%c0");
  program.compute = R"(
    %row = arith.muli %group, %c64 : i32
    %ends = pipe.splat %end : i32 -> !ints
    %is_inside = arith.cmpi slt, %i1, %ends : !ints
    %factors = arith.select %is_inside, %ones, %zeros : !bits, !half
    %a = pipe.wait %r[%c] : !ring
)" + clear + R"(
    %p = pipe.mma_async %factors, %a contract(1, 0) : !half, !slot -> !token
    %d = pipe.mma_wait %p pending(0) : !token
    pipe.release %r[%c] : !ring
    pipe.store %d -> %y[%row, %c0] : !tile -> !out
)";
  return program;
}

/// Rows of the slot from 40 on are NaN.
static PipeArguments makeEndingRows(int64_t groups) {
  PipeArguments arguments = makeRows(groups * kSize);
  ReferenceTensor &x = arguments.tensors["x"];
  std::fill(x.values.begin() + 40 * kSize, x.values.end(), kNaN);
  return arguments;
}

TEST(TileEndsTest, ZeroTimesWhatIsNotClearedIsNaN) {
  PipeOutcome outcome = runSmall(sumRows("", 1), makeEndingRows(1));
  for (double value : outcome.results["y"].values)
    ASSERT_TRUE(std::isnan(value));
}

/// Two groups clear the same slot and multiply by it, each at its own time.
TEST(TileEndsTest, ClearedRowsAreZero) {
  for (int64_t groups : {1, 2}) {
    PipeArguments arguments = makeEndingRows(groups);
    PipeOutcome outcome =
        runSmall(sumRows("pipe.clear %a from %end : !slot", groups), arguments);
    EXPECT_EQ(outcome.unwritten["y"], 0);
    for (int64_t column = 0; column < kSize; ++column) {
      double sum = 0;
      for (int64_t row = 0; row < 40; ++row)
        sum += at(arguments.tensors["x"], row, column);
      for (int64_t row = 0; row < groups * kSize; ++row)
        ASSERT_EQ(at(outcome.results["y"], row, column), sum);
    }
  }
}

/// A step may end before its tile begins, or where its tile does.
TEST(TileEndsTest, ClearsAllRowsOrNone) {
  PipeArguments arguments = makeRows(kSize);
  PipeOutcome none =
      runSmall(sumRows("pipe.clear %a from %before : !slot", 1), arguments);
  for (double value : none.results["y"].values)
    ASSERT_EQ(value, 0);
  PipeOutcome all =
      runSmall(sumRows("pipe.clear %a from %all : !slot", 1), arguments);
  PipeOutcome plain = runSmall(sumRows("", 1), arguments);
  EXPECT_EQ(all.results["y"].values, plain.results["y"].values);
}

//===----------------------------------------------------------------------===//
// Products with less than their operands hold
//===----------------------------------------------------------------------===//

/// A (rows 0 to 63 of x) and B (64 to 127) have 48 terms along either of their
/// dimensions, and NaN behind them.
TEST(TileEndsTest, DepthLeavesOutWhatLiesBehindIt) {
  constexpr int64_t kDepth = 48;
  for (int lhs : {0, 1})
    for (int rhs : {0, 1}) {
      SCOPED_TRACE(std::to_string(lhs) + ", " + std::to_string(rhs));
      PipeArguments arguments = makeRows(2 * kSize);
      ReferenceTensor &x = arguments.tensors["x"];
      for (int64_t i = 0; i < kSize; ++i)
        for (int64_t k = kDepth; k < kSize; ++k) {
          x.values[lhs ? i * kSize + k : k * kSize + i] = kNaN;
          x.values[kSize * kSize + (rhs ? i * kSize + k : k * kSize + i)] =
              kNaN;
        }
      SmallProgram program;
      program.load = fill("%c", "%c0") + "%n = pipe.advance %c : !cursor\n" +
                     fill("%n", "%c64");
      program.compute =
          "%n = pipe.advance %c : !cursor\n"
          "%a = pipe.wait %r[%c] : !ring\n%bb = pipe.wait %r[%n] : !ring\n"
          "%p = pipe.mma_async %a, %bb contract(" +
          std::to_string(lhs) + ", " + std::to_string(rhs) +
          ") depth 48 : !slot, !slot -> !token\n"
          "%d = pipe.mma_wait %p pending(0) : !token\n"
          "pipe.store %d -> %y[%c0, %c0] : !tile -> !out\n";
      PipeOutcome outcome = runSmall(program, arguments);
      for (int64_t m = 0; m < kSize; ++m)
        for (int64_t n = 0; n < kSize; ++n) {
          double sum = 0;
          for (int64_t k = 0; k < kDepth; ++k)
            sum += (lhs ? at(x, m, k) : at(x, k, m)) *
                   (rhs ? at(x, kSize + n, k) : at(x, kSize + k, n));
          ASSERT_NEAR(at(outcome.results["y"], m, n), sum, sum * 1e-5);
        }
    }
}

/// An accumulator of 16 columns has the first of a right side of 64.
TEST(TileEndsTest, NarrowAccumulatorsHaveTheFirstColumns) {
  PipeArguments arguments = makeRows(kSize);
  ReferenceTensor &x = arguments.tensors["x"];
  for (int64_t row = 0; row < kSize; ++row)
    for (int64_t column = 16; column < kSize; ++column)
      x.values[row * kSize + column] = kNaN;
  const std::string type =
      "tensor<64x16xf32, #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, "
      "2 x d1 by 8], lanes = [4 x d1 by 2, 8 x d0 by 1], "
      "warps = [4 x d0 by 16]>>";
  SmallProgram program;
  program.load = fill("%c", "%c0");
  program.compute = "%a = pipe.wait %r[%c] : !ring\n"
                    "%p = pipe.mma_async %eye, %a contract(1, 0) : !half, "
                    "!slot -> !pipe.token<" +
                    type +
                    ">\n"
                    "%d = pipe.mma_wait %p pending(0) : !pipe.token<" +
                    type + ">\npipe.store %d -> %y[%c0, %c0] : " + type +
                    " -> !out\n";
  PipeOutcome outcome = runSmall(program, arguments);
  EXPECT_EQ(outcome.unwritten["y"], kSize * (kSize - 16));
  for (int64_t row = 0; row < kSize; ++row)
    for (int64_t column = 0; column < 16; ++column)
      ASSERT_EQ(at(outcome.results["y"], row, column), at(x, row, column));
}
