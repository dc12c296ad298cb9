//===- DType.h - element types that a kernel's arguments can have ---------===//

#ifndef ATTN_RUNTIME_DTYPE_H
#define ATTN_RUNTIME_DTYPE_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace attn {

/// `i1` is stored as one byte, 0 or 1. `e4m3` and `e5m2` are the floats of 8
/// bits with so many bits of exponent and of fraction (OCP 8-bit floating point
/// specification, revision 1.0): e4m3 has no infinity, and one NaN of each
/// sign.
enum class DType { f32, f64, bf16, f16, e4m3, e5m2, i64, i32, u8, i8, i1 };

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
