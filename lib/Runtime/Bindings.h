//===- Bindings.h - the values that a call gives to a kernel's names ------===//

#ifndef ATTN_LIB_RUNTIME_BINDINGS_H
#define ATTN_LIB_RUNTIME_BINDINGS_H

#include "BoundTensor.h"
#include "attn/Runtime/ArgumentValue.h"

#include <vector>

namespace attn {

/// The values of all arguments and ranks, in the manifest's order.
struct BoundArguments {
  /// One an argument; a scalar's is empty.
  std::vector<BoundTensor> tensors;
  /// One an argument: the word that passes it, an integer or a float's bits; a
  /// tensor's is 0.
  std::vector<int64_t> scalars;
  /// One a rank.
  std::vector<int64_t> extents;
};

/// Binds every argument of a kernel. Refuses names that it does not have, two
/// values of one name and absent ones, a tensor where a scalar is declared or
/// the reverse, what bindTensor refuses, scalars that their type cannot hold,
/// shapes that disagree with the manifest or with each other, and outputs that
/// may share memory with themselves or other arguments.
Result<BoundArguments> bindArguments(const Manifest &manifest, DLDevice device,
                                     const ArgumentValue *values,
                                     size_t numValues);

/// Sets `staged` to `tensors` with those of `values` in place of some, which
/// have to be of the same shapes. Refuses as bindArguments does, and scalars;
/// `tensors` stays as it is.
Status rebindTensors(const Manifest &manifest, DLDevice device,
                     const ArgumentValue *values, size_t numValues,
                     const std::vector<BoundTensor> &tensors,
                     std::vector<BoundTensor> &staged);

/// As rebindTensors, of all tensors, which get the `count` addresses of `data`
/// in the order of the manifest and keep their strides.
Status moveTensors(const Manifest &manifest, const void *const *data,
                   size_t count, const std::vector<BoundTensor> &tensors,
                   std::vector<BoundTensor> &staged);

/// The values of names in expressions. Refers to both while it lives.
Expr::Lookup makeLookup(const Manifest &manifest, const BoundArguments &bound);

} // namespace attn

#endif // ATTN_LIB_RUNTIME_BINDINGS_H
