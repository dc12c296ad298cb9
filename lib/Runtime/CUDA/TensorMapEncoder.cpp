//===- TensorMapEncoder.cpp - tensor maps of bound tensors ----------------===//

#include "TensorMapEncoder.h"

#include "../GPU/Refusals.h"

using namespace attn;
using namespace attn::cuda;

// CUDA Driver API, cuTensorMapEncodeTiled.
static constexpr size_t maxDims = 5;
static constexpr uint64_t addressUnit = 16;
static constexpr int64_t maxExtent = int64_t(1) << 32;
static constexpr int64_t maxStrideBytes = int64_t(1) << 40;

static TensorMapType getMapType(DType type) {
  switch (type) {
  case DType::f32:
    return mapFloat32;
  case DType::f64:
    return mapFloat64;
  case DType::bf16:
    return mapBFloat16;
  case DType::f16:
    return mapFloat16;
  case DType::i64:
    return mapInt64;
  case DType::i32:
    return mapInt32;
  case DType::e4m3:
  case DType::e5m2:
  case DType::u8:
  case DType::i8:
  case DType::i1:
    break;
  }
  return mapUInt8;
}

static TensorMapSwizzle getSwizzle(int64_t bytes) {
  return bytes == 128  ? swizzle128
         : bytes == 64 ? swizzle64
         : bytes == 32 ? swizzle32
                       : swizzleNone;
}

static TensorMapL2Promotion getPromotion(int64_t bytes) {
  return bytes == 256   ? promote256
         : bytes == 128 ? promote128
         : bytes == 64  ? promote64
                        : promoteNone;
}

static Status checkAddress(const Manifest::Argument &argument,
                           const BoundTensor &tensor) {
  if (tensor.address % addressUnit == 0)
    return {};
  return gpu::refuseLayout(
      argument,
      "expects data aligned to 16 bytes for its tensor map, "
      "but its address is " +
          std::to_string(tensor.address % addressUnit) +
          " bytes beyond a multiple",
      "copy it to aligned memory");
}

static Status checkAddressing(const Manifest::Argument &argument,
                              const BoundTensor &tensor) {
  if (Status status = checkAddress(argument, tensor); !status.isOk())
    return status;
  size_t inner = tensor.shape.size() - 1;
  for (size_t d = 0; d <= inner; ++d) {
    std::string place = "dimension " + std::to_string(d);
    if (tensor.shape[d] > maxExtent)
      return Status::error(
          StatusCode::invalidArgument, "argument " + argument.name,
          "expects extents of at most 2^32 for its tensor map, but " + place +
              " has " + std::to_string(tensor.shape[d]),
          "split the tensor");
    if (tensor.shape[d] == 1)
      continue;
    int64_t bytes = tensor.strides[d] * tensor.elementBytes;
    if (d == inner && tensor.strides[d] != 1)
      return gpu::refuseLayout(
          argument,
          "expects a stride of 1 in its last dimension for its "
          "tensor map, but got " +
              std::to_string(tensor.strides[d]),
          "make the tensor's last dimension contiguous");
    if (d != inner && (bytes < 0 || bytes >= maxStrideBytes ||
                       uint64_t(bytes) % addressUnit != 0))
      return gpu::refuseLayout(
          argument,
          "expects strides of 0 to 2^40 bytes, multiples of 16, for "
          "its tensor map, but " +
              place + " has " + std::to_string(bytes),
          "copy the tensor, with rows padded to 16 bytes");
  }
  return {};
}

Status attn::cuda::encodeTensorMap(const Driver &driver,
                                   const Manifest::Argument &argument,
                                   const Launch::Parameter &parameter,
                                   const BoundTensor &tensor,
                                   DevicePointer zeros, TensorMap &map) {
  if (!tensor.isEmpty)
    if (Status status = checkAddressing(argument, tensor); !status.isOk())
      return status;
  // The driver's order is innermost first, and has no stride for that one.
  unsigned numDims = static_cast<unsigned>(tensor.shape.size());
  uint64_t extents[maxDims], strides[maxDims];
  unsigned box[maxDims];
  const unsigned elementStrides[maxDims] = {1, 1, 1, 1, 1};
  for (unsigned i = 0; i < numDims; ++i) {
    size_t d = numDims - 1 - i;
    if (!parameter.order.empty())
      d = static_cast<size_t>(parameter.order[d]);
    bool isOne = tensor.isEmpty || tensor.shape[d] == 1;
    extents[i] = isOne ? 1 : uint64_t(tensor.shape[d]);
    box[i] = static_cast<unsigned>(parameter.box[d]);
    if (i > 0)
      strides[i - 1] = isOne
                           ? addressUnit
                           : uint64_t(tensor.strides[d] * tensor.elementBytes);
  }
  DevicePointer address = tensor.isEmpty ? zeros : tensor.address;
  return driver.call("argument " + argument.name, driver.encodeTensorMap, &map,
                     getMapType(argument.dtype), numDims,
                     reinterpret_cast<void *>(uintptr_t(address)), extents,
                     strides, box, elementStrides, interleaveNone,
                     getSwizzle(parameter.swizzleBytes),
                     getPromotion(parameter.promotionBytes), fillZeros);
}

Status attn::cuda::moveTensorMap(const Driver &driver,
                                 const Manifest::Argument &argument,
                                 const BoundTensor &tensor, TensorMap &map) {
  if (tensor.isEmpty)
    return {};
  if (Status status = checkAddress(argument, tensor); !status.isOk())
    return status;
  return driver.call("argument " + argument.name, driver.replaceAddress, &map,
                     reinterpret_cast<void *>(uintptr_t(tensor.address)));
}
