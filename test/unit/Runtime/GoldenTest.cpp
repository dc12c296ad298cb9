//===- GoldenTest.cpp - an artifact that an earlier version has written ---===//
//
// Inputs/rowsum-1.attn is the row-sum kernel in format version 1, and is never
// written again: what reads it today has to read it in every later version that
// takes version 1.
//
//===----------------------------------------------------------------------===//

#include "RowSum.h"
#include "attn-c/Attn.h"
#include "attn/Runtime/File.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
std::string readGolden() {
  Result<std::string> bytes = readFile(ATTN_GOLDEN_ARTIFACT);
  EXPECT_TRUE(bytes.isOk()) << bytes.getStatus().message();
  return bytes.isOk() ? *bytes : std::string();
}

TEST(Golden, IsStillLoadedAndRuns) {
  attn_kernel kernel;
  ASSERT_EQ(attn_kernel_load_file(ATTN_GOLDEN_ARTIFACT, &kernel), ATTN_OK)
      << attn_last_error_message();
  FloatTensor x({3, 4}), o({3});
  for (size_t i = 0; i < x.data.size(); ++i)
    x.data[i] = static_cast<float>(i);
  attn_argument arguments[] = {{"x", ATTN_TENSOR, &x.view, 0, 0.0},
                               {"scale", ATTN_REAL, nullptr, 0, 0.5},
                               {"o", ATTN_TENSOR, &o.view, 0, 0.0}};
  attn_plan plan;
  ASSERT_EQ(attn_plan_prepare(kernel, arguments, 3, nullptr, &plan), ATTN_OK)
      << attn_last_error_message();
  ASSERT_EQ(attn_plan_run(plan), ATTN_OK) << attn_last_error_message();
  EXPECT_EQ(o.data, (std::vector<float>{19, 11, 3}));
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  EXPECT_EQ(attn_kernel_release(kernel), ATTN_OK);
}

// Of this version, its bytes are what is written today, too.
TEST(Golden, IsWrittenAsItIsRead) {
  std::string bytes = readGolden();
  Result<Artifact> artifact = Artifact::deserialize(bytes, "golden");
  ASSERT_TRUE(artifact.isOk()) << artifact.getStatus().message();
  EXPECT_EQ(*artifact->serialize(), bytes);
  EXPECT_EQ(artifact->manifest.toJson(), makeRowSumManifest().toJson());
}

TEST(Golden, IsRefusedByTheNameOfALaterVersion) {
  std::string bytes = readGolden();
  ASSERT_EQ(bytes.substr(0, 8), std::string("ATTNART\x01", 8));
  for (int version : {2, 3, 255, 0}) {
    bytes[7] = static_cast<char>(version);
    attn_kernel kernel;
    EXPECT_EQ(attn_kernel_load_memory(bytes.data(), bytes.size(), &kernel),
              ATTN_UNSUPPORTED);
    EXPECT_EQ(attn_last_error_reason(),
              "expects format version 1, but got " + std::to_string(version));
  }
}
} // namespace
