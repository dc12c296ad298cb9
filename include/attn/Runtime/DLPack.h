//===- DLPack.h - our element types as DLPack's ---------------------------===//

#ifndef ATTN_RUNTIME_DLPACK_H
#define ATTN_RUNTIME_DLPACK_H

#include "attn/Runtime/DType.h"

#include <dlpack/dlpack.h>

namespace attn {

/// DLPack's description of `type`.
DLDataType getDLType(DType type);

/// Whether a tensor of `type` can be passed where `wanted` is declared.
bool isCompatible(const DLDataType &type, DType wanted);

} // namespace attn

#endif // ATTN_RUNTIME_DLPACK_H
