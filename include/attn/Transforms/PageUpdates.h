//===- PageUpdates.h - puts updated tensors into pages ----------*- C++ -*-===//

#ifndef ATTN_TRANSFORMS_PAGEUPDATES_H
#define ATTN_TRANSFORMS_PAGEUPDATES_H

#include "dialects/Cascade/Cascade.h"

namespace attn {

/// Makes pages of `size` coordinates, 1 at least, out of each rank at which a
/// result that updates an argument has the entry of an index tensor. Returns
/// whether there is one; fails with a diagnostic where something else uses such
/// an argument too.
mlir::FailureOr<bool> pageUpdates(cascade::FuncOp func, int64_t size);

} // namespace attn

#endif // ATTN_TRANSFORMS_PAGEUPDATES_H
