//===- KvLayout.cpp - where a token's keys and values lie -----------------===//

#include "attn/Runtime/KvCache/KvLayout.h"

#include "Refusals.h"

using namespace attn;

namespace {
/// Products and sums of sizes that remember whether one of them was too large.
struct Sizes {
  bool isTooLarge = false;

  int64_t multiply(int64_t a, int64_t b) {
    int64_t result = 0;
    isTooLarge |= __builtin_mul_overflow(a, b, &result);
    return result;
  }
  int64_t add(int64_t a, int64_t b) {
    int64_t result = 0;
    isTooLarge |= __builtin_add_overflow(a, b, &result);
    return result;
  }
  int64_t roundUp(int64_t bytes, int64_t alignment) {
    return add(bytes, alignment - 1) / alignment * alignment;
  }
};
} // namespace

static Status checkAtLeast(const char *what, int64_t value, int64_t least) {
  if (value >= least)
    return {};
  return refuse("expects " + std::string(what) + " of at least " +
                    std::to_string(least) + ", but got " +
                    std::to_string(value),
                "give what the model has");
}

Status KvLayout::initialize(KvOrder order, int64_t alignment) {
  Sizes sizes;
  int64_t keys = sizes.multiply(shape.numHeads, shape.keyBytes);
  int64_t values = sizes.multiply(shape.numHeads, shape.valueBytes);
  int64_t both = sizes.add(keys, values);
  tokenBytes = sizes.multiply(shape.numLayers, both);
  if (order == KvOrder::byToken) {
    numStreams = 1;
    key = {0, both, tokenBytes, shape.keyBytes};
    value = {keys, both, tokenBytes, shape.valueBytes};
    blockBytes =
        sizes.roundUp(sizes.multiply(blockTokens, tokenBytes), alignment);
  } else {
    numStreams = int64_t(2) * shape.numLayers;
    int64_t keyStream =
        sizes.roundUp(sizes.multiply(blockTokens, keys), alignment);
    int64_t valueStream =
        sizes.roundUp(sizes.multiply(blockTokens, values), alignment);
    int64_t layerBytes = sizes.add(keyStream, valueStream);
    key = {0, layerBytes, keys, shape.keyBytes};
    value = {keyStream, layerBytes, values, shape.valueBytes};
    blockBytes = sizes.multiply(shape.numLayers, layerBytes);
  }
  if (!sizes.isTooLarge)
    return {};
  return refuse("blocks of " + std::to_string(blockTokens) + " tokens in " +
                    std::to_string(shape.numLayers) + " layers of " +
                    std::to_string(shape.numHeads) + " heads and " +
                    std::to_string(shape.keyBytes) + " + " +
                    std::to_string(shape.valueBytes) +
                    " bytes have more than 2^63 bytes",
                "give smaller blocks", StatusCode::resourceExhausted);
}

Result<KvLayout> KvLayout::create(const KvShape &shape, int64_t blockTokens,
                                  KvOrder order, int64_t alignment) {
  return refuseWithoutMemory([&]() -> Result<KvLayout> {
    const struct {
      const char *what;
      int64_t value, least;
    } checks[] = {{"a number of layers", shape.numLayers, 1},
                  {"a number of heads", shape.numHeads, 1},
                  {"bytes of a key", shape.keyBytes, 1},
                  {"bytes of a value", shape.valueBytes, 0},
                  {"tokens of a block", blockTokens, 1},
                  {"an alignment", alignment, 1}};
    for (const auto &check : checks)
      if (Status status = checkAtLeast(check.what, check.value, check.least);
          !status.isOk())
        return status;
    KvLayout layout;
    layout.shape = shape;
    layout.blockTokens = blockTokens;
    if (Status status = layout.initialize(order, alignment); !status.isOk())
      return status;
    return layout;
  });
}

KvLayout::Stream KvLayout::getStream(int64_t index) const {
  if (numStreams == 1)
    return {0, tokenBytes};
  const Side &side = index % 2 == 0 ? key : value;
  return {side.offset + index / 2 * side.layerBytes, side.tokenBytes};
}
