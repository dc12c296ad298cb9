//===- ThreadsTest.cpp - points of ordinary threads -----------------------===//

#include "RunPipe.h"

#include "llvm/Support/Regex.h"
#include "gtest/gtest.h"

#include <ostream>

using namespace attn;
using namespace attn::test;

/// A kernel of two arrays and two tensors around the body of its role.
static std::string getText(const std::string &body,
                           const std::string &roles = "") {
  return R"(
!in = !pipe.global<?x?xf32, strided>
!out = !pipe.global<?xf32>
!line = !pipe.array<4xf32>
!grid = !pipe.array<4x4xf32>
pipe.kernel @threads(
    %x: !in {pipe.name = "x", pipe.access = "read", pipe.shape = ["R", "C"]},
    %y: !out {pipe.name = "y", pipe.access = "write", pipe.shape = ["R"]}) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %f1 = arith.constant 1.0 : f32
  %a = pipe.array : !line
  %g = pipe.array : !grid
  pipe.role "threads" groups(1) warps(4) registers(128) (%group) {
)" + body +
         "}\n" + roles + "}\n";
}

static PipeArguments getArguments() {
  PipeArguments arguments;
  ReferenceTensor x{{4, 3}, {}};
  for (int i = 0; i < 12; ++i)
    x.values.push_back(i);
  arguments.tensors["x"] = std::move(x);
  return arguments;
}

// Elements beyond the extents are zero, and points beyond are dropped.
TEST(PipeThreads, ShareOutPoints) {
  PipeProgram program(getText(R"(
    pipe.each %i, %j in %c4, %c4 {
      %e = pipe.get %x[%i, %j] : !in
      pipe.put %e -> %g[%i, %j] : !grid
    }
    pipe.each %i in %c4 {
      %zero = arith.constant 0.0 : f32
      %sum = scf.for %j = %c0 to %c4 step %c1 iter_args(%s = %zero) -> f32 : i32 {
        %e = pipe.get %g[%i, %j] : !grid
        %n = arith.addf %s, %e : f32
        scf.yield %n : f32
      }
      pipe.put %sum -> %a[%i] : !line
    }
    %first = pipe.get %a[%c0] : !line
    %c6 = arith.constant 6 : i32
    pipe.each %i in %c6 {
      %inside = arith.cmpi slt, %i, %c4 : i32
      %at = arith.select %inside, %i, %c0 : i32
      %e = pipe.get %a[%at] : !line
      %sum = arith.addf %e, %first : f32
      pipe.put %sum -> %y[%i] : !out
    }
)"));
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  for (const PipeLaunch &launch : getLaunches(1, 3)) {
    PipeOutcome outcome = program.run(getArguments(), launch);
    EXPECT_EQ(print(outcome), "") << describe(launch);
    EXPECT_EQ(outcome.results["y"].values,
              (std::vector<double>{6, 15, 24, 33}));
  }
}

TEST(PipeThreads, RunNoPointWhereAnExtentIsNotPositive) {
  PipeProgram program(getText(R"(
    %none = arith.constant -3 : i32
    pipe.each %i, %j in %c4, %none {
      pipe.put %f1 -> %y[%i] : !out
    }
)"));
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  PipeOutcome outcome = program.run(getArguments());
  EXPECT_EQ(print(outcome), "");
  EXPECT_EQ(outcome.unwritten["y"], 4);
}

namespace {
struct ThreadMistake {
  std::string name;
  /// A regular expression that the findings match, under every schedule.
  std::string finding;
  std::string body, roles;
};

void PrintTo(const ThreadMistake &mistake, std::ostream *os) {
  *os << mistake.name;
}
} // namespace

static const std::vector<ThreadMistake> &getMistakes() {
  static const std::vector<ThreadMistake> mistakes = {
      {"TwoPointsPutOneElement", "puts an element that another point", R"(
    pipe.each %i in %c4 {
      pipe.put %f1 -> %a[%c0] : !line
    }
)",
       ""},
      {"OnePointGetsWhatAnotherPuts", "another point of the same pipe.each", R"(
    pipe.each %i in %c4 {
      pipe.put %f1 -> %a[%i] : !line
    }
    pipe.each %i in %c4 {
      %next = arith.addi %i, %c1 : i32
      %c3 = arith.constant 3 : i32
      %at = arith.andi %next, %c3 : i32
      %e = pipe.get %a[%at] : !line
      pipe.put %e -> %a[%i] : !line
    }
)",
       ""},
      {"NothingWasPut", "gets an element of an array that nothing has put", R"(
    %e = pipe.get %a[%c1] : !line
)",
       ""},
      {"IndexOutOfBounds", "expects an index below 4, but got 4", R"(
    pipe.each %i in %c4 {
      %next = arith.addi %i, %c1 : i32
      pipe.put %f1 -> %a[%next] : !line
    }
)",
       ""},
      {"TwoPointsPutOneOutput", "that were written before", R"(
    pipe.each %i in %c4 {
      pipe.put %f1 -> %y[%c0] : !out
    }
)",
       ""},
      {"PutsAnInput", "its pipe.access is \"read\"", R"(
    pipe.each %i in %c1 {
      pipe.put %f1 -> %x[%i, %i] : !in
    }
)",
       ""},
      {"TwoRolesUseOneArray", "uses an array that group 0 of", R"(
    pipe.each %i in %c4 {
      pipe.put %f1 -> %a[%i] : !line
    }
)",
       R"(
  pipe.role "others" groups(1) warps(4) registers(128) (%group) {
    pipe.each %i in %c4 {
      pipe.put %f1 -> %a[%i] : !line
    }
  }
)"}};
  return mistakes;
}

class PipeThreadMistakes : public testing::TestWithParam<ThreadMistake> {};

TEST_P(PipeThreadMistakes, AreFound) {
  PipeProgram program(getText(GetParam().body, GetParam().roles));
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  for (const PipeLaunch &launch : getLaunches(1, 5)) {
    std::string findings = print(program.run(getArguments(), launch));
    EXPECT_TRUE(llvm::Regex(GetParam().finding).match(findings))
        << describe(launch) << ": " << findings;
  }
}

INSTANTIATE_TEST_SUITE_P(Each, PipeThreadMistakes,
                         testing::ValuesIn(getMistakes()),
                         [](const auto &info) { return info.param.name; });
