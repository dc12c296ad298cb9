//===- PtxasTest.cpp - what ptxas says must not pass unseen ---------------===//
//
// ptxas prints, as information, that it serialises products or ignores a budget
// of registers. Each message that a kernel can provoke is provoked here, by an
// edit of PTX that the compiler would not write.
//
//===----------------------------------------------------------------------===//

#include "Programs.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <map>

using namespace mlir;
using namespace attn;
using namespace attn::test;

namespace {
/// A kernel of one product whose wait follows, in PTX.
class PtxasTest : public ::testing::Test {
protected:
  void SetUp() override {
    if (!std::getenv("ATTN_PTXAS") && !llvm::sys::findProgramByName("ptxas"))
      GTEST_SKIP() << "there is no ptxas";
    module = context.load("attention-full");
    ASSERT_TRUE(module);
    auto code = nvidia::compile(*module, CodeKind::Assembly);
    ASSERT_TRUE(succeeded(code)) << context.getErrors();
    ptx = code->bytes;
  }

  /// Expects `assemble` to refuse `text` with a message that has `part`.
  void expectRefused(const std::string &text, const std::string &part) {
    EXPECT_TRUE(failed(nvidia::assemble(*module, text)));
    EXPECT_NE(context.getErrors().find(part), std::string::npos)
        << context.getErrors();
  }

  /// Moves the conversions that follow the main loop's last wait before it.
  std::string convertBeforeWait() const;

  Context context;
  OwningOpRef<ModuleOp> module;
  std::string ptx;
};
} // namespace

TEST_F(PtxasTest, TakesWhatTheCompilerWrites) {
  auto assembly = nvidia::assemble(*module, ptx);
  ASSERT_TRUE(succeeded(assembly)) << context.getErrors();
  ASSERT_EQ(assembly->kernels.size(), 1u);
  EXPECT_EQ(assembly->kernels[0].kernel, "attention_full");
  EXPECT_EQ(assembly->kernels[0].spillStores, 0);
  EXPECT_GT(assembly->kernels[0].registers, 0);
  EXPECT_EQ(assembly->cubin.substr(1, 3), "ELF");
}

TEST_F(PtxasTest, RefusesAnIgnoredBudgetC7508) {
  expectRefused(replaceAll(ptx, ".maxntid 384, 1, 1", ""), "C7508");
}

TEST_F(PtxasTest, RefusesTooFewRegistersC7512) {
  Context other;
  auto program = other.parse(readProgram("attention-long"));
  ASSERT_TRUE(program);
  auto code = nvidia::compile(*program, CodeKind::Assembly);
  ASSERT_TRUE(succeeded(code)) << other.getErrors();
  const std::string budget = "setmaxnreg.inc.sync.aligned.u32 \t";
  ASSERT_NE(code->bytes.find(budget + "240"), std::string::npos);
  expectRefused(replaceAll(code->bytes, budget + "240", budget + "200"),
                "C7512");
}

// The same mistake in the program is found at the op, without ptxas.
TEST_F(PtxasTest, IsNotAskedForTilesBeyondTheBudget) {
  Context other;
  auto narrow = other.parse(replaceAll(readProgram("attention-long"),
                                       "registers(240)", "registers(200)"));
  ASSERT_TRUE(narrow);
  EXPECT_TRUE(failed(nvidia::compile(*narrow, CodeKind::Assembly)));
  EXPECT_NE(other.getErrors().find("expects tiles of at most 184 registers"),
            std::string::npos)
      << other.getErrors();
}

std::string PtxasTest::convertBeforeWait() const {
  size_t begin = ptx.find("wgmma.wait_group.sync.aligned 1;");
  size_t wait = ptx.find("wgmma.wait_group.sync.aligned 0;", begin);
  size_t asmBegin = ptx.rfind("// begin inline asm", wait);
  size_t loopEnd = ptx.find("bra", ptx.find("cvt.rn.bf16x2", wait));
  std::string moved, rest;
  size_t at = wait;
  while (at < loopEnd) {
    size_t end = ptx.find('\n', at) + 1;
    std::string line = ptx.substr(at, end - at);
    (line.find("cvt.rn.bf16x2") != std::string::npos ? moved : rest) += line;
    at = end;
  }
  return ptx.substr(0, asmBegin - 1) + moved +
         ptx.substr(asmBegin - 1, wait - asmBegin + 1) + rest + ptx.substr(at);
}

TEST_F(PtxasTest, RefusesWrittenOperandsC7513) {
  expectRefused(convertBeforeWait(), "C7513");
}

TEST_F(PtxasTest, RefusesReadAccumulatorsC7514) {
  // The last product of the loop is never waited for.
  expectRefused(replaceAll(ptx, "wgmma.wait_group.sync.aligned 0;",
                           "wgmma.wait_group.sync.aligned 1;"),
                "C7514");
}

TEST_F(PtxasTest, RefusesWaitsThatPtxasAddsC7517) {
  std::string text = replaceAll(ptx, "wgmma.wait_group.sync.aligned 0;", "");
  expectRefused(replaceAll(text, "wgmma.wait_group.sync.aligned 1;", ""),
                "C7517");
}

TEST_F(PtxasTest, RefusesFencesThatPtxasAddsC7519) {
  expectRefused(replaceAll(ptx, "wgmma.fence.sync.aligned;", ""), "C7519");
}

TEST_F(PtxasTest, RefusesSpills) {
  // What spills without any product must be refused too.
  std::string text = R"(.version 8.6
.target sm_90a
.address_size 64
.visible .entry spill(.param .u64 p) .maxntid 1024, 1, 1 .minnctapersm 2 {
  .reg .b64 %a<2>; .reg .f32 %f<80>; .reg .pred %q;
  ld.param.u64 %a0, [p];
)";
  for (int i = 0; i < 80; ++i)
    text += "  ld.volatile.global.f32 %f" + std::to_string(i) + ", [%a0+" +
            std::to_string(4 * i) + "];\n";
  for (int i = 79; i >= 0; --i)
    text += "  st.volatile.global.f32 [%a0+" + std::to_string(4 * (79 - i)) +
            "], %f" + std::to_string(i) + ";\n";
  text += "  ret;\n}\n";
  expectRefused(text, "spills");
}

TEST_F(PtxasTest, ReportsWhatPtxasRefuses) {
  expectRefused(replaceAll(ptx, "wgmma.fence", "wgmma.fenze"), "expects ptxas");
}

TEST(PtxasAbsentTest, NamesTheWayOut) {
  const char *before = std::getenv("ATTN_PTXAS");
  std::string saved = before ? before : "";
  setenv("ATTN_PTXAS", "/nonexistent/ptxas", 1);
  Context context;
  auto module = context.parse("module {}");
  EXPECT_TRUE(failed(nvidia::assemble(*module, "")));
  EXPECT_NE(context.getErrors().find("ATTN_PTXAS"), std::string::npos);
  if (before)
    setenv("ATTN_PTXAS", saved.c_str(), 1);
  else
    unsetenv("ATTN_PTXAS");
}

namespace {
/// Compilers of PTX as a test wants them: no program, wherever it may lie.
class AssemblerTest : public testing::Test {
protected:
  void SetUp() override {
    for (const char *name : {"PATH", "ATTN_PTXAS", "ATTN_NVJITLINK"})
      if (const char *value = std::getenv(name))
        saved[name] = value;
    setenv("ATTN_PTXAS", "", 1);
    setenv("PATH", "", 1);
  }

  void TearDown() override {
    for (const char *name : {"PATH", "ATTN_PTXAS", "ATTN_NVJITLINK"})
      if (saved.count(name))
        setenv(name, saved[name].c_str(), 1);
      else
        unsetenv(name);
  }

  std::map<std::string, std::string> saved;
  Context context;
  OwningOpRef<ModuleOp> module = context.parse("module {}");
};
} // namespace

static const char *const kEmptyKernel = R"(
.version 8.0
.target sm_90a
.address_size 64
.visible .entry empty() { ret; }
)";

TEST_F(AssemblerTest, NamesAProgramThatIsAbsent) {
  setenv("ATTN_PTXAS", "/nonexistent", 1);
  EXPECT_TRUE(failed(nvidia::assemble(*module, kEmptyKernel)));
  EXPECT_NE(context.getErrors().find("but got '/nonexistent'"),
            std::string::npos)
      << context.getErrors();
}

TEST_F(AssemblerTest, RefusesALibraryThatIsAnother) {
  setenv("ATTN_NVJITLINK", "libc.so.6", 1);
  EXPECT_TRUE(failed(nvidia::assemble(*module, kEmptyKernel)));
  EXPECT_NE(context.getErrors().find("has no function nvJitLinkCreate"),
            std::string::npos)
      << context.getErrors();
}

TEST_F(AssemblerTest, UsesTheLibraryWhereThereIsNoProgram) {
  FailureOr<bool> can = nvidia::canAssemble(*module, kEmptyKernel);
  ASSERT_TRUE(succeeded(can)) << context.getErrors();
  if (!*can)
    GTEST_SKIP() << "nvJitLink is absent; set ATTN_NVJITLINK";
  auto assembly = nvidia::assemble(*module, kEmptyKernel);
  ASSERT_TRUE(succeeded(assembly)) << context.getErrors();
  EXPECT_EQ(assembly->cubin.substr(1, 3), "ELF");
  ASSERT_EQ(assembly->kernels.size(), 1u);
  EXPECT_EQ(assembly->kernels[0].kernel, "empty");
  EXPECT_TRUE(failed(nvidia::assemble(*module, "nonsense")));
  EXPECT_NE(context.getErrors().find("expects nvJitLink to accept"),
            std::string::npos)
      << context.getErrors();
}

// The library would ignore the budgets (C7504).
TEST_F(AssemblerTest, KeepsBudgetsFromTheLibrary) {
  FailureOr<bool> can =
      nvidia::canAssemble(*module, std::string(kEmptyKernel) +
                                       "setmaxnreg.inc.sync.aligned.u32 8;");
  ASSERT_TRUE(succeeded(can)) << context.getErrors();
  EXPECT_FALSE(*can);
}
