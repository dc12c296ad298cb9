//===- ArtifactSetTest.cpp - one kernel for several targets ---------------===//

#include "attn/Runtime/ArtifactSet.h"
#include "CudaKernels.h"
#include "RowSum.h"
#include "attn-c/Attn.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
Artifact makePtx(const std::string &arch) {
  Artifact artifact = makeRowSumGpuArtifact(arch);
  artifact.payloads[0].kind = Artifact::PayloadKind::ptx;
  artifact.payloads[0].bytes.replace(0, 9, "//FAKEPTX");
  return artifact;
}

/// For a CPU that nobody has, by its name, and for all.
Artifact makeFutureCpu() {
  Artifact artifact = makeRowSumArtifact();
  artifact.manifest.target = {"x86-64", "x86-64-v9", {"sse2", "amx-fp99"}};
  return artifact;
}

std::string serialize(std::vector<Artifact> artifacts) {
  Result<std::string> bytes = ArtifactSet{std::move(artifacts)}.serialize();
  EXPECT_TRUE(bytes.isOk()) << bytes.getStatus().message();
  return bytes.isOk() ? *bytes : std::string();
}

class ArtifactSets : public testing::Test {
protected:
  void SetUp() override { useFakeCuda(); }
  void TearDown() override { EXPECT_EQ(describeLeaks(), ""); }

  /// The architecture and the CPU of what is loaded, else the refusal.
  std::string load(std::vector<Artifact> artifacts, const char *target = "") {
    Result<std::shared_ptr<const LoadedKernel>> kernel =
        LoadedKernel::load(ArtifactSet{std::move(artifacts)}, target);
    return kernel.isOk() ? getTargetName((*kernel)->getManifest().target)
                         : kernel.getStatus().message();
  }
};

TEST_F(ArtifactSets, AreReadAsTheyWereWritten) {
  std::string bytes = serialize(
      {makeRowSumGpuArtifact(), makePtx("sm_80"), makeRowSumArtifact()});
  Result<ArtifactSet> read = ArtifactSet::deserialize(bytes, "test");
  ASSERT_TRUE(read.isOk()) << read.getStatus().message();
  ASSERT_EQ(read->artifacts.size(), 3u);
  EXPECT_EQ(*read->serialize(), bytes);
  EXPECT_EQ(read->artifacts[2].payloads[0].bytes,
            makeRowSumArtifact().payloads[0].bytes);
  // Of one it is the artifact that it has always been.
  EXPECT_EQ(serialize({makeRowSumArtifact()}),
            *makeRowSumArtifact().serialize());
}

TEST_F(ArtifactSets, RefuseEveryAlteredByteTruncationAndExtension) {
  Artifact cpu = makeRowSumArtifact();
  cpu.payloads[0].bytes = "machine code";
  std::string bytes = serialize({makeRowSumGpuArtifact(), cpu});
  auto refuses = [](std::string_view text) {
    return !ArtifactSet::deserialize(text, "test").isOk();
  };
  for (size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_TRUE(refuses(std::string_view(bytes).substr(0, i))) << i;
    for (int flip : {0x01, 0x80, 0xff}) {
      std::string altered = bytes;
      altered[i] = static_cast<char>(altered[i] ^ flip);
      ASSERT_TRUE(refuses(altered)) << "byte " << i;
    }
  }
  EXPECT_TRUE(refuses(bytes + "x"));
}

TEST_F(ArtifactSets, RefuseWhatIsNotOneKernel) {
  auto refuse = [](std::vector<Artifact> artifacts) {
    Result<std::string> bytes = ArtifactSet{std::move(artifacts)}.serialize();
    return bytes.isOk() ? "" : bytes.getStatus().message();
  };
  EXPECT_EQ(refuse({}), "artifact: expects 1 to 64 artifacts, but got 0; "
                        "compile the kernel again");
  EXPECT_EQ(refuse({makeRowSumArtifact(), makeRowSumArtifact()}),
            "artifact: expects artifacts of other targets or limits, but "
            "artifacts 0 and 1 are for x86-64 and take as much; give each "
            "target, and each limit, once");
  Artifact other = makeRowSumGpuArtifact();
  other.manifest.arguments[0].dtype = DType::bf16;
  std::string message = refuse({makeRowSumArtifact(), other});
  EXPECT_NE(message.find("that for x86-64 is rowsum(x: f32[B N ], scale: f32, "
                         "o: f32 written[B ], B, N, ) and that for sm_90a is "
                         "rowsum(x: bf16[B N ]"),
            std::string::npos)
      << message;
}

// Of GPUs the newest that the device runs, machine code or PTX, in any order.
TEST_F(ArtifactSets, ChooseTheNewestGpuThatRuns) {
  std::vector<Artifact> all = {
      makeRowSumArtifact(), makePtx("sm_80"), makeRowSumGpuArtifact("sm_90a"),
      makeRowSumGpuArtifact("sm_90"), makePtx("sm_100a")};
  struct {
    int major, minor;
    const char *chosen;
  } cases[] = {{9, 0, "sm_90a"}, {8, 0, "sm_80"},    {8, 6, "sm_80"},
               {7, 5, "x86-64"}, {10, 0, "sm_100a"}, {12, 0, "sm_80"}};
  for (const auto &[major, minor, chosen] : cases) {
    fakeCudaSetComputeCapability(major, minor);
    EXPECT_EQ(load(all), chosen) << major << "." << minor;
    EXPECT_EQ(load({all.rbegin(), all.rend()}), chosen) << major;
  }
}

/// Takes up to so many rows of N and is launched with as many threads as
/// `threads` says.
Artifact makeLimited(std::optional<int64_t> most, int64_t threads) {
  Artifact artifact = makeRowSumGpuArtifact();
  for (Manifest::Rank &rank : artifact.manifest.ranks)
    if (rank.name == "N")
      rank.most = most;
  artifact.manifest.launches[0].threads = threads;
  return artifact;
}

// Of those that take a call the one that takes the least, in any order of the
// file; what no limited one takes is for the last.
TEST_F(ArtifactSets, RunTheKernelOfACallsExtents) {
  std::vector<Artifact> all = {makeLimited(std::nullopt, 128),
                               makeLimited(1, 32), makeRowSumArtifact(),
                               makeLimited(16, 64)};
  fakeCudaSetCurrent(0);
  for (bool isTurned : {false, true}) {
    if (isTurned)
      std::reverse(all.begin(), all.end());
    auto kernel = LoadedKernel::load(ArtifactSet{all});
    ASSERT_TRUE(kernel.isOk()) << kernel.getStatus().message();
    EXPECT_EQ((*kernel)->getManifest().ranks[1].most, std::nullopt);
    const std::pair<int64_t, const char *> cases[] = {
        {0, "block 32"},  {1, "block 32"},   {2, "block 64"},
        {16, "block 64"}, {17, "block 128"}, {1000, "block 128"}};
    for (auto [extent, launched] : cases) {
      DeviceTensor x({3, extent}, {kDLFloat, 32, 1}), o({3}, {kDLFloat, 32, 1});
      const ArgumentValue values[] = {ArgumentValue::ofTensor("x", &x.view),
                                      ArgumentValue::ofReal("scale", 1),
                                      ArgumentValue::ofTensor("o", &o.view)};
      auto plan = (*kernel)->prepare(values, 3, nullptr);
      ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
      ASSERT_TRUE((*plan)->launch(nullptr).isOk());
      EXPECT_NE(getCudaLog().back().find(launched), std::string::npos)
          << extent << ": " << getCudaLog().back();
    }
    // What is wrong is refused as by one kernel.
    auto plan = (*kernel)->prepare(nullptr, 0, nullptr);
    EXPECT_EQ(plan.getStatus().getCode(), StatusCode::invalidArgument);
  }
  // Of another machine none is loaded.
  fakeCudaSetComputeCapability(8, 0);
  EXPECT_EQ(load(all), "x86-64");
  fakeCudaSetCurrent(-1);
}

TEST_F(ArtifactSets, TakeTheCpuWhereNoGpuIs) {
  std::vector<Artifact> both = {makeRowSumGpuArtifact(), makeFutureCpu(),
                                makeRowSumArtifact()};
  EXPECT_EQ(load(both), "sm_90a");
  // A driver that finds no device, CUDA_ERROR_NO_DEVICE.
  fakeCudaReset();
  fakeCudaFail(1, 100, 100);
  EXPECT_EQ(load(both), "x86-64");
  setenv("ATTN_CUDA_DRIVER", "/no/libcuda.so.1", 1);
  EXPECT_EQ(load(both), "x86-64");
}

TEST_F(ArtifactSets, AreAskedForATarget) {
  std::vector<Artifact> both = {makeRowSumArtifact(), makeRowSumGpuArtifact()};
  EXPECT_EQ(load(both, "cpu"), "x86-64");
  EXPECT_EQ(load(both, "x86-64"), "x86-64");
  EXPECT_EQ(load(both, "cuda"), "sm_90a");
  EXPECT_EQ(load(both, "sm_90a"), "sm_90a");
  EXPECT_EQ(load(both, "gfx942"),
            "kernel rowsum: expects code for gfx942, but the artifact is for "
            "x86-64, sm_90a; compile it for that target too, or ask for one "
            "that it has");
  // What is asked for and cannot be had is refused, and nothing else loaded.
  fakeCudaSetComputeCapability(8, 0);
  EXPECT_EQ(load(both, "cuda"),
            "kernel rowsum: expects a GPU that runs sm_90a, but device 0 is of "
            "compute capability 8.0; compile the kernel for this GPU");
}

TEST_F(ArtifactSets, NameEveryReasonWhereNoneFits) {
  fakeCudaSetComputeCapability(7, 5);
  EXPECT_EQ(load({makePtx("sm_80"), makeFutureCpu(), makeRowSumGpuArtifact()}),
            "kernel rowsum: expects a target that this machine has, but sm_90a "
            "expects a GPU that runs sm_90a, but device 0 is of compute "
            "capability 7.5; sm_80 expects a GPU that runs sm_80, but device 0 "
            "is of compute capability 7.5; x86-64-v9 expects a CPU feature "
            "that the runtime can check, but got amx-fp99; compile it for this "
            "machine too");
}

// What is damaged is not passed over.
TEST_F(ArtifactSets, RefuseADamagedKernel) {
  Artifact gpu = makeRowSumGpuArtifact();
  gpu.manifest.launches[0].symbol = "other";
  EXPECT_NE(load({gpu, makeRowSumArtifact()}).find("'other'"),
            std::string::npos);
}

TEST_F(ArtifactSets, AreLoadedByTheCInterface) {
  std::string bytes =
      serialize({makeRowSumGpuArtifact(), makeRowSumArtifact()});
  attn_kernel kernel;
  ASSERT_EQ(attn_kernel_load_memory(bytes.data(), bytes.size(), &kernel),
            ATTN_OK);
  EXPECT_NE(std::string(attn_kernel_manifest(kernel)).find("sm_90a"),
            std::string::npos);
  attn_kernel_release(kernel);
  attn_load_options options = {sizeof(options), "cpu"};
  ASSERT_EQ(attn_kernel_load_memory_for(bytes.data(), bytes.size(), &options,
                                        &kernel),
            ATTN_OK);
  EXPECT_EQ(std::string(attn_kernel_manifest(kernel)).find("sm_90a"),
            std::string::npos);
  attn_kernel_release(kernel);
  std::string manifests;
  auto receive = [](void *context, const char *text, size_t size) {
    static_cast<std::string *>(context)->assign(text, size);
  };
  ASSERT_EQ(
      attn_artifact_print(bytes.data(), bytes.size(), receive, &manifests),
      ATTN_OK);
  EXPECT_EQ(manifests, "[" + makeRowSumGpuArtifact().manifest.toJson() + "," +
                           makeRowSumManifest().toJson() + "]");
  EXPECT_EQ(attn_artifact_print(bytes.data(), 100, receive, &manifests),
            ATTN_CORRUPT);
}
} // namespace
