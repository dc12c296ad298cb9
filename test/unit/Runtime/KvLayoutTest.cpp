//===- KvLayoutTest.cpp - where a token's keys and values lie -------------===//

#include "KvRows.h"

#include <gtest/gtest.h>
#include <vector>

using namespace attn;
using namespace attn::test;

namespace {
TEST(KvLayout, RefusesSizesOutOfRange) {
  KvShape shape = makeOddShape();
  shape.numHeads = 0;
  EXPECT_EQ(KvLayout::create(shape, 4, KvOrder::byToken).getStatus().message(),
            "cache: expects a number of heads of at least 1, but got 0; give "
            "what the "
            "model has");
  shape.numHeads = 1 << 30;
  shape.keyBytes = int64_t(1) << 40;
  EXPECT_EQ(KvLayout::create(shape, 4, KvOrder::byLayer).getStatus().message(),
            "cache: blocks of 4 tokens in 3 layers of 1073741824 heads and "
            "1099511627776 + 10 bytes have more than 2^63 bytes; give smaller "
            "blocks");
  EXPECT_FALSE(KvLayout::create(makeOddShape(), 4, KvOrder::byToken, 0).isOk());
  EXPECT_FALSE(KvLayout::create(makeOddShape(), INT64_MAX / 96,
                                KvOrder::byLayer, INT64_MAX)
                   .isOk());
}

// Every byte of a token belongs to one row, in the order's place.
TEST(KvLayout, GivesEachByteOneRow) {
  for (KvOrder order : {KvOrder::byLayer, KvOrder::byToken})
    for (int64_t alignment : {1, 64}) {
      KvLayout layout = makeLayout(makeOddShape(), 5, order, alignment);
      const KvShape &shape = layout.getShape();
      EXPECT_EQ(layout.getTokenBytes(), 3 * 2 * (6 + 10));
      EXPECT_EQ(layout.getBlockBytes() % alignment, 0);
      std::vector<int> users(static_cast<size_t>(layout.getBlockBytes()));
      for (int64_t layer = 0; layer < shape.numLayers; ++layer)
        for (int64_t token = 0; token < 5; ++token)
          for (int64_t head = 0; head < shape.numHeads; ++head)
            for (auto [side, bytes] :
                 {std::pair(KvSide::key, 6), std::pair(KvSide::value, 10)})
              for (int at = 0; at < bytes; ++at)
                ++users[size_t(layout.getOffset(side, layer, token, head) +
                               at)];
      int64_t numUsed = 0;
      for (int count : users) {
        EXPECT_LE(count, 1);
        numUsed += count;
      }
      EXPECT_EQ(numUsed, 5 * layout.getTokenBytes());
    }
}

// Streams hold the tokens' bytes one behind the other: their first n tokens are
// the first n * tokenBytes bytes.
TEST(KvLayout, HasStreamsThatGrowWithTokens) {
  for (KvOrder order : {KvOrder::byLayer, KvOrder::byToken}) {
    KvLayout layout = makeLayout(makeOddShape(), 5, order, 64);
    EXPECT_EQ(layout.getNumStreams(), order == KvOrder::byToken ? 1 : 6);
    std::vector<std::byte> block(size_t(layout.getBlockBytes()), std::byte(0));
    for (int64_t token = 0; token < 3; ++token)
      writeToken(layout, block.data(), token, 7);
    std::vector<std::byte> rest = block;
    int64_t numBytes = 0;
    for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
      KvLayout::Stream stream = layout.getStream(i);
      EXPECT_EQ(stream.offset % 64, 0);
      std::fill_n(rest.begin() + stream.offset, 3 * stream.tokenBytes,
                  std::byte(0));
      numBytes += stream.tokenBytes;
    }
    EXPECT_EQ(numBytes, layout.getTokenBytes());
    EXPECT_EQ(rest, std::vector<std::byte>(rest.size()));
  }
}

// Where values are read from the keys they have no bytes.
TEST(KvLayout, TakesKeysAlone) {
  KvShape shape = makeOddShape();
  shape.valueBytes = 0;
  EXPECT_EQ(makeLayout(shape, 5, KvOrder::byLayer).getBlockBytes(), 5 * 36);
  EXPECT_EQ(makeLayout(shape, 5, KvOrder::byToken).getBlockBytes(), 5 * 36);
}
} // namespace
