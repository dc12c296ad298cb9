//===- DType.cpp - element types that a kernel's arguments can have -------===//

#include "attn/Runtime/DType.h"

#include "attn/Runtime/DLPack.h"

#include <iterator>
#include <limits>

using namespace attn;

namespace {
struct Entry {
  std::string_view name;
  int64_t bytes;
};

/// In the order of the enumerators.
constexpr Entry entries[] = {{"f32", 4},  {"f64", 8},  {"bf16", 2}, {"f16", 2},
                             {"e4m3", 1}, {"e5m2", 1}, {"i64", 8},  {"i32", 4},
                             {"u8", 1},   {"i8", 1},   {"i1", 1}};

template <typename T> bool fits(int64_t value) {
  return value >= std::numeric_limits<T>::min() &&
         value <= std::numeric_limits<T>::max();
}
} // namespace

std::string_view attn::getName(DType type) {
  return entries[static_cast<size_t>(type)].name;
}

std::optional<DType> attn::parseDType(std::string_view name) {
  for (size_t i = 0; i < std::size(entries); ++i)
    if (entries[i].name == name)
      return static_cast<DType>(i);
  return std::nullopt;
}

int64_t attn::getSizeInBytes(DType type) {
  return entries[static_cast<size_t>(type)].bytes;
}

bool attn::isInteger(DType type) { return type >= DType::i64; }

bool attn::isRepresentable(int64_t value, DType type) {
  switch (type) {
  case DType::i32:
    return fits<int32_t>(value);
  case DType::u8:
    return fits<uint8_t>(value);
  case DType::i8:
    return fits<int8_t>(value);
  case DType::i1:
    return value == 0 || value == 1;
  default:
    return true;
  }
}

/// DLPack 0.7 and later has the boolean, 1.1 the floats of 8 bits; Debian's
/// header is of 0.6.
static constexpr uint8_t dlBool = 6, dlFloat8E4M3FN = 10, dlFloat8E5M2 = 12;

DLDataType attn::getDLType(DType type) {
  uint8_t code = isInteger(type) ? kDLInt : kDLFloat;
  if (type == DType::bf16)
    code = kDLBfloat;
  if (type == DType::e4m3)
    code = dlFloat8E4M3FN;
  if (type == DType::e5m2)
    code = dlFloat8E5M2;
  if (type == DType::u8)
    code = kDLUInt;
  if (type == DType::i1)
    code = dlBool;
  return {code, static_cast<uint8_t>(8 * getSizeInBytes(type)), 1};
}

bool attn::isCompatible(const DLDataType &type, DType wanted) {
  auto is = [&](DType other) {
    DLDataType description = getDLType(other);
    return type.code == description.code && type.bits == description.bits &&
           type.lanes == description.lanes;
  };
  // Before DLPack had a boolean, frameworks exported u8.
  return is(wanted) || (wanted == DType::i1 && is(DType::u8));
}
