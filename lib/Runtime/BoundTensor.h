//===- BoundTensor.h - a tensor argument that has passed its checks -------===//

#ifndef ATTN_LIB_RUNTIME_BOUNDTENSOR_H
#define ATTN_LIB_RUNTIME_BOUNDTENSOR_H

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Status.h"

#include <dlpack/dlpack.h>

#include <cstdint>
#include <vector>

namespace attn {

/// Where a tensor's elements lie. Strides are in elements, of any sign.
struct BoundTensor {
  /// Address of element (0, ..., 0); for an empty tensor whatever was given.
  uint64_t address = 0;
  std::vector<int64_t> shape, strides;
  int64_t elementBytes = 1;
  bool isEmpty = true;
  /// The bytes [begin, end) hold all elements. Both 0 for an empty tensor.
  uint64_t begin = 0, end = 0;
};

/// Checks `tensor` against its declaration, all but the extents of ranks, and
/// describes it in `bound`, whose vectors are reused. Its memory has to be that
/// of `device`; of CPU memory the number does not matter. After a refusal
/// `bound` holds nothing of use.
Status bindTensor(const Manifest::Argument &argument, DLDevice device,
                  const DLTensor *tensor, BoundTensor &bound);

/// Checks `address` for the elements of a bound tensor in place of its own, and
/// describes the tensor there.
Status moveTensor(const Manifest::Argument &argument, uint64_t address,
                  BoundTensor &bound);

/// Whether two indices of `tensor` may name one element. False is proven: each
/// stride exceeds what all smaller ones together can reach.
bool mayOverlapItself(const BoundTensor &tensor);

/// Whether elements of `a` and `b` may share a byte. False is proven: by their
/// ranges, or by residues, as for columns of one matrix, Q and O packed in one
/// buffer.
bool mayOverlap(const BoundTensor &a, const BoundTensor &b);

} // namespace attn

#endif // ATTN_LIB_RUNTIME_BOUNDTENSOR_H
