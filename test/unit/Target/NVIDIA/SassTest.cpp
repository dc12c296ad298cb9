//===- SassTest.cpp - the machine code of the device programs -------------===//
//
// ptxas decides what a loop costs in the end.
//
//===----------------------------------------------------------------------===//

#include "Sass.h"
#include "Programs.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

#include <ostream>

using namespace mlir;
using namespace attn;
using namespace attn::test;

namespace {
struct SassCase {
  const char *program;
  /// Matrix instructions in all, and of one turn of the main loop.
  int64_t products, productsOfTurn;
  /// Instructions of a turn: a few more than there are now.
  int64_t maxInstructions;
};

void PrintTo(const SassCase &c, std::ostream *os) { *os << c.program; }

} // namespace

class SassTest : public testing::TestWithParam<SassCase> {};

TEST_P(SassTest, KeepsItsMainLoopShort) {
  if (!std::getenv("ATTN_PTXAS") && !llvm::sys::findProgramByName("ptxas"))
    GTEST_SKIP() << "ptxas is absent";
  Context context;
  auto module = context.parse(readProgram(GetParam().program));
  ASSERT_TRUE(module) << context.getErrors();
  auto compiled = nvidia::compile(*module, CodeKind::MachineCode);
  ASSERT_TRUE(succeeded(compiled)) << context.getErrors();
  std::vector<Instruction> code = readCode(compiled->bytes);
  EXPECT_EQ(countSpills(code), 0);
  EXPECT_EQ(countProducts(code), GetParam().products);
  ArrayRef<Instruction> loop = findLoop(code, GetParam().productsOfTurn);
  ASSERT_FALSE(loop.empty());
  EXPECT_LE(int64_t(loop.size()), GetParam().maxInstructions);
  RecordProperty("instructions", std::to_string(loop.size()));
}

// A product has a depth of 16: S of 128 columns takes 8, O of 128 keys 8 more,
// of 192 keys 12; a turn of the GEMM has a depth of 64.
INSTANTIATE_TEST_SUITE_P(
    Programs, SassTest,
    testing::Values(SassCase{"attention-full", 32, 16, 460},
                    SassCase{"attention-long", 40, 20, 630},
                    SassCase{"attention-causal", 64, 16, 460},
                    SassCase{"gemm", 8, 4, 48},
                    SassCase{"chained-gemms", 12, 8, 68}),
    [](const auto &info) {
      std::string name = info.param.program;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });
