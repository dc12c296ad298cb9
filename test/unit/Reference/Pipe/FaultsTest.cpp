//===- FaultsTest.cpp - mistakes are found, under every schedule ----------===//

#include "Faults.h"
#include "RunPipe.h"

#include "llvm/Support/Regex.h"
#include "gtest/gtest.h"

using namespace attn;
using namespace attn::test;

class FaultsTest : public testing::TestWithParam<Fault> {};

TEST_P(FaultsTest, IsCaught) {
  const Fault &fault = GetParam();
  PipeProgram program = PipeProgram::load("attention-full");
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  PipeArguments arguments = makeArguments(fault.shape);
  PipeOutcome right = program.run(arguments, {.multiprocessors = 2});
  ASSERT_EQ(print(right) + compare(fault.shape, arguments, right), "");
  ASSERT_TRUE(fault.apply(program.getKernel())) << "no place for the fault";
  ASSERT_TRUE(program.verify()) << program.getDiagnostics();
  for (const PipeLaunch &launch : getLaunches(2, 2)) {
    SCOPED_TRACE(describe(launch));
    PipeOutcome wrong = program.run(arguments, launch);
    if (fault.finding.empty()) {
      EXPECT_EQ(print(wrong), "");
      EXPECT_NE(compare(fault.shape, arguments, wrong), "");
      continue;
    }
    EXPECT_TRUE(llvm::Regex(fault.finding).match(print(wrong))) << print(wrong);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeded, FaultsTest, testing::ValuesIn(getFaults()),
                         [](const testing::TestParamInfo<Fault> &info) {
                           std::string name = info.param.name;
                           for (char &c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c)))
                               c = '_';
                           return name;
                         });
