//===- CApiTest.cpp - the C interface, and its misuse ---------------------===//

#include "RowSum.h"
#include "attn-c/Attn.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <thread>

using namespace attn;
using namespace attn::test;

extern "C" int attn_test_run_from_c(const char *path, int numThreads);

namespace {
TEST(CApi, RunsFromC) {
  std::string path =
      testing::TempDir() + "attn-capi-" + std::to_string(getpid()) + ".attn";
  ASSERT_TRUE(makeRowSumArtifact().writeFile(path).isOk());
  for (int numThreads : {1, 3})
    EXPECT_EQ(attn_test_run_from_c(path.c_str(), numThreads), 0)
        << attn_last_error_message();
  std::remove(path.c_str());
}

TEST(CApi, ReportsDamageAndAbsence) {
  attn_kernel kernel = {1};
  EXPECT_EQ(attn_kernel_load_memory("ATTNART", 7, &kernel), ATTN_CORRUPT);
  EXPECT_EQ(kernel.id, 0u);
  EXPECT_EQ(attn_kernel_load_file("no/such/file.attn", &kernel), ATTN_IO);
}

TEST(CApi, KeepsTheLastErrorOfEachThread) {
  ASSERT_EQ(attn_plan_run({}), ATTN_INVALID_ARGUMENT);
  std::string before = attn_last_error_message();
  std::thread([] {
    EXPECT_STREQ(attn_last_error_message(), "");
    EXPECT_EQ(attn_last_error_code(), ATTN_OK);
    attn_pool pool;
    EXPECT_EQ(attn_pool_create(0, &pool), ATTN_INVALID_ARGUMENT);
  }).join();
  EXPECT_EQ(before, attn_last_error_message());
}
} // namespace
