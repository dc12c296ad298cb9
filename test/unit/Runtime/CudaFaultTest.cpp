//===- CudaFaultTest.cpp - every call of the driver fails in turn ---------===//

#include "CudaKernels.h"

#include <gtest/gtest.h>
#include <set>

using namespace attn;
using namespace attn::test;

namespace {
/// CUDA_ERROR_UNKNOWN: the runtime knows no way around it.
constexpr int unknownError = 999;

/// All that a host does with a kernel, in order; stops at the first refusal.
/// Sets `step` to what was refused, or to "" where nothing was; then
/// `numCallsInUse` to the calls before the first release.
int numCallsInUse;
Status useKernel(std::string &step) {
  CudaCall call, other;
  step = "load";
  auto kernel = LoadedKernel::load(makeCudaArtifact());
  if (!kernel.isOk())
    return kernel.takeStatus();
  step = "prepare";
  auto plan = (*kernel)->prepare(call.values.data(), 4, nullptr);
  if (!plan.isOk())
    return plan.takeStatus();
  step = "launch";
  if (Status status = (*plan)->launch(nullptr); !status.isOk())
    return status;
  step = "rebind";
  if (Status status = (*plan)->rebind(other.values.data(), 1); !status.isOk())
    return status;
  step = "run";
  if (Status status = (*plan)->run(); !status.isOk())
    return status;
  step = "";
  numCallsInUse = fakeCudaNumCalls();
  return {};
}

/// Fails `count` calls from each call on in turn, and expects after each sweep
/// an error, no leak, and a next use that works.
void sweep(int count) {
  useFakeCuda();
  std::string step;
  // Opens the driver.
  ASSERT_TRUE(useKernel(step).isOk()) << step;
  fakeCudaReset();
  ASSERT_TRUE(useKernel(step).isOk());
  const std::vector<std::string> calls = getCudaLog();
  const int numUsed = numCallsInUse;
  ASSERT_GT(calls.size(), 40u);
  std::set<std::string> refused;
  for (size_t k = 0; k < calls.size(); ++k) {
    fakeCudaReset();
    fakeCudaFail(static_cast<int>(k) + 1, count, unknownError);
    Status status = useKernel(step);
    if (status.isOk()) {
      // Releases report nothing, nor does what restores the thread's state.
      bool isRelease = int(k) >= numUsed;
      bool isRestore = calls[k] == "cuCtxPopCurrent" ||
                       calls[k] == "cuThreadExchangeStreamCaptureMode 0";
      EXPECT_TRUE(isRelease || isRestore) << "call " << k << ", " << calls[k];
    } else {
      EXPECT_EQ(status.getCode(), StatusCode::device) << status.message();
      EXPECT_NE(status.getReason().find("expects cu"), std::string::npos);
      EXPECT_NE(status.getReason().find("999"), std::string::npos);
      refused.insert(step);
    }
    EXPECT_EQ(describeLeaks(), "") << "call " << k << ", " << calls[k];
    fakeCudaReset();
    ASSERT_TRUE(useKernel(step).isOk()) << "after call " << k << ", " << step;
    ASSERT_EQ(describeLeaks(), "");
  }
  EXPECT_EQ(refused, (std::set<std::string>{"launch", "load", "prepare",
                                            "rebind", "run"}));
}

TEST(CudaFault, AtEachCall) { sweep(1); }

// Then the driver cannot even name its error.
TEST(CudaFault, FromEachCallOn) { sweep(1000000); }
} // namespace
