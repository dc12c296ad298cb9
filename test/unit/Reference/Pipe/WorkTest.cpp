//===- WorkTest.cpp - items, messages, turns and clusters -----------------===//

#include "SmallPrograms.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::test;

static constexpr int64_t kSize = 64;

/// Copies x to b, a tile an item, over work of `kind`.
static SmallProgram makeCopy(const std::string &kind) {
  SmallProgram program;
  program.declare = R"(
  %rows = pipe.dim %x, 0 : !in
  %items = arith.ceildivui %rows, %c64 : i32
  %work = pipe.work items(%items) : !pipe.work<)" +
                    kind + R"(>
)";
  std::string head = "%first = pipe.first_item %work : !pipe.work<" + kind +
                     ">\npipe.work_loop %item = %first iter_args(%at = %c) -> "
                     "(!cursor) {\n"
                     "%row = arith.muli %item, %c64 : i32\n";
  std::string tail = "%after = pipe.advance %at : !cursor\n"
                     "%next = pipe.next_item %work after %item : !pipe.work<" +
                     kind + ">\npipe.yield %next, %after : i32, !cursor\n}\n";
  program.load = head + fill("%at", "%row") + tail;
  program.compute = head + read("%at", "%d") +
                    "%n = arith.truncf %d : !tile to !half\n"
                    "pipe.stage %n -> %t : !half -> !staging\n"
                    "pipe.bulk_store %t -> %b[%row, %c0] : !staging -> !in\n" +
                    tail;
  return program;
}

static void expectCopy(const SmallProgram &program, int64_t rows,
                       int64_t multiprocessors) {
  PipeArguments arguments = makeRows(rows);
  PipeOutcome outcome = runSmall(program, arguments, multiprocessors);
  EXPECT_EQ(outcome.results["b"].values, arguments.tensors["x"].values);
}

TEST(WorkTest, Persistent) {
  for (int64_t multiprocessors : {1, 3, 100})
    expectCopy(makeCopy("persistent"), 450, multiprocessors);
}

TEST(WorkTest, Single) { expectCopy(makeCopy("single"), 450, 1); }

TEST(WorkTest, Split) {
  for (int64_t multiprocessors : {1, 3, 5, 100})
    expectCopy(makeCopy("split"), 450, multiprocessors);
}

TEST(WorkTest, NoItems) {
  PipeOutcome outcome = runSmall(makeCopy("persistent"), makeRows(0), 3);
  EXPECT_TRUE(outcome.results["b"].values.empty());
}

/// One role takes items; the other learns of them by messages.
static SmallProgram makeDynamicCopy() {
  SmallProgram program = makeCopy("dynamic");
  program.ring = ", message";
  program.load = R"(
    %none = arith.constant -1 : i32
    %first = pipe.first_item %work : !pipe.work<dynamic>
    %end = pipe.work_loop %item = %first iter_args(%at = %c) -> (!cursor) {
      %row = arith.muli %item, %c64 : i32
      pipe.fill %r[%at] as %slot message(%item) : !ring {
        pipe.load %x[%row, %c0] -> %slot : !in -> !slot
      }
      %after = pipe.advance %at : !cursor
      %next = pipe.next_item %work after %item : !pipe.work<dynamic>
      pipe.yield %next, %after : i32, !cursor
    }
    pipe.fill %r[%end] as %slot message(%none) : !ring {
    }
)";
  program.compute = R"(
    %s0 = pipe.wait %r[%c] : !ring
    %first = pipe.message %r[%c] : !ring
    pipe.work_loop %item = %first iter_args(%at = %c) -> (!cursor) {
      %row = arith.muli %item, %c64 : i32
)" + read("%at", "%d") +
                    R"(
      %n = arith.truncf %d : !tile to !half
      pipe.stage %n -> %t : !half -> !staging
      pipe.bulk_store %t -> %b[%row, %c0] : !staging -> !in
      %after = pipe.advance %at : !cursor
      %s1 = pipe.wait %r[%after] : !ring
      %next = pipe.message %r[%after] : !ring
      pipe.yield %next, %after : i32, !cursor
    }
)";
  return program;
}

TEST(WorkTest, Dynamic) {
  for (int64_t multiprocessors : {1, 3, 100})
    expectCopy(makeDynamicCopy(), 450, multiprocessors);
}

/// Four rounds of turns end under every schedule.
TEST(WorkTest, Turns) {
  SmallProgram program;
  program.groups = 3;
  program.declare = "%turn = pipe.turn : !pipe.turn<3>\n";
  program.compute = R"(
    %n = arith.constant 4 : i32
    scf.for %i = %c0 to %n step %c1 : i32 {
      pipe.take_turn %turn by %group : !pipe.turn<3>
      pipe.pass_turn %turn by %group : !pipe.turn<3>
    }
    %row = arith.muli %group, %c64 : i32
    %number = arith.sitofp %group : i32 to f32
    %v = pipe.splat %number : f32 -> !tile
    pipe.store %v -> %y[%row, %c0] : !tile -> !out
)";
  PipeOutcome outcome = runSmall(program, makeRows(3 * kSize));
  EXPECT_EQ(outcome.results["y"].values[2 * kSize * kSize], 2);
}

/// Blocks of a cluster fetch half a slot each for both, so that each of them
/// sees the first half of its neighbour's (or its own) rows and the second half
/// of the other's.
TEST(WorkTest, ClusterFillsTogether) {
  SmallProgram program = makeCopy("persistent");
  program.cluster = 2;
  program.ring = ", cluster";
  PipeArguments arguments = makeRows(4 * kSize);
  PipeOutcome outcome = runSmall(program, arguments, 2);
  const std::vector<double> &x = arguments.tensors["x"].values;
  const std::vector<double> &b = outcome.results["b"].values;
  for (int64_t row = 0; row < 4 * kSize; ++row) {
    int64_t pair = row / (2 * kSize) * (2 * kSize);
    int64_t source = pair + row % kSize + (row % kSize < 32 ? 0 : kSize);
    ASSERT_EQ(b[row * kSize + 1], x[source * kSize + 1]) << row;
  }
}
