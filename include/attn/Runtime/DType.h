//===- DType.h - element types that a kernel's arguments can have ---------===//

#ifndef ATTN_RUNTIME_DTYPE_H
#define ATTN_RUNTIME_DTYPE_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace attn {

/// `i1` is stored as one byte, 0 or 1.
enum class DType { f32, f64, bf16, f16, i64, i32, u8, i8, i1 };

/// The name used in manifests, such as "bf16".
std::string_view getName(DType type);

/// The type called `name`, or nothing.
std::optional<DType> parseDType(std::string_view name);

/// Bytes of one element in memory.
int64_t getSizeInBytes(DType type);

/// True for types whose scalars can stand in integer expressions.
bool isInteger(DType type);

/// Whether `value` is one of `type`'s values. Pre-condition: isInteger(type).
bool isRepresentable(int64_t value, DType type);

} // namespace attn

#endif // ATTN_RUNTIME_DTYPE_H
