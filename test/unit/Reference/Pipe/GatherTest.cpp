//===- GatherTest.cpp - elements at coordinates of their own --------------===//
//
// pipe.gather reads them; pipe.clear_unset makes rows of a slot zero that the
// bits of all groups leave out.
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
// pipe.gather
//===----------------------------------------------------------------------===//

/// Bf16 is widened to f32, or stays.
TEST(GatherTest, ReadsATile) {
  for (bool widens : {true, false}) {
    SmallProgram program;
    program.declare = "%c3 = arith.constant 3 : i32\n"
                      "%c63 = arith.constant 63 : i32\n";
    program.compute =
        R"(
      %threes = pipe.splat %c3 : i32 -> !ints
      %lasts = pipe.splat %c63 : i32 -> !ints
      %rows = arith.subi %lasts, %i0 : !ints
      %tripled = arith.muli %i1, %threes : !ints
      %columns = arith.andi %tripled, %lasts : !ints
)" +
        std::string(widens
                        ? "%v = pipe.gather %x[%rows, %columns] : !in[!ints, "
                          "!ints] -> !tile\n"
                        : "%n = pipe.gather %x[%rows, %columns] : !in[!ints, "
                          "!ints] -> !half\n"
                          "%v = arith.extf %n : !half to !tile\n") +
        "pipe.store %v -> %y[%c0, %c0] : !tile -> !out\n";
    PipeArguments arguments;
    // One of them has more digits than bf16.
    arguments.tensors["x"] = makeNormal({kSize, kSize}, 7);
    ReferenceTensor &x = arguments.tensors["x"];
    x.values[63 * kSize] = 1.0 + 1.0 / 1024;
    PipeOutcome outcome = runSmall(program, arguments);
    EXPECT_EQ(outcome.unwritten["y"], 0);
    EXPECT_EQ(at(outcome.results["y"], 0, 0), 1.0);
    for (int64_t row = 0; row < kSize; ++row)
      for (int64_t column = 0; column < kSize; ++column)
        ASSERT_EQ(at(outcome.results["y"], row, column),
                  roundToBf16(at(x, 63 - row, column * 3 % kSize)));
  }
}

/// Rows -8 to 55 of 48, columns 8 to 71 of 64: negative coordinates are outside
/// too, and so is what has one coordinate outside.
TEST(GatherTest, GivesZeroOutside) {
  constexpr int64_t kRows = 48;
  SmallProgram program;
  program.declare = "%c8 = arith.constant 8 : i32\n";
  program.compute = R"(
    %eights = pipe.splat %c8 : i32 -> !ints
    %rows = arith.subi %i0, %eights : !ints
    %columns = arith.addi %i1, %eights : !ints
    %v = pipe.gather %x[%rows, %columns] : !in[!ints, !ints] -> !tile
    pipe.store %v -> %y[%c0, %c0] : !tile -> !out
)";
  PipeArguments arguments = makeRows(kRows);
  for (double &value : arguments.tensors["x"].values)
    value += 1;
  PipeOutcome outcome = runSmall(program, arguments);
  EXPECT_EQ(outcome.unwritten["y"], 0);
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t column = 0; column < kSize; ++column) {
      bool isInside = row >= 8 && column < kSize - 8;
      ASSERT_EQ(at(outcome.results["y"], row, column),
                isInside ? at(arguments.tensors["x"], row - 8, column + 8) : 0)
          << row << ", " << column;
    }
}

/// A number is one coordinate for all elements; beyond the extents all are
/// zero.
TEST(GatherTest, ReadsLines) {
  for (int64_t place : {5, 64, -1}) {
    SmallProgram program;
    program.declare =
        "%place = arith.constant " + std::to_string(place) + " : i32\n";
    program.compute = R"(
      %rows = pipe.coord 0 : tensor<64xi32, #row>
      %row = pipe.gather %x[%rows, %place]
          : !in[tensor<64xi32, #row>, i32] -> !row
      pipe.store %row -> %z[%c0] : !row -> !line
      %columns = pipe.coord 1 : tensor<64xi32, #column>
      %column = pipe.gather %x[%place, %columns]
          : !in[i32, tensor<64xi32, #column>] -> !column
      %v = pipe.broadcast %column : !column -> !tile
      pipe.store %v -> %y[%c0, %c0] : !tile -> !out
)";
    PipeArguments arguments = makeRows(kSize);
    ReferenceTensor &x = arguments.tensors["x"];
    for (double &value : x.values)
      value += 1;
    PipeOutcome outcome = runSmall(program, arguments);
    EXPECT_EQ(outcome.unwritten["y"], 0);
    EXPECT_EQ(outcome.unwritten["z"], 0);
    bool isInside = place >= 0 && place < kSize;
    for (int64_t i = 0; i < kSize; ++i) {
      ASSERT_EQ(outcome.results["z"].values[i], isInside ? at(x, i, place) : 0);
      for (int64_t row = 0; row < kSize; ++row)
        ASSERT_EQ(at(outcome.results["y"], row, i),
                  isInside ? at(x, place, i) : 0);
    }
  }
}

//===----------------------------------------------------------------------===//
// pipe.clear_unset
//===----------------------------------------------------------------------===//

/// Two groups add up two slots, `clear` in between. Group g sets the columns
/// i of step k with (i + k) % 3 = g, each in one row of its own, so that nobody
/// sees the rows of the slot with (i + k) % 3 = 2.
static SmallProgram sumSeenRows(const std::string &clear) {
  SmallProgram program;
  program.groups = program.readers = 2;
  program.declare = "%c2 = arith.constant 2 : i32\n"
                    "%c3 = arith.constant 3 : i32\n"
                    "%c37 = arith.constant 37 : i32\n";
  program.load = fill("%c", "%c0") + "%n = pipe.advance %c : !cursor\n" +
                 fill("%n", "%c64");
  program.compute = R"(
    %row = arith.muli %group, %c64 : i32
    %threes = pipe.splat %c3 : i32 -> !ints
    %groups = pipe.splat %group : i32 -> !ints
    %distance = arith.muli %group, %c37 : i32
    %place = arith.addi %distance, %c3 : i32
    %places = pipe.splat %place : i32 -> !ints
    %is_here = arith.cmpi eq, %i0, %places : !ints
    %none = arith.constant dense<0.0> : !tile
    %sum, %end = scf.for %k = %c0 to %c2 step %c1
        iter_args(%acc = %none, %at = %c) -> (!tile, !cursor) : i32 {
      %ks = pipe.splat %k : i32 -> !ints
      %moved = arith.addi %i1, %ks : !ints
      %rest = arith.remui %moved, %threes : !ints
      %is_own = arith.cmpi eq, %rest, %groups : !ints
      %bits = arith.andi %is_own, %is_here : !bits
      %a = pipe.wait %r[%at] : !ring
)" + clear + R"(
      %p = pipe.mma_async %ones, %a contract(1, 0) : !half, !slot -> !token
      %d = pipe.mma_wait %p pending(0) : !token
      pipe.release %r[%at] : !ring
      %more = arith.addf %acc, %d : !tile
      %next = pipe.advance %at : !cursor
      scf.yield %more, %next : !tile, !cursor
    }
    pipe.store %sum -> %y[%row, %c0] : !tile -> !out
)";
  return program;
}

static bool isSeen(int64_t row, int64_t step) { return (row + step) % 3 != 2; }

/// NaN in the rows that nobody sees.
static PipeArguments makeSeenRows() {
  PipeArguments arguments = makeRows(2 * kSize);
  for (int64_t i = 0; i < 2 * kSize; ++i)
    if (!isSeen(i % kSize, i / kSize))
      std::fill_n(arguments.tensors["x"].values.begin() + i * kSize, kSize,
                  kNaN);
  return arguments;
}

TEST(GatherTest, WhatIsNotClearedIsNaN) {
  PipeOutcome outcome = runSmall(sumSeenRows(""), makeSeenRows());
  for (double value : outcome.results["y"].values)
    ASSERT_TRUE(std::isnan(value));
}

TEST(GatherTest, ClearsRowsThatNoGroupSees) {
  PipeArguments arguments = makeSeenRows();
  PipeOutcome outcome = runSmall(
      sumSeenRows("pipe.clear_unset %a by %bits : !slot, !bits"), arguments);
  EXPECT_EQ(outcome.unwritten["y"], 0);
  for (int64_t column = 0; column < kSize; ++column) {
    double sum = 0;
    for (int64_t i = 0; i < 2 * kSize; ++i)
      if (isSeen(i % kSize, i / kSize))
        sum += at(arguments.tensors["x"], i, column);
    for (int64_t row = 0; row < 2 * kSize; ++row)
      ASSERT_EQ(at(outcome.results["y"], row, column), sum);
  }
}

/// A group that does not come keeps the others.
TEST(GatherTest, AllGroupsMeet) {
  PipeProgram program(
      sumSeenRows("%is_second = arith.cmpi eq, %group, %c1 : i32\n"
                  "scf.if %is_second {\n"
                  "  pipe.clear_unset %a by %bits : !slot, !bits\n"
                  "}")
          .getText());
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  for (const PipeLaunch &launch : getLaunches(1, 3)) {
    std::string text = print(program.run(makeRows(2 * kSize), launch));
    EXPECT_NE(text.find("waits for the role's other groups"), std::string::npos)
        << describe(launch) << text;
  }
}
