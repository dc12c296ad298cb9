//===- CudaKernelTest.cpp - loading kernels into a device -----------------===//

#include "CudaKernels.h"

#include <filesystem>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
class CudaKernel : public testing::Test {
protected:
  void SetUp() override { useFakeCuda(); }
  void TearDown() override { EXPECT_EQ(describeLeaks(), ""); }
};

int countCalls(const std::string &name) {
  int count = 0;
  for (const std::string &line : getCudaLog())
    count += line.compare(0, name.size(), name) == 0;
  return count;
}

// Without a current context the primary one of device 0 is held meanwhile.
TEST_F(CudaKernel, RetainsThePrimaryContext) {
  {
    auto kernel = LoadedKernel::load(makeCudaArtifact());
    ASSERT_TRUE(kernel.isOk()) << kernel.getStatus().message();
    EXPECT_EQ(fakeCudaNumLive("context"), 1);
    EXPECT_EQ(fakeCudaNumLive("push"), 0);
  }
  EXPECT_EQ(fakeCudaNumLive("context"), 0);
}

TEST_F(CudaKernel, UsesTheCurrentContext) {
  fakeCudaSetCurrent(1);
  {
    auto kernel = LoadedKernel::load(makeCudaArtifact());
    ASSERT_TRUE(kernel.isOk());
    EXPECT_EQ(fakeCudaNumLive("context"), 0);
    CudaCall call;
    auto plan = (*kernel)->prepare(call.values.data(), 4, nullptr);
    ASSERT_FALSE(plan.isOk());
    EXPECT_NE(plan.getStatus().message().find("expects memory of device 1"),
              std::string::npos);
    call.q.view.device.device_id = call.o.view.device.device_id = 1;
    EXPECT_TRUE((*kernel)->prepare(call.values.data(), 4, nullptr).isOk());
  }
  fakeCudaSetCurrent(-1);
}

TEST_F(CudaKernel, SharesModulesOfOneImageAndContext) {
  Artifact artifact = makeCudaArtifact(), other = makeCudaArtifact();
  other.payloads[0].bytes += "third 4\n";
  {
    auto first = LoadedKernel::load(artifact),
         second = LoadedKernel::load(artifact);
    ASSERT_TRUE(first.isOk() && second.isOk());
    EXPECT_EQ(countCalls("cuModuleLoadDataEx"), 1);
    auto third = LoadedKernel::load(other);
    EXPECT_EQ(countCalls("cuModuleLoadDataEx"), 2);
    fakeCudaSetCurrent(1);
    auto fourth = LoadedKernel::load(artifact);
    EXPECT_EQ(countCalls("cuModuleLoadDataEx"), 3);
    EXPECT_EQ(fakeCudaNumLive("module"), 3);
    fakeCudaSetCurrent(-1);
  }
  EXPECT_EQ(fakeCudaNumLive("module"), 0);
  auto again = LoadedKernel::load(artifact);
  EXPECT_EQ(countCalls("cuModuleLoadDataEx"), 4);
}

TEST_F(CudaKernel, TakesPtx) {
  Artifact artifact = makeCudaArtifact();
  artifact.payloads[0].kind = Artifact::PayloadKind::ptx;
  artifact.payloads[0].bytes.replace(0, 9, "//FAKEPTX");
  Result<std::string> bytes = artifact.serialize();
  ASSERT_TRUE(bytes.isOk()) << bytes.getStatus().message();
  Result<Artifact> read = Artifact::deserialize(*bytes, "test");
  ASSERT_TRUE(read.isOk()) << read.getStatus().message();
  auto kernel = LoadedKernel::load(*read);
  EXPECT_TRUE(kernel.isOk()) << kernel.getStatus().message();
}

// Of a cubin and the PTX beside it the device's own is loaded: the cubin here
// is none, which shows where it is tried.
TEST_F(CudaKernel, TakesPtxBesideACubinOfAnotherGpu) {
  Artifact artifact = makeCudaArtifact();
  artifact.manifest.target.arch = "sm_80";
  std::string ptx = artifact.payloads[0].bytes;
  ptx.replace(0, 9, "//FAKEPTX");
  artifact.payloads[0].bytes = "\x7f"
                               "ELF";
  artifact.payloads.push_back({Artifact::PayloadKind::ptx, ptx});
  for (auto [major, minor, runs] :
       {std::tuple(9, 0, true), {10, 0, true}, {8, 0, false}, {8, 9, false}}) {
    fakeCudaSetComputeCapability(major, minor);
    auto kernel = LoadedKernel::load(artifact);
    EXPECT_EQ(kernel.isOk(), runs)
        << major << "." << minor << ": " << kernel.getStatus().message();
  }
  fakeCudaSetComputeCapability(7, 5);
  auto kernel = LoadedKernel::load(artifact);
  EXPECT_EQ(kernel.getStatus().getCode(), StatusCode::unsupported);
  std::swap(artifact.payloads[0], artifact.payloads[1]);
  kernel = LoadedKernel::load(artifact);
  EXPECT_EQ(kernel.getStatus().getCode(), StatusCode::corrupt);
}

// One that another process built is loaded from the directory; what is no
// kernel is not kept.
TEST_F(CudaKernel, IsKeptInACache) {
  std::string root = testing::TempDir() + "attn-kernels-XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  int numBuilt = 0;
  auto load = [&](std::string bytes) {
    auto cache = Cache::open(root + "/cache");
    EXPECT_TRUE(cache.isOk()) << cache.getStatus().message();
    return LoadedKernel::loadCached(**cache, "kernel for sm_90a, attn 1", [&] {
      ++numBuilt;
      return Result<std::string>(bytes);
    });
  };
  auto damaged = load("no artifact");
  EXPECT_EQ(damaged.getStatus().getCode(), StatusCode::corrupt);
  std::string bytes = *makeCudaArtifact().serialize();
  {
    auto first = load(bytes), second = load("no artifact");
    ASSERT_TRUE(first.isOk()) << first.getStatus().message();
    ASSERT_TRUE(second.isOk()) << second.getStatus().message();
    EXPECT_EQ(numBuilt, 2);
    EXPECT_EQ(countCalls("cuModuleLoadDataEx"), 1);
  }
  std::filesystem::remove_all(root);
}

// Each architecture against a device of compute capability 9.0, or the given.
TEST_F(CudaKernel, ChecksTheDevice) {
  auto cubin = Artifact::PayloadKind::cubin, ptx = Artifact::PayloadKind::ptx;
  struct {
    const char *arch;
    Artifact::PayloadKind kind;
    int major, minor;
    bool runs;
  } cases[] = {{"sm_90a", cubin, 9, 0, true},   {"sm_90a", cubin, 9, 1, false},
               {"sm_90a", ptx, 10, 0, false},   {"sm_80", cubin, 8, 6, true},
               {"sm_86", cubin, 8, 0, false},   {"sm_80", cubin, 9, 0, false},
               {"sm_80", ptx, 9, 0, true},      {"sm_90", ptx, 8, 9, false},
               {"sm_100f", cubin, 10, 3, true}, {"sm_100f", ptx, 12, 0, false},
               {"sm_100a", cubin, 10, 0, true}};
  for (const auto &test : cases) {
    Artifact artifact = makeCudaArtifact();
    artifact.manifest.target.arch = test.arch;
    artifact.payloads[0].kind = test.kind;
    fakeCudaSetComputeCapability(test.major, test.minor);
    auto kernel = LoadedKernel::load(artifact);
    EXPECT_EQ(kernel.isOk(), test.runs) << test.arch << " on " << test.major;
    if (!kernel.isOk()) {
      EXPECT_EQ(kernel.getStatus().getCode(), StatusCode::unsupported);
    }
  }
}

TEST_F(CudaKernel, RefusesWithReason) {
  struct {
    void (*edit)(Artifact &);
    StatusCode code;
    const char *message;
  } cases[] = {
      {[](Artifact &a) { a.manifest.target.driver = 12080; },
       StatusCode::unsupported,
       "kernel both: expects a driver for CUDA 12.8 or later, but got 12.4; "
       "install a newer NVIDIA driver or compile for this one"},
      {[](Artifact &a) { a.manifest.target.arch = "sm_100a"; },
       StatusCode::unsupported,
       "kernel both: expects a GPU that runs sm_100a, but device 0 is of "
       "compute capability 9.0; compile the kernel for this GPU"},
      {[](Artifact &a) { a.manifest.target.arch = "sm_ninety"; },
       StatusCode::corrupt, "expects a GPU such as sm_90 or sm_90a"},
      {[](Artifact &a) { a.manifest.target.arch = "riscv64"; },
       StatusCode::unsupported, "target.arch: expects a machine of"},
      {[](Artifact &a) { a.payloads.clear(); }, StatusCode::corrupt,
       "kernel both: expects one cubin or PTX text, or both, but got 0 "
       "payloads"},
      {[](Artifact &a) {
         a.payloads[0].kind = Artifact::PayloadKind::sharedObject;
       },
       StatusCode::corrupt, "but got 1 payloads, the first of kind 1"},
      {[](Artifact &a) {
         a.payloads[0].bytes = "\x7f"
                               "ELF";
       },
       StatusCode::device,
       "kernel both: expects cuModuleLoadDataEx to succeed, but got "
       "CUDA_ERROR_INVALID_IMAGE (as the test wants); compile the kernel for "
       "this GPU"},
      {[](Artifact &a) { a.payloads[0].bytes = "//BADPTX\n"; },
       StatusCode::device,
       "CUDA_ERROR_INVALID_PTX (as the test wants): ptxas fatal: line 2; "
       "compile the kernel again"},
      {[](Artifact &a) { a.manifest.launches[1].symbol = "third"; },
       StatusCode::corrupt,
       "kernel both: expects the symbol 'third', but the code does not define "
       "it"},
      {[](Artifact &a) { a.manifest.launches[0].sharedBytes = 232449; },
       StatusCode::unsupported,
       "kernel both: expects 232449 bytes of shared memory for first, but this "
       "GPU has 232448 a block"},
      {[](Artifact &a) { a.manifest.launches.clear(); }, StatusCode::corrupt,
       "manifest: expects phases or launches"}};
  for (const auto &test : cases) {
    Artifact artifact = makeCudaArtifact();
    test.edit(artifact);
    auto kernel = LoadedKernel::load(artifact);
    ASSERT_FALSE(kernel.isOk()) << test.message;
    EXPECT_EQ(kernel.getStatus().getCode(), test.code) << test.message;
    std::string message = kernel.getStatus().message();
    EXPECT_NE(message.find(test.message), std::string::npos) << message;
    EXPECT_EQ(describeLeaks(), "") << test.message;
  }
}

TEST_F(CudaKernel, SaysThatThereIsNoDriver) {
  setenv("ATTN_CUDA_DRIVER", "/no/such/libcuda.so", 1);
  auto kernel = LoadedKernel::load(makeCudaArtifact());
  ASSERT_FALSE(kernel.isOk());
  EXPECT_EQ(kernel.getStatus().getCode(), StatusCode::unsupported);
}
} // namespace
