//===- CompileTest.cpp - programs become the instructions meant -----------===//

#include "Programs.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using namespace attn::test;

namespace {
struct Expected {
  const char *program;
  int64_t threads, sharedBytes;
  /// Products in the text: each k16 step of each `pipe.mma_async`.
  size_t numProducts;
};

std::string getTestName(const ::testing::TestParamInfo<Expected> &info) {
  std::string name = info.param.program;
  for (char &c : name)
    c = c == '-' ? '_' : c;
  return name;
}

size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1))
    ++found;
  return found;
}

class CompileTest : public ::testing::TestWithParam<Expected> {};
} // namespace

TEST_P(CompileTest, WritesTheProductsMeant) {
  Context context;
  auto module = context.load(GetParam().program);
  ASSERT_TRUE(module);
  auto code = nvidia::compile(*module, CodeKind::Assembly);
  ASSERT_TRUE(succeeded(code)) << context.getErrors();
  EXPECT_EQ(count(code->bytes, "wgmma.mma_async"), GetParam().numProducts);
  const Launch &launch = code->manifest.launches.front();
  EXPECT_EQ(launch.threads, GetParam().threads);
  EXPECT_EQ(launch.sharedBytes, GetParam().sharedBytes);
  // Nothing of a product may be a call, nor live in local memory.
  EXPECT_EQ(count(code->bytes, ".local"), 0u);
  EXPECT_EQ(count(code->bytes, "call."), 0u);
}

TEST_P(CompileTest, SameProgramSameKey) {
  Context context;
  auto first = context.load(GetParam().program);
  auto second = context.load(GetParam().program);
  auto a = nvidia::compile(*first, CodeKind::Assembly);
  auto b = nvidia::compile(*second, CodeKind::Assembly);
  ASSERT_TRUE(succeeded(a) && succeeded(b));
  EXPECT_EQ(a->manifest.cacheKey, b->manifest.cacheKey);
  EXPECT_EQ(a->bytes, b->bytes);
}

// Attention: 8 steps of Q K^T (D = 128), and one of P V for 16 keys, for the
// prologue, the loop and the end.
INSTANTIATE_TEST_SUITE_P(
    Programs, CompileTest,
    ::testing::Values(Expected{"attention-full", 384, 197632, 32},
                      Expected{"attention-long", 384, 230400, 40},
                      Expected{"attention-causal", 384, 197632, 64},
                      Expected{"gemm", 384, 230400, 8},
                      Expected{"chained-gemms", 256, 74752, 12}),
    getTestName);
