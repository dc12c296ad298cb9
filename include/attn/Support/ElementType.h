//===- ElementType.h - element types of the compiler and the runtime ------===//

#ifndef ATTN_SUPPORT_ELEMENTTYPE_H
#define ATTN_SUPPORT_ELEMENTTYPE_H

#include "attn/Runtime/DType.h"

#include "mlir/IR/Types.h"

#include <optional>

namespace attn {

/// The runtime's name of a builtin type, `index` being i64; nothing for a type
/// that no argument can have.
std::optional<DType> getDType(mlir::Type type);

} // namespace attn

#endif // ATTN_SUPPORT_ELEMENTTYPE_H
