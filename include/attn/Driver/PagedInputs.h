//===- PagedInputs.h - tensors in pages, for the tools ----------*- C++ -*-===//

#ifndef ATTN_DRIVER_PAGEDINPUTS_H
#define ATTN_DRIVER_PAGEDINPUTS_H

#include "attn/Driver/Inputs.h"

namespace attn {

/// The rank of the sequences (B) or segments (S) of `type`, if it is a tensor
/// of floats, or of 8-bit integers, that has such and keys (M) and no queries
/// (P).
std::optional<mlir::StringAttr> getSequences(mlir::Type type);

/// Says of the tensors of `func` that are of keys that they lie in pages of
/// `size` keys, by one table `pages` with `lengths`. Refuses a function that
/// has none, or an argument of one of these names, but for lengths (i32) of the
/// same sequences: these then are the pages' too.
/// Of a function that updates tensors at slots, it is these that lie in pages.
Status setPages(cascade::FuncOp func, int64_t size);

/// What a caller has of the arguments that lie in pages, by their names and
/// those of their tables: pages in an order drawn by the seed, and
/// some that nobody has. What no key is written to is NaN.
Result<std::map<std::string, HostTensor>>
createPages(cascade::FuncOp func, const Problem &problem,
            const std::map<std::string, HostTensor> &inputs,
            const InputOptions &options);

} // namespace attn

#endif // ATTN_DRIVER_PAGEDINPUTS_H
