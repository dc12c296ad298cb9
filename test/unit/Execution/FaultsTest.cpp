//===- FaultsTest.cpp - the check sees what a lowering may do wrong -------===//

#include "Faults.h"
#include "RunCase.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::test;

/// Several batches, heads and groups; lengths that no tile divides; three tiles
/// of keys, and scores that grow from one to the next.
static Case makeCase(const Fault &fault) {
  Case c;
  c.variant = fault.variant;
  c.shape.batch = 2;
  c.shape.heads = fault.variant == "gqa" ? 6 : 2;
  c.shape.kvHeads = 2;
  c.shape.queryLength = fault.emptyRows ? 150 : 130;
  c.shape.keyLength = fault.emptyRows ? 70 : 600;
  c.shape.headDim = 32;
  // Scores that grow along the keys show a missing rescale; even ones show
  // what happens to small weights.
  c.inputs.kind = fault.rising ? InputKind::rising : InputKind::normal;
  c.inputs.seed = 7;
  return c;
}

class FaultsTest : public testing::TestWithParam<Fault> {};

TEST_P(FaultsTest, IsCaught) {
  const Fault &fault = GetParam();
  Case c = makeCase(fault);
  CaseRunner runner;
  Outcome right = runner.run(c);
  ASSERT_TRUE(right.refusal.empty()) << c.describe() << ": " << right.refusal;
  EXPECT_LE(right.maxRatio, 1) << c.describe();
  bool applied = false;
  Outcome wrong = runner.run(
      c, [&](mlir::ModuleOp module) { applied = fault.apply(module); });
  ASSERT_TRUE(applied) << "no place for the fault in " << c.describe();
  ASSERT_TRUE(wrong.refusal.empty()) << wrong.refusal;
  EXPECT_FALSE(wrong.isRight()) << c.describe();
}

INSTANTIATE_TEST_SUITE_P(Seeded, FaultsTest, testing::ValuesIn(getFaults()),
                         [](const testing::TestParamInfo<Fault> &info) {
                           std::string name = info.param.name;
                           for (char &c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c)))
                               c = '_';
                           return name;
                         });
