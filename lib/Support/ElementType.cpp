//===- ElementType.cpp - element types of the compiler and the runtime ----===//

#include "attn/Support/ElementType.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace attn;

std::optional<DType> attn::getDType(Type type) {
  if (type.isF32())
    return DType::f32;
  if (type.isF64())
    return DType::f64;
  if (type.isBF16())
    return DType::bf16;
  if (type.isF16())
    return DType::f16;
  if (isa<Float8E4M3FNType>(type))
    return DType::e4m3;
  if (isa<Float8E5M2Type>(type))
    return DType::e5m2;
  if (type.isIndex() || type.isInteger(64))
    return DType::i64;
  if (type.isInteger(32))
    return DType::i32;
  if (type.isUnsignedInteger(8))
    return DType::u8;
  if (type.isInteger(8))
    return DType::i8;
  if (type.isInteger(1))
    return DType::i1;
  return std::nullopt;
}
