//===- CApiMisuseCudaTest.cpp - misuse of kernels for a GPU ---------------===//

#include "CudaKernels.h"
#include "Misuse.h"

using namespace attn;
using namespace attn::test;

namespace {
/// A kernel of device 0 of the fake driver, and a call of it that works.
class CApiMisuseCuda : public testing::Test {
protected:
  void SetUp() override {
    useFakeCuda();
    fakeCudaSetCurrent(0);
    kernel = loadFromMemory(makeCudaArtifact());
  }
  void TearDown() override {
    expectWorks();
    EXPECT_EQ(attn_kernel_release(kernel), ATTN_OK);
    fakeCudaSetCurrent(-1);
    EXPECT_EQ(describeLeaks(), "");
  }

  static std::vector<attn_argument> list(CudaCall &call) {
    return {{"q", ATTN_TENSOR, &call.q.view, 0, 0.0},
            {"scale", ATTN_REAL, nullptr, 0, 0.5},
            {"repeats", ATTN_INTEGER, nullptr, 5, 0.0},
            {"o", ATTN_TENSOR, &call.o.view, 0, 0.0}};
  }
  attn_status prepare(CudaCall &call, attn_plan *plan, int32_t margin = 0) {
    std::vector<attn_argument> arguments = list(call);
    attn_plan_options options = {sizeof(options), {}, margin};
    return attn_plan_prepare(kernel, arguments.data(), arguments.size(),
                             &options, plan);
  }
  void refusesTensor(const std::string &name, const std::string &about,
                     const std::function<void(CudaCall &)> &spoil) {
    CudaCall call;
    spoil(call);
    refusesToMake<attn_plan>(
        "GPU: " + name, ATTN_INVALID_ARGUMENT, about,
        [&](attn_plan *made) { return prepare(call, made); });
  }
  void expectWorks() {
    CudaCall call;
    attn_plan plan;
    ASSERT_EQ(prepare(call, &plan), ATTN_OK) << attn_last_error_message();
    EXPECT_EQ(attn_plan_launch(plan, nullptr), ATTN_OK)
        << attn_last_error_message();
    EXPECT_EQ(attn_plan_run(plan), ATTN_OK) << attn_last_error_message();
    EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  }

  attn_kernel kernel;
};

TEST_F(CApiMisuseCuda, Devices) {
  for (int type : {int(kDLCPU), int(kDLCUDAHost), int(kDLROCM), 0, -1})
    for (const char *name : {"q", "o"})
      refusesTensor(std::string(name) + " on device type " +
                        std::to_string(type),
                    std::string("argument ") + name, [&](CudaCall &call) {
                      (*name == 'q' ? call.q : call.o).view.device.device_type =
                          static_cast<DLDeviceType>(type);
                    });
  for (int id : {1, 2, -1})
    refusesTensor("a tensor of device " + std::to_string(id), "device",
                  [&](CudaCall &call) { call.q.view.device.device_id = id; });
}

TEST_F(CApiMisuseCuda, Tensors) {
  refusesTensor("without data", "argument q",
                [](CudaCall &call) { call.q.view.data = nullptr; });
  refusesTensor("of two dimensions", "argument q",
                [](CudaCall &call) { call.q.view.ndim = 2; });
  refusesTensor("of f16", "argument q",
                [](CudaCall &call) { call.q.view.dtype = {kDLFloat, 16, 1}; });
  refusesTensor("of two lanes", "argument q",
                [](CudaCall &call) { call.q.view.dtype.lanes = 2; });
  refusesTensor("of 63 in a dimension of 64", "argument q",
                [](CudaCall &call) { call.q.shape[2] = 63; });
  refusesTensor("of a negative extent", "argument q",
                [](CudaCall &call) { call.q.shape[1] = -1; });
  refusesTensor("of another extent than its neighbour", "argument o",
                [](CudaCall &call) { call.o.shape[1] = 199; });
  // What the tensor map's hardware wants.
  refusesTensor("8 bytes off where 16 are wanted", "argument q",
                [](CudaCall &call) { call.q.view.byte_offset = 8; });
  refusesTensor("1 byte off", "argument q",
                [](CudaCall &call) { call.q.view.byte_offset = 1; });
  refusesTensor("with gaps in its last dimension", "argument q",
                [](CudaCall &call) { call.q.strides[2] = 2; });
  refusesTensor("with rows of no multiple of 16 bytes", "argument q",
                [](CudaCall &call) { call.q.strides[1] = 65; });
  refusesTensor("with a negative stride", "argument q",
                [](CudaCall &call) { call.q.strides[1] = -64; });
  refusesTensor("with a stride of INT64_MAX", "argument q",
                [](CudaCall &call) { call.q.strides[0] = INT64_MAX; });
  refusesTensor("an output in an input", "argument o",
                [](CudaCall &call) { call.o.view.data = call.q.view.data; });
  refusesTensor("an output onto itself", "argument o",
                [](CudaCall &call) { call.o.strides[1] = 0; });
}

TEST_F(CApiMisuseCuda, Margins) {
  CudaCall call;
  for (int32_t margin : {-1, 132, 1000, INT32_MAX, INT32_MIN})
    refusesToMake<attn_plan>(
        "GPU: a margin of " + std::to_string(margin), ATTN_INVALID_ARGUMENT,
        "0 to 131",
        [&](attn_plan *made) { return prepare(call, made, margin); });
  Artifact artifact = makeCudaArtifact();
  artifact.manifest.launches[0].grid[0] = 2;
  attn_kernel other = loadFromMemory(artifact);
  std::swap(kernel, other);
  refusesToMake<attn_plan>(
      "GPU: a margin of a kernel with a block for each item", ATTN_UNSUPPORTED,
      "item", [&](attn_plan *made) { return prepare(call, made, 8); });
  std::swap(kernel, other);
  EXPECT_EQ(attn_kernel_release(other), ATTN_OK);
}

// The device is the one whose context was current at the load, whatever is
// current later, and that one is left current.
TEST_F(CApiMisuseCuda, AnotherCurrentContext) {
  CudaCall call;
  attn_plan plan;
  ASSERT_EQ(prepare(call, &plan), ATTN_OK);
  fakeCudaSetCurrent(1);
  call.q.view.device.device_id = call.o.view.device.device_id = 1;
  refusesToMake<attn_plan>(
      "GPU: tensors of the current device, which is not the kernel's",
      ATTN_INVALID_ARGUMENT, "device 0",
      [&](attn_plan *made) { return prepare(call, made); });
  EXPECT_EQ(attn_plan_launch(plan, nullptr), ATTN_OK)
      << attn_last_error_message();
  EXPECT_EQ(fakeCudaNumLive("push"), 1);
  fakeCudaSetCurrent(-1);
  EXPECT_EQ(attn_plan_launch(plan, nullptr), ATTN_OK)
      << attn_last_error_message();
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
  fakeCudaSetCurrent(0);
}

TEST_F(CApiMisuseCuda, WhileAStreamCaptures) {
  CudaCall call;
  fakeCudaSetCapturing(1);
  refusesToMake<attn_plan>(
      "GPU: prepare while a stream captures", ATTN_INVALID_ARGUMENT, "captur",
      [&](attn_plan *made) { return prepare(call, made); });
  EXPECT_FALSE(fakeCudaCaptureBroken());
  fakeCudaSetCapturing(0);
}

TEST_F(CApiMisuseCuda, Failures) {
  CudaCall call;
  attn_plan plan;
  ASSERT_EQ(prepare(call, &plan), ATTN_OK);
  const int invalidValue = 1;
  fakeCudaFail(1, 1, invalidValue);
  refuses("GPU: a launch that the driver fails", ATTN_DEVICE,
          "CUDA_ERROR_INVALID_VALUE",
          [&] { return attn_plan_launch(plan, nullptr); });
  std::vector<attn_argument> arguments = list(call);
  call.q.view.device.device_type = kDLCPU;
  refuses("GPU: rebind to memory of the CPU", ATTN_INVALID_ARGUMENT,
          "argument q",
          [&] { return attn_plan_rebind(plan, &arguments[0], 1); });
  EXPECT_EQ(attn_plan_launch(plan, nullptr), ATTN_OK)
      << attn_last_error_message();
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}

TEST_F(CApiMisuseCuda, ArtifactsOfOtherDevices) {
  struct {
    const char *name;
    attn_status expected;
    const char *about;
    std::function<void(Artifact &)> edit;
  } cases[] = {
      {"another architecture", ATTN_UNSUPPORTED, "sm_100a",
       [](Artifact &a) { a.manifest.target.arch = "sm_100a"; }},
      {"a newer driver", ATTN_UNSUPPORTED, "driver",
       [](Artifact &a) { a.manifest.target.driver = 99000; }},
      {"a shared object for a GPU", ATTN_CORRUPT, "kind 1",
       [](Artifact &a) {
         a.payloads[0].kind = Artifact::PayloadKind::sharedObject;
       }},
      {"no payload for a GPU", ATTN_CORRUPT, "0 payloads",
       [](Artifact &a) { a.payloads.clear(); }},
      {"an image that the driver does not take", ATTN_DEVICE,
       "CUDA_ERROR_INVALID_IMAGE",
       [](Artifact &a) { a.payloads[0].bytes = "GARBAGE"; }},
      {"PTX that the driver does not take", ATTN_DEVICE, "ptxas fatal",
       [](Artifact &a) {
         a.payloads[0].kind = Artifact::PayloadKind::ptx;
         a.payloads[0].bytes = "//BADPTX\n";
       }},
      {"a function that the image lacks", ATTN_CORRUPT, "third",
       [](Artifact &a) { a.manifest.launches[1].symbol = "third"; }},
      {"more shared memory than there is", ATTN_UNSUPPORTED, "shared",
       [](Artifact &a) { a.manifest.launches[0].sharedBytes = 1 << 20; }},
  };
  for (const auto &test : cases) {
    Artifact artifact = makeCudaArtifact();
    test.edit(artifact);
    std::string bytes = *artifact.serialize();
    refusesToMake<attn_kernel>(std::string("GPU: ") + test.name, test.expected,
                               test.about, [&](attn_kernel *made) {
                                 return attn_kernel_load_memory(
                                     bytes.data(), bytes.size(), made);
                               });
  }
}
} // namespace
