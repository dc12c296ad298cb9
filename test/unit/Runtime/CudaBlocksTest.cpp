//===- CudaBlocksTest.cpp - blocks of keys and values on a GPU ------------===//

#include "CudaKernels.h"
#include "KvRows.h"

#include "attn/Runtime/KvCache/DeviceBlocks.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {
std::unique_ptr<DeviceBlocks> create(const KvLayout &layout,
                                     int32_t numBlocks) {
  auto blocks = DeviceBlocks::create(layout, numBlocks);
  EXPECT_TRUE(blocks.isOk()) << blocks.getStatus().message();
  return std::move(*blocks);
}

/// The fake driver's memory is the host's.
std::byte *getBlock(const DeviceBlocks &blocks, int64_t block) {
  return reinterpret_cast<std::byte *>(uintptr_t(blocks.getAddress())) +
         block * blocks.getLayout().getBlockBytes();
}

// A copy takes the first tokens, in a call for each stream of rows.
TEST(CudaBlocks, CopiesTheFirstTokensOnly) {
  useFakeCuda();
  for (KvOrder order : {KvOrder::byLayer, KvOrder::byToken}) {
    KvLayout layout = makeLayout(makeOddShape(), 4, order);
    auto blocks = create(layout, 3);
    for (int block = 0; block < 3; ++block)
      for (int token = 0; token < 4; ++token)
        writeToken(layout, getBlock(*blocks, block), token,
                   uint32_t(block * 4 + token));
    fakeCudaReset();
    ASSERT_TRUE(blocks->copy({0, 1, 3}, reinterpret_cast<void *>(0x77)).isOk());
    auto log = getCudaLog();
    EXPECT_EQ(std::count_if(log.begin(), log.end(),
                            [](const std::string &call) {
                              return call.rfind("cuMemcpyDtoDAsync", 0) == 0 &&
                                     call.find(" 0x77") != std::string::npos;
                            }),
              layout.getNumStreams());
    for (int block = 0; block < 3; ++block)
      for (int token = 0; token < 4; ++token)
        EXPECT_EQ(readToken(layout, getBlock(*blocks, block), token,
                            uint32_t((block == 1 && token < 3 ? 0 : block) * 4 +
                                     token)),
                  "");
    EXPECT_FALSE(blocks->copy({0, 3, 1}, nullptr).isOk());
    EXPECT_FALSE(blocks->copy({0, 1, 5}, nullptr).isOk());
    EXPECT_TRUE(blocks->copy({0, 1, 0}, nullptr).isOk());
  }
  EXPECT_EQ(describeLeaks(), "");
}

TEST(CudaBlocks, RefusesWhatTheDeviceHasNot) {
  useFakeCuda();
  KvShape shape = makeOddShape();
  EXPECT_FALSE(
      DeviceBlocks::create(makeLayout(shape, 4, KvOrder::byToken), -1).isOk());
  EXPECT_EQ(create(makeLayout(shape, 4, KvOrder::byToken), 0)->getAddress(),
            0u);
  shape.keyBytes = int64_t(1) << 40;
  auto refused =
      DeviceBlocks::create(makeLayout(shape, 4, KvOrder::byToken), 8);
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.getStatus().getCode(), StatusCode::device);
  EXPECT_NE(refused.getStatus().message().find(
                "cuMemAlloc_v2 to succeed, but got CUDA_ERROR_OUT_OF_MEMORY"),
            std::string::npos);
  shape.keyBytes = int64_t(1) << 57;
  EXPECT_EQ(DeviceBlocks::create(makeLayout(shape, 4, KvOrder::byToken), 16)
                .getStatus()
                .getCode(),
            StatusCode::resourceExhausted);
  EXPECT_EQ(describeLeaks(), "");
}

// Each call of the driver fails in turn: an error, and nothing is left.
TEST(CudaBlocks, FailsAtEachCall) {
  KvLayout layout = makeLayout(makeOddShape(), 4, KvOrder::byLayer);
  auto use = [&] {
    auto blocks = DeviceBlocks::create(layout, 2);
    return blocks.isOk() ? (*blocks)->copy({0, 1, 3}, nullptr)
                         : blocks.takeStatus();
  };
  useFakeCuda();
  // Opens the driver.
  ASSERT_TRUE(use().isOk());
  fakeCudaReset();
  ASSERT_TRUE(use().isOk());
  const std::vector<std::string> calls = getCudaLog();
  size_t numRefused = 0;
  for (size_t k = 0; k < calls.size(); ++k) {
    fakeCudaReset();
    fakeCudaFail(int(k) + 1, 1, 999);
    Status status = use();
    numRefused += !status.isOk();
    if (!status.isOk())
      EXPECT_EQ(status.getCode(), StatusCode::device) << status.message();
    else
      EXPECT_NE(calls[k].rfind("cuMemcpy", 0), 0u) << calls[k];
    EXPECT_EQ(describeLeaks(), "") << calls[k];
  }
  EXPECT_GT(numRefused, size_t(layout.getNumStreams()));
}
} // namespace
