//===- Bindings.h - the values that a call gives to a kernel's names ------===//

#ifndef ATTN_LIB_RUNTIME_BINDINGS_H
#define ATTN_LIB_RUNTIME_BINDINGS_H

#include "BoundTensor.h"
#include "attn/Runtime/Plan.h"

#include <vector>

namespace attn {

/// The position in `manifest.arguments` of each value. Refuses names that the
/// kernel does not have, two values of one name, and a tensor where a scalar
/// is declared or the reverse.
Result<std::vector<size_t>> matchNames(const Manifest &manifest,
                                       const ArgumentValue *values,
                                       size_t numValues);

/// Refuses an argument of the kernel that `positions` does not hold.
Status checkComplete(const Manifest &manifest,
                     const std::vector<size_t> &positions);

/// The word that passes `value` to the kernel: an integer that its type can
/// hold, or the bits of a float.
Result<int64_t> encodeScalar(const Manifest::Argument &argument,
                             const ArgumentValue &value);

/// The extent of every rank, in order. Refuses shapes that disagree with the
/// manifest or with each other, naming both sides.
Result<std::vector<int64_t>>
bindExtents(const Manifest &manifest, const std::vector<BoundTensor> &tensors);

/// Refuses outputs that may share memory with themselves or other arguments.
Status checkOutputs(const Manifest &manifest,
                    const std::vector<BoundTensor> &tensors);

} // namespace attn

#endif // ATTN_LIB_RUNTIME_BINDINGS_H
