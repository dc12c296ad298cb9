//===- Overlap.cpp - can two elements share memory? -----------------------===//
//
// Whether two strided boxes intersect is an integer programme; these tests are
// sound and answer for the layouts that are met: "may" where they cannot tell.
//
//===----------------------------------------------------------------------===//

#include "BoundTensor.h"

#include <algorithm>
#include <array>
#include <utility>

using namespace attn;

static uint64_t magnitude(int64_t value) {
  return value < 0 ? 0 - uint64_t(value) : uint64_t(value);
}

bool attn::mayOverlapItself(const BoundTensor &tensor) {
  // Validation admits at most 64 dimensions.
  std::array<std::pair<uint64_t, uint64_t>, 64> dims;
  size_t numDims = 0;
  for (size_t d = 0; d < tensor.shape.size(); ++d)
    if (tensor.shape[d] > 1)
      dims[numDims++] = {magnitude(tensor.strides[d]),
                         uint64_t(tensor.shape[d] - 1)};
  std::sort(dims.begin(), dims.begin() + numDims);
  uint64_t reach = 0;
  for (size_t d = 0; d < numDims; ++d) {
    if (dims[d].first <= reach)
      return true;
    // Cannot overflow: bindTensor has formed the same sum.
    reach += dims[d].first * dims[d].second;
  }
  return false;
}

namespace {
/// Bytes [begin, begin + length) around a circle.
struct Arc {
  uint64_t begin, length;
};
} // namespace

/// The residues modulo `modulus` of the tensor's bytes: dimensions whose stride
/// is a multiple of it do not matter. A length of `modulus` or more is all.
static Arc getResidues(const BoundTensor &tensor, uint64_t modulus) {
  uint64_t begin = tensor.address, length = uint64_t(tensor.elementBytes);
  for (size_t d = 0; d < tensor.shape.size(); ++d) {
    // Of one element any stride is allowed, also one that overflows here.
    if (tensor.shape[d] == 1)
      continue;
    int64_t stride = tensor.strides[d] * tensor.elementBytes;
    if (magnitude(stride) % modulus == 0)
      continue;
    uint64_t reach = magnitude(stride) * uint64_t(tensor.shape[d] - 1);
    if (stride < 0)
      begin -= reach;
    length += reach;
  }
  return {begin % modulus, length};
}

static bool areDisjoint(Arc a, Arc b, uint64_t modulus) {
  if (a.length >= modulus || b.length >= modulus)
    return false;
  uint64_t fromAToB = (b.begin + modulus - a.begin) % modulus;
  uint64_t fromBToA = (a.begin + modulus - b.begin) % modulus;
  return fromAToB >= a.length && fromBToA >= b.length;
}

bool attn::mayOverlap(const BoundTensor &a, const BoundTensor &b) {
  if (a.isEmpty || b.isEmpty || a.end <= b.begin || b.end <= a.begin)
    return false;
  for (const BoundTensor *tensor : {&a, &b})
    for (size_t d = 0; d < tensor->shape.size(); ++d) {
      if (tensor->shape[d] == 1)
        continue;
      uint64_t modulus = magnitude(tensor->strides[d] * tensor->elementBytes);
      if (modulus != 0 && areDisjoint(getResidues(a, modulus),
                                      getResidues(b, modulus), modulus))
        return false;
    }
  return true;
}
