//===- CudaPlanTest.cpp - binding device tensors and launching ------------===//

#include "CudaKernels.h"

#include <array>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
using Plan = std::unique_ptr<PreparedPlan>;
using KernelPointer = std::shared_ptr<const LoadedKernel>;

KernelPointer load(const Artifact &artifact = makeCudaArtifact()) {
  Result<KernelPointer> kernel = LoadedKernel::load(artifact);
  EXPECT_TRUE(kernel.isOk()) << kernel.getStatus().message();
  return kernel.isOk() ? *kernel : nullptr;
}

Result<Plan> prepare(const KernelPointer &kernel, CudaCall &call) {
  return kernel->prepare(call.values.data(), call.values.size(), nullptr);
}

/// Parameter `index` of the last launch.
template <typename T> T getParameter(int index) {
  size_t size = 0;
  const void *bytes = fakeCudaParameter(index, &size);
  T value{};
  EXPECT_EQ(size, sizeof(T));
  if (bytes && size == sizeof(T))
    std::memcpy(&value, bytes, size);
  return value;
}

class CudaPlan : public testing::Test {
protected:
  void SetUp() override { useFakeCuda(); }
  void TearDown() override { EXPECT_EQ(describeLeaks(), ""); }
};

// Of 132 multiprocessors; the second launch has a block for each item.
TEST_F(CudaPlan, LeavesMultiprocessorsToOthers) {
  fakeCudaSetCurrent(0);
  CudaCall call;
  KernelPointer kernel = load();
  auto prepareBeside = [&](const KernelPointer &kernel, int margin) {
    return kernel->prepare(call.values.data(), call.values.size(), nullptr,
                           margin);
  };
  {
    auto plan = prepareBeside(kernel, 124);
    ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
    fakeCudaReset();
    fakeCudaSetCurrent(0);
    ASSERT_TRUE((*plan)->launch(nullptr).isOk());
    EXPECT_NE(getCudaLog()[0].find("grid 8 1 1"), std::string::npos)
        << getCudaLog()[0];
    EXPECT_NE(getCudaLog()[1].find("grid 5 3 1"), std::string::npos)
        << getCudaLog()[1];
  }
  for (int margin : {-1, 132, 1000}) {
    auto plan = prepareBeside(kernel, margin);
    ASSERT_FALSE(plan.isOk()) << margin;
    EXPECT_NE(plan.getStatus().message().find("expects a margin of 0 to 131"),
              std::string::npos)
        << plan.getStatus().message();
  }
  Artifact artifact = makeCudaArtifact();
  artifact.manifest.launches[0].grid[0] = 2;
  auto plan = prepareBeside(load(artifact), 8);
  ASSERT_FALSE(plan.isOk());
  EXPECT_NE(plan.getStatus().message().find("one for each item"),
            std::string::npos)
      << plan.getStatus().message();
  fakeCudaSetCurrent(-1);
}

// The whole contract of a launch: nothing but the launches themselves.
TEST_F(CudaPlan, LaunchesAndNothingElse) {
  fakeCudaSetCurrent(0);
  {
    CudaCall call;
    auto plan = prepare(load(), call);
    ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
    fakeCudaReset();
    fakeCudaSetCurrent(0);
    for (int run = 0; run < 2; ++run)
      ASSERT_TRUE((*plan)->launch(reinterpret_cast<void *>(0x70)).isOk());
    std::vector<std::string> once = {
        "cuLaunchKernelEx first grid 12 1 1 block 384 1 1 shared 213000 "
        "cluster 2 1 1 stream 0x70",
        "cuLaunchKernelEx second grid 5 3 1 block 128 1 1 shared 0 stream "
        "0x70"};
    EXPECT_EQ(getCudaLog(),
              (std::vector<std::string>{once[0], once[1], once[0], once[1]}));
  }
  fakeCudaSetCurrent(-1);
}

TEST_F(CudaPlan, PassesEveryKindOfParameter) {
  CudaCall call;
  // Without the second launch the first one's parameters stay.
  call.values[2] = ArgumentValue::ofInteger("repeats", 0);
  auto plan = prepare(load(), call);
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  ASSERT_TRUE((*plan)->launch(nullptr).isOk());
  EXPECT_EQ(getParameter<float>(0), 0.5f);
  struct Map {
    uint64_t address, innerExtent, rest[14];
  };
  EXPECT_EQ(getParameter<Map>(1).address,
            reinterpret_cast<uintptr_t>(call.q.data.data()));
  EXPECT_EQ(getParameter<Map>(1).innerExtent, 64u);
  EXPECT_EQ(getParameter<int32_t>(2), 201);
  EXPECT_EQ(getParameter<void *>(3), call.o.view.data);
  EXPECT_EQ(getParameter<int64_t>(4), 64);
  auto *state = getParameter<unsigned char *>(5);
  EXPECT_EQ(std::count(state - 16, state + 16, 0), 32);
  // 24 bytes into the workspace, which is a different allocation.
  EXPECT_EQ(getParameter<uint64_t>(6) % 256, 24u);
  EXPECT_EQ((*plan)->getMemoryBytes(), 32 + 3 * 64);
  std::string log = fakeCudaLog();
  EXPECT_NE(log.find("cuTensorMapEncodeTiled type 9 extents 64,200,3 strides "
                     "128,25600 box 64,128,1 swizzle 3 promotion 3"),
            std::string::npos)
      << log;
}

// Boxes that run through the dimensions in another order than the tensor has,
// and bring less of what they miss.
TEST_F(CudaPlan, MapsDimensionsInTheirOrderWithTheirPromotion) {
  Artifact artifact = makeCudaArtifact();
  for (Launch::Parameter &parameter : artifact.manifest.launches[0].parameters)
    if (parameter.kind == Launch::Parameter::Kind::tensorMap) {
      parameter.box = {8, 16, 64};
      parameter.order = {1, 0, 2};
      parameter.promotionBytes = 128;
    }
  CudaCall call;
  call.values[2] = ArgumentValue::ofInteger("repeats", 0);
  auto plan = prepare(load(artifact), call);
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  std::string log = fakeCudaLog();
  EXPECT_NE(log.find("cuTensorMapEncodeTiled type 9 extents 64,3,200 strides "
                     "25600,128 box 64,8,16 swizzle 3 promotion 2"),
            std::string::npos)
      << log;
}

TEST_F(CudaPlan, LaunchesNothingOfAnEmptyGrid) {
  CudaCall call;
  call.values[2] = ArgumentValue::ofInteger("repeats", 0);
  call.q.shape = {3, 0, 64};
  call.o.shape = {3, 0};
  call.q.view.data = call.o.view.data = nullptr;
  auto plan = prepare(load(), call);
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  fakeCudaReset();
  EXPECT_TRUE((*plan)->launch(nullptr).isOk());
  EXPECT_STREQ(fakeCudaLog(), "");
}

// An output of no keys still has to be written: the map is one zero.
TEST_F(CudaPlan, MapsAnEmptyTensorToZeros) {
  Artifact artifact = makeCudaArtifact();
  artifact.manifest.launches[0].grid = {2, 1, 1};
  CudaCall call;
  call.values[2] = ArgumentValue::ofInteger("repeats", 0);
  call.q.shape = {3, 0, 64};
  call.o.shape = {3, 0};
  auto plan = prepare(load(artifact), call);
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  ASSERT_TRUE((*plan)->launch(nullptr).isOk());
  struct Map {
    const uint64_t *address;
    uint64_t words[15];
  };
  EXPECT_EQ(*getParameter<Map>(1).address, 0u);
  EXPECT_NE(std::string(fakeCudaLog()).find("extents 1,1,1 strides 16,16"),
            std::string::npos);
}

TEST_F(CudaPlan, RunsAndWaits) {
  CudaCall call;
  auto plan = prepare(load(), call);
  ASSERT_TRUE(plan.isOk());
  fakeCudaReset();
  ASSERT_TRUE((*plan)->run().isOk());
  std::vector<std::string> log = getCudaLog();
  ASSERT_EQ(log.size(), 7u);
  EXPECT_EQ(log[4], "cuStreamSynchronize 0x1");
}

TEST_F(CudaPlan, RebindsToOtherMemory) {
  CudaCall call, other;
  call.values[2] = ArgumentValue::ofInteger("repeats", 0);
  auto plan = prepare(load(), call);
  ASSERT_TRUE(plan.isOk());
  other.q.strides = {64, 3 * 64, 1};
  ASSERT_TRUE((*plan)->rebind(other.values.data(), 1).isOk());
  ASSERT_TRUE((*plan)->launch(nullptr).isOk());
  EXPECT_EQ(getParameter<int64_t>(4), 3 * 64);
  EXPECT_EQ(getParameter<void *>(3), call.o.view.data);
  // A refusal changes nothing.
  other.q.view.byte_offset = 2;
  other.q.strides = {200 * 64, 64, 1};
  EXPECT_NE((*plan)->rebind(other.values.data(), 1).message().find("16 bytes"),
            std::string::npos);
  EXPECT_NE((*plan)->rebind(&other.values[1], 1).message().find("tensors only"),
            std::string::npos);
  ASSERT_TRUE((*plan)->launch(nullptr).isOk());
  EXPECT_EQ(getParameter<int64_t>(4), 3 * 64);
}

TEST_F(CudaPlan, MovesToOtherMemory) {
  CudaCall call, other;
  call.values[2] = ArgumentValue::ofInteger("repeats", 0);
  auto plan = prepare(load(), call);
  ASSERT_TRUE(plan.isOk());
  const void *data[] = {other.q.view.data, other.o.view.data};
  ASSERT_TRUE((*plan)->move(data, 2).isOk());
  auto expectOther = [&] {
    ASSERT_TRUE((*plan)->launch(nullptr).isOk());
    EXPECT_EQ(getParameter<float>(0), 0.5f);
    auto map = getParameter<std::array<uint64_t, 16>>(1);
    EXPECT_EQ(map[0], reinterpret_cast<uintptr_t>(other.q.view.data));
    EXPECT_EQ(getParameter<int32_t>(2), 201);
    EXPECT_EQ(getParameter<void *>(3), other.o.view.data);
    EXPECT_EQ(getParameter<int64_t>(4), 64);
  };
  expectOther();
  // A tensor map needs 16 bytes; the refusal changes nothing.
  const void *odd[] = {static_cast<const char *>(call.q.view.data) + 2,
                       call.o.view.data};
  EXPECT_NE((*plan)->move(odd, 2).message().find("16 bytes"),
            std::string::npos);
  expectOther();
}

struct Fault {
  const char *name;
  void (*edit)(CudaCall &);
  const char *message;
};

class CudaPlanRefuses : public testing::TestWithParam<Fault> {};

TEST_P(CudaPlanRefuses, WithBothFacts) {
  useFakeCuda();
  CudaCall call;
  GetParam().edit(call);
  auto plan = prepare(load(), call);
  ASSERT_FALSE(plan.isOk());
  EXPECT_EQ(plan.getStatus().getCode(), StatusCode::invalidArgument);
  std::string message = plan.getStatus().message();
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
  EXPECT_EQ(describeLeaks(), "");
}

const Fault faults[] = {
    {"CpuMemory", [](CudaCall &c) { c.q.view.device = {kDLCPU, 0}; },
     "argument q: expects memory of device 0 (device type 2), where the kernel "
     "was loaded, but got device 0 of device type 1"},
    {"OtherDevice", [](CudaCall &c) { c.q.view.device = {kDLCUDA, 1}; },
     "but got device 1 of device type 2; copy it there"},
    {"Unaligned", [](CudaCall &c) { c.q.view.byte_offset = 8; },
     "argument q: expects data aligned to 16 bytes for its tensor map, but its "
     "address is 8 bytes beyond a multiple"},
    {"UnalignedElement", [](CudaCall &c) { c.o.view.byte_offset = 2; },
     "argument o: expects data aligned to its elements of 4 bytes"},
    {"UnalignedRows", [](CudaCall &c) { c.q.strides = {200 * 68, 68, 1}; },
     "argument q: expects strides of 0 to 2^40 bytes, multiples of 16, for its "
     "tensor map, but dimension 1 has 136"},
    {"NegativeStride", [](CudaCall &c) { c.q.strides[1] = -64; },
     "but dimension 1 has -128"},
    {"HugeStride", [](CudaCall &c) { c.q.strides[0] = int64_t(1) << 39; },
     "but dimension 0 has 1099511627776"},
    {"InnerStride", [](CudaCall &c) { c.q.strides = {64 * 200 * 2, 128, 2}; },
     "expects a stride of 1 in its last dimension for its tensor map, but got "
     "2"},
    {"GridNegative",
     [](CudaCall &c) { c.values[2] = ArgumentValue::ofInteger("repeats", -1); },
     "kernel both, grid of second: expects 0 to 2147483647 blocks in dimension "
     "0, but \"repeats\" is -1"},
    {"GridTooLarge",
     [](CudaCall &c) {
       c.q.shape = {65536, 1, 64};
       c.o.shape = {65536, 1};
       c.q.strides = {0, 64, 1};
       c.o.strides = {1, 1};
       c.o.data.resize(65536 * 4 / sizeof(std::max_align_t));
       c.o.view.data = c.o.data.data();
     },
     "expects 0 to 65535 blocks in dimension 1, but \"B\" is 65536"}};

INSTANTIATE_TEST_SUITE_P(Table, CudaPlanRefuses, testing::ValuesIn(faults),
                         [](const auto &info) { return info.param.name; });

TEST_F(CudaPlan, RefusesWhatTheManifestCannotMean) {
  Expr b = Expr::name("B");
  struct {
    void (*edit)(Manifest &);
    StatusCode code;
    const char *message;
  } cases[] = {
      {[](Manifest &m) { m.launches[0].grid[0] = 3; }, StatusCode::corrupt,
       "kernel both, grid of first: expects whole clusters of 2 blocks in "
       "dimension 0, but 3 is 3"},
      {[](Manifest &m) { m.launches[0].parameters[5].expr = Expr::name("P"); },
       StatusCode::corrupt,
       "parameter 5 of first: expects an offset within its memory of 32 bytes, "
       "but got 200"},
      {[](Manifest &m) { m.launches[0].parameters[6].expr = 1 - Expr(2); },
       StatusCode::corrupt, "memory of 192 bytes, but got -1"},
      {[](Manifest &m) {
         m.launches[0].parameters[2].expr = Expr::name("P") * (1 << 30);
       },
       StatusCode::invalidArgument,
       "parameter 2 of first: expects a value of i32, but"},
      {[](Manifest &m) { m.workspaceBytes = Expr::name("B") - 9; },
       StatusCode::invalidArgument,
       "kernel both, workspace: expects at least 0 bytes, but "
       "[\"sub\",\"B\",9] is -6"},
      {[](Manifest &m) { m.workspaceBytes = int64_t(1) << 50; },
       StatusCode::device,
       "kernel both, workspace: expects cuMemAlloc_v2 to succeed, but got "
       "CUDA_ERROR_OUT_OF_MEMORY (as the test wants): 1125899906842624 bytes; "
       "free device memory or use smaller shapes"}};
  for (const auto &test : cases) {
    Artifact artifact = makeCudaArtifact();
    test.edit(artifact.manifest);
    CudaCall call;
    auto plan = prepare(load(artifact), call);
    ASSERT_FALSE(plan.isOk()) << test.message;
    EXPECT_EQ(plan.getStatus().getCode(), test.code) << test.message;
    std::string message = plan.getStatus().message();
    EXPECT_NE(message.find(test.message), std::string::npos) << message;
  }
}

// Tiles are stored by registers, each of neighbours: to rows of other strides
// or places the kernel would fail, or write elsewhere.
TEST_F(CudaPlan, RefusesRowsThatAreNotWhereTheyAreStored) {
  struct {
    void (*edit)(CudaCall &);
    const char *message;
  } cases[] = {
      {[](CudaCall &c) { c.o.view.byte_offset = 4; },
       "argument o: expects data aligned to 8 bytes, but its address is 4 "
       "bytes beyond a multiple; use aligned memory, "
       "or compile for any strides"},
      {[](CudaCall &c) { c.o.strides = {201, 1}; },
       "argument o: expects rows at multiples of 8 bytes, but dimension 0 has "
       "a stride of 804; use a tensor with padded rows, "
       "or compile for any strides"},
      {[](CudaCall &c) { c.o.strides = {600, 3}; },
       "argument o: expects a stride of 1 in its last dimension, but got 3; "
       "make the tensor's last dimension contiguous, "
       "or compile for any strides"}};
  for (const auto &test : cases) {
    Artifact artifact = makeCudaArtifact();
    artifact.manifest.launches[1].parameters = {
        Launch::Parameter::rows("o", 8)};
    CudaCall call;
    EXPECT_TRUE(prepare(load(artifact), call).isOk());
    test.edit(call);
    auto plan = prepare(load(artifact), call);
    ASSERT_FALSE(plan.isOk()) << test.message;
    std::string message = plan.getStatus().message();
    EXPECT_NE(message.find(test.message), std::string::npos) << message;
  }
}

// A dimension of one element has no use for its stride, whatever it is.
TEST_F(CudaPlan, IgnoresStridesOfSingleElements) {
  CudaCall call;
  call.q.shape = {1, 200, 64};
  call.o.shape = {1, 200};
  call.q.strides[0] = -7;
  auto plan = prepare(load(), call);
  EXPECT_TRUE(plan.isOk());
}

// What CUDA frameworks broadcast: one row for all heads.
TEST_F(CudaPlan, MapsBroadcastDimensions) {
  CudaCall call;
  call.q.strides[0] = 0;
  auto plan = prepare(load(), call);
  ASSERT_TRUE(plan.isOk());
  EXPECT_NE(std::string(fakeCudaLog()).find("strides 128,0 box"),
            std::string::npos);
}

TEST_F(CudaPlan, LaunchesFromAThreadWithoutItsContext) {
  CudaCall call;
  {
    auto plan = prepare(load(), call);
    ASSERT_TRUE(plan.isOk());
    for (int current : {-1, 1}) {
      fakeCudaSetCurrent(current);
      EXPECT_TRUE((*plan)->launch(nullptr).isOk()) << current;
      EXPECT_EQ(fakeCudaNumLive("push"), current < 0 ? 0 : 1);
    }
  }
  fakeCudaSetCurrent(-1);
}

TEST_F(CudaPlan, RefusesToPrepareDuringACapture) {
  CudaCall call;
  auto kernel = load();
  fakeCudaSetCapturing(1);
  auto plan = prepare(kernel, call);
  ASSERT_FALSE(plan.isOk());
  EXPECT_EQ(plan.getStatus().message(),
            "kernel both: expects no stream to capture, but one does, and "
            "preparing needs the default stream; load and prepare before the "
            "capture begins");
  EXPECT_FALSE(fakeCudaCaptureBroken());
  fakeCudaSetCapturing(0);
  EXPECT_TRUE(prepare(kernel, call).isOk());
}

// A garbage collector may choose the middle of a capture.
TEST_F(CudaPlan, LeavesACaptureWhole) {
  CudaCall call;
  {
    auto kernel = load();
    auto plan = prepare(kernel, call);
    ASSERT_TRUE(plan.isOk());
    fakeCudaSetCapturing(1);
    EXPECT_TRUE((*plan)->launch(reinterpret_cast<void *>(0x70)).isOk());
    EXPECT_TRUE((*plan)->rebind(call.values.data(), 1).isOk());
  }
  EXPECT_FALSE(fakeCudaCaptureBroken());
  // Loading code needs no stream.
  EXPECT_NE(load(), nullptr);
  EXPECT_FALSE(fakeCudaCaptureBroken());
}
} // namespace
