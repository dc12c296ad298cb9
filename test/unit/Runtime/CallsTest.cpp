//===- CallsTest.cpp - kernels that are called with what comes ------------===//

#include "attn/Runtime/Calls.h"
#include "CudaKernels.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
class CudaCalls : public testing::Test {
protected:
  void SetUp() override {
    useFakeCuda();
    fakeCudaSetCurrent(0);
    auto kernel = LoadedKernel::load(makeCudaArtifact());
    ASSERT_TRUE(kernel.isOk()) << kernel.getStatus().message();
    calls = std::make_unique<Calls>(std::move(*kernel));
  }
  void TearDown() override {
    calls.reset();
    fakeCudaSetCurrent(-1);
    EXPECT_EQ(describeLeaks(), "");
  }

  Status run(CudaCall &call, uintptr_t stream = 0x50) {
    return calls->call(call.values.data(), call.values.size(),
                       reinterpret_cast<void *>(stream));
  }

  /// How many plans exist: each has an allocation of state and one of
  /// workspace.
  static int getNumPlans() { return fakeCudaNumLive("memory") / 2; }

  std::unique_ptr<Calls> calls;
};

/// The address that the last launch was given for o.
void *getOutput() {
  size_t size = 0;
  void *address = nullptr;
  std::memcpy(&address, fakeCudaParameter(0, &size), sizeof(address));
  return address;
}

TEST_F(CudaCalls, ExchangeAddressesInOnePlan) {
  for (int i = 0; i < 3; ++i) {
    CudaCall call;
    // An address is the sum of two.
    call.o.view.byte_offset = 4 * i;
    ASSERT_TRUE(run(call).isOk());
    EXPECT_EQ(getOutput(), reinterpret_cast<char *>(call.o.data.data()) +
                               call.o.view.byte_offset);
    EXPECT_EQ(getNumPlans(), 1);
  }
  CudaCall call;
  call.values[1] = ArgumentValue::ofReal("scale", -0.5);
  ASSERT_TRUE(run(call).isOk());
  EXPECT_EQ(getNumPlans(), 2);
  call.q.view.shape[0] = call.o.view.shape[0] = 2;
  ASSERT_TRUE(run(call).isOk());
  EXPECT_EQ(getNumPlans(), 3);
  call.o.view.strides[0] += 1;
  ASSERT_TRUE(run(call).isOk());
  EXPECT_EQ(getNumPlans(), 4);
}

TEST_F(CudaCalls, RefuseLaterCallsAsTheFirst) {
  CudaCall call;
  for (int i = 0; i < 2; ++i) {
    void *data = call.o.view.data;
    call.o.view.data = call.q.view.data;
    Status status = run(call);
    EXPECT_NE(status.message().find("expects an output apart"),
              std::string::npos)
        << status.message();
    call.o.view.data = data;
    EXPECT_TRUE(run(call).isOk());
  }
  call.values[3].tensor = nullptr;
  EXPECT_EQ(run(call).getCode(), StatusCode::invalidArgument);
  call.values.pop_back();
  EXPECT_EQ(run(call).getCode(), StatusCode::invalidArgument);
  EXPECT_EQ(getNumPlans(), 1);
}

TEST_F(CudaCalls, KeepThePlansThatWereCalledLast) {
  CudaCall call, first;
  for (int n = 1; n <= 40; ++n) {
    call.values[2] = ArgumentValue::ofInteger("repeats", n);
    ASSERT_TRUE(run(call).isOk());
    ASSERT_TRUE(run(first).isOk());
  }
  EXPECT_EQ(getNumPlans(), int(Calls::maxPlans));
  fakeCudaReset();
  fakeCudaSetCurrent(0);
  ASSERT_TRUE(run(first).isOk());
  for (const std::string &line : getCudaLog())
    EXPECT_EQ(line.find("cuMemAlloc"), std::string::npos) << line;
}

TEST_F(CudaCalls, HaveAPlanForEachStream) {
  CudaCall call;
  for (uintptr_t stream : {0x50, 0x60, 0x60, 0x50})
    ASSERT_TRUE(run(call, stream).isOk());
  EXPECT_EQ(getNumPlans(), 2);
}

// The graph may be replayed at any time.
TEST_F(CudaCalls, LeaveWhatWasCapturedToTheGraph) {
  CudaCall call;
  ASSERT_TRUE(run(call, 0x50).isOk());
  fakeCudaSetCapturing(1);
  fakeCudaSetCapturingStream(reinterpret_cast<void *>(0x70));
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(run(call, 0x70).isOk());
  EXPECT_EQ(getNumPlans(), 1);
  // A layout that was not called before has no plan, and none can be made.
  CudaCall other;
  other.values[2] = ArgumentValue::ofInteger("repeats", 6);
  Status status = run(other, 0x70);
  EXPECT_NE(status.message().find("expects no stream to capture"),
            std::string::npos)
      << status.message();
  EXPECT_FALSE(fakeCudaCaptureBroken());
  fakeCudaSetCapturing(0);
  fakeCudaSetCapturingStream(nullptr);
  ASSERT_TRUE(run(call, 0x50).isOk());
  EXPECT_EQ(getNumPlans(), 2);
  ASSERT_TRUE(run(call, 0x70).isOk());
  EXPECT_EQ(getNumPlans(), 3);
  // Nor do later calls displace it.
  for (int n = 1; n <= 20; ++n) {
    other.values[2] = ArgumentValue::ofInteger("repeats", n);
    ASSERT_TRUE(run(other, 0x50).isOk());
  }
  EXPECT_EQ(getNumPlans(), int(Calls::maxPlans) + 1);
}
} // namespace
