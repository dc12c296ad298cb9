//===- KvRows.cpp - rows that tell whose they are -------------------------===//

#include "KvRows.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

KvShape test::makeOddShape() {
  KvShape shape;
  shape.numLayers = 3;
  shape.numHeads = 2;
  shape.keyBytes = 6;
  shape.valueBytes = 10;
  return shape;
}

KvLayout test::makeLayout(const KvShape &shape, int64_t blockTokens,
                          KvOrder order, int64_t alignment) {
  auto layout = KvLayout::create(shape, blockTokens, order, alignment);
  EXPECT_TRUE(layout.isOk()) << layout.getStatus().message();
  return *layout;
}

/// Calls `visit` with each row's name, offset, and bytes.
template <typename F>
static void forEachRow(const KvLayout &layout, int64_t place, F visit) {
  const KvShape &shape = layout.getShape();
  for (int64_t layer = 0; layer < shape.numLayers; ++layer)
    for (KvSide side : {KvSide::key, KvSide::value})
      for (int64_t head = 0; head < shape.numHeads; ++head)
        visit((layer * 2 + int64_t(side)) * shape.numHeads + head,
              layout.getOffset(side, layer, place, head),
              side == KvSide::key ? shape.keyBytes : shape.valueBytes);
}

static std::byte getByte(uint32_t token, int64_t row, int64_t at) {
  uint32_t mixed = (token * 2654435761u + uint32_t(row)) * 2246822519u;
  return std::byte((mixed >> 13) + uint32_t(at) * 31);
}

void test::writeToken(const KvLayout &layout, std::byte *block, int64_t place,
                      uint32_t token) {
  forEachRow(layout, place, [&](int64_t row, int64_t offset, int64_t bytes) {
    for (int64_t at = 0; at < bytes; ++at)
      block[offset + at] = getByte(token, row, at);
  });
}

std::string test::readToken(const KvLayout &layout, const std::byte *block,
                            int64_t place, uint32_t token) {
  std::string wrong;
  forEachRow(layout, place, [&](int64_t row, int64_t offset, int64_t bytes) {
    for (int64_t at = 0; at < bytes; ++at)
      if (block[offset + at] != getByte(token, row, at) && wrong.empty())
        wrong = "row " + std::to_string(row) + " at place " +
                std::to_string(place) + " is not that of token " +
                std::to_string(token);
  });
  return wrong;
}

uint64_t test::getNumber(const char *variable, uint64_t fallback) {
  const char *text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}
