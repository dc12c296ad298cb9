//===- OpsTest.cpp - what single operations do ----------------------------===//

#include "SmallPrograms.h"

#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace attn;
using namespace attn::test;

static constexpr int64_t kSize = 64;

static double at(const ReferenceTensor &tensor, int64_t row, int64_t column) {
  return tensor.values[row * kSize + column];
}

/// Stores `tile`, of f32, to y, from row 0.
static std::string storeTile(const std::string &tile) {
  return "pipe.store " + tile + " -> %y[%c0, %c0] : !tile -> !out\n";
}

/// %v, which is 100 row + column, in f32.
static const char *const kNumbers = R"(
  %hundred = arith.constant dense<100> : !ints
  %scaled = arith.muli %i0, %hundred : !ints
  %number = arith.addi %scaled, %i1 : !ints
  %v = arith.sitofp %number : !ints to !tile
)";

TEST(OpsTest, CopiesATile) {
  SmallProgram program;
  program.load = fill("%c", "%c0");
  program.compute = read("%c", "%d") + storeTile("%d");
  PipeArguments arguments = makeRows(kSize);
  PipeOutcome outcome = runSmall(program, arguments);
  EXPECT_EQ(outcome.results["y"].values, arguments.tensors["x"].values);
  EXPECT_EQ(outcome.unwritten["y"], 0);
  EXPECT_EQ(outcome.unwritten["b"], kSize * kSize);
}

/// Beyond the extents, on either side, loads give 0 and stores are dropped.
TEST(OpsTest, ClipsAtTheExtents) {
  SmallProgram program;
  program.declare = "%shift = arith.constant -8 : i32\n";
  program.load = fill("%c", "%shift");
  program.compute = read("%c", "%d") +
                    "pipe.store %d -> %y[%shift, %c0] : !tile -> !out\n" +
                    "%n = arith.truncf %d : !tile to !half\n" +
                    "pipe.stage %n -> %t : !half -> !staging\n" +
                    "pipe.bulk_store %t -> %b[%c1, %c0] : !staging -> !in\n";
  PipeArguments arguments = makeRows(30);
  PipeOutcome outcome = runSmall(program, arguments);
  const ReferenceTensor &x = arguments.tensors["x"];
  EXPECT_EQ(outcome.results["y"].values, x.values);
  EXPECT_EQ(outcome.unwritten["b"], kSize);
  for (int64_t row = 1; row < 30; ++row)
    for (int64_t column = 0; column < kSize; ++column)
      ASSERT_EQ(at(outcome.results["b"], row, column),
                row < 9 ? 0 : at(x, row - 9, column));
}

TEST(OpsTest, CoordinatesFollowTheFragment) {
  SmallProgram program;
  program.compute = std::string(kNumbers) + storeTile("%v");
  PipeOutcome outcome = runSmall(program, makeRows(kSize));
  for (int64_t row = 0; row < kSize; ++row)
    for (int64_t column = 0; column < kSize; ++column)
      ASSERT_EQ(at(outcome.results["y"], row, column), 100 * row + column);
}

TEST(OpsTest, ReducesRows) {
  SmallProgram program;
  program.compute = std::string(kNumbers) + R"(
    %init = pipe.splat %f0 : f32 -> !row
    %row = pipe.coord 0 : tensor<64xi32, #row>
    %start = arith.sitofp %row : tensor<64xi32, #row> to !row
    %sum = pipe.row_reduce add %v init %start : !tile, !row -> !row
    %max = pipe.row_reduce maxnum %v : !tile -> !row
    %part = pipe.row_reduce add %v : !tile -> !part
    %again = pipe.row_reduce add %v init %part : !tile, !part -> !part
    %twice = pipe.lane_reduce add %again : !part -> !row
    %a = arith.addf %sum, %max : !row
    %b1 = arith.addf %a, %twice : !row
    pipe.store %b1 -> %z[%c0] : !row -> !line
)";
  PipeOutcome outcome = runSmall(program, makeRows(kSize));
  for (int64_t row = 0; row < kSize; ++row) {
    int64_t sum = 64 * 100 * row + 63 * 32;
    ASSERT_EQ(outcome.results["z"].values[row],
              sum + row + (100 * row + 63) + 2 * sum);
  }
}

/// A line has the lines of a tile of another width, and joins reductions of
/// either: one encoding serves for all that a kernel says of its rows.
TEST(OpsTest, ReducesIntoLinesOfAnotherWidth) {
  SmallProgram program;
  program.compute = std::string(kNumbers) + R"(
    %row = pipe.coord 0 : tensor<64xi32, #thin_row>
    %start = arith.sitofp %row : tensor<64xi32, #thin_row> to !thin_row
    %max = pipe.row_reduce maxnum %v init %start : !tile, !thin_row -> !thin_row
    %part = pipe.row_reduce add %v : !tile -> !thin_part
    %again = pipe.row_reduce add %v init %part : !tile, !thin_part -> !thin_part
    %twice = pipe.lane_reduce add %again : !thin_part -> !thin_row
    %both = arith.addf %max, %twice : !thin_row
    %wide = pipe.broadcast %both : !thin_row -> !tile
    pipe.store %both -> %z[%c0] : !thin_row -> !line
)" + storeTile("%wide");
  program.aliases = R"(
#thin = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
                       lanes = [4 x d1 by 2, 8 x d0 by 1],
                       warps = [4 x d0 by 16]>
#thin_row = #pipe.slice<1, #thin>
!thin_row = tensor<64xf32, #thin_row>
!thin_part = tensor<64xf32, #pipe.slice<1, #thin, partial>>
)";
  PipeOutcome outcome = runSmall(program, makeRows(kSize));
  for (int64_t row = 0; row < kSize; ++row) {
    int64_t sum = 64 * 100 * row + 63 * 32;
    int64_t expected = 100 * row + 63 + 2 * sum;
    ASSERT_EQ(outcome.results["z"].values[row], expected);
    ASSERT_EQ(at(outcome.results["y"], row, 7), expected);
  }
}

/// NaN in one element of row 3: `maximum` gives it to the row, by way of the
/// registers of a lane and of the lanes of a row, `maxnum` leaves it out. As an
/// initial value it counts as another element.
TEST(OpsTest, OnlyMaximumPropagatesNaN) {
  for (std::string kind : {"maxnum", "maximum"}) {
    SCOPED_TRACE(kind);
    SmallProgram program;
    program.compute = std::string(kNumbers) + R"(
    %chosen = arith.constant dense<305> : !ints
    %is_chosen = arith.cmpi eq, %number, %chosen : !ints
    %nans = arith.constant dense<0x7FC00000> : !tile
    %w = arith.select %is_chosen, %nans, %v : !bits, !tile
    %whole = pipe.row_reduce )" +
                      kind + R"( %w : !tile -> !row
    %part = pipe.row_reduce )" +
                      kind + R"( %w : !tile -> !part
    %lanes = pipe.lane_reduce )" +
                      kind + R"( %part : !part -> !row
    %wider = pipe.row_reduce )" +
                      kind + R"( %v init %whole : !tile, !row -> !row
    pipe.store %whole -> %z[%c0] : !row -> !line
    pipe.store %lanes -> %z[%c64] : !row -> !line
    %c128 = arith.addi %c64, %c64 : i32
    pipe.store %wider -> %z[%c128] : !row -> !line
)";
    PipeOutcome outcome = runSmall(program, makeRows(3 * kSize));
    for (int64_t i = 0; i < 3 * kSize; ++i) {
      int64_t row = i % kSize;
      double value = outcome.results["z"].values[i];
      if (row == 3 && kind == "maximum")
        ASSERT_TRUE(std::isnan(value)) << i << ": " << value;
      else
        ASSERT_EQ(value, 100 * row + 63) << i;
    }
  }
}

/// Columns cross all warps, so that each warp can only reduce its own rows.
TEST(OpsTest, BroadcastsLines) {
  SmallProgram program;
  program.compute = std::string(kNumbers) + R"(
    %column = pipe.coord 1 : tensor<64xi32, #column>
    %as_float = arith.sitofp %column : tensor<64xi32, #column> to !column
    %across = pipe.broadcast %as_float : !column -> !tile
    %max = pipe.row_reduce maxnum %v : !tile -> !row
    %down = pipe.broadcast %max : !row -> !tile
    %both = arith.addf %across, %down : !tile
)" + storeTile("%both");
  PipeOutcome outcome = runSmall(program, makeRows(kSize));
  for (int64_t row = 0; row < kSize; ++row)
    for (int64_t column = 0; column < kSize; ++column)
      ASSERT_EQ(at(outcome.results["y"], row, column), column + 100 * row + 63);
}

/// A partial line is each lane's own part: a factor is repeated, not split.
TEST(OpsTest, ScalesPartialSums) {
  SmallProgram program;
  program.compute = std::string(kNumbers) + R"(
    %part = pipe.row_reduce add %v : !tile -> !part
    %max = pipe.row_reduce maxnum %v : !tile -> !row
    %factor = pipe.broadcast %max : !row -> !part
    %scaled_part = arith.mulf %part, %factor : !part
    %sum = pipe.lane_reduce add %scaled_part : !part -> !row
    pipe.store %sum -> %z[%c0] : !row -> !line
)";
  PipeOutcome outcome = runSmall(program, makeRows(kSize));
  for (int64_t row = 0; row < kSize; ++row) {
    double expected = (6400.0 * row + 2016) * (100 * row + 63);
    ASSERT_NEAR(outcome.results["z"].values[row], expected, expected * 1e-6);
  }
}

TEST(OpsTest, MovesTilesBetweenFragments) {
  SmallProgram program;
  program.declare = "";
  program.compute = std::string(kNumbers) + R"(
    %moved = pipe.relayout %v cost(memory) : !tile -> tensor<64x64xf32,
      #pipe.fragment<registers = [32 x d0 by 1], lanes = [32 x d1 by 1],
                     warps = [2 x d1 by 32, 2 x d0 by 32]>>
    pipe.store %moved -> %y[%c0, %c0] : tensor<64x64xf32,
      #pipe.fragment<registers = [32 x d0 by 1], lanes = [32 x d1 by 1],
                     warps = [2 x d1 by 32, 2 x d0 by 32]>> -> !out
    %right = pipe.columns %v from 48 : !tile -> tensor<64x16xf32,
      #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 2 x d1 by 8],
                     lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>>
    pipe.store %right -> %y[%c64, %c0] : tensor<64x16xf32,
      #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 2 x d1 by 8],
                     lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>>
      -> !out
)";
  PipeOutcome outcome = runSmall(program, makeRows(2 * kSize));
  const ReferenceTensor &y = outcome.results["y"];
  for (int64_t row = 0; row < kSize; ++row) {
    for (int64_t column = 0; column < kSize; ++column)
      ASSERT_EQ(at(y, row, column), 100 * row + column);
    for (int64_t column = 0; column < 16; ++column)
      ASSERT_EQ(at(y, kSize + row, column), 100 * row + 48 + column);
  }
}

/// A and B in shared memory, each contracted along each of its dimensions.
TEST(OpsTest, ContractsEitherDimension) {
  PipeArguments arguments = makeRows(2 * kSize);
  const ReferenceTensor x = arguments.tensors["x"];
  for (int lhs : {0, 1})
    for (int rhs : {0, 1}) {
      SmallProgram program;
      program.load = fill("%c", "%c0") + "%n = pipe.advance %c : !cursor\n" +
                     fill("%n", "%c64");
      program.compute =
          "%n = pipe.advance %c : !cursor\n"
          "%a = pipe.wait %r[%c] : !ring\n%bb = pipe.wait %r[%n] : !ring\n"
          "%p = pipe.mma_async %a, %bb contract(" +
          std::to_string(lhs) + ", " + std::to_string(rhs) +
          ") : !slot, !slot -> !token\n"
          "%d = pipe.mma_wait %p pending(0) : !token\n" +
          storeTile("%d");
      PipeOutcome outcome = runSmall(program, arguments);
      for (int64_t m = 0; m < kSize; ++m)
        for (int64_t n = 0; n < kSize; ++n) {
          double sum = 0;
          for (int64_t k = 0; k < kSize; ++k)
            sum += (lhs ? at(x, m, k) : at(x, k, m)) *
                   (rhs ? at(x, kSize + n, k) : at(x, kSize + k, n));
          ASSERT_NEAR(at(outcome.results["y"], m, n), sum, sum * 1e-5);
        }
    }
}

/// D = 2 x + numbers, by a product that follows one in flight.
TEST(OpsTest, ChainsProducts) {
  SmallProgram program;
  program.load = fill("%c", "%c0");
  program.compute = std::string(kNumbers) + R"(
    %a = pipe.wait %r[%c] : !ring
    %p = pipe.mma_async %eye, %a, %v contract(1, 0) : !half, !slot, !tile -> !token
    %q = pipe.mma_async %eye, %a, %p contract(1, 0) : !half, !slot, !token -> !token
    %q1 = pipe.mma_retire %q pending(1) : !token
    %d = pipe.mma_wait %q1 pending(0) : !token
    pipe.release %r[%c] : !ring
)" + storeTile("%d");
  PipeArguments arguments = makeRows(kSize);
  PipeOutcome outcome = runSmall(program, arguments);
  for (int64_t m = 0; m < kSize; ++m)
    for (int64_t n = 0; n < kSize; ++n)
      ASSERT_EQ(at(outcome.results["y"], m, n),
                2 * at(arguments.tensors["x"], m, n) + 100 * m + n);
}

/// Values are rounded to their types: 257 is no bf16.
TEST(OpsTest, RoundsToTheType) {
  SmallProgram program;
  program.compute = R"(
    %big = arith.constant dense<257.0> : !tile
    %narrow = arith.truncf %big : !tile to !half
    %wide = arith.extf %narrow : !half to !tile
    %tiny = arith.constant dense<1.0e-9> : !tile
    %sum = arith.addf %wide, %tiny : !tile
)" + storeTile("%sum");
  PipeOutcome outcome = runSmall(program, makeRows(kSize));
  EXPECT_EQ(at(outcome.results["y"], 3, 5), 256);
}

/// The bits of a number, in y, and its power of 2, made of some of them, in the
/// rows after.
TEST(OpsTest, BitsOfFloats) {
  SmallProgram program;
  program.compute = std::string(kNumbers) + R"(
    %n = arith.negf %v : !tile
    %bits = arith.bitcast %n : !tile to !ints
    %as_float = arith.sitofp %bits : !ints to !tile
    pipe.store %as_float -> %y[%c0, %c0] : !tile -> !out
    %exponent = arith.constant dense<0xFF800000> : !ints
    %own = arith.andi %bits, %exponent : !ints
    %power = arith.bitcast %own : !ints to !tile
    pipe.store %power -> %y[%c64, %c0] : !tile -> !out
)";
  PipeOutcome outcome = runSmall(program, makeRows(2 * kSize));
  const ReferenceTensor &y = outcome.results["y"];
  for (int64_t row = 0; row < kSize; ++row)
    for (int64_t column = 0; column < kSize; ++column) {
      float number = static_cast<float>(-100 * row - column);
      if (number == 0)
        number = -0.0f;
      ASSERT_EQ(at(y, row, column),
                static_cast<float>(llvm::bit_cast<int32_t>(number)));
      ASSERT_EQ(at(y, kSize + row, column),
                number == 0 ? 0 : -std::exp2(std::ilogb(number)));
    }
}

/// Row 5 is that of a warp, and the region is for all that have one.
TEST(OpsTest, RegionsOfAnyRow) {
  for (int64_t chosen : {5, 64}) {
    SmallProgram program;
    program.compute = std::string(kNumbers) + R"(
    %row = pipe.coord 0 : tensor<64xi32, #row>
    %chosen = arith.constant dense<)" +
                      std::to_string(chosen) + R"(> : tensor<64xi32, #row>
    %is = arith.cmpi eq, %row, %chosen : tensor<64xi32, #row>
    %f = arith.sitofp %row : tensor<64xi32, #row> to !row
    %both:2 = pipe.if_any %is : tensor<64xi1, #row> else(%v, %f : !tile, !row) {
      %all = pipe.broadcast %is : tensor<64xi1, #row> -> !bits
      %n = arith.negf %v : !tile
      %own = arith.select %all, %n, %v : !bits, !tile
      %fn = arith.negf %f : !row
      %line = arith.select %is, %fn, %f : tensor<64xi1, #row>, !row
      pipe.yield %own, %line : !tile, !row
    }
    pipe.store %both#1 -> %z[%c0] : !row -> !line
)" + storeTile("%both#0");
    PipeOutcome outcome = runSmall(program, makeRows(kSize));
    for (int64_t row = 0; row < kSize; ++row) {
      int64_t sign = row == chosen ? -1 : 1;
      ASSERT_EQ(outcome.results["z"].values[row], sign * row);
      ASSERT_EQ(at(outcome.results["y"], row, 7), sign * (100 * row + 7));
    }
  }
}

TEST(OpsTest, ControlFlow) {
  SmallProgram program;
  // 3 by scf.while, doubled by scf.if; the sum of 0, 2, 4 by scf.for.
  program.compute = R"(
    %three = arith.constant 3 : i32
    %six = arith.constant 6 : i32
    %two = arith.constant 2 : i32
    %w = scf.while (%i = %c0) : (i32) -> i32 {
      %less = arith.cmpi slt, %i, %three : i32
      scf.condition(%less) %i : i32
    } do {
    ^bb0(%i: i32):
      %n = arith.addi %i, %c1 : i32
      scf.yield %n : i32
    }
    %is = arith.cmpi eq, %w, %three : i32
    %d = scf.if %is -> i32 {
      %e = arith.addi %w, %w : i32
      scf.yield %e : i32
    } else {
      scf.yield %c0 : i32
    }
    %f = scf.for %i = %c0 to %six step %two iter_args(%s = %d) -> i32 : i32 {
      %n = arith.addi %s, %i : i32
      scf.yield %n : i32
    }
    %none = scf.for %i = %six to %c0 step %two iter_args(%s = %f) -> i32 : i32 {
      scf.yield %c0 : i32
    }
    %g = arith.sitofp %none : i32 to f32
    %v = pipe.splat %g : f32 -> !tile
)" + storeTile("%v");
  PipeOutcome outcome = runSmall(program, makeRows(kSize));
  EXPECT_EQ(at(outcome.results["y"], 0, 0), 12);
}
