//===- JoinRanks.h - one rank for two that a sum is over --------*- C++ -*-===//

#ifndef ATTN_TRANSFORMS_JOINRANKS_H
#define ATTN_TRANSFORMS_JOINRANKS_H

#include "dialects/Cascade/Cascade.h"

#include <optional>
#include <utility>

namespace attn {

/// The last two ranks of an argument that one Einsum reduces, and no extent
/// fixes: the runs of a sum, and the steps of each.
std::optional<std::pair<mlir::StringAttr, mlir::StringAttr>>
findSummedRanks(cascade::FuncOp func);

} // namespace attn

#endif // ATTN_TRANSFORMS_JOINRANKS_H
