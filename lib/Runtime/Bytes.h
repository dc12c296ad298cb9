//===- Bytes.h - little-endian numbers and checksums in files -------------===//

#ifndef ATTN_LIB_RUNTIME_BYTES_H
#define ATTN_LIB_RUNTIME_BYTES_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <zlib.h>

namespace attn {

inline uint32_t getChecksum(std::string_view bytes) {
  uLong crc = crc32_z(0, nullptr, 0);
  return crc32_z(crc, reinterpret_cast<const Bytef *>(bytes.data()),
                 bytes.size());
}

template <typename T> void appendInteger(std::string &out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out.push_back(static_cast<char>(value >> (8 * i)));
}

/// Pre-condition: `bytes` holds at least `sizeof(T)` of them.
template <typename T> T decodeInteger(std::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value |= T(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

} // namespace attn

#endif // ATTN_LIB_RUNTIME_BYTES_H
