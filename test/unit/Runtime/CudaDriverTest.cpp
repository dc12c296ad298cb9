//===- CudaDriverTest.cpp - opening the driver, and what it refuses -------===//

#include "FakeCuda/FakeCuda.h"
#include "lib/Runtime/CUDA/Driver.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::cuda;

namespace {
/// Opens the library at `path`; a driver that is open stays so under its path.
Result<const Driver *> open(const std::string &path) {
  setenv("ATTN_CUDA_DRIVER", path.c_str(), 1);
  return Driver::get();
}

/// The fake's path, spelt as in no other call, so that it is opened again.
std::string getUnusedPath() {
  static int count = 0;
  std::string path = ATTN_FAKE_CUDA;
  for (int i = 0; i <= count; ++i)
    path.insert(path.rfind('/'), "/.");
  ++count;
  return path;
}

TEST(CudaDriver, OpensOnce) {
  fakeCudaReset();
  std::string path = getUnusedPath();
  Result<const Driver *> first = open(path);
  ASSERT_TRUE(first.isOk()) << first.getStatus().message();
  EXPECT_EQ((*first)->getVersionNumber(), 12040);
  EXPECT_STREQ(fakeCudaLog(), "cuInit\n");
  Result<const Driver *> second = open(path);
  ASSERT_TRUE(second.isOk());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(fakeCudaNumCalls(), 1);
}

TEST(CudaDriver, SaysThatThereIsNone) {
  Result<const Driver *> driver = open("/no/such/libcuda.so");
  ASSERT_FALSE(driver.isOk());
  EXPECT_EQ(driver.getStatus().getCode(), StatusCode::unsupported);
  std::string message = driver.getStatus().message();
  EXPECT_EQ(message.find("CUDA driver: expects NVIDIA's driver library, but "
                         "got: /no/such/libcuda.so: cannot open"),
            0u)
      << message;
  EXPECT_NE(message.find("install the NVIDIA driver, or set ATTN_CUDA_DRIVER"),
            std::string::npos);
}

TEST(CudaDriver, SaysThatItIsTooOld) {
  fakeCudaReset();
  fakeCudaSetVersion(11080);
  std::string path = getUnusedPath();
  Result<const Driver *> driver = open(path);
  ASSERT_FALSE(driver.isOk());
  EXPECT_EQ(driver.getStatus().getCode(), StatusCode::unsupported);
  EXPECT_EQ(driver.getStatus().message(),
            "CUDA driver: expects a driver for CUDA 12.0 or later, but got "
            "11.8; install a newer NVIDIA driver");
  // A refusal is not remembered.
  fakeCudaSetVersion(12000);
  EXPECT_TRUE(open(path).isOk());
}

TEST(CudaDriver, SaysWhichFunctionIsAbsent) {
  Result<const Driver *> driver = open(ATTN_FAKE_CUDA_WITHOUT_LAUNCH);
  ASSERT_FALSE(driver.isOk());
  EXPECT_EQ(driver.getStatus().getCode(), StatusCode::unsupported);
  EXPECT_NE(driver.getStatus().message().find(
                "expects the function cuLaunchKernelEx in "),
            std::string::npos);
}

TEST(CudaDriver, ReportsAnErrorByTheDriversName) {
  fakeCudaReset();
  fakeCudaFail(1, 1, errorNoDevice);
  std::string path = getUnusedPath();
  Result<const Driver *> driver = open(path);
  ASSERT_FALSE(driver.isOk());
  EXPECT_EQ(driver.getStatus().getCode(), StatusCode::device);
  EXPECT_EQ(driver.getStatus().message(),
            "CUDA driver: expects cuInit to succeed, but got "
            "CUDA_ERROR_NO_DEVICE (as the test wants); run on a machine where "
            "nvidia-smi lists a GPU");
  EXPECT_TRUE(open(path).isOk());
}

// Neither an unknown number nor a driver that cannot name it hides the error.
TEST(CudaDriver, ReportsAnErrorWithoutName) {
  fakeCudaReset();
  Result<const Driver *> driver = open(getUnusedPath());
  ASSERT_TRUE(driver.isOk());
  fakeCudaFail(1, 3, 7777);
  Status status = (*driver)->call("kernel k", (*driver)->init, 0u);
  EXPECT_EQ(status.getFeature(), "kernel k");
  EXPECT_EQ(status.getReason(),
            "expects cuInit to succeed, but got CUresult 7777");
}
} // namespace
