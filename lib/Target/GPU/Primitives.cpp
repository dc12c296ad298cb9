//===- Primitives.cpp - what vendors' GPUs do by other instructions -------===//

#include "Primitives.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace attn::gpu;

LaneCopier::~LaneCopier() = default;
Primitives::~Primitives() = default;
BulkCopies::~BulkCopies() = default;

ByteType attn::gpu::getByteType(Type element) {
  if (isa<Float8E4M3FNType>(element))
    return ByteType::E4M3;
  return isa<Float8E5M2Type>(element) ? ByteType::E5M2 : ByteType::Signed;
}
