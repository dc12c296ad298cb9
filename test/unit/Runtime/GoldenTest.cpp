//===- GoldenTest.cpp - artifacts that earlier versions have written ------===//
//
// Inputs/rowsum-1.attn is the row-sum kernel in format version 1, rowsum-2.attn
// the same for two targets in version 2. Neither is ever written again: what
// reads them today has to read them in every later version that takes these.
//
//===----------------------------------------------------------------------===//

#include "RowSum.h"
#include "attn-c/Attn.h"
#include "attn/Runtime/ArtifactSet.h"
#include "attn/Runtime/File.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
std::string readGolden(const std::string &path = ATTN_GOLDEN_ARTIFACT) {
  Result<std::string> bytes = readFile(path);
  EXPECT_TRUE(bytes.isOk()) << bytes.getStatus().message();
  return bytes.isOk() ? *bytes : std::string();
}

void loadAndRun(const char *path) {
  // The GPU's kernel is one for the fake driver, which is not here.
  attn_load_options options = {sizeof(options), "cpu"};
  attn_kernel kernel;
  ASSERT_EQ(attn_kernel_load_file_for(path, &options, &kernel), ATTN_OK)
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

TEST(Golden, IsStillLoadedAndRuns) {
  loadAndRun(ATTN_GOLDEN_ARTIFACT);
  loadAndRun(ATTN_GOLDEN_SET);
}

TEST(Golden, SetIsWrittenAsItIsRead) {
  std::string bytes = readGolden(ATTN_GOLDEN_SET);
  ASSERT_EQ(bytes.substr(0, 8), std::string("ATTNART\x02", 8));
  Result<ArtifactSet> set = ArtifactSet::deserialize(bytes, "golden");
  ASSERT_TRUE(set.isOk()) << set.getStatus().message();
  EXPECT_EQ(*set->serialize(), bytes);
  ASSERT_EQ(set->artifacts.size(), 2u);
  EXPECT_EQ(set->artifacts[0].manifest.toJson(),
            makeRowSumGpuArtifact().manifest.toJson());
  EXPECT_EQ(*set->artifacts[1].serialize(), readGolden());
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
  for (int version : {3, 255, 0}) {
    bytes[7] = static_cast<char>(version);
    attn_kernel kernel;
    EXPECT_EQ(attn_kernel_load_memory(bytes.data(), bytes.size(), &kernel),
              ATTN_UNSUPPORTED);
    EXPECT_EQ(attn_last_error_reason(),
              "expects format version 1 or 2, but got " +
                  std::to_string(version));
  }
}
} // namespace
