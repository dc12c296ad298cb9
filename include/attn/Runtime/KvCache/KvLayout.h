//===- KvLayout.h - where a token's keys and values lie ---------*- C++ -*-===//
//
// Memory of a cache is cut into blocks of tokens: a page of a paged cache, or
// all that one sequence may have. In a block, rows (the key or the value of one
// token, layer and head) lie in one of two orders:
//
//   byLayer   [layer][side][token][head]   2 * L streams that grow with tokens
//   byToken   [token][layer][side][head]   one stream
//
// The order matters where memory comes by granules of P bytes, as on a GPU
// (P = 2 MB): a stream of t bytes a token has n * t bytes for n tokens and
// takes ceil(n * t / P) granules, so that it wastes fewer than P bytes, and a
// sequence fewer than
//
//   2 * L * P   byLayer: 128 MB for 32 layers
//   P           byToken: 2 MB, whatever the model
//
// byToken costs strides only: rows of one layer and side are no longer
// neighbours from token to token, but the heads' rows of a token still are. A
// token's rows may straddle two granules.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_KVLAYOUT_H
#define ATTN_RUNTIME_KVCACHE_KVLAYOUT_H

#include "attn/Runtime/Status.h"

#include <cstdint>

namespace attn {

enum class KvSide : int { key, value };

/// What is kept of a token: in each layer, for each head, a row of either side.
struct KvShape {
  int32_t numLayers = 1, numHeads = 1;
  /// Bytes of one row. Values may have none, where they are read from the keys.
  int64_t keyBytes = 0, valueBytes = 0;
};

enum class KvOrder : int { byLayer, byToken };

class KvLayout {
public:
  /// Strides of a side, in bytes.
  struct Side {
    int64_t offset = 0, layerBytes = 0, tokenBytes = 0, headBytes = 0;
  };
  /// Bytes of a block that grow with its tokens from `offset` on.
  struct Stream {
    int64_t offset = 0, tokenBytes = 0;
  };

  /// Blocks of `blockTokens` tokens; streams begin at multiples of `alignment`
  /// bytes. Refuses sizes out of range, and blocks that no address reaches.
  static Result<KvLayout> create(const KvShape &shape, int64_t blockTokens,
                                 KvOrder order, int64_t alignment = 1);

  const KvShape &getShape() const { return shape; }
  int64_t getBlockTokens() const { return blockTokens; }
  int64_t getBlockBytes() const { return blockBytes; }
  /// Bytes of a token in all layers, of both sides.
  int64_t getTokenBytes() const { return tokenBytes; }

  const Side &getSide(KvSide side) const {
    return side == KvSide::key ? key : value;
  }
  /// Where in a block a row begins. Pre-condition: there is such a row.
  int64_t getOffset(KvSide side, int64_t layer, int64_t token,
                    int64_t head) const {
    const Side &at = getSide(side);
    return at.offset + layer * at.layerBytes + token * at.tokenBytes +
           head * at.headBytes;
  }

  int64_t getNumStreams() const { return numStreams; }
  /// Pre-condition: 0 <= index < getNumStreams().
  Stream getStream(int64_t index) const;

private:
  KvLayout() = default;
  Status initialize(KvOrder order, int64_t alignment);

  KvShape shape;
  Side key, value;
  int64_t blockTokens = 0, blockBytes = 0, tokenBytes = 0, numStreams = 0;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_KVLAYOUT_H
