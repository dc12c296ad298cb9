//===- KvRows.h - rows that tell whose they are -----------------*- C++ -*-===//
//
// What tests of caches write where a model writes keys and values: bytes that
// depend on the token, the layer, the side and the head.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_RUNTIME_KVROWS_H
#define ATTN_TEST_UNIT_RUNTIME_KVROWS_H

#include "attn/Runtime/KvCache/KvLayout.h"

#include <cstddef>
#include <string>

namespace attn::test {

/// A shape with keys and values of odd and different sizes.
KvShape makeOddShape();

KvLayout makeLayout(const KvShape &shape, int64_t blockTokens, KvOrder order,
                    int64_t alignment = 1);

/// Writes all rows of a token at its place in a block.
void writeToken(const KvLayout &layout, std::byte *block, int64_t place,
                uint32_t token);

/// Empty, or which row is not that token's.
std::string readToken(const KvLayout &layout, const std::byte *block,
                      int64_t place, uint32_t token);

/// The number that an environment variable gives, or `fallback`.
uint64_t getNumber(const char *variable, uint64_t fallback);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_RUNTIME_KVROWS_H
