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

TEST(CApi, RefusesNullPointers) {
  attn_kernel *kernel = nullptr;
  attn_plan *plan = nullptr;
  Result<std::string> bytes = makeRowSumArtifact().serialize();
  ASSERT_TRUE(bytes.isOk());
  attn_argument unnamed{nullptr, ATTN_REAL, nullptr, 0, 0.0};
  attn_argument unkind{"x", 77, nullptr, 0, 0};
  struct {
    attn_status status;
    std::string message;
  } calls[] = {
      {attn_kernel_load_file(nullptr, &kernel), attn_last_error_message()},
      {attn_kernel_load_file("x", nullptr), attn_last_error_message()},
      {attn_kernel_load_memory(nullptr, 4, &kernel), attn_last_error_message()},
      {attn_kernel_load_memory("x", 1, nullptr), attn_last_error_message()},
      {attn_pool_create(2, nullptr), attn_last_error_message()},
      {attn_plan_prepare(nullptr, nullptr, 0, nullptr, &plan),
       attn_last_error_message()},
      {attn_plan_rebind(nullptr, nullptr, 0), attn_last_error_message()},
      {attn_plan_run(nullptr), attn_last_error_message()},
      {attn_plan_launch(nullptr, nullptr), attn_last_error_message()}};
  for (const auto &call : calls) {
    EXPECT_EQ(call.status, ATTN_INVALID_ARGUMENT);
    EXPECT_NE(call.message.find("but got a null pointer"), std::string::npos)
        << call.message;
  }
  ASSERT_EQ(attn_kernel_load_memory(bytes->data(), bytes->size(), &kernel),
            ATTN_OK);
  EXPECT_EQ(attn_plan_prepare(kernel, nullptr, 1, nullptr, &plan),
            ATTN_INVALID_ARGUMENT);
  EXPECT_EQ(attn_plan_prepare(kernel, &unnamed, 1, nullptr, &plan),
            ATTN_INVALID_ARGUMENT);
  EXPECT_EQ(attn_plan_prepare(kernel, &unkind, 1, nullptr, &plan),
            ATTN_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error_message(),
               "argument x: expects a kind of 0, 1 or 2, but got 77; use "
               "ATTN_TENSOR, ATTN_INTEGER or ATTN_REAL");
  EXPECT_EQ(attn_plan_prepare(kernel, nullptr, 0, nullptr, nullptr),
            ATTN_INVALID_ARGUMENT);
  attn_kernel_release(kernel);
  attn_kernel_release(nullptr);
  attn_plan_release(nullptr);
  attn_pool_release(nullptr);
  EXPECT_EQ(attn_kernel_manifest(nullptr), nullptr);
  EXPECT_EQ(attn_plan_memory_bytes(nullptr), 0);
}

TEST(CApi, ReportsDamageAndAbsence) {
  attn_kernel *kernel = nullptr;
  EXPECT_EQ(attn_kernel_load_memory("ATTNART", 7, &kernel), ATTN_CORRUPT);
  EXPECT_EQ(attn_kernel_load_file("no/such/file.attn", &kernel), ATTN_IO);
  EXPECT_EQ(kernel, nullptr);
}

TEST(CApi, KeepsTheLastErrorOfEachThread) {
  ASSERT_EQ(attn_plan_run(nullptr), ATTN_INVALID_ARGUMENT);
  std::string before = attn_last_error_message();
  std::thread([] {
    EXPECT_STREQ(attn_last_error_message(), "");
    EXPECT_EQ(attn_last_error_code(), ATTN_OK);
    attn_pool *pool;
    EXPECT_EQ(attn_pool_create(0, &pool), ATTN_INVALID_ARGUMENT);
  }).join();
  EXPECT_EQ(before, attn_last_error_message());
}
} // namespace
