//===- TensorMapEncoder.h - tensor maps of bound tensors ------------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_TENSORMAPENCODER_H
#define ATTN_LIB_RUNTIME_CUDA_TENSORMAPENCODER_H

#include "../BoundTensor.h"
#include "Driver.h"

namespace attn::cuda {

/// Writes the tensor map that `parameter` asks for into `map`. Refuses a
/// tensor that the hardware cannot address: a base or strides that are not
/// multiples of 16 bytes, an innermost stride other than 1, negative or huge
/// strides and extents. Of an empty tensor the map is that of one zero, at
/// `zeros`. The stride of a dimension with one element does not matter.
Status encodeTensorMap(const Driver &driver, const Manifest::Argument &argument,
                       const Launch::Parameter &parameter,
                       const BoundTensor &tensor, DevicePointer zeros,
                       TensorMap &map);

/// Gives `map`, of this tensor elsewhere, its address now. Refuses one that is
/// no multiple of 16 bytes. The map of an empty tensor stays as it is.
Status moveTensorMap(const Driver &driver, const Manifest::Argument &argument,
                     const BoundTensor &tensor, TensorMap &map);

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_TENSORMAPENCODER_H
