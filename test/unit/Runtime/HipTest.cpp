//===- HipTest.cpp - kernels, plans and caches on AMD's GPUs --------------===//
//
// What is the same for all vendors is tested with CUDA's; here stands what HIP
// has of its own, and that each of its calls may fail.
//
//===----------------------------------------------------------------------===//

#include "FakeHip/FakeHip.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/KvCache/DeviceBlocks.h"
#include "attn/Runtime/Target.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

using namespace attn;

namespace {
using Plan = std::unique_ptr<PreparedPlan>;

/// One launch that takes a parameter of every kind that HIP has.
Artifact makeArtifact() {
  using Argument = Manifest::Argument;
  using Parameter = Launch::Parameter;
  Expr b = Expr::name("B");
  Manifest m;
  m.name = "sum";
  m.attnVersion = "0.1.0";
  m.llvmVersion = "22.1.8";
  m.target = {"gfx942", "", {}, std::nullopt};
  m.ranks = {{"B", std::nullopt}};
  m.arguments = {
      Argument::tensor("x", Argument::Access::read, DType::f32, {"B", 8}),
      Argument::scalar("scale", DType::f32),
      Argument::tensor("y", Argument::Access::write, DType::f32, {"B"})};
  Launch launch;
  launch.symbol = "sum";
  launch.grid = {min(b * 200, Expr::name(Launch::multiprocessors)), b, 1};
  launch.threads = 320;
  launch.sharedBytes = 65536;
  launch.parameters = {
      Parameter::pointer("x"),    Parameter::stride("x", 0),
      Parameter::scalar("scale"), Parameter::value(b + 1, DType::i32),
      Parameter::pointer("y"),    Parameter::state(16),
      Parameter::workspace(8)};
  m.launches = {launch};
  m.stateBytes = 32;
  m.workspaceBytes = 64;
  return {
      m,
      {{Artifact::PayloadKind::codeObject, "FAKEHSACO\nsum 8 8 4 4 8 8 8\n"}}};
}

/// "Device" memory of one call.
struct Call {
  int64_t xShape[2] = {3, 8}, yShape[1] = {3};
  std::vector<float> xData, yData;
  DLTensor x{}, y{};
  std::vector<ArgumentValue> values;

  explicit Call(int device = 0) : xData(24), yData(3) {
    x = {xData.data(), {kDLROCM, device}, 2, {kDLFloat, 32, 1},
         xShape,       nullptr,           0};
    y = {yData.data(), {kDLROCM, device}, 1, {kDLFloat, 32, 1},
         yShape,       nullptr,           0};
    values = {ArgumentValue::ofTensor("x", &x),
              ArgumentValue::ofReal("scale", 0.5),
              ArgumentValue::ofTensor("y", &y)};
  }
};

std::string describeLeaks() {
  std::string leaks;
  for (const char *kind : {"module", "memory"})
    if (int count = fakeHipNumLive(kind))
      leaks += std::string(kind) + " " + std::to_string(count) + " ";
  return leaks;
}

std::vector<std::string> getLog() {
  std::vector<std::string> lines;
  std::istringstream log(fakeHipLog());
  for (std::string line; std::getline(log, line);)
    lines.push_back(line);
  return lines;
}

class Hip : public testing::Test {
protected:
  void SetUp() override {
    setenv("ATTN_HIP_DRIVER", ATTN_FAKE_HIP, 1);
    setenv("ATTN_CUDA_DRIVER", "/no/such/libcuda.so", 1);
    fakeHipReset();
  }
  void TearDown() override { EXPECT_EQ(describeLeaks(), ""); }

  static Plan prepare(const Artifact &artifact, Call &call, int margin = 0) {
    auto kernel = LoadedKernel::load(artifact);
    EXPECT_TRUE(kernel.isOk()) << kernel.getStatus().message();
    if (!kernel.isOk())
      return nullptr;
    auto plan = (*kernel)->prepare(call.values.data(), call.values.size(),
                                   nullptr, margin);
    EXPECT_TRUE(plan.isOk()) << plan.getStatus().message();
    return plan.isOk() ? std::move(*plan) : nullptr;
  }
};

template <typename T> T getParameter(int index) {
  size_t size = 0;
  const void *bytes = fakeHipParameter(index, &size);
  T value{};
  EXPECT_EQ(size, sizeof(T));
  if (bytes && size == sizeof(T))
    std::memcpy(&value, bytes, size);
  return value;
}

// The shared memory is the code's own: none is asked for at the launch.
TEST_F(Hip, LaunchesAndNothingElse) {
  Call call;
  Plan plan = prepare(makeArtifact(), call);
  ASSERT_TRUE(plan);
  fakeHipReset();
  ASSERT_TRUE(plan->launch(reinterpret_cast<void *>(0x70)).isOk());
  EXPECT_EQ(getLog(),
            (std::vector<std::string>{
                "hipGetDevice",
                "hipModuleLaunchKernel sum grid 304 3 1 block 320 1 1 shared 0 "
                "stream 0x70"}));
  EXPECT_EQ(getParameter<void *>(0), call.xData.data());
  EXPECT_EQ(getParameter<int64_t>(1), 8);
  EXPECT_EQ(getParameter<float>(2), 0.5f);
  EXPECT_EQ(getParameter<int32_t>(3), 4);
  EXPECT_EQ(getParameter<void *>(4), call.yData.data());
  auto *state = getParameter<unsigned char *>(5);
  EXPECT_EQ(std::count(state - 16, state + 16, 0), 32);
  EXPECT_EQ(getParameter<uint64_t>(6) % 256, 8u);
}

TEST_F(Hip, LeavesComputeUnitsToOthers) {
  Call call;
  Plan plan = prepare(makeArtifact(), call, 104);
  ASSERT_TRUE(plan);
  ASSERT_TRUE(plan->run().isOk());
  EXPECT_NE(std::string(fakeHipLog()).find("grid 200 3 1"), std::string::npos);
}

// The default stream is that of the thread's device, whichever kernel it runs.
TEST_F(Hip, LaunchesOnTheKernelsDeviceFromAnother) {
  fakeHipSetCurrent(1);
  Call call(1);
  Plan plan = prepare(makeArtifact(), call);
  ASSERT_TRUE(plan);
  fakeHipSetCurrent(0);
  EXPECT_TRUE(plan->launch(nullptr).isOk());
  EXPECT_TRUE(plan->run().isOk());
  EXPECT_EQ(fakeHipGetCurrent(), 0);
  plan.reset();
  EXPECT_EQ(fakeHipGetCurrent(), 0);
}

TEST_F(Hip, RebindsAndMoves) {
  Call call, other, third;
  Plan plan = prepare(makeArtifact(), call);
  ASSERT_TRUE(plan);
  ASSERT_TRUE(plan->rebind(other.values.data(), 1).isOk());
  ASSERT_TRUE(plan->launch(nullptr).isOk());
  EXPECT_EQ(getParameter<void *>(0), other.xData.data());
  EXPECT_EQ(getParameter<void *>(4), call.yData.data());
  const void *data[] = {third.xData.data(), third.yData.data()};
  ASSERT_TRUE(plan->move(data, 2).isOk());
  ASSERT_TRUE(plan->launch(nullptr).isOk());
  EXPECT_EQ(getParameter<void *>(0), third.xData.data());
  EXPECT_EQ(getParameter<void *>(4), third.yData.data());
}

TEST_F(Hip, SharesModulesOfOneImageAndDevice) {
  auto count = [] {
    auto log = getLog();
    return std::count(log.begin(), log.end(), "hipModuleLoadData");
  };
  auto first = LoadedKernel::load(makeArtifact()),
       second = LoadedKernel::load(makeArtifact());
  ASSERT_TRUE(first.isOk() && second.isOk());
  EXPECT_EQ(count(), 1);
  fakeHipSetCurrent(1);
  auto third = LoadedKernel::load(makeArtifact());
  EXPECT_EQ(count(), 2);
  EXPECT_EQ(fakeHipNumLive("module"), 2);
}

// Neither loading nor releasing ends a capture; preparing is refused.
TEST_F(Hip, LeavesCapturesAlone) {
  Call call;
  Plan early = prepare(makeArtifact(), call);
  auto kernel = LoadedKernel::load(makeArtifact());
  ASSERT_TRUE(kernel.isOk());
  fakeHipSetCapturing(1);
  auto plan = (*kernel)->prepare(call.values.data(), 3, nullptr);
  ASSERT_FALSE(plan.isOk());
  EXPECT_NE(plan.getStatus().message().find("expects no stream to capture"),
            std::string::npos)
      << plan.getStatus().message();
  auto stream = reinterpret_cast<void *>(0x70);
  fakeHipSetCapturingStream(stream);
  auto captures = (*kernel)->isCapturing(stream);
  ASSERT_TRUE(captures.isOk());
  EXPECT_TRUE(*captures);
  EXPECT_FALSE(*(*kernel)->isCapturing(reinterpret_cast<void *>(0x80)));
  EXPECT_TRUE(early->launch(stream).isOk());
  early.reset();
  kernel = LoadedKernel::load(makeArtifact());
  EXPECT_FALSE(fakeHipCaptureBroken());
}

TEST_F(Hip, RefusesWithReason) {
  struct {
    void (*edit)(Artifact &);
    StatusCode code;
    const char *message;
  } cases[] = {
      {[](Artifact &) { fakeHipSetArch("gfx90a:sramecc+:xnack-"); },
       StatusCode::unsupported,
       "kernel sum: expects a GPU of gfx942, but device 0 is of gfx90a; "
       "compile the kernel for this GPU"},
      {[](Artifact &) { fakeHipSetArch("gfx9420"); }, StatusCode::unsupported,
       "expects a GPU of gfx942, but device 0 is of gfx9420"},
      {[](Artifact &) { setenv("ATTN_HIP_DRIVER", "/no/libamdhip64.so", 1); },
       StatusCode::unsupported,
       "HIP driver: expects AMD's HIP runtime library, but got: "
       "/no/libamdhip64.so: cannot open"},
      {[](Artifact &a) { a.payloads[0].kind = Artifact::PayloadKind::cubin; },
       StatusCode::corrupt,
       "kernel sum: expects one code object, but got 1 payloads, the first of "
       "kind 2; compile the kernel again"},
      {[](Artifact &a) { a.payloads.clear(); }, StatusCode::corrupt,
       "expects one code object, but got 0 payloads"},
      {[](Artifact &a) { a.payloads[0].bytes = "none"; }, StatusCode::device,
       "kernel sum: expects hipModuleLoadData to succeed, but got "
       "hipErrorInvalidImage (as the test wants); compile the kernel for this "
       "GPU"},
      {[](Artifact &a) { a.manifest.launches[0].symbol = "third"; },
       StatusCode::corrupt, "kernel sum: expects the symbol 'third'"},
      {[](Artifact &a) { a.manifest.launches[0].sharedBytes = 65537; },
       StatusCode::unsupported,
       "kernel sum: expects 65537 bytes of shared memory for sum, but this GPU "
       "has 65536 a block"},
      {[](Artifact &a) { a.manifest.launches[0].cluster[0] = 2; },
       StatusCode::corrupt, "expects no clusters for gfx942, but sum has them"},
      {[](Artifact &a) { a.manifest.target.driver = 12000; },
       StatusCode::corrupt, "expects no CUDA driver for gfx942, but got 12000"},
      {[](Artifact &a) {
         a.manifest.launches[0].parameters.push_back(
             Launch::Parameter::tensorMap("x", {1, 8}, 0));
       },
       StatusCode::corrupt,
       "expects no tensor maps for gfx942, but sum has one of x"}};
  for (const auto &test : cases) {
    SetUp();
    Artifact artifact = makeArtifact();
    test.edit(artifact);
    auto kernel = LoadedKernel::load(artifact);
    ASSERT_FALSE(kernel.isOk()) << test.message;
    EXPECT_EQ(kernel.getStatus().getCode(), test.code) << test.message;
    std::string message = kernel.getStatus().message();
    EXPECT_NE(message.find(test.message), std::string::npos) << message;
    EXPECT_EQ(describeLeaks(), "") << test.message;
  }
}

TEST_F(Hip, RefusesMemoryOfOthers) {
  auto kernel = LoadedKernel::load(makeArtifact());
  ASSERT_TRUE(kernel.isOk());
  for (DLDevice device :
       {DLDevice{kDLROCM, 1}, DLDevice{kDLCUDA, 0}, DLDevice{kDLROCMHost, 0}}) {
    Call call;
    call.x.device = device;
    auto plan = (*kernel)->prepare(call.values.data(), 3, nullptr);
    ASSERT_FALSE(plan.isOk());
    EXPECT_NE(plan.getStatus().message().find(
                  "argument x: expects memory of device 0 (device type 10)"),
              std::string::npos)
        << plan.getStatus().message();
  }
}

// A dispatch counts work items, 2^32 of them are too many.
TEST_F(Hip, RefusesGridsOfTooManyThreads) {
  Artifact artifact = makeArtifact();
  artifact.manifest.launches[0].grid[0] = 13421773;
  Call call;
  auto kernel = LoadedKernel::load(artifact);
  ASSERT_TRUE(kernel.isOk());
  auto plan = (*kernel)->prepare(call.values.data(), 3, nullptr);
  ASSERT_FALSE(plan.isOk());
  EXPECT_NE(plan.getStatus().message().find(
                "expects 0 to 13421772 blocks in dimension 0"),
            std::string::npos)
      << plan.getStatus().message();
}

KvLayout makeLayout() {
  KvShape shape;
  shape.numLayers = 2;
  shape.numHeads = 1;
  shape.keyBytes = shape.valueBytes = 16;
  return *KvLayout::create(shape, 4, KvOrder::byLayer);
}

/// All that a host does, in order; stops at the first refusal, and sets `step`
/// to what was refused.
int numCallsInUse;
Status useAll(std::string &step) {
  Call call, other;
  step = "load";
  auto kernel = LoadedKernel::load(makeArtifact());
  if (!kernel.isOk())
    return kernel.takeStatus();
  step = "prepare";
  auto plan = (*kernel)->prepare(call.values.data(), 3, nullptr);
  if (!plan.isOk())
    return plan.takeStatus();
  step = "launch";
  if (Status status = (*plan)->launch(nullptr); !status.isOk())
    return status;
  step = "run";
  if (Status status = (*plan)->run(); !status.isOk())
    return status;
  step = "capturing";
  if (auto captures = (*kernel)->isCapturing(nullptr); !captures.isOk())
    return captures.takeStatus();
  step = "blocks";
  auto blocks = DeviceBlocks::create(makeLayout(), 2);
  if (!blocks.isOk())
    return blocks.takeStatus();
  step = "copy";
  if (Status status = (*blocks)->copy({0, 1, 3}, nullptr); !status.isOk())
    return status;
  step = "";
  numCallsInUse = fakeHipNumCalls();
  return {};
}

// Each call fails in turn, or all from it on: a Status that names the function,
// no leak, and a next use that works.
TEST_F(Hip, FailsAtEachCall) {
  std::string step;
  // Opens the driver.
  ASSERT_TRUE(useAll(step).isOk()) << step;
  fakeHipReset();
  ASSERT_TRUE(useAll(step).isOk());
  const std::vector<std::string> calls = getLog();
  const int numUsed = numCallsInUse;
  ASSERT_GT(calls.size(), 40u);
  for (int count : {1, 1000000}) {
    std::set<std::string> refused;
    for (size_t k = 0; k < calls.size(); ++k) {
      fakeHipReset();
      fakeHipFail(static_cast<int>(k) + 1, count, 999);
      Status status = useAll(step);
      if (status.isOk()) {
        // Releases report nothing, nor does what restores the thread's state.
        bool isRestore = calls[k].rfind("hipSetDevice", 0) == 0 ||
                         calls[k] == "hipThreadExchangeStreamCaptureMode 0";
        EXPECT_TRUE(int(k) >= numUsed || isRestore) << k << ", " << calls[k];
      } else {
        EXPECT_EQ(status.getCode(), StatusCode::device) << status.message();
        EXPECT_NE(status.getReason().find("expects hip"), std::string::npos);
        EXPECT_NE(status.getReason().find("999"), std::string::npos);
        refused.insert(step);
      }
      EXPECT_EQ(describeLeaks(), "") << "call " << k << ", " << calls[k];
    }
    EXPECT_EQ(refused,
              (std::set<std::string>{"load", "prepare", "launch", "run",
                                     "capturing", "blocks", "copy"}));
    fakeHipReset();
    ASSERT_TRUE(useAll(step).isOk()) << step;
  }
}

// Of both vendors' drivers the first that is there has the blocks; a machine
// with neither says so of both.
TEST_F(Hip, CachesSayThatThereIsNoDriver) {
  setenv("ATTN_HIP_DRIVER", "/no/libamdhip64.so", 1);
  auto blocks = DeviceBlocks::create(makeLayout(), 2);
  ASSERT_FALSE(blocks.isOk());
  EXPECT_EQ(blocks.getStatus().getCode(), StatusCode::unsupported);
  std::string message = blocks.getStatus().message();
  EXPECT_NE(message.find("/no/such/libcuda.so"), std::string::npos) << message;
  EXPECT_NE(message.find("/no/libamdhip64.so"), std::string::npos) << message;
}

TEST_F(Hip, SaysWhichFunctionIsAbsent) {
  setenv("ATTN_HIP_DRIVER", ATTN_FAKE_HIP_WITHOUT_LAUNCH, 1);
  auto kernel = LoadedKernel::load(makeArtifact());
  ASSERT_FALSE(kernel.isOk());
  EXPECT_EQ(kernel.getStatus().getCode(), StatusCode::unsupported);
  EXPECT_NE(kernel.getStatus().message().find(
                "expects the function hipModuleLaunchKernel in "),
            std::string::npos);
}
} // namespace
