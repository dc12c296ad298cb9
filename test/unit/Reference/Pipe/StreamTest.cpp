//===- StreamTest.cpp - items that several blocks do ----------------------===//
//
// A kernel whose items have as many steps as a tensor says: each block brings
// the first of its steps and their number to a meeting, where parts are folded
// by (n, x) . (n', x') = (n + n', x / 2 + x').
//
//===----------------------------------------------------------------------===//

#include "RunPipe.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace attn;
using namespace attn::test;

static const char *const kProgram = R"(
#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8],
  lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!stream = !pipe.work<stream>
!lengths = !pipe.global<?xi32>
!out = !pipe.global<?x64xf32>

pipe.kernel @stream(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["B"]},
    %counts: !out {pipe.name = "counts", pipe.access = "write", pipe.shape = ["N", 64]},
    %folds: !out {pipe.name = "folds", pipe.access = "write", pipe.shape = ["N", 64]}) {
  %c0 = arith.constant 0 : i32
  %alike = arith.constant $ALIKE : i32
  %divisor = arith.constant $DIVISOR : i32
  %requests = pipe.dim %lengths, 0 : !lengths
  %n = arith.muli %requests, %divisor : i32
  %work = pipe.work items(%n) alike(%alike) : !stream steps {
  ^bb0(%item: i32):
    %request = arith.divui %item, %divisor : i32
    %steps = pipe.get %lengths[%request] : !lengths
    pipe.yield %steps : i32
  }
  pipe.role "sum" groups(1) warps(4) registers(128) (%group) {
    %first_item, %none = pipe.first_part %work : !stream
    %exists = arith.cmpi sge, %first_item, %c0 : i32
    scf.if %exists {
      %end = pipe.work_loop %item = %first_item iter_args(%before = %none) -> (i32) {
        %request = arith.divui %item, %divisor : i32
        %steps = pipe.get %lengths[%request] : !lengths
        %first, %last = pipe.part %work[%before, %steps] : !stream
        %count = arith.subi %last, %first : i32
        %count_f = arith.sitofp %count : i32 to f32
        %first_f = arith.sitofp %first : i32 to f32
        %own_count = pipe.splat %count_f : f32 -> !row
        %own_fold = pipe.splat %first_f : f32 -> !row
        %whole, %r:2 = pipe.meet %work[%before, %steps] (%own_count, %own_fold : !row, !row) : !stream merge {
        ^bb0(%na: !row, %xa: !row, %nb: !row, %xb: !row):
          %half = arith.constant dense<0.5> : !row
          %nc = arith.addf %na, %nb : !row
          %xh = arith.mulf %xa, %half : !row
          %xc = arith.addf %xh, %xb : !row
          pipe.yield %nc, %xc : !row, !row
        }
        scf.if %whole {
          pipe.store %r#0 -> %counts[%item, %c0] : !row -> !out
          pipe.store %r#1 -> %folds[%item, %c0] : !row -> !out
        }
        %next, %next_before = pipe.next_part %work after %item[%before, %steps] : !stream
        pipe.yield %next, %next_before : i32, i32
      }
    }
  }
}
)";

static std::string makeProgram(int64_t alike, int64_t divisor) {
  std::string text = kProgram;
  for (const auto &[key, value] :
       {std::pair("$ALIKE", alike), {"$DIVISOR", divisor}})
    text.replace(text.find(key), std::string(key).size(),
                 std::to_string(value));
  return text;
}

static PipeArguments makeLengths(const std::vector<double> &lengths,
                                 int64_t heads) {
  PipeArguments arguments;
  arguments.tensors["lengths"] = {{int64_t(lengths.size())}, lengths};
  arguments.extents["N"] = lengths.size() * heads;
  return arguments;
}

static void expectParts(const std::vector<double> &lengths, int64_t heads) {
  PipeProgram program(makeProgram(heads, heads));
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  std::vector<int64_t> ends;
  int64_t total = 0;
  for (double length : lengths)
    for (int64_t head = 0; head < heads; ++head)
      ends.push_back(total += length);
  for (int64_t blocks : {1, 2, 3, 7, 200})
    for (const PipeLaunch &launch : getLaunches(blocks, /*numSeeds=*/2)) {
      SCOPED_TRACE(describe(launch));
      PipeOutcome outcome = program.run(makeLengths(lengths, heads), launch);
      ASSERT_EQ(print(outcome), "");
      int64_t begin = 0;
      auto getShare = [&](int64_t number) {
        return number * (total / blocks) + std::min(number, total % blocks);
      };
      for (size_t item = 0; item < ends.size(); ++item) {
        double fold = 0;
        for (int64_t block = 0; block < blocks; ++block) {
          int64_t from = std::max(getShare(block), begin);
          int64_t to = std::min(getShare(block + 1), ends[item]);
          if (from < to)
            fold = fold / 2 + double(from - begin);
        }
        // What the first part has is halved by those after it.
        EXPECT_EQ(outcome.results["counts"].values[item * 64],
                  ends[item] - begin);
        EXPECT_EQ(outcome.results["folds"].values[item * 64], float(fold));
        begin = ends[item];
      }
    }
}

TEST(StreamTest, FoldsPartsInOrder) {
  expectParts({5}, 1);
  expectParts({1, 7, 3}, 1);
  expectParts({1, 40, 3, 1}, 2);
  expectParts({2, 2, 2, 2, 2}, 3);
}

TEST(StreamTest, NoItems) {
  PipeProgram program(makeProgram(1, 1));
  PipeOutcome outcome = program.run(makeLengths({}, 1));
  EXPECT_EQ(print(outcome), "");
}

static std::string run(const std::string &text,
                       const std::vector<double> &lengths, int64_t heads) {
  PipeProgram program(text);
  EXPECT_TRUE(program.isValid()) << program.getDiagnostics();
  return print(program.run(makeLengths(lengths, heads)));
}

TEST(StreamTest, ReportsItemsWithoutSteps) {
  EXPECT_NE(
      run(makeProgram(1, 1), {3, 0}, 1)
          .find("expects items of one step at the least, but item 1 has 0"),
      std::string::npos);
}

TEST(StreamTest, ReportsItemsThatAreNotAlike) {
  EXPECT_NE(run(makeProgram(2, 1), {3, 4}, 1)
                .find("expects 2 items of as many steps, but item 0 has 3 and "
                      "item 1 has 4"),
            std::string::npos);
}

/// What a kernel counts itself has to be what the work says.
TEST(StreamTest, ReportsStepsOfNoItem) {
  std::string text = makeProgram(1, 1);
  std::string part = "%first, %last = pipe.part %work[%before, %steps]";
  text.replace(text.find(part), part.size(),
               "%first, %last = pipe.part %work[%steps, %steps]");
  EXPECT_NE(run(text, {3, 4}, 1)
                .find("expects an item of the stream, but none has 3 steps "
                      "after 3"),
            std::string::npos);
}

/// A block that leaves a meeting out keeps the others from the whole.
TEST(StreamTest, ReportsMeetingsThatDoNotEnd) {
  std::string text = makeProgram(1, 1);
  std::string exists = "%exists = arith.cmpi sge, %first_item, %c0 : i32";
  text.replace(text.find(exists), exists.size(),
               "%exists = arith.cmpi eq, %none, %c0 : i32");
  PipeProgram program(text);
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  PipeLaunch launch;
  launch.multiprocessors = 3;
  std::string findings = print(program.run(makeLengths({1, 8}, 1), launch));
  EXPECT_NE(findings.find(" parts of an item that has "), std::string::npos)
      << findings;
}
